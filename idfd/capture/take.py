"""One take: two photos, a burst of depth, checked while it is written."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Literal, TypeVar

import numpy as np

from idfd.capture.cameras import DepthCamera, PhotoCamera, PhotoSettings, Shot
from idfd.capture.checks import TakeInputs, check_take
from idfd.capture.exposure import PairPlan
from idfd.capture.rig import Place, Rig
from idfd.capture.session.draft import Draft
from idfd.capture.session.journal import now
from idfd.errors import CameraError
from idfd.model.burst import Burst
from idfd.model.limits import worst
from idfd.model.provenance import FileReference
from idfd.model.rig import ReferenceFrame, RigCalibration
from idfd.model.session import DepthSummary, TakeFile, TakeRecord
from idfd.storage.bursts import write_burst
from idfd.storage.hashing import sha256_file

TRANSIENT = frozenset({"busy", "timeout", "crashed", "disconnected"})
"""Causes after which a device is connected again and asked once more."""

BURST = "depth.h5"
T = TypeVar("T")
PhotoRole = Literal["all_in_focus", "defocused"]


@dataclass
class TakeTiming:
    """Where the time of a take went, in seconds of wall time.

    Attributes:
        total: From the first call of a device until the record was made.
        devices: Inside of calls of the rig's devices, by step: exposure, transfer, rendering, and
            what the drivers themselves do with the files.
    """

    total: float = 0.0
    devices: dict[str, float] = field(default_factory=dict)

    @property
    def toolkit(self) -> float:
        """What was waited for beside the devices: checks, writing and hashing."""
        return self.total - sum(self.devices.values())


@dataclass(frozen=True)
class TakeResult:
    """A take that is ready to be committed.

    Attributes:
        record: For :meth:`idfd.capture.session.draft.Draft.commit`.
        burst: The depth frames, for previews; they are in a file already.
        timing: Where the time went.
    """

    record: TakeRecord
    burst: Burst
    timing: TakeTiming


def shoot_take(
    rig: Rig,
    plan: PairPlan,
    draft: Draft,
    *,
    reference: ReferenceFrame | None = None,
    previous_timestamp_us: int | None = None,
    calibration: RigCalibration | None = None,
) -> TakeResult:
    """Shoot a triple into a draft, in the order of the rig's profile.

    While photos are taken the infrared light is off, unless the profile says otherwise. A device
    that fails for a reason that may pass (see :data:`TRANSIENT`) is connected again and asked once
    more; the note of the record says so. The burst is written while the checks look at it.

    Args:
        rig: The devices, connected.
        plan: Settings of both photos.
        draft: Where the files go; its owner commits the record.
        reference: How the cameras stood when they were calibrated, or in the session's first take,
            for the check of drift.
        previous_timestamp_us: Last time stamp of the burst before this one.
        calibration: Geometry of the rig, where known.

    Raises:
        CameraError: A device failed for good; the remedy says what to do. Nothing is saved.
        StorageError: The disk refuses. Nothing is saved.
        InputError: A photo cannot be decoded. Nothing is saved.
    """
    profile = rig.profile
    steps = _Steps(rig)
    started = time.time()
    began = time.perf_counter()
    scene = draft.scene
    with steps.timed("place"):
        rig.place(Place(scene.name, scene.group, scene.environment, draft.number))
    with ThreadPoolExecutor(1, "burst") as pool:
        saving: Future[FileReference] | None = None
        if profile.burst.order == "depth_first":
            burst, clock = _depth(rig, steps)
            # The photos take seconds: by then the burst is on the disk.
            saving = pool.submit(write_burst, draft.folder / BURST, burst)
            shots = _photos(rig, plan, draft.folder, steps)
        else:
            shots = _photos(rig, plan, draft.folder, steps)
            burst, clock = _depth(rig, steps)
            saving = pool.submit(write_burst, draft.folder / BURST, burst)
        clock |= {"started": started}
        clock |= {role: shot.released_at for role, shot in shots.items()}
        sharp, wide = shots["all_in_focus"], shots["defocused"]
        inputs = TakeInputs(
            all_in_focus=draft.folder / _viewable(sharp),
            defocused=draft.folder / _viewable(wide),
            all_in_focus_settings=sharp.settings,
            defocused_settings=wide.settings,
            plan=plan,
            burst=burst,
            clock=clock,
            reference=reference,
            previous_timestamp_us=previous_timestamp_us,
            calibration=calibration,
        )
        checks = check_take(inputs, profile.limits)
        with steps.timed("truth"):
            truths = rig.truth(draft.folder)
        files = [
            TakeFile(role=role, kind=item.kind, file=item.file, camera_name=item.camera_name)
            for role, shot in shots.items()
            for item in shot.files
        ]
        files += [_truth(path, draft.folder) for path in truths]
        summary = summarise(burst)
        files.append(TakeFile(role="depth", kind="burst", file=saving.result()))
    clock["finished"] = time.time()
    record = TakeRecord(
        id=draft.id,
        scene=scene.name,
        group=scene.group,
        environment=scene.environment,
        number=draft.number,
        taken_at=now(),
        files=tuple(files),
        all_in_focus=sharp.settings,
        defocused=wide.settings,
        exposure_residual_stops=plan.residual_stops,
        depth=summary,
        clock={event: round(at, 3) for event, at in sorted(clock.items(), key=lambda e: e[1])},
        checks=checks,
        verdict=worst([check.verdict for check in checks]),
        note="; ".join(steps.notes),
        declared_aperture=profile.photo.declared_aperture,
        simulated=profile.simulated is not None,
    )
    steps.timing.total = time.perf_counter() - began
    return TakeResult(record, burst, steps.timing)


def summarise(burst: Burst) -> DepthSummary:
    """What the record of a take says about its burst."""
    known = burst.temperature_c[np.isfinite(burst.temperature_c)]
    return DepthSummary(
        frames=len(burst),
        mode=burst.mode,
        valid_share=round(float(np.count_nonzero(burst.depth) / burst.depth.size), 4),
        temperature_c=round(float(known.mean()), 2) if len(known) else None,
        warm_up_s=burst.warm_up_s,
    )


class _Steps:
    """Calls devices, once more where that may help, and keeps the time they take."""

    def __init__(self, rig: Rig) -> None:
        self.rig = rig
        self.timing = TakeTiming()
        self.notes: list[str] = []

    @contextmanager
    def timed(self, step: str) -> Iterator[None]:
        began = time.perf_counter()
        try:
            yield
        finally:
            spent = self.timing.devices.get(step, 0.0)
            self.timing.devices[step] = spent + time.perf_counter() - began

    def ask(self, step: str, device: PhotoCamera | DepthCamera, action: Callable[[], T]) -> T:
        with self.timed(step):
            try:
                return action()
            except CameraError as error:
                if error.cause not in TRANSIENT:
                    raise
                self.notes.append(f"{step}: {error.what} ({error.cause}); connected again")
            device.connect()
            return action()


def _photos(rig: Rig, plan: PairPlan, folder: Path, steps: _Steps) -> dict[PhotoRole, Shot]:
    wanted: tuple[tuple[PhotoRole, PhotoSettings], ...] = (
        ("all_in_focus", plan.all_in_focus),
        ("defocused", plan.defocused),
    )
    with _infrared_off(rig, steps):
        return {
            role: steps.ask(role, rig.photo, partial(_photo, rig, folder, role, settings))
            for role, settings in wanted
        }


def _photo(rig: Rig, folder: Path, role: PhotoRole, settings: PhotoSettings) -> Shot:
    # A camera process that crashed between RAW and JPEG leaves the first of them.
    for path in folder.glob(f"{role}.*"):
        path.unlink()
    rig.photo.apply(settings)
    return rig.photo.capture(folder, role, settings)


def _viewable(shot: Shot) -> str:
    """The file that the checks look at: the JPEG where there is one."""
    return min(shot.files, key=lambda item: item.kind != "jpeg").file.path


@contextmanager
def _infrared_off(rig: Rig, steps: _Steps) -> Iterator[None]:
    if not rig.profile.burst.pause_infrared:
        yield
        return
    steps.ask("infrared", rig.depth, rig.depth.pause)
    try:
        yield
    except BaseException:
        # What went wrong with the photo is the news; the next burst reports the other device.
        with suppress(CameraError):
            rig.depth.resume()
        raise
    steps.ask("infrared", rig.depth, rig.depth.resume)


def _depth(rig: Rig, steps: _Steps) -> tuple[Burst, dict[str, float]]:
    wanted = rig.profile.burst

    def take() -> tuple[Burst, dict[str, float]]:
        begun = time.time()
        burst = rig.depth.burst(wanted.frames, wanted.drop)
        return burst, {"depth": begun, "depth_end": time.time()}

    return steps.ask("depth", rig.depth, take)


def _truth(path: Path, folder: Path) -> TakeFile:
    name = path.relative_to(folder).as_posix()
    reference = FileReference(path=name, sha256=sha256_file(path), bytes=path.stat().st_size)
    return TakeFile(role="truth", kind="truth", file=reference)
