"""How the light falls off over a board: the one thing that differs after half a turn."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from idfd.calibration.detection.saddle import saddle_score
from idfd.calibration.detection.sampling import Array, Surroundings, ring

_SURFACES = {2: 24, 1: 8}
"""Degree of the surface that stands for the light, by the corners that it needs."""
_LEAST_SCORE = 0.6
_STEEPEST = 0.05
"""Relative change of brightness for a pixel that is still light, and no shadow's edge."""


def shading(image: NDArray[Any], pixels: Array, around: Surroundings, radius: float) -> Array:
    """How much brighter the light gets per pixel to the right and down, relative, (N, 2).

    It falls off to the edges of an image and of an infrared lamp's beam. Rings of ``radius`` mm
    round all corners are half dark and half bright, so a smooth surface through the logarithms of
    their means is that of the light.
    """
    light = np.log(np.maximum(ring(image, pixels, around, radius).mean(axis=1), 1.0))
    kept = np.abs(saddle_score(image, pixels, around, radius)) >= _LEAST_SCORE
    corners = np.count_nonzero(kept)
    degree = next((d for d, fewest in _SURFACES.items() if corners >= fewest), 0)
    if not degree:
        return np.zeros_like(pixels)
    middle, size = pixels[kept].mean(axis=0), float(np.ptp(pixels[kept], axis=0).max()) / 2
    x, y = ((pixels - middle) / size).T
    powers = [(i, k - i) for k in range(degree + 1) for i in range(k + 1)]
    terms = np.stack([x**i * y**j for i, j in powers], axis=1)
    surface = np.linalg.lstsq(terms[kept], light[kept], rcond=1e-6)[0]
    away = np.abs(light - terms @ surface)
    kept &= away <= 4 * np.median(away[kept]) + 1e-9
    surface = np.linalg.lstsq(terms[kept], light[kept], rcond=1e-6)[0]
    right = np.stack([i * x ** max(i - 1, 0) * y**j for i, j in powers], axis=1) @ surface
    down = np.stack([j * x**i * y ** max(j - 1, 0) for i, j in powers], axis=1) @ surface
    return np.clip(np.stack([right, down], axis=1) / size, -_STEEPEST, _STEEPEST)
