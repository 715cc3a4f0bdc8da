"""libgphoto2's virtual camera for tests: JPEG files with EXIF blocks, made to order.

The virtual camera hands out copies of the first ``*.jpg`` in its folder, of the size that the
file had when the camera was opened; so all files are padded to one size, and the file is written
anew before each shot.
"""

from __future__ import annotations

import struct
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np

from idfd.capture.nikon.config import NikonConfig

SIZE = 40_000


def exif_block(f_number: float | None, exposure_s: float | None, iso: int = 100) -> bytes:
    """An APP1 segment with the settings, little-endian."""
    entries: list[tuple[int, int, bytes]] = []
    for tag, value in ((0x829A, exposure_s), (0x829D, f_number)):
        if value is not None:
            ratio = Fraction(value).limit_denominator(10_000)
            entries.append((tag, 5, struct.pack("<II", ratio.numerator, ratio.denominator)))
    entries.append((0x8827, 3, struct.pack("<H", iso)))
    entries.append((0x9003, 2, b"2026:01:02 03:04:05\0"))
    count = len(entries)
    body, extra, at = b"", b"", 26 + 2 + 12 * count + 4
    for tag, kind, data in entries:
        number = {2: len(data), 3: 1, 5: 1}[kind]
        if len(data) <= 4:
            field = data.ljust(4, b"\0")
        else:
            field = struct.pack("<I", at + len(extra))
            extra += data
        body += struct.pack("<HHI", tag, kind, number) + field
    first = struct.pack("<HHHII", 1, 0x8769, 4, 1, 26) + b"\0\0\0\0"
    tiff = b"II*\0" + struct.pack("<I", 8) + first + struct.pack("<H", count) + body
    block = b"Exif\0\0" + tiff + b"\0\0\0\0" + extra
    return b"\xff\xe1" + struct.pack(">H", len(block) + 2) + block


def photo(f_number: float | None, exposure_s: float | None = None, seed: int = 0) -> bytes:
    """A JPEG file with an EXIF block, padded with zeros to :data:`SIZE`."""
    pixels = np.random.default_rng(seed).integers(0, 256, (60, 90, 3), np.uint8)
    jpeg = cv2.imencode(".jpg", pixels)[1].tobytes()
    data = jpeg[:2] + exif_block(f_number, exposure_s) + jpeg[2:]
    assert len(data) < SIZE
    return data.ljust(SIZE, b"\0")


class VirtualBody:
    """A folder that libgphoto2's virtual D750 takes its photos from."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(exist_ok=True)
        self.shows(10, 0.1)

    def shows(self, f_number: float | None, exposure_s: float | None = None, seed: int = 0) -> None:
        """The next photo is this one."""
        self.holds(photo(f_number, exposure_s, seed))

    def holds(self, data: bytes) -> None:
        """The next photo has these bytes, which must be :data:`SIZE` many."""
        assert len(data) == SIZE
        (self.folder / "photo.jpg").write_bytes(data)

    def config(self, **changes: object) -> NikonConfig:
        """A driver's configuration for it, without pauses."""
        values = {"settle_s": 0.0, "command_s": 5.0, "release_s": 5.0, "download_s": 5.0}
        return NikonConfig(virtual_folder=str(self.folder), **(values | changes))  # type: ignore[arg-type]
