"""Folders of photos and recordings, shot by hand, become a session."""

from __future__ import annotations

import errno
import hashlib
import math
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from idfd.capture.cameras import PhotoSettings
from idfd.capture.checks import TakeInputs, check_take
from idfd.capture.exposure import PairPlan
from idfd.capture.pairing import PAIR_LIMIT_S
from idfd.capture.rig import RigProfile
from idfd.capture.session.draft import Draft
from idfd.capture.session.layout import check_name, slug
from idfd.capture.session.sources import JPEGS, FoundPhoto, Triple, find_triples, load_burst
from idfd.capture.session.store import Session
from idfd.capture.take import BURST, summarise
from idfd.errors import CameraError, InputError, SchemaError
from idfd.model.limits import worst
from idfd.model.provenance import FileReference
from idfd.model.rig import RigCalibration
from idfd.model.session import FileKind, FileRole, TakeFile, TakeRecord
from idfd.storage.bursts import write_burst
from idfd.storage.durable import storage_error, write_bytes

AUDIT = "audit.md"
_BLOCK = 1 << 20


@dataclass(frozen=True)
class ImportOptions:
    """How an import tells what belongs together.

    Attributes:
        group: Group of all scenes; None takes the folder that a pair lies in.
        environment: Environment of all scenes.
        pair_limit_s: Longest time between the photos of a pair.
        depth_limit_s: Longest time between a pair and the beginning of its depth.
        clock_offset_s: The camera's clock minus the computer's that recorded the depth.
        link: Make hard links where the disk allows, in place of copies. Programs that later write
            into an original then change the session too.
    """

    group: str | None = None
    environment: str = "unknown"
    pair_limit_s: float = PAIR_LIMIT_S
    depth_limit_s: float = 300.0
    clock_offset_s: float = 0.0
    link: bool = False


@dataclass(frozen=True)
class ImportResult:
    """What became of the files.

    Attributes:
        takes: The takes, in order of time.
        left_out: Every file that no take uses, by path, and why not.
    """

    takes: tuple[TakeRecord, ...]
    left_out: dict[Path, str]


def import_session(
    photos: Path,
    recordings: Path | None,
    out: Path,
    *,
    name: str | None = None,
    profile: RigProfile = RigProfile(),
    calibration: RigCalibration | None = None,
    options: ImportOptions = ImportOptions(),
) -> ImportResult:
    """Make a session of photos and depth that lie in folders; nothing in them is changed.

    Every pair becomes a scene of its own. Its depth is kept as it was given, and of a recording
    the frames that count are written as a burst too. ``audit.md`` in the session accounts for
    every file.

    Args:
        photos: Folder of JPEG and NEF files with EXIF.
        recordings: Folder of MKV recordings or HDF5 bursts; None looks beside the photos.
        out: The new session's folder.
        name: Name of the session; None takes the folder's.
        profile: The rig; its limits judge the takes.
        calibration: Geometry of the rig, where known.
        options: How files are matched.

    Raises:
        InputError: A folder is missing, nothing belongs together, or ``out`` is not empty.
        StorageError: The disk refuses.
    """
    if options.group is not None:
        check_name(options.group, "group")
    found = find_triples(
        photos,
        recordings or photos,
        pair_limit_s=options.pair_limit_s,
        depth_limit_s=options.depth_limit_s,
        clock_offset_s=options.clock_offset_s,
    )
    if not found.triples:
        path, reason = next(iter(found.left_out.items()), (photos, "there is no file"))
        raise InputError(
            f"no pair of photos has depth; {path.name}: {reason}",
            where=photos,
            limit="photos at two apertures, and depth of the same name or time",
            remedy="Where the clocks differ, give their difference as the clock offset",
        )
    takes: list[TakeRecord] = []
    used: set[str] = set()
    with Session.create(out, name or slug(out.resolve().name), profile, calibration) as session:
        for triple in found.triples:
            folder = _folder(triple.all_in_focus, photos)
            scene = _scene_name(folder, triple.all_in_focus.path.stem, used)
            group = options.group or slug(folder or "imported")
            session.add_scene(scene, group, options.environment)
            try:
                with session.new_take(scene) as draft:
                    record = _take(triple, draft, profile, calibration, options.link)
                    draft.commit(record)
                takes.append(record)
            except (InputError, SchemaError, CameraError) as error:
                session.skip(scene, str(error))
                for path in _files(triple):
                    found.left_out[path] = f"the take cannot be read: {error.what}"
        result = ImportResult(tuple(takes), found.left_out)
        write_bytes(out / AUDIT, _audit(result, (photos, recordings or photos)).encode())
    return result


