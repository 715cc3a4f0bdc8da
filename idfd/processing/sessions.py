"""A capture session becomes a collection: depth fused and moved to the photo's pixels."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import msgspec
import numpy as np

from idfd.errors import IdfdError, InputError
from idfd.model import schema
from idfd.model.capture import AuditEntry, Collection, Role, Scene, Take
from idfd.model.defocus import DefocusModel
from idfd.model.provenance import FileReference, provenance
from idfd.model.rig import RigCalibration
from idfd.model.session import (
    CALIBRATION,
    REJECTED,
    SCENE,
    SESSION,
    TAKE,
    SceneDocument,
    SessionDocument,
    TakeRecord,
)
from idfd.processing.depth.fuse import FuseConfig, fuse_burst
from idfd.processing.pipeline.local import run_tasks
from idfd.processing.depth.register import RegisterConfig, register_depth
from idfd.progress import track
from idfd.storage.bursts import read_burst
from idfd.storage.durable import make_folder, remove_leftovers, write_bytes
from idfd.storage.hashing import sha256_bytes, sha256_file
from idfd.storage.images import encode_png, read_bytes, read_photo

COLLECTION = "collection.json"
_SAME_APERTURE = 0.03
"""Largest relative difference of f-numbers that name one aperture; a third of a stop is 0.12."""


@dataclass(frozen=True)
class DepthConfig:
    """Settings of both steps."""

    fuse: FuseConfig = FuseConfig()
    register: RegisterConfig = RegisterConfig()


@dataclass(frozen=True)
class _Task:
    take: TakeRecord
    folder: Path
    output: Path
    rig: RigCalibration
    config: DepthConfig


def collect_session(
    session: Path,
    output: Path,
    config: DepthConfig = DepthConfig(),
    *,
    workers: int,
    calibration: Path | None = None,
) -> Collection:
    """Fuse and register the depth of every take, and write ``output/collection.json``.

    The photos stay where they are. Takes that failed their checks are left out, as is what was
    rejected; both are named in the audit. A second run does only what changed. Each take names
    the calibration by its hash, and carries its blur model where the photo was shot at the
    aperture that the model was fitted at.

    Args:
        session: The session's folder.
        output: Where depth maps and the collection go.
        config: Settings of both steps.
        workers: Number of processes.
        calibration: The rig's calibration; by default the session's own.

    Raises:
        InputError: Not a session, no calibration or one that contradicts itself, or no take that
            can be used.
        StorageError: The output cannot be written.
    """
    about = schema.load(SessionDocument, session / SESSION, "Give the folder of a session")
    calibration = calibration or session / CALIBRATION
    rig = _read_calibration(calibration)
    scenes, takes, audit = _read_session(session)
    make_folder(output / "depth")
    remove_leftovers(output / "depth")
    tasks = [
        _Task(take, session / "scenes" / take.scene / take.id, output, rig, config)
        for take in takes
    ]
    done: dict[str, FileReference] = {}
    for task, result in track(run_tasks(_register, tasks, workers), len(tasks), "depth"):
        if isinstance(result, IdfdError):
            audit.append(AuditEntry(kind="unreadable", path=task.take.id, reason=str(result)))
        else:
            done[task.take.id] = result
    used = [take for take in takes if take.id in done]
    if not used:
        reasons = "; ".join(f"{entry.path}: {entry.reason}" for entry in audit[:3])
        raise InputError(
            f"no take can be used ({reasons or 'the session has none'})",
            where=session,
            remedy="Shoot again what failed, then process the session again",
        )
    audit += [entry for take in used if (entry := _blur_misfit(take, rig.blur)) is not None]
    made_from = _reference(calibration, _relative(calibration, session))
    collection = Collection(
        name=about.name,
        title=about.name,
        licence="Apache-2.0" if about.simulated else "not stated",
        citation="rendered by idfd's simulated rig" if about.simulated else "",
        root=str(session.resolve()),
        scenes=tuple(
            Scene(name=scene.name, group=scene.group, environment=scene.environment)
            for scene in scenes
            if any(take.scene == scene.name for take in used)
        ),
        takes=tuple(_take(take, done[take.id], session, output, rig, made_from) for take in used),
        audit=tuple(audit),
        provenance=provenance(asdict(config)),
    )
    write_bytes(output / COLLECTION, schema.encode(collection))
    return collection


def _read_calibration(path: Path) -> RigCalibration:
    rig = schema.load(
        RigCalibration,
        path,
        "Calibrate the rig with 'idfd calibrate solve' and give the file as --calibration, or "
        "write its nominal geometry",
    )
    photo, blur = rig.photo, rig.blur
    if blur is not None and not (
        (blur.width, blur.height) == (photo.width, photo.height)
        and np.allclose(blur.centre, (photo.cx, photo.cy), rtol=0, atol=1)
    ):
        raise InputError(
            f"the blur was fitted on photos of {blur.width}x{blur.height} with the principal "
            f"point ({blur.centre[0]:.1f}, {blur.centre[1]:.1f})",
            where=path,
            limit=f"{photo.width}x{photo.height} and ({photo.cx:.1f}, {photo.cy:.1f}) within a "
            "pixel, as the intrinsics of the photo camera",
            remedy="Fit it again with 'idfd calibrate defocus'",
        )
    return rig


def _blur_misfit(take: TakeRecord, blur: DefocusModel | None) -> AuditEntry | None:
    """Why the blur model does not hold for a take; None where it does, or there is none."""
    shot = take.defocused.f_number
    if blur is None or abs(shot / blur.f_number - 1) < _SAME_APERTURE:
        return None
    reason = f"shot at f/{shot:g}, but the blur was calibrated at f/{blur.f_number:g}"
    return AuditEntry(kind="unexpected", path=f"{take.id}/defocus", reason=reason)


def _read_session(
    session: Path,
) -> tuple[list[SceneDocument], list[TakeRecord], list[AuditEntry]]:
    scenes: list[SceneDocument] = []
    takes: list[TakeRecord] = []
    audit: list[AuditEntry] = []

    def leave_out(path: Path, reason: str) -> None:
        name = path.relative_to(session).as_posix()
        audit.append(AuditEntry(kind="unexpected", path=name, reason=reason))

    for file in sorted((session / "scenes").glob(f"*/{SCENE}")):
        scenes.append(schema.load(SceneDocument, file))
        for record in sorted(file.parent.glob(f"*/{TAKE}")):
            take = schema.load(TakeRecord, record)
            if take.verdict == "fail":
                failed = ", ".join(check.name for check in take.checks if check.verdict == "fail")
                leave_out(record.parent, f"failed its checks when it was shot ({failed})")
            else:
                takes.append(take)
        for record in sorted(file.parent.glob(f"{REJECTED}/*/{TAKE}")):
            leave_out(record.parent, "rejected by the operator")
    return scenes, takes, audit


def _register(task: _Task) -> FileReference:
    """Depth of one take as ``depth/<take>.png``; kept where nothing changed."""
    burst = task.take.file("depth", "burst")
    photo = task.take.file("all_in_focus", "jpeg")
    if burst is None or photo is None:
        raise InputError(
            "the take has no depth burst and JPEG photo",
            where=task.folder,
            remedy="Shoot with the format 'jpeg' or 'raw+jpeg'",
        )
    name = f"depth/{task.take.id}.png"
    target, key_file = task.output / name, task.output / f"depth/{task.take.id}.key"
    rig = task.rig
    made_from = (
        provenance().tool, burst.file.sha256, photo.file.sha256, asdict(task.config),
        rig.photo, rig.depth, rig.depth_to_photo,
    )  # fmt: skip
    key = sha256_bytes(msgspec.json.encode(made_from))
    if key_file.exists() and target.exists() and key_file.read_text() == key:
        return _reference(target, name)
    height, width = read_photo(task.folder / photo.file.path, photo.file.sha256).shape[:2]
    if (width, height) != (rig.photo.width, rig.photo.height):
        raise InputError(
            f"the photo is {width}x{height}",
            where=task.folder / photo.file.path,
            limit=f"{rig.photo.width}x{rig.photo.height}, as in the calibration",
            remedy="Calibrate with the image size that the session was shot in",
        )
    path = task.folder / burst.file.path
    if sha256_file(path) != burst.file.sha256:
        raise InputError(
            "the file has changed since it was shot",
            where=path,
            limit=f"SHA-256 {burst.file.sha256[:12]}…",
            remedy="Restore it from the second copy, or shoot the take again",
        )
    fused = fuse_burst(read_burst(path).depth, task.config.fuse)
    depth = register_depth(fused, rig, task.config.register)
    write_bytes(target, encode_png(np.ascontiguousarray(depth)))
    write_bytes(key_file, key.encode())
    return _reference(target, name)


def _reference(path: Path, name: str) -> FileReference:
    data = read_bytes(path)
    return FileReference(path=name, sha256=sha256_bytes(data), bytes=len(data))


def _take(
    take: TakeRecord,
    depth: FileReference,
    session: Path,
    output: Path,
    rig: RigCalibration,
    calibration: FileReference,
) -> Take:
    photos: tuple[Literal["all_in_focus", "defocused"], ...] = ("all_in_focus", "defocused")
    files: dict[Role, FileReference] = {"calibration": calibration}
    for role in photos:
        found = take.file(role, "jpeg")
        if found is None:
            raise InputError(f"the take has no JPEG of the {role} photo", where=take.id)
        path = f"scenes/{take.scene}/{take.id}/{found.file.path}"
        files[role] = msgspec.structs.replace(found.file, path=path)
    # The collection's root is the session: the photos stay there.
    files["depth"] = msgspec.structs.replace(depth, path=_relative(output / depth.path, session))
    return Take(
        id=take.id,
        scene=take.scene,
        files=files,
        all_in_focus=take.all_in_focus,
        defocused=take.defocused,
        intrinsics=rig.photo,
        taken_at=take.taken_at,
        depth_frames=take.depth.frames,
        blur=None if _blur_misfit(take, rig.blur) else rig.blur,
    )


def _relative(path: Path, start: Path) -> str:
    return Path(os.path.relpath(path.resolve(), start.resolve())).as_posix()
