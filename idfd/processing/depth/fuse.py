"""A burst of depth frames becomes one depth map."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from idfd.errors import InputError


@dataclass(frozen=True)
class FuseConfig:
    """How a burst is fused.

    Attributes:
        least_share: A pixel that is valid in a smaller share of the frames stays empty.
        largest_spread_mm: A pixel whose values spread more (half the interquartile range, scaled
            to a standard deviation) stays empty: it flickers between a near and a far surface.
    """

    least_share: float = 0.5
    largest_spread_mm: float = 40.0


_ROWS = 32
"""Rows fused at a time: 30 frames of them stay in the cache."""


def fuse_burst(depth: NDArray[np.uint16], config: FuseConfig = FuseConfig()) -> NDArray[np.uint16]:
    """Median of the valid values of each pixel.

    Args:
        depth: (N, H, W) uint16 millimetres, 0 = no depth.
        config: Limits.

    Returns:
        (H, W) uint16 millimetres; 0 where too few frames have a value or the values spread too
        far. Of an even number of values the mean of the middle two, rounded half to even.

    Raises:
        InputError: The burst is not three-dimensional, or empty.
    """
    if depth.ndim != 3 or not len(depth):
        raise InputError(f"the burst has shape {depth.shape}", limit="(N, H, W) with N > 0")
    count, height, width = depth.shape
    fused = np.zeros((height, width), np.uint16)
    for top in range(0, height, _ROWS):
        # Zeros wrap to the largest value, so the valid ones are the first of the sorted values.
        values = np.sort(depth[:, top : top + _ROWS] - np.uint16(1), axis=0)
        valid = np.count_nonzero(values != np.iinfo(np.uint16).max, axis=0)

        def at(index: NDArray[np.intp], values: NDArray[np.uint16] = values) -> NDArray[np.int64]:
            return np.take_along_axis(values, index[None], 0)[0].astype(np.int64)

        last = np.maximum(valid - 1, 0)
        # Half to even: rounding halves up would move a whole wall back by a quarter millimetre.
        middle = np.rint((at(last // 2) + at((last + 1) // 2)) / 2 + 1).astype(np.int64)
        spread = (at(3 * last // 4) - at(last // 4)) / 1.349
        kept = (valid >= max(1, config.least_share * count)) & (spread <= config.largest_spread_mm)
        fused[top : top + _ROWS] = np.where(kept, middle, 0)
    return fused
