"""What a photo was taken with, read from its EXIF block, and pairs of apertures.

Times are the camera's local clock with its sub-seconds; EXIF has no dependable time zone.
"""

from __future__ import annotations

import logging
import math
import struct
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from idfd.errors import InputError
from idfd.model.camera import CameraSettings

PAIR_LIMIT_S = 60.0
"""Longest time between two photos of a pair: setting the aperture ring by hand takes a while."""

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


def read_settings(path: Path) -> tuple[CameraSettings | None, datetime | None]:
    """Read the settings and the time of a JPEG, TIFF or NEF file from its EXIF block.

    Pixels are not read, so header-only files work. For Nikon bodies the ISO and the lens
    are looked up in the maker note where the standard tags lack them.

    Args:
        path: The photo.

    Returns:
        The settings, or None where the block has no f-number (there is none in a photo
        through a lens that does not tell its aperture, nor in one that was edited), and the
        time of exposure with sub-seconds, or None.

    Raises:
        InputError: The file cannot be read, or its EXIF block is damaged.
    """
    tags = _tags(path, details=False)
    f_number = _number(tags, "EXIF FNumber")
    if f_number is None:
        return None, _time(tags)
    iso = _number(tags, "EXIF ISOSpeedRatings") or _number(tags, "EXIF PhotographicSensitivity")
    focal_length = _number(tags, "EXIF FocalLength")
    lens = _text(tags, "EXIF LensModel")
    # The maker note takes as long as everything else, so it is decoded only where needed.
    if (iso is None or lens is None) and "NIKON" in (_text(tags, "Image Make") or "").upper():
        tags = {**_maker_note(path), **tags}
        iso = iso or _number(tags, "MakerNote ISOSetting", -1)
        lens = lens or _nikon_lens(tags, focal_length)
    settings = CameraSettings(
        f_number=f_number,
        exposure_s=_number(tags, "EXIF ExposureTime"),
        iso=iso,
        focal_length_mm=focal_length,
        focus_distance_m=_number(tags, "EXIF SubjectDistance"),
        white_balance=_text(tags, "EXIF WhiteBalance"),
        camera=_text(tags, "Image Model"),
        lens=lens,
    )
    return settings, _time(tags)


def pair_by_aperture(
    paths: Iterable[Path], limit_s: float = PAIR_LIMIT_S
) -> list[tuple[Path, Path]]:
    """Pair photos of one view at a small and a large aperture by EXIF time.

    File numbers say nothing: photographers do not keep an order of apertures. Of all the
    photos, those at the largest f-number are all-in-focus and those at the smallest are
    defocused; photos in between are left out.

    Args:
        paths: Photos with EXIF blocks, in any order.
        limit_s: Longest time between the photos of a pair, seconds.

    Returns:
        Pairs (all-in-focus, defocused), nearest in time, each photo in one pair at most, in
        order of time. Photos without a partner are in no pair.

    Raises:
        InputError: A photo has no f-number or time, or all were taken at one aperture.
    """
    shots: list[tuple[float, datetime, Path]] = []
    for path in paths:
        settings, taken = read_settings(path)
        if settings is None or taken is None:
            missing = "f-number" if settings is None else "time"
            raise InputError(
                f"the photo has no EXIF {missing}",
                where=path,
                remedy="Use the file as the camera wrote it",
            )
        shots.append((settings.f_number, taken, path))
    if not shots:
        return []
    small, large = max(shot[0] for shot in shots), min(shot[0] for shot in shots)
    if math.isclose(small, large, rel_tol=0.02):
        raise InputError(
            f"all {len(shots)} photos were taken at f/{large:g}",
            limit="photos at two apertures",
            remedy="Give the photos of both apertures together",
        )
    sharp = [shot for shot in shots if math.isclose(shot[0], small, rel_tol=0.02)]
    defocused = [shot for shot in shots if math.isclose(shot[0], large, rel_tol=0.02)]
    found = nearest_in_time([s[1] for s in sharp], [d[1] for d in defocused], limit_s)
    found.sort(key=lambda pair: sharp[pair[0]][1])
    return [(sharp[i][2], defocused[j][2]) for i, j in found]


def photos_under(folder: Path) -> list[Path]:
    """Photos with EXIF blocks under a folder, sorted; of a JPEG and NEF of one shot the JPEG.

    Raises:
        InputError: The folder is missing or holds no photo.
    """
    suffixes = {".jpg", ".jpeg", ".nef", ".tif", ".tiff"}
    found = [
        path
        for path in sorted(folder.rglob("*"))
        if path.suffix.lower() in suffixes and path.is_file() and not path.name.startswith(".")
    ]
    if not found:
        raise InputError(
            "there is no photo" if folder.is_dir() else "there is no such folder",
            where=folder,
            limit=f"a folder with {', '.join(sorted(suffixes))} files",
        )
    jpegs = {path.with_suffix("") for path in found if path.suffix.lower() in {".jpg", ".jpeg"}}
    return [p for p in found if p.suffix.lower() != ".nef" or p.with_suffix("") not in jpegs]


def nearest_in_time(
    first: Sequence[datetime], second: Sequence[datetime], limit_s: float
) -> list[tuple[int, int]]:
    """Match two series of times one to one, the nearest first.

    Args:
        first: Times, in any order.
        second: Times, in any order.
        limit_s: Longest time apart, seconds, inclusive.

    Returns:
        Index pairs (into ``first``, into ``second``), sorted. Each index stands in one pair
        at most; what is left over has no partner within the limit that is not taken.
    """
    limit = timedelta(seconds=limit_s)
    order = sorted(range(len(second)), key=second.__getitem__)
    times = [second[j] for j in order]
    candidates = [
        (abs(time - times[k]), i, order[k])
        for i, time in enumerate(first)
        for k in range(bisect_left(times, time - limit), bisect_right(times, time + limit))
    ]
    taken_first: set[int] = set()
    taken_second: set[int] = set()
    pairs = []
    for _, i, j in sorted(candidates):
        if i not in taken_first and j not in taken_second:
            taken_first.add(i)
            taken_second.add(j)
            pairs.append((i, j))
    return sorted(pairs)


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
