"""Measurements on when the parts of a take were made."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from idfd.errors import InputError
from idfd.storage.exif import read_settings

_EVENTS = ("all_in_focus", "defocused", "depth")


def measure(clock: dict[str, float], all_in_focus: Path, defocused: Path) -> dict[str, float]:
    """Span of the take, and the camera's clock against the host's.

    Args:
        clock: UNIX times in seconds by event.
        all_in_focus: Photo with an EXIF time.
        defocused: Photo with an EXIF time.

    Returns:
        ``time_span`` in seconds, and ``photo_times``: by how much the time between the photos
        differs between the two clocks, in seconds. Only differences are compared, because EXIF
        times have no zone.
    """
    values = {}
    times = [clock[event] for event in _EVENTS if event in clock]
    if len(times) > 1:
        values["time_span"] = max(times) - min(times)
    taken = [_time(path) for path in (all_in_focus, defocused)]
    if taken[0] and taken[1] and {"all_in_focus", "defocused"} <= clock.keys():
        by_camera = (taken[1] - taken[0]).total_seconds()
        values["photo_times"] = abs(by_camera - (clock["defocused"] - clock["all_in_focus"]))
    return values


def _time(path: Path) -> datetime | None:
    try:
        return read_settings(path)[1]
    except InputError:
        return None
