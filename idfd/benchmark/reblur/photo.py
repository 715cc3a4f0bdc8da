"""Re-blur a photo as it is stored."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from idfd.benchmark.reblur.layer import SIGMA_PER_COC, reblur


def reblur_photo(
    photo: NDArray[np.uint8], defocus_px: NDArray[np.floating[Any]], floor_px: float = 0.25
) -> NDArray[np.uint8]:
    """Blur a photo by a map of defocus, each pixel with a Gaussian of the spot's second moment.

    Args:
        photo: RGB, (H, W, 3) uint8.
        defocus_px: Diameter of the circle of confusion, (H, W) pixels; its sign does not matter.
        floor_px: Standard deviation up to which a pixel is sharp; see
            :func:`idfd.benchmark.reblur.layer.reblur`.

    Returns:
        (H, W, 3) uint8.
    """
    image = torch.from_numpy(photo).permute(2, 0, 1)[None].float()
    sigma = torch.from_numpy(np.abs(defocus_px).astype(np.float32))[None, None] * SIGMA_PER_COC
    levels = reblur(image, sigma, floor_px=floor_px)[0].round_().clamp_(0, 255).to(torch.uint8)
    return np.ascontiguousarray(levels.permute(1, 2, 0).numpy())
