"""Textures to blur."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray


def texture(height: int, width: int, seed: int = 0) -> NDArray[np.float32]:
    """Light in [0.02, 1], (H, W): noise at three scales."""
    generator = np.random.default_rng(seed)
    light = np.full((height, width), 0.4, np.float32)
    for sigma in (1, 3, 8):
        noise = generator.standard_normal((height, width)).astype(np.float32)
        noise = np.asarray(cv2.GaussianBlur(noise, (0, 0), sigma))
        light += 0.1 * noise / noise.std()
    return np.clip(light, 0.02, 1).astype(np.float32)


def coloured(height: int, width: int) -> NDArray[np.float32]:
    """A texture of its own in each channel, (H, W, 3)."""
    return np.dstack([texture(height, width, seed) for seed in range(3)])
