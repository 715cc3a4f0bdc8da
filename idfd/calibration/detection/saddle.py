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

Array = NDArray[np.float64]
_ANGLES = np.arange(24) * (2 * np.pi / 24)
"""Samples on a ring round a corner."""
_LEAST_HALF, _LARGEST_HALF = 4, 20
_LEAST_WINDOW, _LARGEST_WINDOW = 2, 20
_SURFACES = {2: 24, 1: 8}
"""Degree of the surface that stands for the light, by the corners that it needs."""
_STEPS = 12
_CONVERGED_PX = 0.01
_INTERPOLATED = 4 / 9
"""What linear interpolation between pixels leaves of the variance of noise, on average."""
_ROUNDING = 2 / 12
"""Variance of the difference of two whole numbers that were rounded."""
_FLAT = 1e-6
"""Sum of squared slopes of a patch that shows nothing."""
_FLOOR_PX = 0.005
"""What is left without noise: interpolation, and edges that a lens bends."""


@dataclass(frozen=True)
class Surroundings:
    """How the board lies in the image round corners, to second order.

    Attributes:
        axes: (N, 2, 2); columns are the pictures of one mm along the board's x and y axes, pixels.
        bend: (N, 2, 3); pixels for x², x y and y² of board coordinates in mm.
    """

    axes: Array
    bend: Array

    def chosen(self, which: NDArray[Any]) -> Surroundings:
        """Those of some corners."""
        return Surroundings(self.axes[which], self.bend[which])

    def offsets(self, board: Array) -> Array:
        """Pixels from each corner to points (M, 2) mm from it: (N, M, 2)."""
        x, y = board.T
        straight = self.axes @ board.T
        bent = self.bend @ np.stack([x * x, x * y, y * y])
        return np.swapaxes(straight + bent, 1, 2)


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
    seen = _ring(image, pixels, around, radius)
    seen = seen - seen.mean(axis=1, keepdims=True)
    wave = np.sin(2 * _ANGLES)
    power = np.sqrt((seen**2).sum(axis=1) * (wave**2).sum())
    return np.divide(seen @ wave, power, out=np.zeros(len(seen)), where=power > 0)


def shading(image: NDArray[Any], pixels: Array, around: Surroundings, radius: float) -> Array:
    """How much brighter the light gets per pixel to the right and down, (N, 2).

    The one thing that differs after half a turn is the light: it falls off towards the edges of the
    image and of an infrared lamp's beam. Rings round all corners are half dark and half bright, so
    a smooth surface through the logarithms of their means is that of the light.
    """
    degree = next((d for d, corners in _SURFACES.items() if len(pixels) >= corners), 0)
    if not degree:
        return np.zeros_like(pixels)
    light = np.log(np.maximum(_ring(image, pixels, around, radius).mean(axis=1), 1.0))
    middle, size = pixels.mean(axis=0), float(np.ptp(pixels, axis=0).max()) / 2
    x, y = ((pixels - middle) / size).T
    powers = [(i, k - i) for k in range(degree + 1) for i in range(k + 1)]
    terms = np.stack([x**i * y**j for i, j in powers], axis=1)
    kept = np.ones(len(pixels), bool)
    for _ in range(2):
        surface = np.linalg.lstsq(terms[kept], light[kept], rcond=1e-6)[0]
        away = np.abs(light - terms @ surface)
        kept = away <= 4 * np.median(away) + 1e-9
    right = np.stack([i * x ** max(i - 1, 0) * y**j for i, j in powers], axis=1) @ surface
    down = np.stack([j * x**i * y ** max(j - 1, 0) for i, j in powers], axis=1) @ surface
    return np.stack([right, down], axis=1) / size


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
        light: What :func:`shading` says, (N, 2).
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
        patch = (_sample(image, place) / lamp[left]).reshape(len(left), *weight.shape)
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
    normal += np.eye(2) * (1e-9 * trace + 1e-12)[:, None, None]  # one edge only: huge, not an error
    inverse = np.linalg.inv(normal)
    move = -(inverse @ weighted @ np.swapaxes(difference, 1, 2))[..., 0]
    # A difference has twice the variance of a sample, and samples closer than pixels share theirs.
    noise = (difference[:, 0] ** 2 @ weight) / weight.sum() / _INTERPOLATED + _ROUNDING
    noise /= np.minimum(np.abs(np.linalg.det(axes)), 1)
    covariance = inverse @ (weighted @ np.swapaxes(weighted, 1, 2)) @ inverse
    variance = noise * (covariance[:, 0, 0] + covariance[:, 1, 1]) / 2
    variance[trace < _FLAT] = np.inf
    return move, np.sqrt(variance + _FLOOR_PX**2)


def _odd(rows: Array, half: int) -> Array:
    """The first half of rows (..., K) less the second half turned round."""
    return rows[..., :half] - rows[..., : -half - 1 : -1]


def _ring(image: NDArray[Any], pixels: Array, around: Surroundings, radius: float) -> Array:
    circle = radius * np.stack([np.cos(_ANGLES), np.sin(_ANGLES)], axis=1)
    return _sample(image, pixels[:, None] + around.offsets(circle))


def _sample(image: NDArray[Any], places: Array) -> Array:
    """The image at (N, M, 2) pixels, linearly between them, (N, M) float64.

    OpenCV 4's ``remap`` rounds places to 1/32 pixel, which a regular grid does not average out.
    """
    height, width = image.shape
    x = np.clip(places[..., 0], 0, width - 1)
    y = np.clip(places[..., 1], 0, height - 1)
    left, upper = x.astype(np.intp), y.astype(np.intp)
    x -= left
    y -= upper
    first = upper * width + left
    right = (left < width - 1).astype(np.intp)
    down = np.where(upper < height - 1, width, 0)
    flat = image.reshape(-1)
    above, above_right = flat[first].astype(np.float64), flat[first + right]
    below, below_right = flat[first + down].astype(np.float64), flat[first + down + right]
    above += x * (above_right - above)
    below += x * (below_right - below)
    return above + y * (below - above)
