"""Inner loops over each pixel and its neighbours. Importing this module imports numba.

Arrays come with a border, so that every pixel has all of its neighbours; the loops run along rows
without branches, so that they are compiled to vector instructions.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

NOWHERE = np.float32(1e4)
"""Stands for the logarithm of a depth that is missing: too far from any other to have weight."""
_ZERO, _HALF, _ONE = np.float32(0), np.float32(0.5), np.float32(1)
_STRIP = 512
"""Pixels of a row that are averaged at a time: all that is kept of them stays in the cache."""
_LOG, _OWN, _DOWN, _ACROSS, _TOTAL, _RESIDUAL, _SPREAD = (_STRIP * i for i in range(7))


@njit(cache=True, nogil=True, error_model="numpy")
def support(depth: Any, tolerance: Any, count: Any) -> None:
    """Count the neighbours, of eight, whose depth is within the tolerance of each pixel.

    Args:
        depth: (H + 2, W + 2) float32, 0 = none, bordered by zeros.
        tolerance: (H, W) float32, less than the depth.
        count: Receives the number, (H, W) uint8.
    """
    height, width = count.shape
    for y in range(height):
        middle, limit, found = depth[y + 1], tolerance[y], count[y]
        found[:] = 0
        for i in range(3):
            other = depth[y + i]
            for j in range(3):
                if i == 1 and j == 1:
                    continue
                for x in range(width):
                    found[x] += np.uint8(abs(other[x + j] - middle[x + 1]) <= limit[x])


@njit(cache=True, nogil=True, error_model="numpy")
def average(
    logs: Any,
    variance: Any,
    weights: Any,
    cut: Any,
    influence: Any,
    steepest: Any,
    change: Any,
    left: Any,
) -> None:
    """Robust mean of each pixel and its neighbours, about the plane through the pixel.

    Tukey's biweight of the residual, in units of its own standard deviation, times the weight of
    the place. A pixel gives weight to those that resemble it, so that the mean follows its noise
    further than the weights alone say: a neighbour moves the mean by ``influence`` times its
    weight, and the pixel itself by all the rest.

    Args:
        logs: Logarithm of the depth, bordered, (H + 2R, W + 2R) float32; ``NOWHERE`` = none.
        variance: Of the logarithms, the same shape; positive.
        weights: Of the places, (2R + 1, 2R + 1) float32, 1 in the middle; R is at least 2.
        cut: Residuals of so many standard deviations have no weight, float32.
        influence: Of a change of a residual on the weighted one, over the weight, float32.
        steepest: A steeper slope, per pixel, is a jump, float32.
        change: Receives what to add to the logarithm, (H, W) float32.
        left: Receives the variance of the result, (H, W) float32.
    """
    height, width = change.shape
    radius = weights.shape[0] // 2
    cut2 = cut * cut
    # One array at constant distances: of ten separate ones the compiler could not tell that they
    # do not overlap, and would not vectorise.
    work = np.empty(7 * _STRIP, np.float32)
    for y in range(height):
        for start in range(0, width, _STRIP):
            size = min(_STRIP, width - start)
            row, column = y + radius, start + radius
            own = variance[row, column : column + size]
            line = logs[row, start : start + size + 2 * radius]
            above = logs[row - 2, column : column + size]
            below = logs[row + 2, column : column + size]
            for x in range(size):
                z = line[x + radius]
                same = cut * np.sqrt(np.float32(1.5) * own[x])
                work[_LOG + x] = z
                work[_OWN + x] = cut2 * own[x]
                work[_DOWN + x] = _slope(above[x], z, below[x], same, steepest)
                work[_ACROSS + x] = _slope(
                    line[x + radius - 2], z, line[x + radius + 2], same, steepest
                )
                work[_TOTAL + x] = 1
                work[_RESIDUAL + x] = work[_SPREAD + x] = 0
            for i in range(-radius, radius + 1):
                for j in range(-radius, radius + 1):
                    if i == 0 and j == 0:
                        continue
                    place = weights[i + radius, j + radius]
                    other = logs[row + i, column + j : column + j + size]
                    theirs = variance[row + i, column + j : column + j + size]
                    fi, fj = np.float32(i), np.float32(j)
                    for x in range(size):
                        rise = fi * work[_DOWN + x] + fj * work[_ACROSS + x]
                        # Along a plane the inverse depth is linear: log z = log z0 - log(1 - rise).
                        r = other[x] - work[_LOG + x] - rise - _HALF * rise * rise
                        t = r * r / (work[_OWN + x] + cut2 * theirs[x])
                        rest = max(_ONE - t, _ZERO)
                        w = place * rest * rest
                        work[_TOTAL + x] += w
                        work[_RESIDUAL + x] += w * r
                        work[_SPREAD + x] += w * w * theirs[x]
            for x in range(size):
                total = work[_TOTAL + x]
                mine = total - influence * (total - _ONE)
                theirs_left = influence * influence * work[_SPREAD + x]
                change[y, start + x] = work[_RESIDUAL + x] / total
                left[y, start + x] = (mine * mine * own[x] + theirs_left) / (total * total)


@njit(cache=True, inline="always")
def _slope(before: Any, middle: Any, after: Any, same: Any, steepest: Any) -> Any:
    """Slope per pixel of the surface that ``middle`` lies on, from two pixels before and after.

    Across an edge the flatter side is the pixel's own; where both sides are jumps, it is 0.
    """
    left, right = _HALF * (middle - before), _HALF * (after - middle)
    flatter = left if abs(left) < abs(right) else right
    found = _HALF * (left + right) if abs(left - right) <= same else flatter
    return found if abs(found) <= steepest else np.float32(0)
