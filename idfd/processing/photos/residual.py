"""Measure what misalignment is left, by another method than the one that aligned.

Each patch gets its own shift (Lucas and Kanade 1981), so a model that does not suit the pair
shows. Both photos are made equally soft first: where one is sharper, phase correlation would
lock on to what the blur left over (it is off by pixels on perfectly aligned photos with a blur of
8 pixels radius, this method by less than 0.2).
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from idfd.processing.photos.blur_match import tone
from idfd.storage.color import linear_from_uint8, luminance

PATCH = 128
_SOFTNESS = 4.0
_MAX_PATCHES = 64
_LEAST_CONTRAST = 0.01


def patch_shifts(first: NDArray[np.uint8], second: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Shift between two aligned photos on a grid of patches, valid to about two pixels.

    Args:
        first: RGB, (H, W, 3) uint8.
        second: RGB of the same size.

    Returns:
        Lengths of the shifts in pixels, (N,); patches without texture in two directions are left
        out, so N may be 0.
    """
    # At this softness half the pixels hold everything.
    soft = [
        cv2.resize(
            tone(cv2.GaussianBlur(luminance(linear_from_uint8(image)), (0, 0), _SOFTNESS)),
            None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA,
        )
        for image in (first, second)
    ]  # fmt: skip
    height, width = soft[0].shape
    side = min(PATCH // 2, height, width)
    step = max(side // 2, int(np.sqrt(max(1, (height - side) * (width - side)) / _MAX_PATCHES)))
    hann = cv2.createHanningWindow((side, side), cv2.CV_32F)
    window = np.asarray(hann / hann.sum(), np.float32)
    shifts = []
    for y in range(0, height - side + 1, step):
        for x in range(0, width - side + 1, step):
            at = (slice(y, y + side), slice(x, x + side))
            shift = _shift(soft[0][at], soft[1][at], window)
            if shift is not None:
                shifts.append(2 * float(np.hypot(*shift)))
    return np.array(shifts)


def _shift(
    first: NDArray[Any], second: NDArray[Any], window: NDArray[np.float32]
) -> NDArray[np.float64] | None:
    """Least-squares shift of one patch, or None where it cannot be told in both directions."""
    centred = []
    for patch in (first, second):
        patch = patch - float((patch * window).sum())
        contrast = float(np.sqrt((patch * patch * window).sum()))
        if contrast < _LEAST_CONTRAST:
            return None
        centred.append(patch / contrast)
    gradient_y, gradient_x = np.gradient((centred[0] + centred[1]) / 2)
    difference = centred[0] - centred[1]
    xx, xy, yy = (
        float((a * b * window).sum())
        for a, b in ((gradient_x, gradient_x), (gradient_x, gradient_y), (gradient_y, gradient_y))
    )
    normal = np.array([[xx, xy], [xy, yy]])
    weak, strong = np.linalg.eigvalsh(normal)
    if weak < 0.05 * strong:
        return None
    right = [float((g * difference * window).sum()) for g in (gradient_x, gradient_y)]
    return np.asarray(np.linalg.solve(normal, right))
