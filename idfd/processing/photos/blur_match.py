"""Give the sharp photo the blur of the defocused one, so that like is compared with like.

Blur happens in linear light; blurring encoded values would move every bright edge and bias an
alignment by pixels. The blur may differ from place to place (it depends on depth): its scale is
chosen per neighbourhood from a stack of blurred copies, its family (Gaussian or disk) per image.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[Any]  # float32; OpenCV's type stubs do not know
Family = Literal["gaussian", "disk"]
FAMILIES: tuple[Family, ...] = ("gaussian", "disk")

SIGMAS = np.array([0.0, 0.5, 0.8, 1.2, 1.7, 2.3, 3.0, 3.9, 5.0, 6.3, 8.0], np.float32)
"""Standard deviations of the stack, pixels of the finest level. A disk of radius 2σ has the
same variance per axis, which is why one list serves both families."""


@dataclass(frozen=True)
class BlurField:
    """Where how much blur was found: an index into :data:`SIGMAS` per pixel, and the family."""

    family: Family
    index: Image

    def resized(self, width: int, height: int) -> BlurField:
        """The same field on a grid of another size."""
        return BlurField(
            self.family, cv2.resize(self.index, (width, height), interpolation=cv2.INTER_LINEAR)
        )

    @property
    def sigma(self) -> Image:
        """Standard deviation per pixel, in pixels of the finest level."""
        return np.interp(self.index, np.arange(len(SIGMAS)), SIGMAS).astype(np.float32)

    def percentile(self, percent: float) -> float:
        """Percentile of :attr:`sigma`, of every fourth pixel of every fourth row."""
        # More blur has a higher index, so one number need be looked up.
        index = np.percentile(self.index[::4, ::4], percent)
        return float(np.interp(index, np.arange(len(SIGMAS)), SIGMAS))


_THINNED = 25
"""Windows from this side on are searched on every other pixel."""


def box(image: Image, size: int) -> Image:
    """Mean over a square window with mirrored borders."""
    return cv2.blur(image, (size, size), borderType=cv2.BORDER_REFLECT)


def tone(linear: Image) -> Image:
    """Square root: evens out photon noise, and is close to what a camera encodes."""
    return np.sqrt(np.maximum(linear, 0))


def disk_kernel(radius: float) -> Image:
    """Anti-aliased disk of ``radius`` pixels, sum 1."""
    reach = math.ceil(radius)
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    kernel = np.clip(radius + 0.5 - np.hypot(x, y), 0, 1)
    return (kernel / kernel.sum()).astype(np.float32)


def _blurred(linear: Image, sigma: float, family: Family) -> Image:
    if sigma < 0.2:
        return tone(linear)
    if family == "gaussian":
        return tone(cv2.GaussianBlur(linear, (0, 0), sigma))
    return tone(cv2.filter2D(linear, -1, disk_kernel(2 * sigma), borderType=cv2.BORDER_REFLECT))


def find_blur(
    sharp_linear: Image,
    defocused: Image,
    mask: Image,
    window: int,
    shrink: float,
    families: tuple[Family, ...] = FAMILIES,
) -> BlurField:
    """Find the blur that makes the sharp photo most like the defocused one.

    Args:
        sharp_linear: All-in-focus luminance in linear light, (H, W).
        defocused: Aligned defocused luminance after :func:`tone`, (H, W).
        mask: 1 where ``defocused`` is valid, (H, W).
        window: Side of the neighbourhood that shares one blur, pixels.
        shrink: Finest-level pixels per pixel of these images.
        families: Kinds of blur to try.
    """
    # One blur per neighbourhood: after blurring, every other pixel says as much as all.
    thin = 2 if window >= _THINNED else 1
    half = (window // thin) | 1
    defocused, mask = (np.ascontiguousarray(i[::thin, ::thin]) for i in (defocused, mask))
    coverage = box(mask, half) + 1e-6
    centred = (defocused - box(defocused * mask, half) / coverage) * mask
    wide = 2 * half + 1
    texture = box(centred * centred, wide) + 1e-8
    unblurred = tone(np.ascontiguousarray(sharp_linear[::thin, ::thin]))
    gain = box(defocused * mask, wide) / (box(unblurred * mask, wide) + 1e-3)
    best: tuple[float, Family, NDArray[np.float32]] | None = None
    for family in families:
        costs = []
        for sigma in SIGMAS / shrink:
            candidate = _blurred(sharp_linear, float(sigma), family)[::thin, ::thin]
            candidate = (candidate - box(candidate * mask, half) / coverage) * mask
            costs.append(box((gain * candidate - centred) ** 2, half))
        cost = np.stack(costs)
        total = float(cost.min(0).sum())
        if best is None or total < best[0]:
            best = (total, family, cost)
    assert best is not None
    height, width = sharp_linear.shape
    return BlurField(best[1], _smooth(_refined_minimum(best[2]), texture, half)).resized(
        width, height
    )


def _refined_minimum(cost: NDArray[np.float32]) -> Image:
    # A parabola through the three costs around the minimum gives a fractional index.
    count = len(cost)
    lowest = cost.argmin(0)
    inner = np.clip(lowest, 1, count - 2)
    rows, columns = np.indices(lowest.shape)
    before, at, after = (cost[inner + step, rows, columns] for step in (-1, 0, 1))
    curvature = before - 2 * at + after
    offset = np.where(
        curvature > 1e-12, 0.5 * (before - after) / np.maximum(curvature, 1e-12), lowest - inner
    )
    return np.clip(inner + np.clip(offset, -1, 1), 0, count - 1).astype(np.float32)


def _smooth(index: Image, texture: Image, window: int) -> Image:
    # Blur can only be seen where there is texture; flat places borrow from their neighbours.
    smooth = box(index * texture, window) / box(texture, window)
    # Rounding must not lead out of the stack.
    return np.clip(smooth, 0, np.float32(len(SIGMAS) - 1))


def apply_blur(sharp_linear: Image, field: BlurField, shrink: float) -> Image:
    """Blur the sharp photo by a field; returns :func:`tone` values, (H, W) float32."""
    result = np.zeros_like(sharp_linear)
    lowest, highest = math.floor(field.index.min()), math.ceil(field.index.max())
    for level in range(lowest, highest + 1):
        # Between two levels of the stack the result is interpolated.
        weight = np.maximum(1 - np.abs(field.index - np.float32(level)), 0)
        blurred = _blurred(sharp_linear, float(SIGMAS[level] / shrink), field.family)
        result += weight * blurred
    return result
