"""Cut a scene into layers, numbered from near to far."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def by_depth(
    depth_m: NDArray[Any], layers: int, reach_m: float
) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
    """Layers of equal thickness from 0 to ``reach_m``; the last takes all that is farther.

    Args:
        depth_m: (H, W) metres.
        layers: How many.
        reach_m: Where the last one ends.

    Returns:
        The layer of each pixel, (H, W) int32, and the mid depths, metres, (L,).
    """
    step = reach_m / layers
    layer = np.minimum(np.asarray(depth_m) / step, layers - 1).astype(np.int32)
    return layer, (np.arange(layers, dtype=np.float64) + 0.5) * step


def by_blur(
    circle_px: NDArray[np.float64], layers: int
) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
    """Layers evenly spaced in blur, one of which has none: what is in focus stays sharp.

    Args:
        circle_px: Signed circle of confusion, (H, W) pixels, which grows with depth.
        layers: How many at most.

    Returns:
        The layer of each pixel, (H, W) int32, and its circle, signed, pixels, (L,).
    """
    nearest, farthest = float(circle_px.min()), float(circle_px.max())
    step = (farthest - nearest) / (layers - 1)
    if step == 0:
        return np.zeros(circle_px.shape, np.int32), np.array([nearest])
    # Middles are multiples of the step, so that 0 is one of them.
    first = round(nearest / step)
    index = np.rint(circle_px / step).astype(np.int32) - first
    return index, np.arange(first, first + int(index.max()) + 1, dtype=np.float64) * step
