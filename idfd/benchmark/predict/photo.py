"""Photos as files: read upright, and written as they lay."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from idfd.benchmark.predict.metadata import (
    is_jpeg,
    is_png,
    with_jpeg_metadata,
    with_png_metadata,
)
from idfd.storage.color import eight_bit
from idfd.storage.exif import read_exif
from idfd.storage.images import decode_photo, encode_jpeg, encode_png, read_bytes

JPEG_QUALITY = 95


@dataclass(frozen=True)
class Photo:
    """A photo and the file it came from.

    Attributes:
        rgb: Upright, as a viewer shows it, (H, W, 3) uint8.
        data: Content of the file.
        orientation: How a viewer turns what the file holds, 1 to 8 (EXIF 2.32, tag 0x0112).
    """

    rgb: NDArray[np.uint8]
    data: bytes
    orientation: int


def open_photo(path: Path) -> Photo:
    """Read a JPEG, PNG, TIFF or raw file.

    Raises:
        InputError: Missing, truncated or undecodable, or with a damaged EXIF block.
        MissingDependencyError: A raw file, and rawpy is not installed.
    """
    data = read_bytes(path)
    rgb = eight_bit(decode_photo(data, path))
    keeps = is_jpeg(data) or is_png(data)
    orientation = (read_exif(path).orientation or 1) if keeps else 1
    return Photo(rgb, data, orientation)


def suffix_like(photo: Photo) -> str:
    """``.jpg`` for what was made from a JPEG file, ``.png`` for all others."""
    return ".jpg" if is_jpeg(photo.data) else ".png"


def encode_like(photo: Photo, rgb: NDArray[np.uint8]) -> bytes:
    """Encode what was made from a photo as a file of the same kind, with the same metadata.

    A JPEG stays one (quality 95), and a PNG too; TIFF and raw files become PNG without metadata.
    EXIF blocks are kept as they are, so pixels are turned back to how the file held them.

    Args:
        photo: The source.
        rgb: Upright, of the source's size, (H, W, 3) uint8.
    """
    stored = np.ascontiguousarray(turn_back(rgb, photo.orientation))
    if is_jpeg(photo.data):
        return with_jpeg_metadata(encode_jpeg(stored, JPEG_QUALITY), photo.data)
    encoded = encode_png(stored)
    return with_png_metadata(encoded, photo.data) if is_png(photo.data) else encoded


def turn_back(upright: NDArray[np.uint8], orientation: int) -> NDArray[np.uint8]:
    """Undo what a viewer does for an EXIF orientation; a view, (H, W, 3) or (W, H, 3)."""
    # Orientations 5 to 8 exchange rows and columns first.
    picture = upright.transpose(1, 0, 2) if orientation >= 5 else upright
    if orientation in (3, 4, 6, 7):
        picture = picture[::-1]
    if orientation in (2, 3, 7, 8):
        picture = picture[:, ::-1]
    return picture
