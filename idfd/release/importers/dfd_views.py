"""Views of DFD_Indoor: files paired by time, ids, and view groups.

The photo of a view has one stamp in both aperture folders, its depth map carries the stamp of
the other sensor, 0.03 to 0.3 s away, and lies in both folders as identical copies. Views are
paired by nearest time: in sorted order, one photo without depth shifts all that follow.

Scenes are not published. View groups are inferred from time: a pause of more than
:data:`GROUP_GAP_S` starts a new one, because moving the tripod to another place takes longer
than turning it. Where a group stands on both sides of the published split, it leaks; it is kept
as it is, and the verification of a release reports it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from idfd.capture.pairing import nearest_in_time
from idfd.release.importers.audit import Audit, files_under

APERTURES = {"dfd_dataset_indoor_N8": 8.0, "dfd_dataset_indoor_N2_8": 2.8}
SHARP, WIDE = APERTURES
SPLITS = ("train", "test")
PAIR_LIMIT_S = 0.5
GROUP_GAP_S = 90.0

# Windows cannot store ':', so copies made there hold '_' or '-' instead.
_STAMP = re.compile(r"^(\d{4}-\d\d-\d\d)T(\d\d)[:_-](\d\d)[:_-](\d\d)(\.\d{1,6})?$")


@dataclass(frozen=True)
class View:
    """The files of one view, by their meaning; the depth copy of N2_8 stands apart."""

    time: datetime
    split: str
    sharp: Path
    wide: Path
    depth: Path
    depth_copy: Path | None


def parse_stamp(stem: str) -> datetime | None:
    """Time of a file name such as ``2018-04-26T16:38:31.689710``, or None."""
    match = _STAMP.match(stem)
    if match is None:
        return None
    day, hour, minute, second, fraction = match.groups()
    try:
        return datetime.fromisoformat(
            f"{day}T{hour}:{minute}:{second}.{(fraction or '.0')[1:]:0<6}"
        )
    except ValueError:
        return None


def take_ids(times: list[datetime]) -> list[str]:
    """Unique ids such as ``20180426T163831``; takes within a second get milliseconds or more."""

    def stamp(decimals: int) -> Callable[[datetime], str]:
        return lambda time: (
            f"{time:%Y%m%dT%H%M%S}" + (f".{time:%f}"[: decimals + 1] if decimals else "")
        )

    ids = [stamp(0)(time) for time in times]
    for decimals in (3, 6):
        count = Counter(ids)
        ids = [
            stamp(decimals)(time) if count[name] > 1 else name
            for name, time in zip(ids, times, strict=True)
        ]
    return ids


def complete_views(source: Path, split: str, audit: Audit) -> list[View]:
    """The views of a published split that have both photos and depth, in order of time.

    Args:
        source: The folder that holds the aperture folders.
        split: ``train`` or ``test``.
        audit: Photos and depth maps without partners are named in it.
    """
    sharp = _stamped(source / SHARP / "rgb" / split, {".jpg", ".jpeg"})
    wide = _stamped(source / WIDE / "rgb" / split, {".jpg", ".jpeg"})
    depth = _stamped(source / SHARP / "depth" / split, {".png"})
    copies = _stamped(source / WIDE / "depth" / split, {".png"})
    for alone, other in ((sharp, wide), (wide, sharp)):
        for time in sorted(alone.keys() - other.keys()):
            lacks = f"the view has no photo at f/{2.8 if alone is sharp else 8:g}"
            audit.add("orphan", [alone[time]], lacks)
    photos = sorted(sharp.keys() & wide.keys())
    maps = sorted(depth.keys() | copies.keys())
    pairs = dict(nearest_in_time(photos, maps, PAIR_LIMIT_S))
    matched = {maps[j] for j in pairs.values()}
    for i, time in enumerate(photos):
        if i not in pairs:
            reason = f"the photo has no depth map {_nearest(time, maps)}"
            audit.add("orphan", [sharp[time], wide[time]], reason)
    for time in maps:
        if time not in matched:
            reason = f"the depth map has no photo {_nearest(time, photos)}"
            audit.add("orphan", [s[time] for s in (depth, copies) if time in s], reason)
    return [
        View(
            time=photos[i],
            split=split,
            sharp=sharp[photos[i]],
            wide=wide[photos[i]],
            depth=depth.get(maps[j]) or copies[maps[j]],
            depth_copy=copies.get(maps[j]) if maps[j] in depth else None,
        )
        for i, j in pairs.items()
    ]


def _stamped(folder: Path, suffixes: set[str]) -> dict[datetime, Path]:
    """Files of a folder by time; others stay unsettled and are named when the audit closes."""
    found: dict[datetime, Path] = {}
    for path in files_under(folder) if folder.is_dir() else []:
        time = parse_stamp(path.stem)
        if path.parent == folder and path.suffix.lower() in suffixes and time is not None:
            found.setdefault(time, path)
    return found


def _nearest(time: datetime, others: list[datetime]) -> str:
    if not others:
        return f"within {PAIR_LIMIT_S:g} s (there is none in its split)"
    away = min(abs((time - other).total_seconds()) for other in others)
    if away <= PAIR_LIMIT_S:
        return f"of its own: the one {away:.3f} s away belongs to a nearer partner"
    return f"within {PAIR_LIMIT_S:g} s (the nearest is {away:.2f} s away)"


def view_groups(views: list[View], prefix: str) -> tuple[list[str], str]:
    """Group views by pauses; see the module's description.

    Args:
        views: Views of all splits.
        prefix: What the names of the groups start with.

    Returns:
        The group's name of each view, numbered in order of time, and a sentence on how the
        groups were made.
    """
    group_of: dict[View, int] = {}
    group, previous = 0, None
    for view in sorted(views, key=lambda view: view.time):
        if previous is None or (view.time - previous.time).total_seconds() > GROUP_GAP_S:
            group += 1
        group_of[view] = group
        previous = view
    grouping = (
        f"view groups inferred from pauses of more than {GROUP_GAP_S:g} s "
        "(scenes are not published)"
    )
    return [f"{prefix}-{group_of[view]:02d}" for view in views], grouping
