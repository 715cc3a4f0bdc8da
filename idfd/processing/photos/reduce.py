"""A photo made smaller by whole blocks, in linear light and one pass over its pixels.

What the alignment and the photometry look at does not need every pixel. A block's mean is the
light that fell on it, so nothing aliases, and no copy of the whole photo is made on the way.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from idfd.model.triple import PairTransform
from idfd.processing.photos.sampling import kernels
from idfd.processing.photos.transform import as_parameters, reduced_centre
from idfd.storage.color import CLIP_LEVEL, levels_per_byte, linear_table


@dataclass(frozen=True)
class Reduced:
    """A photo in blocks; block (row j, column i) is centred on pixel ``(i + 0.5)·factor − 0.5``.

    Attributes:
        linear: Mean linear light of each block, RGB, (h, w, 3) float32 in [0, 1].
        clipped: Share of its pixels that are clipped in some channel, (h, w) float32.
        factor: Side of a block, pixels.
        size: Width and height of the photo, pixels.
    """

    linear: NDArray[np.float32]
    clipped: NDArray[np.float32]
    factor: int
    size: tuple[int, int]


def reduce_photo(photo: NDArray[Any], factor: int) -> Reduced:
    """Reduce a photo by whole blocks; pixels that fill no block at the far edges are left out.

    Args:
        photo: RGB, (H, W, 3) uint8 or uint16, sRGB-encoded.
        factor: Side of a block, pixels.
    """
    height, width = photo.shape[0] // factor, photo.shape[1] // factor
    linear = np.zeros((height, width, 3), np.float32)
    clipped = np.zeros((height, width), np.float32)
    level = CLIP_LEVEL * levels_per_byte(photo.dtype)
    _kernel()(photo, linear_table(photo.dtype), level, factor, linear, clipped)
    return Reduced(linear, clipped, factor, (photo.shape[1], photo.shape[0]))


def bring_onto(photo: Reduced, transform: PairTransform) -> Reduced:
    """Bring a photo onto the grid that a transform maps from; what lies outside is "clipped"."""
    places = np.empty((2, *photo.clipped.shape), np.float32)
    centre = reduced_centre(transform, photo.factor)
    kernels().place_all(
        as_parameters(transform), *centre, transform.scale / photo.factor, 0.0, 0.0, 1.0, places
    )
    x, y = places
    clipped = cv2.remap(
        photo.clipped, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=(1.0,)
    )
    # Places are rounded to 1/32 of a block: nothing to averages over many blocks.
    linear = cv2.remap(photo.linear, x, y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    return replace(
        photo, linear=np.asarray(np.maximum(linear, 0), np.float32), clipped=np.asarray(clipped)
    )


@cache
def _kernel() -> Any:
    import numba

    @numba.njit(cache=True)
    def reduce(photo: Any, table: Any, level: int, factor: int, linear: Any, clipped: Any) -> None:
        share = np.float32(1.0 / (factor * factor))
        for row in range(linear.shape[0]):
            for y in range(row * factor, (row + 1) * factor):
                for column in range(linear.shape[1]):
                    red = green = blue = np.float32(0)
                    count = 0
                    for x in range(column * factor, (column + 1) * factor):
                        r, g, b = photo[y, x, 0], photo[y, x, 1], photo[y, x, 2]
                        red += table[r]
                        green += table[g]
                        blue += table[b]
                        count += (r >= level) | (g >= level) | (b >= level)
                    linear[row, column, 0] += red * share
                    linear[row, column, 1] += green * share
                    linear[row, column, 2] += blue * share
                    clipped[row, column] += np.float32(count) * share

    return reduce
