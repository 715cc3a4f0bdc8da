"""Texts of choices to numbers, and back to the choice that a number stands for."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable
from typing import Literal

Format = Literal["jpeg", "raw", "raw+jpeg"]

FORMATS: dict[Format, tuple[str, ...]] = {
    "jpeg": ("JPEG Fine", "JPEG Normal", "JPEG Basic"),
    "raw": ("NEF (Raw)",),
    "raw+jpeg": ("NEF+Fine", "NEF+Normal", "NEF+Basic"),
}
"""Texts of ``imagequality`` that give each format, the best first."""

_DECIMAL = r"\d+(?:[.,]\d+)?"
_F_NUMBER = re.compile(rf"(?:f/)?({_DECIMAL})")
_SECONDS = re.compile(rf"({_DECIMAL})(?:/({_DECIMAL}))?\s?s?")
_LEADING = re.compile(rf"-?{_DECIMAL}")


def _number(text: str) -> float:
    # libgphoto2 prints decimals in the locale of its session: 'f/3,5' in a German one.
    return float(text.replace(",", "."))


def parse_f_number(text: str) -> float | None:
    """``f/2.8``, ``f/3,5`` or ``2.8`` to the f-number; None for ``f/0``, which means no lens."""
    found = _F_NUMBER.fullmatch(text.strip())
    return (_number(found[1]) or None) if found else None


def parse_exposure(text: str) -> float | None:
    """``1/25``, ``10/25``, ``0.0400s``, ``1,3`` or ``30`` to seconds.

    None for what is not a time that can be planned with: ``Bulb``, ``Time``, ``x 200``.
    """
    found = _SECONDS.fullmatch(text.strip())
    if not found:
        return None
    top, bottom = _number(found[1]), _number(found[2] or "1")
    return top / bottom if top and bottom else None


def parse_iso(text: str) -> int | None:
    """``100`` to 100; None for ``Hi 1``, ``Lo 0.3`` and ``Auto``."""
    text = text.strip()
    return int(text) or None if text.isascii() and text.isdigit() else None


def parse_leading(text: str | None) -> float | None:
    """The number that a text begins with: ``90%``, ``18 mm``, ``14.0``; None without one."""
    found = _LEADING.match((text or "").strip())
    return _number(found[0]) if found else None


def parse_format(text: str) -> Format | None:
    """The format that a text of ``imagequality`` stands for, or None (TIFF, unknown values)."""
    if text.startswith("NEF"):
        return "raw+jpeg" if "+" in text else "raw"
    return "jpeg" if text.startswith("JPEG") else None


def parsed(choices: Iterable[str], parse: Callable[[str], float | int | None]) -> dict[str, float]:
    """Choices that are numbers, with them; of two texts of one number the first stays."""
    found: dict[str, float] = {}
    for text in choices:
        value = parse(text)
        if value is not None and value not in found.values():
            found[text] = value
    return found


def choice_of(
    choices: Iterable[str], value: float, parse: Callable[[str], float | int | None]
) -> str | None:
    """The choice that stands for ``value`` (to 0.1 %), or None."""
    return next(
        (t for t, v in parsed(choices, parse).items() if math.isclose(v, value, rel_tol=1e-3)), None
    )
