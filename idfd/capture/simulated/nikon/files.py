"""The files that the body makes: JPEG and NEF, with the settings of the shot in their EXIF block.

The NEF is a TIFF file with the tags of a DNG (Adobe DNG 1.4), so that LibRaw reads its pixels
and every EXIF reader its settings. The mosaic is packed to 14 bits as in an uncompressed NEF.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from idfd.capture.simulated.nikon.tiff import (
    Directory,
    ImageData,
    Rationals,
    Raw,
    Short,
    Value,
    pack_tiff,
)
from idfd.storage.images import encode_jpeg

MAKER = "NIKON CORPORATION"
LENS = "14.0 mm f/2.8"
BITS = 14
WHITE_LEVEL = 16383

# CIE XYZ (D65) to linear sRGB, IEC 61966-2-1, in ten-thousandths.
_SRGB_OF_XYZ = ((32406, -15372, -4986), (-9689, 18758, 415), (557, -2040, 10570))


@dataclass(frozen=True)
class Sensor:
    """How raw values relate to light.

    Attributes:
        black_level: Raw value of no light.
        gains: White-balance multipliers of red, green and blue: linear sRGB is the raw value over
            black times these.
    """

    black_level: int = 600
    gains: tuple[float, float, float] = (2.0, 1.0, 1.5)


@dataclass(frozen=True)
class ShotInfo:
    """What a file says about its shot.

    ``exposure`` is the nominal time in seconds, ``taken_at`` the clock of the body.
    """

    model: str
    serial: str
    size: tuple[int, int]
    f_number: Fraction
    exposure: Fraction
    iso: int
    focal_length_mm: float
    focus_distance_m: float | None
    program: int
    auto_white_balance: bool
    taken_at: datetime


def jpeg_head(info: ShotInfo) -> bytes:
    """A JPEG file up to the scan of :func:`pack_photo`, which must follow."""
    main = _main_directory(info)
    main.entries[0x0112] = Short((1,))
    main.entries[0x0213] = Short((2,))
    block = b"Exif\0\0" + pack_tiff(main)
    return b"\xff\xd8\xff\xe1" + (len(block) + 2).to_bytes(2, "big") + block


def pack_photo(rgb: NDArray[np.uint8], quality: int) -> bytes:
    """A JPEG without its head: the encoder's start and JFIF marker are cut off.

    Args:
        rgb: (H, W, 3) uint8 sRGB.
        quality: Of the encoder, 0 to 100.
    """
    encoded = encode_jpeg(rgb, quality)
    jfif_bytes = int.from_bytes(encoded[4:6], "big")
    return encoded[4 + jfif_bytes :]


def nef_head(info: ShotInfo, sensor: Sensor) -> bytes:
    """A NEF file up to the mosaic of :func:`pack_mosaic`, which must follow."""
    width, height = info.size
    neutral = tuple(Fraction(1 / gain).limit_denominator(10000) for gain in sensor.gains)
    matrix = tuple(
        Fraction(cell, 10000) * gain
        for row, gain in zip(_SRGB_OF_XYZ, neutral, strict=True)
        for cell in row
    )
    main = _main_directory(info)
    entries: dict[int, Value] = {
        0x00FE: 0,  # the full picture
        0x0100: width,
        0x0101: height,
        0x0102: Short((BITS,)),
        0x0103: Short((1,)),  # not compressed
        0x0106: Short((32803,)),  # colour filter array
        0x0111: ImageData(),
        0x0112: Short((1,)),
        0x0115: Short((1,)),
        0x0116: height,
        0x0117: height * _row_bytes(width),
        0x011C: Short((1,)),
        0x828D: Short((2, 2)),
        0x828E: Raw(bytes((0, 1, 1, 2)), kind=1),  # red, green; green, blue
        0xC612: Raw(bytes((1, 4, 0, 0)), kind=1),
        0xC613: Raw(bytes((1, 1, 0, 0)), kind=1),
        0xC614: f"Nikon {info.model}",
        0xC61A: Short((sensor.black_level,)),
        0xC61D: Short((WHITE_LEVEL,)),
        0xC621: Rationals(tuple(value.limit_denominator(100000) for value in matrix)),
        0xC628: Rationals(neutral),
        0xC65A: Short((21,)),  # daylight, D65
    }
    main.entries.update(entries)
    return pack_tiff(main)


def pack_mosaic(mosaic: NDArray[np.uint16]) -> bytes:
    """Pack 14-bit values, most significant bit first; rows begin at whole bytes.

    Args:
        mosaic: (H, W) uint16, at most :data:`WHITE_LEVEL`.
    """
    height, width = mosaic.shape
    padded = np.pad(mosaic, ((0, 0), (0, -width % 4))) if width % 4 else mosaic
    a, b, c, d = (padded[:, k::4] for k in range(4))
    packed = np.empty((height, a.shape[1], 7), np.uint8)
    # Assignment keeps the low byte of each value.
    columns: tuple[NDArray[Any], ...] = (
        *(a >> 6, a << 2 | b >> 12, b >> 4, b << 4 | c >> 10),
        *(c >> 2, c << 6 | d >> 8, d),
    )
    for k, column in enumerate(columns):
        packed[..., k] = column & 0xFF
    return packed.reshape(height, -1)[:, : _row_bytes(width)].tobytes()


def _row_bytes(width: int) -> int:
    return -(-width * BITS // 8)


def _main_directory(info: ShotInfo) -> Directory:
    return Directory(
        {
            0x010F: MAKER,
            0x0110: f"NIKON {info.model}",
            0x011A: Rationals((Fraction(300),)),
            0x011B: Rationals((Fraction(300),)),
            0x0128: Short((2,)),
            0x0131: "Ver.1.00",
            0x0132: f"{info.taken_at:%Y:%m:%d %H:%M:%S}",
            0x8769: _exif_directory(info),
        }
    )


def _exif_directory(info: ShotInfo) -> Directory:
    taken = f"{info.taken_at:%Y:%m:%d %H:%M:%S}"
    hundredths = f"{info.taken_at.microsecond // 10000:02d}"
    focal_length = Fraction(info.focal_length_mm).limit_denominator(100)
    entries: dict[int, Value] = {
        0x829A: Rationals((info.exposure,)),
        0x829D: Rationals((info.f_number,)),
        0x8822: Short((info.program,)),
        0x8827: Short((info.iso,)),
        0x9000: Raw(b"0230"),
        0x9003: taken,
        0x9004: taken,
        0x9290: hundredths,
        0x9291: hundredths,
        0x9292: hundredths,
        0x920A: Rationals((focal_length,)),
        0xA001: Short((1,)),
        0xA002: info.size[0],
        0xA003: info.size[1],
        0xA403: Short((0 if info.auto_white_balance else 1,)),
        0xA405: Short((round(info.focal_length_mm),)),
        0xA431: info.serial,
        0xA432: Rationals((focal_length, focal_length, Fraction(28, 10), Fraction(28, 10))),
        0xA434: LENS,
    }
    if info.focus_distance_m is not None:
        entries[0x9206] = Rationals((Fraction(info.focus_distance_m).limit_denominator(1000),))
    return Directory(entries)
