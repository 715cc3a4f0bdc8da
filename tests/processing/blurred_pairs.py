"""Photo pairs with a known blur: textures of many scales, blurred by exact disks or Gaussians."""

from __future__ import annotations

from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from idfd.storage.color import encode_srgb

Spot = Literal["disk", "gaussian"]


def texture(height: int, width: int, seed: int = 0) -> NDArray[np.float32]:
    """Linear light in [0.02, 1], (H, W): noise at four scales and rectangles."""
    rng = np.random.default_rng(seed)
    light = np.full((height, width), 0.4, np.float32)
    for sigma, share in ((1, 0.25), (3, 0.2), (8, 0.3), (20, 0.3)):
        noise = rng.standard_normal((height, width)).astype(np.float32)
        noise = np.asarray(cv2.GaussianBlur(noise, (0, 0), sigma))
        light += 0.3 * share * noise / noise.std()
    for _ in range(height * width // 6000):
        x, y = rng.integers(width), rng.integers(height)
        w, h = rng.integers(5, 60, 2)
        light[y : y + h, x : x + w] *= 0.5
        light[y : y + h, x : x + w] += 0.5 * rng.uniform(0.05, 0.9)
    return np.clip(light, 0.02, 1)


def disk(diameter: float) -> NDArray[np.float64]:
    """A uniform disk by the area that it covers of each pixel, 16x16 samples a pixel."""
    reach, fine = int(np.ceil(diameter / 2)) + 1, 16
    at = (np.arange((2 * reach + 1) * fine) + 0.5) / fine - reach - 0.5
    inside = at[:, None] ** 2 + at**2 <= diameter**2 / 4
    side = 2 * reach + 1
    kernel = inside.reshape(side, fine, side, fine).mean((1, 3))
    return np.asarray(kernel / kernel.sum())


def blurred(light: NDArray[Any], sigma: float, spot: Spot = "disk") -> NDArray[Any]:
    """Blurred by a spot of standard deviation ``sigma`` pixels; a disk is of diameter 4σ."""
    if sigma == 0:
        return light
    if spot == "gaussian":
        return np.asarray(cv2.GaussianBlur(light, (0, 0), sigma))
    return np.asarray(cv2.filter2D(light, -1, disk(4 * sigma), borderType=cv2.BORDER_REFLECT))


def photo(light: NDArray[Any], noise: float = 0.0, seed: int = 1) -> NDArray[np.uint8]:
    """An sRGB photo with shot noise of ``noise`` at white, (H, W, 3) uint8."""
    rng = np.random.default_rng(seed)
    noisy = light + noise * np.sqrt(light) * rng.standard_normal(light.shape)
    grey = np.rint(encode_srgb(np.clip(noisy, 0, 1)) * 255).astype(np.uint8)
    return np.repeat(grey[..., None], 3, axis=-1)
