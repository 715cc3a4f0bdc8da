"""Images that were not taken like the others: another body, lens, focus, aperture or size."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from idfd.model.camera import CameraSettings
from idfd.storage.exif import Exif

_SAME = 0.03
"""Relative difference up to which numbers in EXIF are the same; a third of a stop is 0.12."""

Value = str | float | tuple[int, int] | None


@dataclass(frozen=True)
class Shot:
    """What is known of an image beside its pixels.

    Attributes:
        size: Width and height in pixels.
        exif: Its EXIF block; None for images of the depth camera.
        settings: What it was taken with, where that is known.
        device: What tells one depth camera and mode from another.
    """

    size: tuple[int, int]
    exif: Exif | None = None
    settings: CameraSettings | None = None
    device: str | None = None


_BODY: Mapping[str, Callable[[Shot], Value]] = {
    "camera": lambda shot: shot.exif.camera if shot.exif else None,
    "serial number": lambda shot: shot.exif.serial if shot.exif else None,
    "lens": lambda shot: shot.exif.lens if shot.exif else None,
    "focal length in mm": lambda shot: shot.exif.focal_length_mm if shot.exif else None,
    "focus distance in m": lambda shot: shot.settings.focus_distance_m if shot.settings else None,
    "depth camera": lambda shot: shot.device,
}
_FRAME: Mapping[str, Callable[[Shot], Value]] = {
    "f-number": lambda shot: shot.settings.f_number if shot.settings else None,
    "size in pixels": lambda shot: shot.size,
}


def odd_bodies(shots: Mapping[str, Shot]) -> dict[str, str]:
    """Images that another body or lens took than most, or the same with its focus moved.

    Images that do not say are not held against the others.

    Args:
        shots: Images of one body by name, at whatever aperture.

    Returns:
        The reason for each of the odd ones.
    """
    return _odd(shots, _BODY)


def odd_frames(shots: Mapping[str, Shot]) -> dict[str, str]:
    """Images of another aperture or size than most; as :func:`odd_bodies`, for one camera."""
    return _odd(shots, _FRAME)


def _odd(
    shots: Mapping[str, Shot], fields: Mapping[str, Callable[[Shot], Value]]
) -> dict[str, str]:
    reasons: dict[str, str] = {}
    for field, value_of in fields.items():
        values = {
            name: value
            for name, shot in shots.items()
            if name not in reasons and (value := value_of(shot)) is not None
        }
        if not values:
            continue
        counts = [sum(_same(one, other) for other in values.values()) for one in values.values()]
        usual = list(values.values())[counts.index(max(counts))]
        for name, value in values.items():
            if not _same(value, usual):
                reasons[name] = (
                    f"its {field} is {_text(value)}; {max(counts)} others have {_text(usual)}"
                )
                if value == (usual[::-1] if isinstance(usual, tuple) else None):
                    reasons[name] += " (software has turned it: use the file of the camera)"
    return reasons


def _same(one: Value, other: Value) -> bool:
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=_SAME)
    return one == other


def _text(value: Value) -> str:
    if isinstance(value, tuple):
        return f"{value[0]}x{value[1]}"
    return f"{value:g}" if isinstance(value, float) else str(value)
