"""Defocus from a stack of Gaussians: fast, and blind to occlusion.

Each pixel is read from the two levels of the stack around its own blur, mixed so that the variance
is right: ``(1 − t)·σ_i² + t·σ_{i+1}² = σ²``.
"""

from __future__ import annotations

import numpy as np

from idfd.processing.defocus.spot import Image, Spot
from idfd.processing.defocus.strips import each_strip, widen


def gaussian_stack(image: Image, diameter: Image, spot: Spot, levels: int) -> Image:
    """Blur each pixel by its own circle of confusion.

    Args:
        image: All in focus, (H, W, 3) float32.
        diameter: Circle of confusion of each pixel, (H, W) float32 pixels.
        spot: Shape of the blur.
        levels: How many, with the photo itself.

    Returns:
        (H, W, 3) float32, to the bit the same on any number of threads.
    """
    from idfd.processing.defocus.stack_loops import mix

    steps = np.linspace(0, float(diameter.max()), levels, dtype=np.float32)
    out = np.empty_like(image)
    if steps[-1] == 0:
        return image.copy()

    def strip(rows: slice) -> None:
        wide, inner = widen(rows, spot.radius(float(steps[-1])), len(image))
        stack = np.stack([spot.blur(image[wide], float(step))[inner] for step in steps])
        mix(stack, steps, diameter[rows], out[rows])

    each_strip(len(image), strip)
    return out
