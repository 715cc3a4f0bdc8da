"""Measure what misalignment is left, by another method than the one that aligned.

Each patch gets its own shift (Lucas and Kanade 1981), so a model that does not suit the pair
shows. Both photos are made equally soft first: where one is sharper, phase correlation would
lock on to what the blur left over (it is off by pixels on perfectly aligned photos with a blur of
8 pixels radius, this method by less than 0.2).
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from idfd.processing.photos.blur_match import Image, tone

PATCH = 128
_SOFTNESS = 4.0
_MARGIN = 16
_MAX_PATCHES = 40
_LEAST_CONTRAST = 0.01


def patch_windows(width: int, height: int) -> list[tuple[slice, slice]]:
    """Rows and columns of a grid of patches over a frame.

    A patch has a margin around it, four times as wide as the photos are softened by: the shift is
    that of the part inside. Frames smaller than a patch are one patch.
    """
    whole = PATCH + 2 * _MARGIN
    rows, columns = min(whole, height), min(whole, width)
    spread = np.sqrt(max(1, (height - rows) * (width - columns)) / _MAX_PATCHES)
    step = max(PATCH // 2, int(spread))
    return [
        (slice(y, y + rows), slice(x, x + columns))
        for y in range(0, height - rows + 1, step)
        for x in range(0, width - columns + 1, step)
    ]


def patch_shift(first: NDArray[np.float32], second: NDArray[np.float32]) -> float | None:
    """Shift between two patches, valid to about two pixels.

    Args:
        first: Linear light, (h, w) float32.
        second: Of the same size.

    Returns:
        Length of the shift in pixels, or None where it cannot be told in both directions.
    """
    soft = [_softened(first), _softened(second)]
    height, width = soft[0].shape
    hann = cv2.createHanningWindow((width, height), cv2.CV_32F)
    window = np.asarray(hann / hann.sum(), np.float32)
    centred = []
    for patch in soft:
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
    return 2 * float(np.hypot(*np.linalg.solve(normal, right)))


def _softened(light: NDArray[np.float32]) -> Image:
    """Toned light without its margin; at this softness half the pixels hold everything."""
    soft = cv2.GaussianBlur(light, (0, 0), _SOFTNESS)
    if min(soft.shape) > 4 * _MARGIN:
        soft = soft[_MARGIN:-_MARGIN, _MARGIN:-_MARGIN]
    return cv2.resize(tone(soft), None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
