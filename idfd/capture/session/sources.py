"""Photos and depth that were shot by hand, found in folders and matched to each other."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal

import numpy as np

from idfd.capture.pairing import nearest_in_time, pair_by_aperture
from idfd.errors import CameraError, InputError, SchemaError
from idfd.model.burst import Burst
from idfd.model.camera import CameraSettings
from idfd.storage.bursts import read_burst
from idfd.storage.exif import read_settings

JPEGS = frozenset({".jpg", ".jpeg"})
RAWS = frozenset({".nef", ".nrw"})
RECORDING, BURST = ".mkv", ".h5"


@dataclass(frozen=True)
class FoundPhoto:
    """One release of the shutter: a JPEG file, a raw file, or both under one name."""

    files: tuple[Path, ...]  # the JPEG first
    settings: CameraSettings
    taken: datetime

    @property
    def path(self) -> Path:
        """The file that stands for the photo."""
        return self.files[0]


@dataclass(frozen=True)
class FoundDepth:
    """A recording or a burst, and when it began (local time, as cameras write it)."""

    path: Path
    kind: Literal["recording", "burst"]
    began: datetime


@dataclass(frozen=True)
class Triple:
    """What belongs together."""

    all_in_focus: FoundPhoto
    defocused: FoundPhoto
    depth: FoundDepth


@dataclass
class Findings:
    """Everything that was found; ``left_out`` says of every file that no triple uses, why not."""

    triples: list[Triple] = field(default_factory=list)
    left_out: dict[Path, str] = field(default_factory=dict)


def find_triples(
    photos: Path,
    recordings: Path,
    *,
    pair_limit_s: float,
    depth_limit_s: float,
    clock_offset_s: float,
) -> Findings:
    """Pair photos by aperture and time, and give each pair its depth, by name or else by time.

    Args:
        photos: Folder of JPEG and NEF files.
        recordings: Folder of MKV recordings or HDF5 bursts; may be the same.
        pair_limit_s: Longest time between the photos of a pair.
        depth_limit_s: Longest time between a pair and the beginning of its depth.
        clock_offset_s: Added to the times of the depth files; the camera's clock minus the
            computer's.

    Raises:
        InputError: A folder is missing, or all photos were taken at one aperture.
    """
    found = Findings()
    shots: list[FoundPhoto] = []
    depths: list[FoundDepth] = []
    files = sorted({*_files_under(photos), *_files_under(recordings)})
    for names in _by_stem(path for path in files if path.suffix.lower() in JPEGS | RAWS):
        try:
            shots.append(_photo(names))
        except InputError as error:
            found.left_out |= dict.fromkeys(names, error.what)
    for path in files:
        suffix = path.suffix.lower()
        if suffix in (RECORDING, BURST):
            try:
                depths.append(_depth(path, timedelta(seconds=clock_offset_s)))
            except (InputError, SchemaError) as error:
                found.left_out[path] = error.what
        elif suffix not in JPEGS | RAWS:
            found.left_out[path] = "neither a photo nor depth"
    by_path = {shot.path: shot for shot in shots}
    pairs = [
        (by_path[sharp], by_path[wide]) for sharp, wide in pair_by_aperture(by_path, pair_limit_s)
    ]
    paired = {shot.path for pair in pairs for shot in pair}
    for shot in shots:
        if shot.path not in paired:
            reason = f"no photo at the other aperture within {pair_limit_s:g} s"
            reason += f" (it was taken at f/{shot.settings.f_number:g})"
            found.left_out |= dict.fromkeys(shot.files, reason)
    _match(pairs, depths, depth_limit_s, found)
    return found


def load_burst(depth: FoundDepth, frames: int, drop: int) -> Burst:
    """The frames of a depth file: of a recording the last ``frames`` of the first drop + frames.

    Raises:
        InputError: The file cannot be read.
        SchemaError: It is not what its name says.
        CameraError: The recording holds no complete frame.
    """
    if depth.kind == "burst":
        return read_burst(depth.path)
    from idfd.capture.kinect.recording import RecordingCamera

    played: list[Burst] = []
    with RecordingCamera(depth.path) as camera:
        while len(played) < frames + drop:
            try:
                played.append(camera.burst(1, 0))
            except CameraError as error:
                if error.cause != "end" or not played:
                    raise
                break
    kept = played[-frames:]
    return dataclasses.replace(
        kept[0],
        depth=np.concatenate([burst.depth for burst in kept]),
        infrared=np.concatenate([burst.infrared for burst in kept]),
        colour=tuple(image for burst in kept for image in burst.colour),
        timestamps_us=np.concatenate([burst.timestamps_us for burst in kept]),
        system_ns=np.concatenate([burst.system_ns for burst in kept]),
        temperature_c=np.concatenate([burst.temperature_c for burst in kept]),
    )


def _files_under(root: Path) -> list[Path]:
    if not root.is_dir():
        raise InputError("there is no such folder", where=root)
    found = []
    for folder, folders, names in os.walk(root):
        folders[:] = [name for name in folders if not name.startswith(".")]
        found += [Path(folder, name) for name in names if not name.startswith(".")]
    return found


def _by_stem(paths: Iterable[Path]) -> list[tuple[Path, ...]]:
    groups: dict[tuple[Path, str], list[Path]] = {}
    for path in paths:
        groups.setdefault((path.parent, path.stem.lower()), []).append(path)
    return [
        tuple(sorted(group, key=lambda path: path.suffix.lower() not in JPEGS))
        for group in groups.values()
    ]


def _photo(files: tuple[Path, ...]) -> FoundPhoto:
    settings, taken = read_settings(files[0])
    if settings is None or taken is None:
        raise InputError(f"the photo has no EXIF {'f-number' if settings is None else 'time'}")
    return FoundPhoto(files, settings, taken)


def _depth(path: Path, offset: timedelta) -> FoundDepth:
    kind: Literal["recording", "burst"] = "burst"
    if path.suffix.lower() == BURST:
        began_ns = int(read_burst(path).system_ns[0])
    else:
        from idfd.capture.kinect.recording import open_container, read_source, started_ns

        kind = "recording"
        with open_container(path) as container:
            read_source(container, path)
            began_ns = started_ns(container)
    began_s = began_ns / 1e9 if began_ns else path.stat().st_mtime
    return FoundDepth(path, kind, datetime.fromtimestamp(began_s) + offset)


def _match(
    pairs: list[tuple[FoundPhoto, FoundPhoto]],
    depths: list[FoundDepth],
    limit_s: float,
    found: Findings,
) -> None:
    """Give depth to pairs by the name of either photo, and the rest by time, nearest first."""
    by_name = {depth.path.stem.lower(): depth for depth in depths}
    given: dict[int, FoundDepth] = {}
    for index, pair in enumerate(pairs):
        for photo in pair:
            depth = by_name.pop(photo.path.stem.lower(), None)
            if depth is not None and index not in given:
                given[index] = depth
    free = [index for index in range(len(pairs)) if index not in given]
    rest = [depth for depth in depths if depth not in given.values()]
    times = [pairs[index][0].taken for index in free]
    for first, second in nearest_in_time(times, [depth.began for depth in rest], limit_s):
        given[free[first]] = rest[second]
    for index, (sharp, wide) in enumerate(pairs):
        if index in given:
            found.triples.append(Triple(sharp, wide, given[index]))
            continue
        reason = f"no depth of that name, and none within {limit_s:g} s"
        if rest:
            gaps = [(depth.began - sharp.taken).total_seconds() for depth in rest]
            reason += f" (the nearest began {min(gaps, key=abs):+.0f} s from it)"
        found.left_out |= dict.fromkeys((*sharp.files, *wide.files), reason)
    for depth in rest:
        if depth not in given.values():
            found.left_out[depth.path] = f"no pair of photos within {limit_s:g} s"
