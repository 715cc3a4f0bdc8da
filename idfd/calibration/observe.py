"""Images of a board become views: decoded, checked against each other, their corners found."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from idfd.calibration.consistency import Shot, odd_bodies, odd_frames
from idfd.calibration.depth import steady_depth
from idfd.calibration.detection.detect import detect
from idfd.calibration.sources import BURST_SUFFIXES, ImageSource
from idfd.calibration.views import CameraName, Detection, Dropped, View
from idfd.errors import IdfdError, InputError
from idfd.model.board import Board
from idfd.model.camera import CameraSettings
from idfd.model.provenance import FileReference
from idfd.progress import track
from idfd.storage.bursts import read_burst
from idfd.storage.exif import read_exif
from idfd.storage.hashing import sha256_bytes
from idfd.storage.images import decode_image, read_bytes


@dataclass(frozen=True)
class Observed:
    """What the cameras saw of a board.

    Attributes:
        views: In the order of their names.
        dropped: Images that cannot be used, with the reason.
        files: The images that the views rest on, by ``view/camera``.
        settings: What the photos were taken with, by ``view/camera``; None where nothing says.
        factory: The factory calibration that the depth camera holds, JSON bytes, where bursts were
            read.
        mode: The depth camera's mode, such as ``NFOV_UNBINNED``.
        depth_mm: Median depth of each view with a burst, (H, W) float64 mm, NaN = none.
    """

    views: tuple[View, ...]
    dropped: tuple[Dropped, ...]
    files: dict[str, FileReference]
    settings: dict[str, CameraSettings | None]
    factory: bytes | None
    mode: str | None
    depth_mm: dict[str, NDArray[np.float64]]


@dataclass(frozen=True)
class _Look:
    """One image after decoding; ``seen`` is None where no board was found."""

    source: ImageSource
    file: FileReference
    shot: Shot
    seen: Detection | None = None
    reason: str | None = None
    depth_mm: NDArray[np.float64] | None = None
    factory: bytes | None = None
    mode: str | None = None

    @property
    def key(self) -> str:
        return f"{self.source.view}/{self.source.camera}"


def observe(images: Sequence[ImageSource], board: Board, workers: int) -> Observed:
    """Find the board in all images; those that cannot be used are named and the rest go on.

    Args:
        images: From :func:`idfd.calibration.sources.find_images`.
        board: What they show.
        workers: Images worked on at a time. Threads: nearly all the time is spent in OpenCV, which
            lets others run.

    Raises:
        InputError: The board is in none of the images, or the apertures of the two photos are
            swapped.
    """
    dropped = [
        Dropped(item.view, item.camera, item.problem) for item in images if item.problem is not None
    ]
    usable = [item for item in images if item.problem is None]
    looks: list[_Look] = []
    with ThreadPoolExecutor(max(1, workers)) as pool:
        results = pool.map(lambda item: _look(item, board), usable)
        for item, result in zip(usable, track(results, len(usable), "boards"), strict=True):
            if isinstance(result, IdfdError):
                dropped.append(Dropped(item.view, item.camera, _short(result)))
            else:
                looks.append(result)
    odd = _odd(looks)
    for look in looks:
        reason = odd.get(look.key) or look.reason
        if reason is not None:
            dropped.append(Dropped(look.source.view, look.source.camera, reason))
    looks = [look for look in looks if look.seen is not None and look.key not in odd]
    if not looks:
        raise _nothing(images, dropped)
    _check_apertures(looks)
    return _assemble(looks, dropped)


def _look(source: ImageSource, board: Board) -> _Look | IdfdError:
    try:
        burst = source.path.suffix.lower() in BURST_SUFFIXES
        look, image = _open_burst(source) if burst else _open_photo(source)
        try:
            return replace(look, seen=detect(image, board, where=source.path))
        except InputError as error:
            return replace(look, reason=_short(error))
    except IdfdError as error:
        return error


def _open_photo(source: ImageSource) -> tuple[_Look, NDArray[Any]]:
    data = read_bytes(source.path, source.sha256)
    # The turn in EXIF is for viewers; the lens is calibrated in the pixels of the sensor.
    flags = cv2.IMREAD_GRAYSCALE | cv2.IMREAD_ANYDEPTH | cv2.IMREAD_IGNORE_ORIENTATION
    image = decode_image(data, source.path, flags)
    if image.dtype not in (np.uint8, np.uint16):
        raise InputError(f"the image is {image.dtype}", where=source.path, limit="8 or 16 bits")
    exif = None if source.camera == "depth" else read_exif(source.path)
    settings = source.settings or (exif.settings if exif else None)
    shot = Shot((image.shape[1], image.shape[0]), exif, settings)
    return _Look(source, _reference(source, data), shot), image


def _open_burst(source: ImageSource) -> tuple[_Look, NDArray[Any]]:
    data = read_bytes(source.path, source.sha256)
    burst = read_burst(source.path)
    mean = burst.infrared.mean(axis=0)
    # The mean of thirty frames is finer than a count.
    image = np.rint(mean * (65535 / max(float(mean.max()), 1.0))).astype(np.uint16)
    serial = burst.device.get("serial", "")
    shot = Shot(
        (image.shape[1], image.shape[0]),
        device=f"{burst.mode} {serial} {sha256_bytes(burst.calibration)[:8]}",
    )
    look = _Look(
        source,
        _reference(source, data),
        shot,
        depth_mm=steady_depth(burst),
        factory=burst.calibration,
        mode=burst.mode,
    )
    return look, image


def _reference(source: ImageSource, data: bytes) -> FileReference:
    return FileReference(path=source.name, sha256=sha256_bytes(data), bytes=len(data))


def _odd(looks: Sequence[_Look]) -> dict[str, str]:
    """Images that differ from the others of their camera, or repeat one; reasons by key."""
    odd: dict[str, str] = {}
    first: dict[str, str] = {}
    for look in looks:
        same = first.setdefault(look.file.sha256, look.key)
        if same != look.key:
            odd[look.key] = f"it is the same file as {same}"
    for cameras in (("photo", "defocused"), ("depth",)):
        odd |= odd_bodies({look.key: look.shot for look in looks if look.source.camera in cameras})
    for camera in ("photo", "defocused", "depth"):
        left = {
            look.key: look.shot
            for look in looks
            if look.source.camera == camera and look.key not in odd
        }
        odd |= odd_frames(left)
    return odd


def _check_apertures(looks: Sequence[_Look]) -> None:
    numbers: dict[CameraName, float] = {
        look.source.camera: look.shot.settings.f_number
        for look in looks
        if look.source.camera is not None and look.shot.settings is not None
    }
    sharp, wide = numbers.get("photo"), numbers.get("defocused")
    if sharp is not None and wide is not None and sharp <= wide:
        raise InputError(
            f"the all-in-focus photos were taken at f/{sharp:g}, the defocused ones at f/{wide:g}",
            limit="a larger f-number for the all-in-focus photos",
            remedy="Swap the two patterns",
        )


def _assemble(looks: Sequence[_Look], dropped: Sequence[Dropped]) -> Observed:
    seen: dict[str, dict[CameraName, Detection]] = {}
    for look in looks:
        if look.seen is not None and look.source.camera is not None:
            seen.setdefault(look.source.view, {})[look.source.camera] = look.seen
    bursts = [look for look in looks if look.factory is not None]
    return Observed(
        views=tuple(View(name, seen[name]) for name in sorted(seen)),
        dropped=tuple(sorted(dropped, key=lambda item: (item.view, item.camera or ""))),
        files={look.key: look.file for look in looks},
        settings={look.key: look.shot.settings for look in looks if look.source.camera != "depth"},
        factory=bursts[0].factory if bursts else None,
        mode=bursts[0].mode if bursts else None,
        depth_mm={look.source.view: look.depth_mm for look in looks if look.depth_mm is not None},
    )


def _nothing(images: Sequence[ImageSource], dropped: Sequence[Dropped]) -> InputError:
    if not images:
        return InputError("there are no images", limit="images of a board")
    reasons = Counter(item.reason for item in dropped)
    told = "; ".join(
        f"{reason} ({count} of {len(images)})" for reason, count in reasons.most_common(3)
    )
    return InputError(
        f"none of the {len(images)} images can be used: {told}",
        where=images[0].path.parent,
        remedy="Check that the board file describes the board that was shown",
    )


def _short(error: IdfdError) -> str:
    """What happened, without the file that the report names anyway."""
    parts = [error.what]
    if error.limit:
        parts.append(f"expected {error.limit}")
    if error.remedy:
        parts.append(error.remedy[0].lower() + error.remedy[1:])
    return "; ".join(parts)
