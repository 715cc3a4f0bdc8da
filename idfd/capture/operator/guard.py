"""What must be there before a shot: battery, space on the card, space on the disk."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from idfd.capture.cameras import PhotoStatus
from idfd.capture.rig import RigProfile
from idfd.model.session import TakeRecord

SHOTS_PER_TAKE = 2
_LOW_SHOTS = 20
_BATTERY_WARN, _BATTERY_FAIL = 25.0, 5.0
_FIRST_TAKE_BYTES = 200_000_000  # two raw + JPEG pairs of 24 megapixels and a burst


@dataclass(frozen=True)
class Concern:
    """Something that is short; ``stop`` says that no take must be started."""

    stop: bool
    what: str
    remedy: str


def take_bytes(takes: Iterable[TakeRecord]) -> int:
    """Bytes that the next take will need: as many as the largest of the last takes."""
    sizes = [sum(item.file.bytes for item in take.files) for take in takes]
    return max(sizes[-5:], default=_FIRST_TAKE_BYTES)


def concerns(
    status: PhotoStatus, profile: RigProfile, folder: Path, needed_bytes: int
) -> list[Concern]:
    """Look at the battery, the card and the disk before a shot.

    Args:
        status: State of the photo camera; what it does not tell is not judged.
        profile: Says the margin of free disk space, and whether the card is used.
        folder: A folder on the disk that takes are written to.
        needed_bytes: Size of one take, see :func:`take_bytes`.
    """
    found = []
    battery = status.battery_percent
    if battery is not None and battery <= _BATTERY_WARN:
        found.append(
            Concern(
                battery <= _BATTERY_FAIL,
                f"the camera's battery is at {battery:g} %",
                "Change the battery or connect the mains adapter",
            )
        )
    shots = status.shots_left if profile.photo.keep_on_card else None
    if shots is not None and shots < _LOW_SHOTS:
        found.append(
            Concern(
                shots < SHOTS_PER_TAKE,
                f"the card has space for {shots} more photos, {shots // SHOTS_PER_TAKE} takes",
                "Put in another card; the takes of this session are on the computer already",
            )
        )
    free = shutil.disk_usage(folder).free
    margin = profile.margin_gb * 1e9
    if free < 10 * needed_bytes + margin:
        found.append(
            Concern(
                free < needed_bytes + margin,
                f"{free / 1e9:.2f} GB are free on the disk; a take needs {needed_bytes / 1e6:.0f} "
                f"MB and {profile.margin_gb:g} GB are kept free",
                "Free some space on the disk",
            )
        )
    return found
