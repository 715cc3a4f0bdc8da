"""What a photo was taken with, read from its EXIF block.

Times are the camera's local clock with its sub-seconds; EXIF has no dependable time zone.
"""

from __future__ import annotations

import logging
import math
import struct
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from idfd.errors import InputError
from idfd.model.camera import CameraSettings

# What ExifRead lets escape from a damaged block.
_DAMAGED = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    EOFError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
    struct.error,
)


@dataclass(frozen=True)
class Exif:
    """An EXIF block, as far as this toolkit uses it. ``None`` means that it does not say.

    Attributes:
        settings: What the photo was taken with, or None where the block has no f-number (there is
            none in a photo through a lens that does not tell its aperture, nor in one that was
            edited).
        taken: Time of exposure with sub-seconds.
        camera: Model of the body.
        serial: Serial number of the body.
        lens: Name of the lens.
        focal_length_mm: Focal length of the lens.
        orientation: How a viewer should turn the picture: 1 is as it lies on the sensor, 2 to 8
            are turned or mirrored (EXIF 2.32, tag 0x0112).
    """

    settings: CameraSettings | None
    taken: datetime | None
    camera: str | None
    serial: str | None
    lens: str | None
    focal_length_mm: float | None
    orientation: int | None


def read_exif(path: Path) -> Exif:
    """Read the EXIF block of a JPEG, TIFF or NEF file.

    Pixels are not read, so header-only files work. For Nikon bodies the ISO and the lens
    are looked up in the maker note where the standard tags lack them.

    Raises:
        InputError: The file cannot be read, or its EXIF block is damaged.
    """
    tags = _tags(path, details=False)
    f_number = _number(tags, "EXIF FNumber")
    iso = _number(tags, "EXIF ISOSpeedRatings") or _number(tags, "EXIF PhotographicSensitivity")
    focal_length = _number(tags, "EXIF FocalLength")
    lens = _text(tags, "EXIF LensModel")
    # The maker note takes as long as everything else, so it is decoded only where needed.
    if (
        f_number is not None
        and (iso is None or lens is None)
        and "NIKON" in (_text(tags, "Image Make") or "").upper()
    ):
        tags = {**_maker_note(path), **tags}
        iso = iso or _number(tags, "MakerNote ISOSetting", -1)
        lens = lens or _nikon_lens(tags, focal_length)
    camera = _text(tags, "Image Model")
    settings = None
    if f_number is not None:
        settings = CameraSettings(
            f_number=f_number,
            exposure_s=_number(tags, "EXIF ExposureTime"),
            iso=iso,
            focal_length_mm=focal_length,
            focus_distance_m=_number(tags, "EXIF SubjectDistance"),
            white_balance=_text(tags, "EXIF WhiteBalance"),
            camera=camera,
            lens=lens,
        )
    orientation = _number(tags, "Image Orientation")
    return Exif(
        settings=settings,
        taken=_time(tags),
        camera=camera,
        serial=_text(tags, "EXIF BodySerialNumber"),
        lens=lens,
        focal_length_mm=focal_length,
        orientation=None if orientation is None else int(orientation),
    )


def read_settings(path: Path) -> tuple[CameraSettings | None, datetime | None]:
    """The settings and the time of exposure of :func:`read_exif`."""
    exif = read_exif(path)
    return exif.settings, exif.taken


def _tags(path: Path, details: bool) -> dict[str, Any]:
    import exifread

    # ExifRead warns of every file without EXIF; without a handler that goes to the terminal.
    logging.getLogger("exifread").addHandler(logging.NullHandler())
    try:
        with path.open("rb") as file:
            tags: dict[str, Any] = exifread.process_file(file, details=details)
    except OSError as error:
        raise InputError(f"cannot be read ({error.strerror})", where=path) from None
    except _DAMAGED as error:
        raise InputError(
            f"the EXIF block is damaged ({type(error).__name__}: {error})",
            where=path,
            remedy="Copy the file again from the camera",
        ) from None
    return tags


def _maker_note(path: Path) -> dict[str, Any]:
    try:
        return _tags(path, details=True)
    except InputError:
        # Maker notes are undocumented; a body that writes another layout is not a damaged file.
        return {}


def _number(tags: dict[str, Any], name: str, index: int = 0) -> float | None:
    """A positive finite number, or None: cameras write 0, 0/0 and n/0 for "unknown"."""
    values = getattr(tags.get(name), "values", None)
    if not isinstance(values, list) or not values:
        return None
    value = values[index]
    numerator = getattr(value, "num", value)
    denominator = getattr(value, "den", 1)
    # EXIF writes 0xFFFFFFFF as the numerator of an infinite distance.
    if not isinstance(numerator, int | float) or not denominator or numerator == 0xFFFFFFFF:
        return None
    number = float(numerator) / float(denominator)
    return number if math.isfinite(number) and number > 0 else None


def _text(tags: dict[str, Any], name: str) -> str | None:
    text = str(tags.get(name, "")).replace("\x00", "").strip()
    return text or None


def _time(tags: dict[str, Any]) -> datetime | None:
    for name, fraction in (
        ("EXIF DateTimeOriginal", "EXIF SubSecTimeOriginal"),
        ("EXIF DateTimeDigitized", "EXIF SubSecTimeDigitized"),
    ):
        try:
            time = datetime.strptime(_text(tags, name) or "", "%Y:%m:%d %H:%M:%S")
        except ValueError:
            continue
        digits = _text(tags, fraction) or ""
        if digits.isascii() and digits.isdigit():
            time += timedelta(seconds=float(f"0.{digits}"))
        return time
    return None


def _nikon_lens(tags: dict[str, Any], focal_length: float | None) -> str | None:
    name = "MakerNote LensMinMaxFocalMaxAperture"
    wide, tele, fast, slow = (
        (_number(tags, name, k) for k in range(4)) if name in tags else [None] * 4
    )
    if wide is None or tele is None or fast is None or slow is None:
        return None
    # A truncated maker note decodes to other bytes of the file; such a lens cannot be.
    if not (wide <= (focal_length or wide) <= tele and fast <= slow):
        return None
    focal = f"{wide:g}" if wide == tele else f"{wide:g}-{tele:g}"
    aperture = f"{fast:.2g}" if fast == slow else f"{fast:.2g}-{slow:.2g}"
    return f"{focal} mm f/{aperture}"
