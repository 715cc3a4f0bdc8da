"""Local contrast: an image less its local mean, over its local standard deviation.

Two photos of one scene agree in it whatever their exposure, tone and vignetting.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from idfd.processing.photos.blur_match import Image, box

_FLOOR = np.float32(0.01)
"""Standard deviation at which texture begins to count as noise."""


def local_contrast(
    image: Image, mask: NDArray[np.bool_], coverage: Image, window: int
) -> tuple[Image, Image]:
    """Normalise an image by its neighbourhood.

    Args:
        image: (H, W) float32.
        mask: Pixels that count, (H, W); the others become 0.
        coverage: Their share of each neighbourhood, ``box(mask, window)``.
        window: Side of a neighbourhood, pixels.

    Returns:
        The normalised image and the standard deviations it was divided by, (H, W) float32 each.
    """
    masked, centred = np.empty_like(image), np.empty_like(image)
    apply_mask, centre, scale = _kernels()
    apply_mask(image, mask, masked)
    centre(image, box(masked, window), coverage, mask, centred, masked)
    spread = box(masked, window)
    scale(centred, spread, coverage)
    return centred, spread


@cache
def _kernels() -> tuple[Any, Any, Any]:
    import numba

    @numba.njit(cache=True)
    def apply_mask(image: Any, mask: Any, out: Any) -> None:
        for row in range(image.shape[0]):
            for column in range(image.shape[1]):
                out[row, column] = image[row, column] if mask[row, column] else np.float32(0)

    @numba.njit(cache=True)
    def centre(image: Any, mean: Any, coverage: Any, mask: Any, out: Any, squares: Any) -> None:
        for row in range(image.shape[0]):
            for column in range(image.shape[1]):
                value = image[row, column] - mean[row, column] / (
                    coverage[row, column] + np.float32(1e-6)
                )
                value = value if mask[row, column] else np.float32(0)
                out[row, column] = value
                squares[row, column] = value * value

    @numba.njit(cache=True)
    def scale(image: Any, variance: Any, coverage: Any) -> None:
        for row in range(image.shape[0]):
            for column in range(image.shape[1]):
                # Running sums can leave a tiny negative variance where all is masked out.
                spread = max(variance[row, column], np.float32(0)) / (
                    coverage[row, column] + np.float32(1e-6)
                )
                variance[row, column] = np.sqrt(spread) + _FLOOR
                image[row, column] /= variance[row, column]

    return apply_mask, centre, scale
