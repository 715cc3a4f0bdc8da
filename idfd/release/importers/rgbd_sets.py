"""What the readers of RGB-D sets share: a sharp photo and its depth, and no defocused photo.

Depth beyond :data:`~idfd.model.triple.MAX_DEPTH_MM` (65.535 m) does not fit a release. It is left
out, as if it had not been measured, and its share is told as the measure ``depth_beyond_range``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import h5py
import numpy as np
from numpy.typing import NDArray

from idfd.errors import InputError
from idfd.model.camera import CameraSettings, Intrinsics
from idfd.model.capture import Scene, Split, SplitTable
from idfd.model.provenance import FileReference, provenance
from idfd.model.triple import (
    MAX_DEPTH_MM,
    Crop,
    DepthSource,
    Modality,
    PairTransform,
    PhotometricGain,
    Triple,
    TripleRecord,
)
from idfd.storage.hashing import sha256_bytes

# What h5py and scipy raise for damaged files.
_UNREADABLE = (
    OSError, KeyError, RuntimeError, TypeError, AttributeError, ValueError, MemoryError,
    OverflowError,
)  # fmt: skip


@dataclass(frozen=True)
class Frame:
    """What a triple of such a set is called, and where it belongs.

    Attributes:
        id: Of the triple.
        group: Frames of one group never cross a drawn split; it is the scene, too.
        split: Name of the published split.
        environment: Such as ``indoor``.
    """

    id: str
    group: str
    split: str
    environment: str = "unknown"


def scenes_of(frames: Iterable[Frame]) -> tuple[Scene, ...]:
    """The scenes of frames, each its own group."""
    found = {frame.group: frame.environment for frame in frames}
    return tuple(Scene(name=g, group=g, environment=found[g]) for g in sorted(found))


def published_splits(frames: Iterable[Frame], grouping: str) -> SplitTable:
    """The splits that frames came in."""
    members: dict[str, list[str]] = {}
    for frame in frames:
        members.setdefault(frame.split, []).append(frame.id)
    return SplitTable(
        origin="published",
        grouping=grouping,
        splits=tuple(Split(name=name, takes=tuple(ids)) for name, ids in members.items()),
    )


def millimetres(
    metres: NDArray[Any], known: NDArray[np.bool_] | None = None
) -> tuple[NDArray[np.uint16], float]:
    """Depth as a release stores it, and the share of pixels that lie too far for it.

    Args:
        metres: (H, W) floating point; what is not finite and positive is no depth.
        known: (H, W) pixels with a measurement; by default all.

    Returns:
        (H, W) uint16 mm, 0 = no depth; and the share.
    """
    with np.errstate(invalid="ignore", over="ignore"):
        scaled = np.rint(np.asarray(metres, np.float64) * 1000)
        valid = np.isfinite(scaled) & (scaled > 0)
    if known is not None:
        valid &= known
    far = valid & (scaled > MAX_DEPTH_MM)
    depth = np.where(valid & ~far, scaled, 0).astype(np.uint16)
    return depth, float(far.mean())


def make_triple(
    importer: str,
    frame: Frame,
    depth: NDArray[np.uint16],
    source: NDArray[np.uint8],
    sources: dict[str, FileReference],
    *,
    all_in_focus: NDArray[np.uint8] | None = None,
    defocused: NDArray[np.uint8] | None = None,
    settings: CameraSettings | None = None,
    intrinsics: Intrinsics | None = None,
    scale: float = 1.0,
    measures: Mapping[str, float] | None = None,
    options: Mapping[str, Any] | None = None,
) -> Triple:
    """A triple of arrays that lie on one grid; a photo that is None is absent.

    Args:
        importer: Name of the importer.
        frame: What the triple is called.
        depth: (H, W) uint16 mm.
        source: :class:`~idfd.model.triple.DepthSource` of each pixel, (H, W) uint8.
        sources: Files it was made from.
        all_in_focus: (H, W, 3) uint8 RGB, or None.
        defocused: The same.
        settings: What the photos were taken with, or None.
        intrinsics: Of the photo, or None.
        scale: Pixels of the published photo to one of the triple.
        measures: Numbers to keep.
        options: Options of the importer.

    Raises:
        InputError: Photo and depth differ in size.
    """
    absent: list[Modality] = []
    if all_in_focus is None:
        absent.append("all_in_focus")
    if defocused is None:
        absent.append("defocused")
    nothing = np.zeros((*depth.shape, 3), np.uint8)
    height, width = depth.shape
    record = TripleRecord(
        id=frame.id,
        scene=frame.group,
        group=frame.group,
        environment=frame.environment,
        taken_at=None,
        all_in_focus=settings,
        defocused=None if defocused is None else settings,
        intrinsics=intrinsics,
        absent=tuple(absent),
        sources=sources,
        transform=PairTransform(
            homography=(1, 0, 0, 0, 1, 0, 0, 0, 1), radial=0, centre=(0, 0), scale=1
        ),
        gain=PhotometricGain(channels=(0, 0, 0), field=(), tone=()),
        crop=Crop(x=0, y=0, width=width, height=height, scale=scale),
        checks=(),
        measures=dict(measures or {}),
        verdict="pass",
        provenance=provenance({"importer": importer, **(options or {})}),
    )
    return Triple(
        all_in_focus=nothing if all_in_focus is None else all_in_focus,
        defocused=nothing if defocused is None else defocused,
        depth=depth,
        source=source,
        uncertainty=None,
        record=record,
    )


def measured_where(depth: NDArray[np.uint16]) -> NDArray[np.uint8]:
    """A source map that says: measured wherever there is depth."""
    return np.where(depth > 0, DepthSource.MEASURED, DepthSource.NONE).astype(np.uint8)


def file_key(path: Path) -> tuple[str, int, int]:
    """Name, size and time of a file: cheap to ask, and different when the file changes."""
    facts = path.stat()
    return path.name, facts.st_size, facts.st_mtime_ns


def reference(path: Path, root: Path, data: bytes) -> FileReference:
    """The reference of a file that was read."""
    return FileReference(
        path=path.relative_to(root).as_posix(), sha256=sha256_bytes(data), bytes=len(data)
    )


def resized(photo: NDArray[np.uint8], width: int) -> NDArray[np.uint8]:
    """A photo reduced to a width by area, its aspect kept; one that is narrower stays."""
    if width >= photo.shape[1]:
        return photo
    height = round(photo.shape[0] * width / photo.shape[1])
    return np.asarray(cv2.resize(photo, (width, height), interpolation=cv2.INTER_AREA))


@contextmanager
def opened_hdf5(path: Path, holds: str) -> Iterator[h5py.File]:
    """Open an HDF5 file; what h5py raises for a damaged one becomes an error that names it.

    Args:
        path: The file.
        holds: What it should hold, for the error.

    Raises:
        InputError: It cannot be opened or read, or lacks an array.
    """
    try:
        with h5py.File(path, "r") as file:
            yield file
    except _UNREADABLE as error:
        raise InputError(
            f"cannot be read ({error})",
            where=path,
            limit=f"an HDF5 file with {holds}",
            remedy="Get the file again from its authors",
        ) from None


def need_shape(array: Any, shape: tuple[int | None, ...], where: str) -> None:
    """Refuse an array of another shape; None stands for any length.

    Raises:
        InputError: It has another one.
    """
    found = tuple(array.shape)
    if len(found) != len(shape) or any(
        want is not None and have != want for have, want in zip(found, shape, strict=True)
    ):
        wanted = " x ".join("any" if want is None else str(want) for want in shape)
        raise InputError(
            f"has the shape {' x '.join(map(str, found))}", where=where, limit=wanted,
            remedy="Get the file again from its authors",
        )  # fmt: skip
