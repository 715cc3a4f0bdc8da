"""The common valid crop: all of it seen by both photos and the depth camera.

The aspect ratio of the photo and its pixel scale are kept.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from idfd.errors import InputError
from idfd.model.triple import Crop


def largest_crop(valid: NDArray[np.bool_]) -> Crop:
    """The largest window with the image's aspect ratio that holds valid pixels only.

    Raises:
        InputError: No window of at least 32 pixels is valid.
    """
    height, width = valid.shape
    low, high = 0, height
    while low < high:
        middle = (low + high + 1) // 2
        if place_crop(valid, *_with_aspect(middle, width, height)) is None:
            high = middle - 1
        else:
            low = middle
    crop = place_crop(valid, *_with_aspect(low, width, height)) if low >= 32 else None
    if crop is None:
        raise InputError(
            f"the photos share no window higher than {low} pixels",
            limit="at least 32 pixels",
            remedy="The two photos do not show the same view; check the pairing",
        )
    return crop


def _with_aspect(height: int, full_width: int, full_height: int) -> tuple[int, int]:
    return max(1, round(height * full_width / full_height)), height


def place_crop(valid: NDArray[np.bool_], width: int, height: int) -> Crop | None:
    """The valid window of a given size that lies nearest to the centre, or None."""
    rows, columns = valid.shape
    if width > columns or height > rows:
        return None
    total = cv2.integral((~valid).astype(np.uint8))
    invalid = (
        total[height:, width:] - total[:-height, width:]
        - total[height:, :-width] + total[:-height, :-width]
    )  # fmt: skip
    y, x = np.nonzero(invalid == 0)
    if not len(y):
        return None
    distance = (2 * x - (columns - width)) ** 2 + (2 * y - (rows - height)) ** 2
    best = int(distance.argmin())
    return Crop(x=float(x[best]), y=float(y[best]), width=width, height=height)


def field_of_view(depth: NDArray[np.uint16]) -> NDArray[np.bool_]:
    """Where the depth camera looks, (H, W) bool: the convex hull of the pixels with depth.

    Holes inside belong to it, for in-painting to fill; lone pixels do not stretch it. All of the
    image where there is no depth at all, so that other checks can say so.
    """
    seen = cv2.morphologyEx((depth > 0).astype(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    if not seen.any():
        return np.ones(depth.shape, bool)
    field = np.zeros(depth.shape, np.uint8)
    cv2.fillConvexPoly(field, cv2.convexHull(cv2.findNonZero(seen)), 1)
    return field.astype(bool)
