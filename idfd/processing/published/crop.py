"""The published crop: a square of the photo, squeezed to 640 by 480."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from idfd.errors import InputError


@dataclass(frozen=True)
class PublishedCrop:
    """A window of the photo whose pixels are resampled with another scale in x than in y.

    Pixel (i, j) of the result (column, row) is centred on the photo's pixel
    ``(x + (i + 0.5)·scale_x − 0.5, y + (j + 0.5)·scale_y − 0.5)``.

    Attributes:
        x: Left edge of the window in the photo, pixels.
        y: Its upper edge.
        side: Width and height of the window.
        width: Of the result, pixels.
        height: Of the result.
    """

    x: int
    y: int
    side: int
    width: int
    height: int

    @property
    def scale_x(self) -> float:
        """Photo pixels to a pixel of the result, along a row."""
        return self.side / self.width

    @property
    def scale_y(self) -> float:
        """The same along a column."""
        return self.side / self.height

    @property
    def distortion(self) -> float:
        """How much wider than high a circle of the photo becomes; 1 is no distortion."""
        return self.scale_y / self.scale_x

    def photo_pixels(self) -> NDArray[np.float64]:
        """Where each pixel of the result lies in the photo, (height, width, 2) float64 (x, y)."""
        x = self.x + (np.arange(self.width) + 0.5) * self.scale_x - 0.5
        y = self.y + (np.arange(self.height) + 0.5) * self.scale_y - 0.5
        return np.stack(np.meshgrid(x, y), axis=-1)

    def resample(self, image: NDArray[Any]) -> NDArray[Any]:
        """Cut the window out of an image of the photo's size, and average to the result's pixels.

        Args:
            image: (H, W) or (H, W, 3) uint8, uint16 or float32.
        """
        window = image[self.y : self.y + self.side, self.x : self.x + self.side]
        size = (self.width, self.height)
        return np.asarray(cv2.resize(window, size, interpolation=cv2.INTER_AREA))


def choose_crop(
    measured: NDArray[np.bool_], side_share: float, width: int, height: int
) -> PublishedCrop:
    """The square in the middle of what the depth camera saw.

    The authors' window was ``[860 250 1050 1050]``; for photos of another size it is the same
    share of the height, placed where the depth is, and pushed inside.

    Args:
        measured: Where the photo has depth that was measured, (H, W) bool.
        side_share: Side of the square as a share of the shorter side of the photo.
        width: Of the result, pixels.
        height: Of the result.

    Raises:
        InputError: No pixel has depth.
    """
    rows, columns = np.flatnonzero(measured.any(axis=1)), np.flatnonzero(measured.any(axis=0))
    if not len(rows):
        raise InputError(
            "no depth falls into the photo",
            limit="a homography that leads the depth camera's view into the photo's",
            remedy="The features were matched wrongly; use the 'default' preset for this take",
        )
    side = max(1, round(side_share * min(measured.shape)))
    x, y = (
        int(np.clip((places[0] + places[-1] + 1 - side) // 2, 0, size - side))
        for places, size in ((columns, measured.shape[1]), (rows, measured.shape[0]))
    )
    return PublishedCrop(x=x, y=y, side=side, width=width, height=height)
