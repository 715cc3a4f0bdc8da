"""The spots that a point becomes, as kernels of unit sum."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.float32]

_REACH = 3.5
"""Half a Gaussian kernel's side in standard deviations; what is cut off holds 0.5 % of the
variance."""
_SHARP = 0.01
"""Variance below which a spot changes nothing that eight bits would show, px²."""


@dataclass(frozen=True)
class Spot:
    """A family of spots, one for each diameter of the circle of confusion.

    Attributes:
        psf: Shape.
        rho: Standard deviation of a Gaussian over the diameter; a disk's is 1/4.
        kernel_px: Side of all Gaussian kernels, pixels; None is as wide as each needs.
    """

    psf: Literal["gaussian", "disk"] = "gaussian"
    rho: float = 0.3
    kernel_px: int | None = None

    @property
    def sigma_share(self) -> float:
        """Standard deviation along each axis over the diameter."""
        return self.rho if self.psf == "gaussian" else 0.25

    def radius(self, diameter: float) -> int:
        """Pixels on each side of the middle that the spot reaches."""
        if self.psf == "disk":
            return len(_disk(diameter)) // 2
        if self.kernel_px is not None:
            return self.kernel_px // 2
        return math.ceil(_REACH * self.rho * diameter)

    def blur(self, image: Image, diameter: float) -> Image:
        """Blur an image with one spot; edges are mirrored.

        Args:
            image: (H, W) or (H, W, C) float32.
            diameter: Of the circle of confusion, pixels.

        Returns:
            Of the same shape; the image itself where the spot is smaller than a pixel shows.
        """
        if (self.sigma_share * diameter) ** 2 < _SHARP:
            return image
        if self.psf == "disk":
            return np.asarray(cv2.filter2D(image, -1, _disk(diameter)), np.float32)
        side = 2 * self.radius(diameter) + 1
        kernel = cv2.getGaussianKernel(side, self.rho * diameter, cv2.CV_32F)
        return np.asarray(cv2.sepFilter2D(image, -1, kernel, kernel), np.float32)


@lru_cache(maxsize=512)
def _disk(diameter: float) -> Image:
    """A uniform disk with an edge one pixel wide, of the second moment of an ideal one.

    Pixels make a drawn disk wider than it should be, and one smaller than a pixel a point. So the
    disk is drawn whose variance is ``diameter² / 16``, as found by bisection.
    """
    side = 2 * math.ceil(diameter / 2 + 1) + 1
    square = (np.arange(side) - side // 2) ** 2.0
    away = np.sqrt(square[:, None] + square)
    low, high = 0.5, diameter / 2 + 1
    for _ in range(40):
        radius = (low + high) / 2
        drawn = np.clip(radius - away + 0.5, 0, 1)
        drawn /= drawn.sum()
        if (drawn * square).sum() > diameter**2 / 16:
            high = radius
        else:
            low = radius
    return drawn.astype(np.float32)
