"""Holes of a depth map: where they are, how deep, and what depth surrounds them."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Holes:
    """Connected holes (over edges and corners) of a depth map.

    Attributes:
        label: Number of the hole that a pixel lies in, (H, W) int32, 0 = in none.
        distance: Distance to the nearest pixel with depth, (H, W) float32 pixels.
        count: Number of holes.
        small: Whether a hole is small enough to be filled, (count + 1,) bool; False for 0.
    """

    label: NDArray[np.int32]
    distance: NDArray[np.float32]
    count: int
    small: NDArray[np.bool_]

    @property
    def fill(self) -> NDArray[np.bool_]:
        """Pixels of holes that are small enough, (H, W) bool."""
        return self.small[self.label]


def find_holes(known: NDArray[np.bool_], largest_radius: float) -> Holes:
    """Holes, and which of them are small.

    The radius of a hole is the largest distance of its pixels to a pixel with depth. The border
    of the image is no depth: a hole that is open to it is as deep as it reaches inwards.

    Args:
        known: Pixels with depth, (H, W) bool.
        largest_radius: Of a small hole, pixels.

    Returns:
        The holes. Without a single pixel with depth there is one, and it is not small.
    """
    count, image = cv2.connectedComponents((~known).view(np.uint8), connectivity=8)
    label = image.astype(np.int32, copy=False)
    if not known.any():
        return Holes(label, np.full(known.shape, np.inf, np.float32), 1, np.zeros(2, np.bool_))
    # Within 1 % of the exact distance, in a fifth of the time.
    distance = cv2.distanceTransform((~known).view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5)
    small = np.ones(count, np.bool_)
    small[0] = False
    small[label[distance > largest_radius]] = False
    return Holes(label, distance.astype(np.float32, copy=False), count - 1, small)
