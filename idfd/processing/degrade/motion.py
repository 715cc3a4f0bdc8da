"""Motion blur with parallax: near things draw longer lines than far ones."""

from __future__ import annotations

import math
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from idfd.errors import InputError
from idfd.model.camera import Intrinsics
from idfd.processing.degrade.settings import MotionBlur
from idfd.processing.nearest import fill_nearest

_STEP_PX = 0.5
_LEAST, _MOST = 9, 257
_ROUNDS = 2
"""An even number: where a near thing moved away no round agrees with the one before, and every
other one ends beside it, on the background."""


def blur_length_px(
    depth_mm: NDArray[np.uint16], camera: Intrinsics, settings: MotionBlur
) -> NDArray[np.float32]:
    """Length ``f·v·t/Z`` of the line that each point draws, (H, W) float32 pixels.

    Pixels without depth take that of the nearest pixel that has one.

    Raises:
        InputError: No pixel has depth.
    """
    if not depth_mm.any():
        raise InputError(
            "there is no depth to scale motion blur by",
            limit="at least one pixel with depth",
            remedy="Choose another kind of degradation: camera-shake needs no depth",
        )
    way = np.float32(camera.fx * settings.speed_mm_s * settings.exposure_s)
    return np.asarray(way / fill_nearest(depth_mm).astype(np.float32), np.float32)


def move(
    light: NDArray[np.float32],
    depth_mm: NDArray[np.uint16],
    camera: Intrinsics,
    settings: MotionBlur,
    generator: np.random.Generator,
) -> NDArray[np.float32]:
    """Average of the photo over a straight motion across the optical axis.

    At the time ``s`` in [-1/2, 1/2] of the exposure a point seen at x₀ in the middle of it is seen
    at ``x = x₀ + s·l(x₀)·u``; this is solved for x₀ by fixed-point rounds that begin at the longest
    line in reach, so that near things cover far ones. What they cover in the photo was never seen:
    there the background is drawn out.

    Args:
        light: Linear light, (H, W, 3) float32.
        depth_mm: (H, W) uint16, 0 = no depth.
        camera: Of the photo's pixels.
        settings: Strength and duration.
        generator: Source of the direction.

    Returns:
        Linear light, (H, W, 3) float32. What comes in over the borders is mirrored.

    Raises:
        InputError: As for :func:`blur_length_px`.
    """
    angle = generator.uniform(0, math.pi)
    length = blur_length_px(depth_mm, camera, settings)
    longest = float(length.max())
    if longest == 0:
        return light
    u, v = np.float32(math.cos(angle)), np.float32(math.sin(angle))
    reach = math.ceil(longest / 2)
    in_reach: Any = cv2.dilate(length, np.ones((2 * reach + 1, 2 * reach + 1), np.uint8))
    columns, rows = np.meshgrid(
        np.arange(length.shape[1], dtype=np.float32), np.arange(length.shape[0], dtype=np.float32)
    )
    moments = int(np.clip(math.ceil(longest / _STEP_PX), _LEAST, _MOST))
    total = np.zeros_like(light)
    for k in range(moments):
        s = np.float32((k + 0.5) / moments - 0.5)
        there = in_reach
        for _ in range(_ROUNDS):
            x, y = columns - s * u * there, rows - s * v * there
            there = cv2.remap(length, x, y, cv2.INTER_NEAREST, borderMode=cv2.BORDER_REPLICATE)
        x, y = columns - s * u * there, rows - s * v * there
        total += cv2.remap(light, x, y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT_101)
    return total / np.float32(moments)
