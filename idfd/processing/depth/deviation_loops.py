"""Inner loops of the deviation. Importing this module imports numba."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from idfd.processing.depth.deviation import STRIDE

_REACH = 3
"""Neighbours on each side that tell the slope: over fewer, noise would pass for slope."""
_LEAST_COSINE = 0.02
"""Between a line of sight and a surface's normal: noise would make slopes without bounds."""


@njit(cache=True, nogil=True, error_model="numpy")
def reach(depth: Any, i: int, j: int, down: int, across: int, step: float) -> int:
    """How many neighbours in one direction are on the same surface."""
    for k in range(1, _REACH + 1):
        m, n = i + k * down, j + k * across
        if not (0 <= m < depth.shape[0] and 0 <= n < depth.shape[1]):
            return k - 1
        a, b = float(depth[m - down, n - across]), float(depth[m, n])
        if not abs(a - b) <= step * min(a, b):
            return k - 1
    return _REACH


@njit(cache=True, nogil=True, error_model="numpy")
def deviate(
    points: Any, depth: Any, deviation: Any, shift: Any, step: float, across: Any, along: Any,
    out: Any,
) -> None:  # fmt: skip
    """The standard deviation at each pixel, into ``out``; NaN where no depth."""
    for i in range(depth.shape[0]):
        for j in range(depth.shape[1]):
            z = float(depth[i, j])
            if not z > 0:
                out[i, j] = np.nan
                continue
            left, right = reach(depth, i, j, 0, -1, step), reach(depth, i, j, 0, 1, step)
            up, low = reach(depth, i, j, -1, 0, step), reach(depth, i, j, 1, 0, step)
            growth, slope = 1.0, 0.0
            if left + right > 0 and up + low > 0:
                ax = points[i, j + right, 0] - points[i, j - left, 0]
                ay = points[i, j + right, 1] - points[i, j - left, 1]
                az = points[i, j + right, 2] - points[i, j - left, 2]
                bx = points[i + low, j, 0] - points[i - up, j, 0]
                by = points[i + low, j, 1] - points[i - up, j, 1]
                bz = points[i + low, j, 2] - points[i - up, j, 2]
                nx, ny, nz = ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx
                x, y, far = points[i, j, 0], points[i, j, 1], points[i, j, 2]
                ray = (nx * (x - shift[0]) + ny * (y - shift[1]) + nz * (far - shift[2])) / z
                size = np.sqrt(nx * nx + ny * ny + nz * nz)
                sight = max(abs(nx * x + ny * y + nz * far) / far, _LEAST_COSINE * size)
                growth = abs(ray) / sight
                slope = far * np.sqrt(nx * nx + ny * ny) / sight
            m, n = i // STRIDE, j // STRIDE
            own, moved = growth * deviation[i, j], slope * across[m, n] + along[m, n]
            out[i, j] = np.sqrt(own * own + moved * moved)
