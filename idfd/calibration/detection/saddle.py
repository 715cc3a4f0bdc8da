"""Corners to a few hundredths of a pixel, with an honest deviation.

Every corner that is measured is one where four squares meet. Turned by half a turn its surroundings
look the same, whatever symmetric blur and tone curve the picture went through. So the surroundings
are taken out of the image as they lie on the board, perspective and lens undone, and registered
with themselves turned by half a turn (least squares, as in Lucas and Kanade, "An iterative image
registration technique", IJCAI 1981): the point about which they turn is the corner. No model of
the edge is needed, blur brings no bias, and all edges count, so that the result comes close to the
Cramér-Rao bound ``s² (Σ g gᵀ)⁻¹`` for noise ``s`` and gradients ``g``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from idfd.calibration.detection.sampling import ANGLES, Array, Surroundings, ring, sample

_LEAST_HALF, _LARGEST_HALF = 4, 20
_LEAST_WINDOW, _LARGEST_WINDOW = 2, 20
_STEPS = 12
_CONVERGED_PX = 0.01
_INTERPOLATED = 4 / 9
"""What linear interpolation between pixels leaves of the variance of noise, on average."""
_ROUNDING = 2 / 12
"""Variance of the difference of two whole numbers that were rounded."""
_FLAT = 1e-6
"""Sum of squared slopes of a patch that shows nothing; their ratio at a single edge."""
_FLOOR_PX = 0.005
"""What is left without noise: interpolation, and edges that a lens bends."""


@dataclass(frozen=True)
class Refined:
    """Corners after refinement, one entry for each that was asked for.

    Attributes:
        pixels: (N, 2) float64; NaN where none was found.
        deviation_px: Standard deviation per axis, (N,) float64.
    """

    pixels: Array
    deviation_px: Array


def saddle_score(image: NDArray[Any], pixels: Array, around: Surroundings, radius: float) -> Array:
    """How much a corner looks like one of four squares, and which of them are dark.

    The image is sampled on a ring round the corner, a circle of ``radius`` mm on the board, and
    correlated with ``sin 2θ``.

    Returns:
        (N,) float64 from -1 to 1: positive where the quadrant between the axes is bright. An
        ideal corner gives 0.9 to 1, the end of an edge 0.6, an edge 0.
    """
    seen = ring(image, pixels, around, radius)
    seen = seen - seen.mean(axis=1, keepdims=True)
    wave = np.sin(2 * ANGLES)
    power = np.sqrt((seen**2).sum(axis=1) * (wave**2).sum())
    return np.divide(seen @ wave, power, out=np.zeros(len(seen)), where=power > 0)


def approach(image: NDArray[Any], pixels: Array, radius_px: Array) -> Array:
    """Move corners to where edges meet: coarse, but from farther away than :func:`refine`.

    Förstner's operator as in OpenCV. Where it would run away the corner stays.

    Args:
        image: (H, W) uint8, uint16 or float32.
        pixels: (N, 2).
        radius_px: Around each corner nothing else is to be seen within this distance, (N,).
    """
    if image.dtype == np.uint16:
        image = image.astype(np.float32)
    out = pixels.copy()
    # The corners of the square window then lie on the circle.
    windows = np.clip(radius_px / np.sqrt(2), _LEAST_WINDOW, _LARGEST_WINDOW).astype(int)
    room = np.minimum(pixels, np.array(image.shape[::-1]) - 1 - pixels).min(axis=1)
    stop = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 20, 0.02)
    for window in np.unique(windows).tolist():
        chosen = np.flatnonzero((windows == window) & (room > window + 2))
        if len(chosen):
            start = np.array(pixels[chosen][:, None], np.float32, order="C")
            moved = cv2.cornerSubPix(image, start, (window, window), (-1, -1), stop)
            out[chosen] = np.asarray(moved, np.float64)[:, 0]
    return out


def refine(
    image: NDArray[Any], pixels: Array, around: Surroundings, light: Array, reach_mm: float
) -> Refined:
    """Move corners to the points about which the board is symmetric.

    Args:
        image: (H, W) uint8, uint16 or float32.
        pixels: Corners to about the width of an edge, (N, 2).
        around: How the board lies there.
        light: Growth of brightness from :func:`~idfd.calibration.detection.light.shading`, (N, 2).
        reach_mm: Radius on the board within which it looks the same after half a turn.
    """
    found, deviation = np.full((len(pixels), 2), np.nan), np.full(len(pixels), np.nan)
    longest = np.linalg.norm(around.axes, ord=2, axis=(1, 2))
    # One grid for all corners, about a sample for each pixel.
    half = int(np.clip(np.ceil(np.median(longest) * reach_mm), _LEAST_HALF, _LARGEST_HALF))
    step = np.arange(-half, half + 1) / half
    column, row = np.meshgrid(step, step)
    weight = np.clip(1 - column**2 - row**2, 0, None) ** 2
    # Far from the corner the lens bends edges, and there is enough to see without.
    reach = np.minimum(reach_mm, _LARGEST_HALF / longest)
    scaled = Surroundings(
        around.axes * reach[:, None, None], around.bend * reach[:, None, None] ** 2
    )
    offsets = scaled.offsets(np.stack([column.ravel(), row.ravel()], -1))
    lamp = np.maximum(1 + np.squeeze(offsets @ light[:, :, None], 2), 0.1)
    limit = np.array(image.shape[::-1]) - 1
    left, at = np.arange(len(pixels)), pixels.copy()
    for _ in range(_STEPS):
        place = at[left][:, None] + offsets[left]
        inside = ((place >= 0) & (place <= limit)).all(axis=(1, 2))
        left, place = left[inside], place[inside]
        if not len(left):
            break
        patch = (sample(image, place) / lamp[left]).reshape(len(left), *weight.shape)
        move, deviation_px = _turn(patch, weight, scaled.axes[left] / half)
        at[left] += move
        far = np.linalg.norm(move, axis=1)
        done = far < _CONVERGED_PX
        found[left[done]], deviation[left[done]] = at[left[done]], deviation_px[done]
        left = left[~done & (far < _LARGEST_HALF)]
        if not len(left):
            break
    return Refined(found, deviation)


def _turn(patch: Array, weight: Array, axes: Array) -> tuple[Array, Array]:
    """One step towards the centre of symmetry, pixels, and the deviation of the result.

    Args:
        patch: (N, M, M), the image sampled along the board's axes.
        weight: (M, M).
        axes: What one sample along each axis is in pixels, (N, 2, 2), columns.
    """
    count, half = len(patch), weight.size // 2
    slope = np.stack([np.gradient(patch, axis=2), np.gradient(patch, axis=1)], axis=1)
    # The other half of the differences is the same with the other sign, and so are their slopes.
    difference = _odd(patch.reshape(count, 1, -1), half)
    slope = np.swapaxes(np.linalg.pinv(axes), 1, 2) @ _odd(slope.reshape(count, 2, -1), half)
    weight = weight.ravel()[:half]
    weighted = weight * slope
    normal = weighted @ np.swapaxes(slope, 1, 2)
    trace = normal[:, 0, 0] + normal[:, 1, 1]
    normal += np.eye(2) * (1e-9 * trace + 1e-12)[:, None, None]
    inverse = np.linalg.inv(normal)
    move = -(inverse @ weighted @ np.swapaxes(difference, 1, 2))[..., 0]
    # A difference has twice the variance of a sample, and samples closer than pixels share theirs.
    noise = (difference[:, 0] ** 2 @ weight) / weight.sum() / _INTERPOLATED + _ROUNDING
    noise /= np.minimum(np.abs(np.linalg.det(axes)), 1)
    covariance = inverse @ (weighted @ np.swapaxes(weighted, 1, 2)) @ inverse
    variance = noise * (covariance[:, 0, 0] + covariance[:, 1, 1]) / 2
    # Where nothing but one edge is seen, rounding may leave anything.
    variance[(trace < _FLAT) | ~(variance >= 0)] = np.inf
    return move, np.sqrt(variance + _FLOOR_PX**2)


def _odd(rows: Array, half: int) -> Array:
    """The first half of rows (..., K) less the second half turned round."""
    return rows[..., :half] - rows[..., : -half - 1 : -1]
