"""The pictures in which a board is looked for: reduced, enlarged, with evened out contrast."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
FIRST, _SECOND = 1200, 2400
"""Longer sides that are tried before the full size."""
_ENLARGED = 2048
"""Infrared images may show a marker's bit in little more than a pixel: they are enlarged."""


@dataclass(frozen=True)
class Level:
    """A picture in which to look.

    Attributes:
        picture: (H, W) uint8.
        scale: Pixels of this picture for one of the image.
        corner: Upper left pixel of the image that it begins with.
    """

    picture: NDArray[np.uint8]
    scale: float
    corner: tuple[int, int] = (0, 0)

    def to_image(self, pixels: Array) -> Array:
        """Pixels of the image, from pixels of this picture."""
        return (pixels + 0.5) / self.scale - 0.5 + np.array(self.corner)

    def evened(self) -> Level:
        """The same picture with its local contrast stretched (CLAHE), for vignetted infrared."""
        tiles = cv2.createCLAHE(clipLimit=8.0, tileGridSize=(8, 8))
        return Level(np.asarray(tiles.apply(self.picture), np.uint8), self.scale, self.corner)


def levels(image: NDArray[Any]) -> Iterator[float]:
    """Scales to try, the quickest first; whole fractions, which OpenCV reduces by quickly."""
    longer = max(image.shape)
    if longer <= FIRST:
        yield 1.0
        if 2 * longer <= _ENLARGED:
            yield 2.0
        return
    factors = [round(longer / side) for side in (FIRST, _SECOND)]
    yield from sorted({1 / factor for factor in factors if factor > 1} | {1.0})


def level(
    image: NDArray[Any], scale: float, region: tuple[int, int, int, int] | None = None
) -> Level:
    """A part of an image at another size and in 8 bits.

    Args:
        image: (H, W) uint8 or uint16.
        scale: 1 / 2, 1 / 3 ..., 1 or 2. Rows and columns that do not fill a pixel are left out.
        region: Left, upper, right and lower pixel, the latter two exclusive; None for all of it.
    """
    left, upper, right, lower = region or (0, 0, image.shape[1], image.shape[0])
    part = image[upper:lower, left:right]
    if scale < 1:
        factor = min(round(1 / scale), *part.shape)
        height, width = (side // factor for side in part.shape)
        part = cv2.resize(
            part[: height * factor, : width * factor],
            (width, height),
            interpolation=cv2.INTER_AREA,
        )
        scale = 1 / factor
    elif scale > 1:
        part = cv2.resize(part, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
    return Level(to_uint8(part), scale, (left, upper))


def to_uint8(image: NDArray[Any]) -> NDArray[np.uint8]:
    """Stretch dark and 16-bit images to the range of 8 bits; leave photos as they are."""
    sample = image[:: max(1, image.shape[0] // 512), :: max(1, image.shape[1] // 512)]
    low, high = np.percentile(sample, (0.5, 99.5))
    if image.dtype == np.uint8 and high - low >= 100:
        return np.asarray(image, np.uint8)
    factor = 255 / max(high - low, 1.0)
    return np.clip((image.astype(np.float32) - low) * factor, 0, 255).astype(np.uint8)


def edge_width(image: NDArray[Any]) -> float:
    """Width of the sharpest edges in pixels, contrast over slope; 3 is sharp."""
    picture = level(image, 1 / max(1, round(max(image.shape) / FIRST)))
    smooth = cv2.GaussianBlur(picture.picture.astype(np.float32), (0, 0), 1.0)
    across, down = (cv2.Sobel(smooth, -1, 1 - k, k, scale=1 / 8) for k in (0, 1))
    contrast = np.subtract(*np.percentile(smooth[::2, ::2], (99, 1)))
    steepest = max(float(np.percentile(np.hypot(across, down), 99.8)), 1e-6)
    return float(contrast) / steepest / picture.scale