def _take(
    triple: Triple, draft: Draft, profile: RigProfile, calibration: RigCalibration | None,
    link: bool,
) -> TakeRecord:  # fmt: skip
    burst = load_burst(triple.depth, profile.burst.frames, profile.burst.drop)
    sharp, wide, depth = triple.all_in_focus, triple.defocused, triple.depth
    files = []
    roles: tuple[tuple[Literal["all_in_focus", "defocused"], FoundPhoto], ...]
    roles = (("all_in_focus", sharp), ("defocused", wide))
    for role, photo in roles:
        for path in photo.files:
            kind: FileKind = "jpeg" if path.suffix.lower() in JPEGS else "raw"
            files.append(_keep(path, draft, role, role, kind, link))
    files.append(_keep(depth.path, draft, "depth", "depth", depth.kind, link))
    if depth.kind == "recording":
        written = write_burst(draft.folder / BURST, burst)
        files.append(TakeFile(role="depth", kind="burst", file=written))
    plan = PairPlan(_settings(sharp), _settings(wide), _residual(sharp, wide) or 0.0)
    clock = {
        "all_in_focus": sharp.taken.timestamp(),
        "defocused": wide.taken.timestamp(),
        "depth": depth.began.timestamp(),
    }
    checks = check_take(
        TakeInputs(
            all_in_focus=draft.folder / files[0].file.path,
            defocused=draft.folder / files[len(sharp.files)].file.path,
            all_in_focus_settings=sharp.settings,
            defocused_settings=wide.settings,
            plan=plan,
            burst=burst,
            clock=clock,
            calibration=calibration,
        ),
        profile.limits,
    )
    return TakeRecord(
        id=draft.id,
        scene=draft.scene.name,
        group=draft.scene.group,
        environment=draft.scene.environment,
        number=draft.number,
        taken_at=sharp.taken.astimezone().isoformat(timespec="milliseconds"),
        files=tuple(files),
        all_in_focus=sharp.settings,
        defocused=wide.settings,
        exposure_residual_stops=_residual(sharp, wide),
        depth=summarise(burst),
        clock=clock,
        checks=checks,
        verdict=worst([check.verdict for check in checks]),
        note="imported",
    )


def _keep(
    source: Path, draft: Draft, stem: str, role: FileRole, kind: FileKind, link: bool
) -> TakeFile:
    """Copy or link a file into a draft, and hash it on the way."""
    target = draft.folder / f"{stem}{source.suffix.lower()}"
    digest = hashlib.sha256()
    try:
        linked = link and _link(source, target)
        with source.open("rb") as reading, target.open("rb" if linked else "xb") as writing:
            while block := reading.read(_BLOCK):
                digest.update(block)
                if not linked:
                    writing.write(block)
        size = target.stat().st_size
    except OSError as error:
        raise storage_error(error, target) from error
    reference = FileReference(path=target.name, sha256=digest.hexdigest(), bytes=size)
    return TakeFile(role=role, kind=kind, file=reference, camera_name=source.name)


def _link(source: Path, target: Path) -> bool:
    try:
        os.link(source, target)
    except OSError as error:
        if error.errno in (errno.EXDEV, errno.EPERM, errno.EMLINK, errno.ENOTSUP):
            return False  # another disk, or one without links: a copy does as well
        raise
    return True


def _settings(photo: FoundPhoto) -> PhotoSettings:
    iso = photo.settings.iso
    return PhotoSettings(
        photo.settings.f_number, photo.settings.exposure_s, None if iso is None else round(iso)
    )


def _residual(sharp: FoundPhoto, wide: FoundPhoto) -> float | None:
    """Exposure of the defocused photo over the other in stops: t * ISO / N^2 of each."""
    light = []
    for photo in (sharp, wide):
        about = photo.settings
        if about.exposure_s is None or about.iso is None:
            return None
        light.append(about.exposure_s * about.iso / about.f_number**2)
    return round(math.log2(light[1] / light[0]), 4)


def _folder(photo: FoundPhoto, root: Path) -> str:
    relative = photo.path.parent.relative_to(root) if photo.path.is_relative_to(root) else None
    return "-".join(relative.parts) if relative else ""


def _scene_name(folder: str, stem: str, used: set[str]) -> str:
    base = slug(f"{folder}-{stem}")[:90]
    name, number = base, 2
    while name.lower() in used:
        name, number = f"{base}-{number}", number + 1
    used.add(name.lower())
    return name


def _files(triple: Triple) -> tuple[Path, ...]:
    return (*triple.all_in_focus.files, *triple.defocused.files, triple.depth.path)


def _audit(result: ImportResult, roots: tuple[Path, ...]) -> str:
    def name(path: Path) -> str:
        inside = [path.relative_to(root) for root in roots if path.is_relative_to(root)]
        return inside[0].as_posix() if inside else str(path)

    lines = ["# Audit of the import", "", f"{len(result.takes)} takes were made.", ""]
    for take in result.takes:
        names = ", ".join(f"`{item.camera_name}`" for item in take.files if item.camera_name)
        lines.append(f"- {take.id} ({take.verdict}): {names}")
    if result.left_out:
        lines += ["", f"## Left out ({len(result.left_out)})", ""]
        lines += [f"- `{name(path)}`: {why}" for path, why in sorted(result.left_out.items())]
    else:
        lines += ["", "Every file is used."]
    return "\n".join(lines) + "\n"
