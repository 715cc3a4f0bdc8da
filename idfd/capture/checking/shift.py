"""Movement between two photos of one view, where one is blurred and exposed otherwise.

Coarse to fine. At each level both photos are made equally soft and locally normalised (gain and
vignetting drop out), every patch gets its own shift by least squares (Lucas and Kanade 1981), and
a shift, a roll and a magnification are fitted to all of them robustly, so that people walking by
do not count. A magnification is fitted but not reported: it comes with the aperture of real
lenses, not with a touched tripod.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.float32]
_FINEST_SIDE = 800
_COARSEST_SIDE = 90
_SOFTNESS = 3.0
_LEAST_PATCHES = 6


@dataclass(frozen=True)
class Shift:
    """Movement of the second photo against the first, pixels of the photos given.

    Attributes:
        x: To the right, at the centre of the frame.
        y: Downwards.
        roll: About the centre, radians, clockwise in the image.
        displacement: Largest movement of a corner of the frame.
        patches: Patches it was measured on.
    """

    x: float
    y: float
    roll: float
    displacement: float
    patches: int


def measure_shift(first: Image, second: Image) -> Shift | None:
    """Measure how far the second photo moved.

    Args:
        first: Grey, (H, W) float32, 0 to 255.
        second: The same size.

    Returns:
        None where there is too little texture to tell.
    """
    height, width = first.shape
    shrink = 1.0
    while max(height, width) / shrink > _FINEST_SIDE:
        shrink *= 2
    factors = [shrink]
    while min(height, width) / (factors[-1] * 2) >= _COARSEST_SIDE:
        factors.append(factors[-1] * 2)
    motion = np.zeros(4)  # x, y, magnification, roll; x and y in full pixels
    patches = 0
    for factor in reversed(factors):
        size = (round(width / factor), round(height / factor))
        levels = [_normalised(image, size) for image in (first, second)]
        for _ in range(3):
            found = _refine(levels[0], levels[1], motion, factor)
            if found is None:
                # A coarse level may lack texture that a finer one has.
                patches = 0
                break
            step, patches = found
            motion = motion + step
            if np.hypot(step[0], step[1]) < 0.02 * factor:
                break
    if not patches:
        return None
    x, y, _, roll = (float(value) for value in motion)
    corners = [(sx * width / 2, sy * height / 2) for sx in (-1, 1) for sy in (-1, 1)]
    moved = max(float(np.hypot(x - roll * cy, y + roll * cx)) for cx, cy in corners)
    return Shift(x=x, y=y, roll=roll, displacement=moved, patches=patches)


def _normalised(image: Image, size: tuple[int, int]) -> Image:
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    soft = cv2.GaussianBlur(small, (0, 0), _SOFTNESS) + 4
    window = max(15, max(size) // 12 | 1)
    mean = cv2.blur(soft, (window, window))
    spread = np.sqrt(np.maximum(cv2.blur(soft * soft, (window, window)) - mean * mean, 0))
    # The floor is a few grey levels, so that noise on plain walls stays small.
    return np.asarray((soft - mean) / (spread + 2 + 0.02 * mean), np.float32)


def _refine(
    first: Image, second: Image, motion: NDArray[np.float64], factor: float
) -> tuple[NDArray[np.float64], int] | None:
    height, width = first.shape
    x, y, magnification, roll = motion
    cx, cy = (width - 1) / 2, (height - 1) / 2
    a, b = 1 + magnification, roll
    matrix = np.array(
        [[a, -b, cx - a * cx + b * cy + x / factor], [b, a, cy - b * cx - a * cy + y / factor]]
    )
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    moved, inside = (
        np.asarray(cv2.warpAffine(image, matrix, (width, height), flags=flags), np.float32)
        for image in (second, np.ones_like(second))
    )
    shifts, at, weight = _patch_shifts(first, moved, inside)
    if np.count_nonzero(weight) < _LEAST_PATCHES:
        return None
    u, v = at[:, 0] - cx, at[:, 1] - cy
    zero, one = np.zeros_like(u), np.ones_like(u)
    design = np.concatenate([np.stack([one, zero, u, -v], 1), np.stack([zero, one, v, u], 1)])
    target = np.concatenate([shifts[:, 0], shifts[:, 1]])
    prior = np.diag([0, 0, 1, 1]) * 1e-6 * len(u)
    weights = weight
    step = np.zeros(4)
    for _ in range(6):
        both = np.concatenate([weights, weights])[:, None]
        step = np.linalg.solve(
            design.T @ (both * design) + prior + 1e-9 * np.eye(4), design.T @ (both[:, 0] * target)
        )
        left = (target - design @ step).reshape(2, -1)
        error = np.hypot(left[0], left[1])
        scale = 1.4826 * float(np.median(error[weight > 0])) + 0.01
        weights = weight / (1 + (error / (2 * scale)) ** 2) ** 2
    return np.array([step[0] * factor, step[1] * factor, step[2], step[3]]), int(
        np.count_nonzero(weight)
    )


def _patch_shifts(
    first: Image, second: Image, inside: Image
) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Shift of ``second`` against ``first`` per patch, its centre, and its weight (0 = none)."""
    height, width = first.shape
    mean = (first + second) / 2
    gradient_x = cv2.Sobel(mean, cv2.CV_32F, 1, 0, ksize=3, scale=1 / 8)
    gradient_y = cv2.Sobel(mean, cv2.CV_32F, 0, 1, ksize=3, scale=1 / 8)
    difference = first - second
    side = max(12, max(height, width) // 12)
    grid = (max(2, width // (side // 2) - 1), max(2, height // (side // 2) - 1))
    columns = np.linspace(side / 2, width - 1 - side / 2, grid[0])
    rows = np.linspace(side / 2, height - 1 - side / 2, grid[1])
    ix, iy = np.meshgrid(np.rint(columns).astype(int), np.rint(rows).astype(int))

    def total(image: Image) -> NDArray[np.float64]:
        # Two boxes make a triangle: as good a window as a Gaussian, in a fraction of the time.
        box = (side // 2, side // 2)
        return np.asarray(cv2.blur(cv2.blur(image, box), box)[iy, ix], np.float64).ravel()

    xx, xy, yy = (
        total(gradient_x * gradient_x), total(gradient_x * gradient_y),
        total(gradient_y * gradient_y),
    )  # fmt: skip
    bx, by = total(gradient_x * difference), total(gradient_y * difference)
    determinant = xx * yy - xy * xy
    trace = xx + yy
    weakest = trace / 2 - np.sqrt(np.maximum((trace / 2) ** 2 - determinant, 0))
    usable = (weakest > 3e-4) & (weakest > 0.05 * (trace - weakest)) & (total(inside) > 0.99)
    safe = np.where(usable, determinant, 1)
    shift_x = np.where(usable, (yy * bx - xy * by) / safe, 0)
    shift_y = np.where(usable, (xx * by - xy * bx) / safe, 0)
    # A step of more than the softness is an extrapolation; the next iteration will do better.
    length = np.maximum(np.hypot(shift_x, shift_y) / _SOFTNESS, 1)
    at = np.stack([ix.ravel(), iy.ravel()], 1).astype(np.float64)
    return np.stack([shift_x / length, shift_y / length], 1), at, usable * np.minimum(weakest, 0.01)
