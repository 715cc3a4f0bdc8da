"""Measure what misalignment is left, by another method than the one that aligned.

Phase correlation of patches knows nothing of the fitted model, so it would see a model that does
not suit the pair.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

PATCH = 128
_MAX_PATCHES = 48


def patch_shifts(first: NDArray[np.uint8], second: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Shift between two aligned photos on a grid of patches.

    Args:
        first: RGB, (H, W, 3) uint8.
        second: RGB of the same size.

    Returns:
        Lengths of the shifts in pixels, (N,); patches without texture or without a clear
        correlation peak are left out, so N may be 0.
    """
    grey = [cv2.cvtColor(image, cv2.COLOR_RGB2GRAY) for image in (first, second)]
    height, width = grey[0].shape
    side = min(PATCH, height, width)
    step = max(side // 2, int(np.sqrt(max(1, (height - side) * (width - side)) / _MAX_PATCHES)))
    window = cv2.createHanningWindow((side, side), cv2.CV_32F)
    shifts = []
    for y in range(0, height - side + 1, step):
        for x in range(0, width - side + 1, step):
            patches = [image[y : y + side, x : x + side].astype(np.float32) for image in grey]
            if min(float(patch.std()) for patch in patches) < 6:
                continue
            (dx, dy), response = cv2.phaseCorrelate(
                patches[0] - patches[0].mean(), patches[1] - patches[1].mean(), window
            )
            if response > 0.3:
                shifts.append(float(np.hypot(dx, dy)))
    return np.array(shifts)
