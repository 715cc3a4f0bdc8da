"""sRGB transfer function (IEC 61966-2-1) between encoded values and linear light."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

CLIP_LEVEL = 250
"""8-bit values from here on are treated as clipped; JPEG ringing blurs the exact level."""


def decode_srgb(encoded: NDArray[Any]) -> NDArray[np.float32]:
    """Encoded values in [0, 1] to linear light in [0, 1], float32, same shape."""
    value = np.asarray(encoded, np.float32)
    high = ((np.maximum(value, 0) + 0.055) / 1.055) ** 2.4
    return np.where(value <= 0.04045, value / 12.92, high).astype(np.float32)


def encode_srgb(linear: NDArray[Any]) -> NDArray[np.float32]:
    """Linear light in [0, 1] to encoded values in [0, 1], float32, same shape."""
    value = np.asarray(linear, np.float32)
    high = 1.055 * np.maximum(value, 0) ** (1 / 2.4) - 0.055
    return np.where(value <= 0.0031308, value * 12.92, high).astype(np.float32)


_LINEAR_OF_BYTE = decode_srgb(np.arange(256) / 255)


def linear_from_uint8(image: NDArray[np.uint8]) -> NDArray[np.float32]:
    """8-bit sRGB to linear light in [0, 1], float32, same shape."""
    return _LINEAR_OF_BYTE[image]


def luminance(linear_rgb: NDArray[np.float32]) -> NDArray[np.float32]:
    """Relative luminance (ITU-R BT.709) of linear RGB, (H, W, 3) to (H, W) float32."""
    return linear_rgb @ np.array([0.2126, 0.7152, 0.0722], np.float32)


def brightest(rgb: NDArray[Any]) -> NDArray[Any]:
    """The largest of the three channels, (H, W, 3) to (H, W); far faster than ``max(axis=2)``."""
    return np.maximum(np.maximum(rgb[..., 0], rgb[..., 1]), rgb[..., 2])
