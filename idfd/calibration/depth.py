"""Depth of a burst as one map, for measurements on it; processing fuses bursts more carefully."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from idfd.model.burst import Burst

_FRAMES = 9


def steady_depth(burst: Burst) -> NDArray[np.float64]:
    """Median depth over the middle frames, (H, W) millimetres, NaN where most have none."""
    first = max(0, (len(burst) - _FRAMES) // 2)
    frames = burst.depth[first : first + _FRAMES]
    # Zeros sort first, so the median of the valid values lies in the upper part.
    ordered = np.sort(frames, axis=0)
    valid = np.count_nonzero(ordered, axis=0)
    place = len(frames) - 1 - valid // 2
    middle = np.take_along_axis(ordered, place[None], 0)[0].astype(np.float64)
    middle[valid * 2 <= len(frames)] = np.nan
    return middle
