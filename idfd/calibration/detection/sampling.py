"""The image as it lies on the board round a corner."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
ANGLES = np.arange(24) * (2 * np.pi / 24)
"""Samples on a ring round a corner."""


@dataclass(frozen=True)
class Surroundings:
    """How the board lies in the image round corners, to second order.

    Attributes:
        axes: (N, 2, 2); columns are the pictures of one mm along the board's x and y axes, pixels.
        bend: (N, 2, 3); pixels for x², x y and y² of board coordinates in mm.
    """

    axes: Array
    bend: Array

    def chosen(self, which: NDArray[Any]) -> Surroundings:
        """Those of some corners."""
        return Surroundings(self.axes[which], self.bend[which])

    def offsets(self, board: Array) -> Array:
        """Pixels from each corner to points (M, 2) mm from it: (N, M, 2)."""
        x, y = board.T
        straight = self.axes @ board.T
        bent = self.bend @ np.stack([x * x, x * y, y * y])
        return np.swapaxes(straight + bent, 1, 2)


def ring(image: NDArray[Any], pixels: Array, around: Surroundings, radius: float) -> Array:
    """The image on circles of ``radius`` mm on the board round corners, (N, len(ANGLES))."""
    circle = radius * np.stack([np.cos(ANGLES), np.sin(ANGLES)], axis=1)
    return sample(image, pixels[:, None] + around.offsets(circle))


def sample(image: NDArray[Any], places: Array) -> Array:
    """The image at (N, M, 2) pixels, linearly between them, (N, M) float64.

    OpenCV 4's ``remap`` rounds places to 1/32 pixel, which a regular grid does not average out.
    """
    height, width = image.shape
    x = np.clip(places[..., 0], 0, width - 1)
    y = np.clip(places[..., 1], 0, height - 1)
    left, upper = x.astype(np.intp), y.astype(np.intp)
    x -= left
    y -= upper
    first = upper * width + left
    right = (left < width - 1).astype(np.intp)
    down = np.where(upper < height - 1, width, 0)
    flat = image.reshape(-1)
    above, above_right = flat[first].astype(np.float64), flat[first + right]
    below, below_right = flat[first + down].astype(np.float64), flat[first + down + right]
    above += x * (above_right - above)
    below += x * (below_right - below)
    return above + y * (below - above)
