"""Photos as the light that a lens blurs: linear, each channel by itself, without an edge."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from idfd.storage.color import encode_srgb, linear_from_uint8

Plane = NDArray[np.float64]
"""One channel, (H, W) float64."""


def in_linear_light(
    photo: NDArray[np.uint8], margin: int, restore: Callable[[Plane], Plane]
) -> NDArray[np.uint8]:
    """Restore the channels of a photo in linear light, where blur is a convolution.

    Args:
        photo: (H, W, 3) uint8, sRGB.
        margin: Pixels over which borders are continued; see :func:`periodic`.
        restore: Takes a channel of linear light whose borders meet, and gives one of its shape.

    Returns:
        (H, W, 3) uint8; light outside the range of the photo is clipped.
    """
    light = linear_from_uint8(photo)
    height, width = light.shape[:2]
    rows, columns = slice(margin, margin + height), slice(margin, margin + width)
    restored = np.empty_like(light)
    for channel in range(3):
        plane = restore(periodic(light[..., channel].astype(np.float64), margin))
        restored[..., channel] = plane[rows, columns]
    return to_bytes(restored)


def to_bytes(light: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Encode linear light, clipped to [0, 1], as sRGB levels."""
    levels = encode_srgb(np.clip(light, 0, 1)) * np.float32(255)
    return np.asarray(np.rint(levels), np.uint8)


def periodic(plane: Plane, margin: int) -> Plane:
    """Continue a plane so that its opposite borders meet, (H + 2·margin, W + 2·margin).

    A Fourier transform takes an image for one tile of an endless wall. Where the borders of the
    tile do not match, deconvolution rings across the whole image. Here each border is mirrored, and
    fades over into the mirrored opposite border.
    """
    for axis in (0, 1):
        pad = [(0, 0), (0, 0)]
        pad[axis] = (2 * margin, 2 * margin)
        wide = np.moveaxis(np.pad(plane, pad, mode="symmetric"), axis, 0)
        size = plane.shape[axis]
        # Beyond the last row lies, endlessly, what lies before the first one.
        fade = ((np.arange(2 * margin) + 0.5) / (2 * margin))[:, None]
        join = (1 - fade) * wide[2 * margin + size :] + fade * wide[: 2 * margin]
        middle = wide[2 * margin : 2 * margin + size]
        joined = np.concatenate([join[margin:], middle, join[:margin]])
        plane = np.moveaxis(joined, 0, axis)
    return plane
