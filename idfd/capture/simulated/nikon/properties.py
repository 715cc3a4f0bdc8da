"""The properties of the body: descriptors, ranges of values, and the catalogue of a D750."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from idfd.capture.simulated.nikon.codes import PropertyCode
from idfd.capture.simulated.nikon.ptp import DataType, pack_value

BULB = 0xFFFFFFFF
MANUAL_PROGRAM = 1
F_NUMBERS = (
    *(2.8, 3.2, 3.5, 4, 4.5, 5, 5.6, 6.3, 7.1, 8, 9, 10),
    *(11, 13, 14, 16, 18, 20, 22),
)
"""Apertures of a 14 mm f/2.8 lens in thirds of a stop."""

SHUTTERS = (
    *(f"1/{d}" for d in (4000, 3200, 2500, 2000, 1600, 1250, 1000, 800, 640, 500, 400, 320)),
    *(f"1/{d}" for d in (250, 200, 160, 125, 100, 80, 60, 50, 40, 30, 25, 20, 15, 13, 10, 8, 6)),
    *("1/5", "1/4", "1/3", "10/25", "1/2", "10/16", "10/13", "1/1", "13/10", "16/10", "2/1"),
    *("25/10", "3/1", "4/1", "5/1", "6/1", "8/1", "10/1", "13/1", "15/1", "20/1", "25/1", "30/1"),
)
"""Exposure times in thirds of a stop, as a D750 writes them."""

_ISOS = (
    *(50, 64, 80, 100, 125, 160, 200, 250, 320, 400, 500, 640, 800, 1000, 1250, 1600, 2000, 2500),
    *(3200, 4000, 5000, 6400, 8000, 10000, 12800, 25600, 51200),
)


def pack_shutter(text: str) -> int:
    """Nikon's 32-bit form of an exposure time written ``a/b``."""
    numerator, denominator = text.split("/")
    return int(numerator) << 16 | int(denominator)


def shutter_fraction(packed: int) -> Fraction:
    """The nominal exposure time in seconds."""
    return Fraction(packed >> 16, packed & 0xFFFF)


@dataclass
class Property:
    """One property: its value, and the values that it takes.

    Attributes:
        code: Its number.
        kind: Type of the value.
        value: The value now.
        choices: Values offered; empty where there is no list.
        limits: Smallest and largest value and the step, where it is a range.
        writable: The host may set it.
    """

    code: int
    kind: DataType
    value: int | str
    choices: tuple[int | str, ...] = ()
    limits: tuple[int, int, int] | None = None
    writable: bool = True

    def __post_init__(self) -> None:
        self._factory_value = self.value

    def pack(self) -> bytes:
        """The value."""
        return pack_value(self.kind, self.value)

    def descriptor(self, writable: bool) -> bytes:
        """The description that the host reads, with the values offered."""
        head = struct.pack("<HHB", self.code, self.kind, writable)
        head += pack_value(self.kind, self._factory_value) + self.pack()
        if self.choices:
            listed = b"".join(pack_value(self.kind, choice) for choice in self.choices)
            return head + struct.pack("<BH", 2, len(self.choices)) + listed
        if self.limits is not None:
            return head + b"\1" + b"".join(pack_value(self.kind, limit) for limit in self.limits)
        return head + b"\0"

    def accepts(self, value: int | str) -> bool:
        """Whether a value is offered."""
        if self.choices:
            return value in self.choices
        if self.limits is not None and isinstance(value, int):
            return self.limits[0] <= value <= self.limits[1]
        return True


def catalogue(size: tuple[int, int], raw: bool) -> dict[int, Property]:
    """The properties of a D750 with a 14 mm f/2.8 lens, in mode M at f/10, 1/4 s, ISO 100.

    Args:
        size: Width and height of the photos in pixels.
        raw: NEF files are among the image qualities.
    """
    return {p.code: p for p in _properties(f"{size[0]}x{size[1]}", raw)}


def _properties(size: str, raw: bool) -> Iterator[Property]:
    code, u8, u16, u32 = PropertyCode, DataType.UINT8, DataType.UINT16, DataType.UINT32
    shutters = tuple(pack_shutter(text) for text in SHUTTERS)
    # The older property counts tenths of a millisecond, so its values are cut short.
    tenths = tuple(int(shutter_fraction(value) * 10000) for value in shutters)
    on_off = (0, 1, 1)

    yield Property(code.BATTERY_LEVEL, u8, 90, limits=(1, 100, 1), writable=False)
    yield Property(code.IMAGE_SIZE, DataType.STRING, size, (size,))
    qualities = (0, 1, 2, 4, 5, 6, 7) if raw else (0, 1, 2)
    yield Property(code.IMAGE_QUALITY, u8, 2, qualities)
    yield Property(code.WHITE_BALANCE, u16, 4, (2, 4, 5, 6, 7, 0x8010, 0x8011, 0x8012, 0x8013))
    yield Property(code.F_NUMBER, u16, 1000, tuple(round(100 * f) for f in F_NUMBERS))
    yield Property(code.FOCAL_LENGTH, u32, 1400, limits=(1400, 1400, 1), writable=False)
    yield Property(code.FOCUS_MODE, u16, 1, (1, 0x8010, 0x8011, 0x8012, 0x8013), writable=False)
    yield Property(code.METERING, u16, 3, (2, 3, 4, 0x8010))
    yield Property(code.EXPOSURE_TIME, u32, 2500, tenths)
    yield Property(code.EXPOSURE_PROGRAM, u16, MANUAL_PROGRAM, (1, 2, 3, 4, 0x8010))
    yield Property(code.ISO, u16, 100, _ISOS)
    thirds = tuple(-(abs(n) * 1000 // 3) if n < 0 else n * 1000 // 3 for n in range(-15, 16))
    yield Property(code.EXPOSURE_COMPENSATION, DataType.INT16, 0, thirds)
    yield Property(code.DATE_TIME, DataType.STRING, "20260101T000000")
    yield Property(code.DRIVE_MODE, u16, 1, (1, 2, 0x8010, 0x8011, 0x8012, 0x8016), writable=False)
    yield Property(code.BURST_NUMBER, u16, 1, limits=(1, 100, 1))
    yield Property(code.AUTO_ISO, u8, 0, limits=on_off)
    yield Property(code.EXPOSURE_DELAY, u8, 3, limits=(0, 3, 1))
    yield Property(code.LENS_ID, u16, 2, writable=False)
    yield Property(code.LENS_MIN_FOCAL_LENGTH, u32, 1400, writable=False)
    yield Property(code.LENS_MAX_FOCAL_LENGTH, u32, 1400, writable=False)
    yield Property(code.LENS_APERTURE_WIDE, u16, 280, writable=False)
    yield Property(code.LENS_APERTURE_TELE, u16, 280, writable=False)
    yield Property(code.SHUTTER, u32, pack_shutter("1/4"), (*shutters, BULB))
    yield Property(code.RECORDING_MEDIA, u8, 0, limits=(0, 2, 1))
    yield Property(code.ISO_AUTO, u8, 0, limits=on_off)
    yield Property(code.LIVE_VIEW, u8, 0, limits=on_off, writable=False)
    yield Property(code.LIVE_VIEW_PROHIBITED, u32, 0, writable=False)
    yield Property(code.SHOTS_LEFT, u32, 0, writable=False)
