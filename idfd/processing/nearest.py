"""Pixels without a value take that of the nearest pixel that has one."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray


def nearest_known(known: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Where the nearest known pixel is, by Euclidean distance to within 2 %.

    Args:
        known: (H, W), true somewhere.

    Returns:
        Index into the raveled image of the known pixel nearest to each, (H, W).
    """
    _, label = cv2.distanceTransformWithLabels(
        (~known).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5, labelType=cv2.DIST_LABEL_PIXEL
    )
    of_label = np.zeros(int(label.max()) + 1, np.intp)
    of_label[label[known]] = np.flatnonzero(known)
    return of_label[label]


def fill_nearest(depth: NDArray[Any]) -> NDArray[Any]:
    """Depth with each empty pixel (0) given that of the nearest one that is not; same shape."""
    known = depth > 0
    return depth if known.all() else depth.ravel()[nearest_known(known)]
