"""Tiny photos with EXIF blocks, written by hand."""

from __future__ import annotations

import struct
from datetime import datetime
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

Value = str | int | tuple[int, int] | list[int]
NOON = datetime(2024, 5, 1, 12, 0, 0)


def tiff(image: dict[int, Value], exif: dict[int, Value]) -> bytes:
    """A little-endian TIFF block with an image and an EXIF directory, written by hand."""
    exif_start = 8 + 2 + 12 * (len(image) + 1) + 4
    data_start = exif_start + 2 + 12 * len(exif) + 4
    data = b""

    def directory(entries: dict[int, Value]) -> bytes:
        nonlocal data
        out = struct.pack("<H", len(entries))
        for tag, value in sorted(entries.items()):
            if isinstance(value, str):
                kind, count, raw = 2, len(value) + 1, value.encode() + b"\0"
            elif isinstance(value, tuple):
                kind, count, raw = 5, 1, struct.pack("<II", *value)
            elif isinstance(value, list):
                kind, count, raw = 3, len(value), struct.pack(f"<{len(value)}H", *value)
            else:
                kind, count, raw = 4, 1, struct.pack("<I", value)
            if len(raw) > 4:
                pointer, data = data_start + len(data), data + raw
                raw = struct.pack("<I", pointer)
            out += struct.pack("<HHI", tag, kind, count) + raw.ljust(4, b"\0")
        return out + struct.pack("<I", 0)

    first = directory({**image, 0x8769: exif_start})
    second = directory(exif)
    return b"II*\0" + struct.pack("<I", 8) + first + second + data


def write_jpeg(path: Path, block: bytes, picture: NDArray[np.uint8] | None = None) -> Path:
    """A JPEG photo, by default a tiny one, with an EXIF block."""
    picture = np.full((8, 8, 3), 90, np.uint8) if picture is None else picture
    jpeg = cv2.imencode(".jpg", picture)[1].tobytes()
    app1 = b"Exif\0\0" + block
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"\xff\xd8\xff\xe1" + struct.pack(">H", len(app1) + 2) + app1 + jpeg[2:])
    return path


def write_shot(path: Path, f_number: tuple[int, int], time: datetime) -> Path:
    exif: dict[int, Value] = {
        0x829D: f_number,
        0x9003: time.strftime("%Y:%m:%d %H:%M:%S"),
        0x9291: f"{time.microsecond // 10000:02d}",
    }
    return write_jpeg(path, tiff({0x0110: "D"}, exif))
