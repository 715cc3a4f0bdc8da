"""Pairs of photos at two apertures, by the time in their EXIF blocks."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from pathlib import Path

from idfd.errors import InputError
from idfd.storage.exif import read_settings

PAIR_LIMIT_S = 60.0
"""Longest time between two photos of a pair: setting the aperture ring by hand takes a while."""


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
