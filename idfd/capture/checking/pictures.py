"""Photos of a take at reduced size, decoded quickly."""

from __future__ import annotations

from concurrent.futures import Executor
from dataclasses import dataclass
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from idfd.errors import InputError, MissingDependencyError
from idfd.storage.images import decode_image, read_bytes

_LEAST_SIDE = 1200
_FLAGS = {
    1: cv2.IMREAD_COLOR,
    2: cv2.IMREAD_REDUCED_COLOR_2,
    4: cv2.IMREAD_REDUCED_COLOR_4,
    8: cv2.IMREAD_REDUCED_COLOR_8,
}
_RAW_SUFFIXES = frozenset({".nef", ".dng"})


@dataclass(frozen=True)
class Reduced:
    """A photo at reduced size.

    Attributes:
        rgb: (H, W, 3) uint8.
        factor: Full-size pixels per pixel.
    """

    rgb: NDArray[np.uint8]
    factor: float

    @property
    def grey(self) -> NDArray[np.uint8]:
        """Brightness, (H, W) uint8."""
        return np.asarray(cv2.cvtColor(self.rgb, cv2.COLOR_RGB2GRAY), np.uint8)


def read_reduced(path: Path) -> Reduced:
    """Decode a photo at the smallest size whose long side is 1200 pixels or more.

    A JPEG decoder that leaves out high frequencies takes a fraction of the time of a full one.
    The last pair stays in memory, known by its content's identity on disk, because the contact
    sheet shows what the checks have decoded, in a folder that was renamed meanwhile.

    Raises:
        InputError: Missing, truncated or undecodable file.
        MissingDependencyError: A raw file, and rawpy is not installed.
    """
    try:
        stat = path.stat()
    except OSError as error:
        raise InputError(f"cannot be read ({error.strerror})", where=path) from None
    return _decode(_File(path, (stat.st_dev, stat.st_ino, stat.st_mtime_ns, stat.st_size)))


def read_pair(all_in_focus: Path, defocused: Path, pool: Executor) -> tuple[Reduced, Reduced]:
    """Decode both photos of a take at once; see :func:`read_reduced`.

    Raises:
        InputError: A photo cannot be decoded, or their sizes differ.
    """
    other = pool.submit(read_reduced, defocused)
    first = read_reduced(all_in_focus)
    second = other.result()
    if first.rgb.shape != second.rgb.shape:
        sizes = [f"{p.rgb.shape[1]}x{p.rgb.shape[0]}" for p in (first, second)]
        raise InputError(
            f"the photos are {sizes[0]} and {sizes[1]} at reduced size",
            where=defocused,
            limit="two photos of one size",
            remedy="Set one image size on the camera and retake",
        )
    return first, second


class _File:
    """A path that equals another when both are the same file with the same content."""

    def __init__(self, path: Path, identity: tuple[int, ...]) -> None:
        self.path = path
        self.identity = identity

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _File) and self.identity == other.identity

    def __hash__(self) -> int:
        return hash(self.identity)


@lru_cache(maxsize=2)
def _decode(file: _File) -> Reduced:
    data = _embedded_jpeg(file.path) if file.path.suffix.lower() in _RAW_SUFFIXES else None
    if isinstance(data, np.ndarray):
        return Reduced(data, 2)
    if data is None:
        data = read_bytes(file.path)
    width, height = _jpeg_size(data) or (0, 0)
    long_side = max(width, height)
    factor = max((f for f in _FLAGS if long_side / f >= _LEAST_SIDE), default=1)
    bgr = decode_image(data, file.path, _FLAGS[factor])
    return Reduced(np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), np.uint8), factor)


def _embedded_jpeg(path: Path) -> bytes | NDArray[np.uint8]:
    """The preview inside a raw file, or the picture at half size where there is none."""
    try:
        import rawpy  # type: ignore[import-not-found,unused-ignore]
    except ImportError:
        raise MissingDependencyError(
            "checking raw files needs the package rawpy",
            where=path,
            remedy="Install it with 'pip install rawpy', or shoot raw+jpeg",
        ) from None
    try:
        with rawpy.imread(BytesIO(read_bytes(path))) as raw:
            try:
                thumb: Any = raw.extract_thumb()
                if thumb.format == rawpy.ThumbFormat.JPEG:
                    return bytes(thumb.data)
            except (rawpy.LibRawNoThumbnailError, rawpy.LibRawUnsupportedThumbnailError):
                pass
            return np.asarray(raw.postprocess(half_size=True, use_camera_wb=True), np.uint8)
    except rawpy.LibRawError as error:
        raise InputError(
            f"not a raw file that can be decoded ({error})",
            where=path,
            remedy="Retake, or copy the file again from the card",
        ) from None


def _jpeg_size(data: bytes) -> tuple[int, int] | None:
    """Width and height from the frame header of a JPEG (ITU-T T.81, B.2.2), or None."""
    if not data.startswith(b"\xff\xd8"):
        return None
    at = 2
    while at + 9 < len(data) and data[at] == 0xFF:
        marker, length = data[at + 1], int.from_bytes(data[at + 2 : at + 4], "big")
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            height, width = data[at + 5 : at + 7], data[at + 7 : at + 9]
            return int.from_bytes(width, "big"), int.from_bytes(height, "big")
        at += 2 + length
    return None
