"""Colour and noise that textures are mixed of."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from idfd.storage.color import decode_srgb

Colour = tuple[float, float, float]
"""Linear RGB albedo in [0, 1]."""
Texture = NDArray[np.float32]
"""Linear RGB albedo in [0, 1], (H, W, 3) float32."""


def ink(*codes: str) -> tuple[Colour, ...]:
    """Linear colours of web codes such as ``8b5a2b`` (sRGB)."""
    encoded = np.array([list(bytes.fromhex(code)) for code in codes]) / 255
    return tuple((float(r), float(g), float(b)) for r, g, b in decode_srgb(encoded))


def mix(dark: ArrayLike, light: ArrayLike, share: NDArray[Any]) -> Texture:
    """Blend two colours (or images) by a map of shares, (H, W), held to [0, 1]."""
    low, high = np.asarray(dark, np.float32), np.asarray(light, np.float32)
    held = np.clip(share, 0, 1).astype(np.float32)[..., None]
    return low + (high - low) * held


def soft(value: NDArray[Any]) -> NDArray[np.float32]:
    """An antialiased step: 0 below -0.5, 1 above 0.5, linear between."""
    return np.clip(value + 0.5, 0, 1).astype(np.float32)


def noise(
    rng: np.random.Generator, size: int, first: int, last: int, roughness: float
) -> NDArray[np.float32]:
    """Fractal noise that repeats without a seam, of unit standard deviation.

    Args:
        rng: Chooses one of the places and directions of a stored field, which is much faster than
            a new field.
        size: Texels, a power of two.
        first: The coarsest octave has 2**first cells across.
        last: The finest octave has 2**last cells; none has more than one per texel.
        roughness: Amplitude of each octave over that of the one before.
    """
    field = _field(size, first, last, roughness)
    turned = field.T if rng.integers(2) else field
    shift = rng.integers(0, size, 2)
    return np.ascontiguousarray(np.roll(turned, (int(shift[0]), int(shift[1])), (0, 1)))


@lru_cache(48)
def _field(size: int, first: int, last: int, roughness: float) -> NDArray[np.float32]:
    rng = np.random.default_rng([size, first, last])
    value = np.zeros((size, size), np.float32)
    for octave in range(first, last + 1):
        cells = min(2**octave, size)
        coarse = rng.random((cells, cells), np.float32) - np.float32(0.5)
        value += np.float32(roughness**octave) * _enlarged(coarse, size, size)
    return value / value.std()


def streaks(rng: np.random.Generator, size: int, texels: int) -> NDArray[np.float32]:
    """Lines along u, a sixteenth of the texture long, of unit standard deviation."""
    coarse = rng.random((size // texels, 16), np.float32) - np.float32(0.5)
    value = _enlarged(coarse, size, size)
    return value / value.std()


def _enlarged(coarse: NDArray[np.float32], height: int, width: int) -> NDArray[np.float32]:
    """Cubic enlargement that repeats without a seam."""
    margin = 2
    step_v, step_u = height // coarse.shape[0], width // coarse.shape[1]
    if step_v == step_u == 1:
        return coarse
    wrapped = np.pad(coarse, margin, mode="wrap")
    large = cv2.resize(wrapped, None, fx=step_u, fy=step_v, interpolation=cv2.INTER_CUBIC)
    top, left = margin * step_v, margin * step_u
    return np.asarray(large[top : top + height, left : left + width], np.float32)


def axes(size: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Texture coordinates of the texels' centres, u and v, each (size, size)."""
    axis = (np.arange(size, dtype=np.float32) + np.float32(0.5)) / np.float32(size)
    return np.broadcast_to(axis[None], (size, size)), np.broadcast_to(axis[:, None], (size, size))


def nearest_edge(position: NDArray[np.float32]) -> NDArray[np.float32]:
    """How far a position is from the nearest whole number, in [0, 0.5]."""
    return np.abs(position - np.rint(position))
