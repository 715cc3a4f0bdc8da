"""Noise of a sensor at high sensitivity."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from idfd.processing.degrade.settings import HighIsoNoise


def clipping_electrons(settings: HighIsoNoise) -> float:
    """Electrons ``Q`` at which a pixel of the photo clips."""
    return settings.photosites * settings.full_well_e * 100 / settings.iso


def variance(level: NDArray[np.float32], settings: HighIsoNoise) -> NDArray[np.float32]:
    """Variance of the noise at linear levels in [0, 1], same shape."""
    full = clipping_electrons(settings)
    read = settings.photosites * settings.read_noise_e**2
    return np.asarray(level / full + read / full**2, np.float32)


def add_noise(
    light: NDArray[np.float32], settings: HighIsoNoise, generator: np.random.Generator
) -> NDArray[np.float32]:
    """Linear light as such a sensor would count it; see :class:`HighIsoNoise` for the formula.

    Args:
        light: Linear light in [0, 1], (H, W, 3) float32; each channel has noise of its own.
        settings: The sensor.
        generator: Source of the draws.

    Returns:
        Linear light that may lie a little outside [0, 1], (H, W, 3) float32.
    """
    full = clipping_electrons(settings)
    electrons = generator.poisson(light * full).astype(np.float32)
    read = math.sqrt(settings.photosites) * settings.read_noise_e
    electrons += np.float32(read) * generator.standard_normal(light.shape, np.float32)
    return electrons / np.float32(full)
