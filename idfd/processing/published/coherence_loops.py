"""Inner loops of coherence transport. Importing this module imports numba."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit


@njit(cache=True)
def direction(
    known: Any, total: Any, weight: Any, window: Any, row: int, column: int, quantum: float
) -> Any:
    """Unit vector across the coherent structure at a pixel, and how coherent it is, 0 to 1."""
    rows, columns = known.shape
    reach = len(window) // 2
    xx, xy, yy, sum_ = 0.0, 0.0, 0.0, 0.0
    for y in range(max(row - reach, 0), min(row + reach, rows - 1) + 1):
        up, down = max(y - 1, 0), min(y + 1, rows - 1)
        for x in range(max(column - reach, 0), min(column + reach, columns - 1) + 1):
            if not known[y, x]:
                continue
            left, right = max(x - 1, 0), min(x + 1, columns - 1)
            # Around a known pixel the smoothed image exists: the kernel reaches it.
            dx = total[y, right] / weight[y, right] - total[y, left] / weight[y, left]
            dy = total[down, x] / weight[down, x] - total[up, x] / weight[up, x]
            dx /= max(right - left, 1)
            dy /= max(down - up, 1)
            w = window[y - row + reach] * window[x - column + reach]
            xx += w * dx * dx
            xy += w * dx * dy
            yy += w * dy * dy
            sum_ += w
    spread = np.hypot(xx - yy, 2 * xy) / sum_  # difference of the eigenvalues
    coherence = 0.0
    if spread > 0:
        coherence = np.exp(-(quantum**4) / (spread * spread))
    angle = 0.5 * np.arctan2(2 * xy, xx - yy)
    return np.cos(angle), np.sin(angle), coherence


@njit(cache=True)
def march(
    values: Any, known: Any, order: Any, total: Any, weight: Any, kernel: Any, window: Any,
    radius: float, sharpness: float, quantum: float,
) -> None:  # fmt: skip
    """Fill the unknown pixels in their order; ``values``, ``known`` and the sums are updated."""
    rows, columns = known.shape
    reach, half = int(radius), len(kernel) // 2
    for place in order:
        row, column = place // columns, place % columns
        nx, ny, coherence = direction(known, total, weight, window, row, column, quantum)
        steepness = ((1 + sharpness * coherence) / radius) ** 2 / 2
        mean, sum_ = 0.0, 0.0
        for y in range(max(row - reach, 0), min(row + reach, rows - 1) + 1):
            for x in range(max(column - reach, 0), min(column + reach, columns - 1) + 1):
                dx, dy = float(x - column), float(y - row)
                distance2 = dx * dx + dy * dy
                if not known[y, x] or distance2 > radius * radius:
                    continue
                across = nx * dx + ny * dy
                # The floor keeps a sum of weights that all underflow from being zero.
                along = max(np.exp(-steepness * across * across), 1e-300)
                w = along / np.sqrt(distance2)
                mean += w * values[y, x]
                sum_ += w
        value = mean / sum_
        values[row, column] = value
        known[row, column] = True
        # The smoothed image follows, so that the next direction knows of this pixel.
        for y in range(max(row - half, 0), min(row + half, rows - 1) + 1):
            for x in range(max(column - half, 0), min(column + half, columns - 1) + 1):
                w = kernel[y - row + half] * kernel[x - column + half]
                total[y, x] += w * value
                weight[y, x] += w
