"""sRGB transfer function (IEC 61966-2-1) between encoded values and linear light."""

from __future__ import annotations

from functools import cache
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


@cache
def linear_table(dtype: np.dtype[Any]) -> NDArray[np.float32]:
    """Linear light of every encoded value of uint8 or uint16, (256,) or (65536,) float32."""
    peak = np.iinfo(dtype).max
    table = decode_srgb(np.arange(peak + 1) / peak)
    table.setflags(write=False)
    return table


def levels_per_byte(dtype: np.dtype[Any]) -> int:
    """How many levels of uint8 (1) or uint16 (257) one 8-bit level spans."""
    return int(np.iinfo(dtype).max) // 255


def eight_bit(image: NDArray[Any]) -> NDArray[np.uint8]:
    """A uint8 or uint16 image as uint8, of the same shape, rounded; uint8 is given back itself."""
    if image.dtype == np.uint8:
        return image
    return ((image.astype(np.uint32) + 128) // 257).astype(np.uint8)


def luminance(linear_rgb: NDArray[np.float32]) -> NDArray[np.float32]:
    """Relative luminance (ITU-R BT.709) of linear RGB, (H, W, 3) to (H, W) float32."""
    # Not a matrix product: its last bit may depend on the number of threads.
    red, green, blue = (linear_rgb[..., channel] for channel in range(3))
    return red * np.float32(0.2126) + green * np.float32(0.7152) + blue * np.float32(0.0722)


def brightest(rgb: NDArray[Any]) -> NDArray[Any]:
    """The largest of the three channels, (H, W, 3) to (H, W); far faster than ``max(axis=2)``."""
    return np.maximum(np.maximum(rgb[..., 0], rgb[..., 1]), rgb[..., 2])
