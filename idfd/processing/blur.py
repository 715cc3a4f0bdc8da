"""How much softer the defocused photo is than the sharp one, patch by patch.

The sharp photo is blurred by a stack of Gaussians in linear light; the one that correlates best
with the defocused photo in a patch is that patch's blur. Correlation is blind to what is left of
exposure and vignetting. This is a check of a pair that looks at few pixels, whatever the size of
the photos; a lens is calibrated by :mod:`idfd.calibration.defocus`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from idfd.calibration.defocus.model import circle_px
from idfd.model.defocus import DefocusModel
from idfd.model.triple import Crop
from idfd.processing.photos.blur_match import tone
from idfd.storage.color import linear_from_uint8, luminance

_SIGMAS = (0.0, 0.5, 0.75, 1.1, 1.6, 2.3, 3.2, 4.5, 6.4, 9.0)
_CELL, _MARGIN = 32, 24
"""Side of a patch, and what the blur of its surroundings carries into it, reduced pixels."""
_SOFT = 1.2
"""Blur that both photos get first, reduced pixels: it changes nothing of the blur between them, but
noise of the sharp photo would ask for some blur by itself."""
_CANDIDATES, _PATCHES = 1600, 96
_SAMPLES = 8
_LEAST_CONTRAST = 0.02
_LEAST_CORRELATION = 0.9
_LEAST_DIFFERENCE = 0.05
_DISK = 1.1
"""Standard deviation of the Gaussian that correlates best with a uniform disk, over the disk's own;
1.05 to 1.16 for disks of 4 to 24 pixels on textures of many scales."""
_FLAT = 1.1
"""Largest ratio of depths in a patch that still counts as one depth."""


@dataclass(frozen=True)
class PatchBlur:
    """Blur between the photos of a pair, on patches with texture and a single depth.

    Attributes:
        sigma: Standard deviation of the Gaussian that makes the sharp photo the defocused one,
            pixels of the photos, (N,).
        depth_m: Median depth, metres, (N,).
        centre: Middle of the patch, pixels of the photos (x, y), (N, 2).
        least: Smallest blur that can be told from what resampling does to a photo, pixels.
        most: Largest blur of the stack, pixels.
    """

    sigma: NDArray[np.float64]
    depth_m: NDArray[np.float64]
    centre: NDArray[np.floating[Any]]
    least: float
    most: float

    def __len__(self) -> int:
        return len(self.sigma)


def measure_blur(
    all_in_focus: NDArray[np.uint8],
    defocused: NDArray[np.uint8],
    depth_mm: NDArray[Any],
    reach: float = 0.0,
) -> PatchBlur:
    """Measure the blur of a pair on patches.

    Args:
        all_in_focus: RGB, (H, W, 3) uint8.
        defocused: RGB on the same pixels.
        depth_mm: (H, W) millimetres on the same pixels, 0 = no depth.
        reach: Largest blur that is to be told, pixels; from 6 on the photos are reduced for it.

    Returns:
        The patches that can tell, of 96 spread over the depths: those with texture that the blur
        would change, seen alike in both photos, at a single depth. There may be none.
    """
    factor = max(1, math.ceil(1.5 * reach / _SIGMAS[-1]))
    corners = _corners(depth_mm.shape, factor)
    depth, single = _depths(_samples(depth_mm, corners, factor))
    corners, depth = corners[single], depth[single]
    texture = _samples(all_in_focus[..., 1], corners, factor).astype(np.float64).std(axis=1)
    chosen = _spread(depth, texture)
    corners, depth = corners[chosen], depth[chosen]
    sigma, told = np.zeros(0), np.zeros(0, bool)
    if len(corners):
        sharp, soft = (_tiles(photo, corners, factor) for photo in (all_in_focus, defocused))
        sigma, told = _best_sigma(sharp, soft)
    return PatchBlur(
        sigma=sigma[told] * factor,
        depth_m=depth[told] / 1000,
        centre=corners[told] + (_CELL * factor - 1) / 2,
        least=0.9 * factor,
        most=_SIGMAS[-1] * factor,
    )


def expected_blur(
    model: DefocusModel,
    crop: Crop,
    depth_m: NDArray[np.floating[Any]],
    pixels: NDArray[np.floating[Any]],
    sharp_scale_px_m: float | None = None,
) -> NDArray[np.float64]:
    """Blur between the photos that :func:`measure_blur` would find of a lens.

    Variances subtract: what the sharp photo is blurred by already, the pair does not show. The
    blur at the plane in focus is in both photos and cancels.

    Args:
        model: The lens, on the pixels of the whole photo.
        crop: Where the photos of the pair lie in it.
        depth_m: Depths, metres, (N,).
        pixels: Where in the pair, (N, 2).
        sharp_scale_px_m: Spot diameter per dioptre in the sharp photo; None takes the model's, or
            none at all where it has none.

    Returns:
        Standard deviations of Gaussians in the pair's pixels, (N,).
    """
    at = (pixels + 0.5) * crop.scale - 0.5 + (crop.x, crop.y)
    circle = circle_px(model, depth_m, at) / crop.scale
    sharp = (sharp_scale_px_m or model.sharp_scale_px_m or 0.0) / model.scale_px_m
    sigma = np.abs(circle) / 4 * np.sqrt(max(0.0, 1 - sharp**2))
    return sigma * (1 + (_DISK - 1) * model.disk_share)


def _corners(shape: tuple[int, ...], factor: int) -> NDArray[np.int64]:
    """Upper left corners (x, y) of candidate patches on a grid, (N, 2), with margins inside."""
    margin, side = _MARGIN * factor, _CELL * factor
    height, width = (length - 2 * margin - side for length in shape)
    if height < 0 or width < 0:
        return np.zeros((0, 2), np.int64)
    step = max(side, round(math.sqrt((height + 1) * (width + 1) / _CANDIDATES)))
    grid = np.meshgrid(np.arange(0, width + 1, step), np.arange(0, height + 1, step))
    return np.stack(grid, -1).reshape(-1, 2) + margin


def _samples(image: NDArray[Any], corners: NDArray[np.int64], factor: int) -> NDArray[Any]:
    """Pixels on a coarse grid within each patch, (N, 64)."""
    offsets = (np.arange(_SAMPLES) * 2 + 1) * _CELL * factor // (2 * _SAMPLES)
    x = corners[:, None, None, 0] + offsets
    y = corners[:, None, None, 1] + offsets[:, None]
    return image[y, x].reshape(-1, _SAMPLES**2)


def _depths(samples: NDArray[Any]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Median depth of patches, and which have a depth, and only one."""
    ordered = np.sort(np.where(samples > 0, samples, np.inf).astype(np.float64), axis=1)
    known = np.isfinite(ordered).sum(1)

    def quantile(share: float) -> NDArray[np.float64]:
        at = np.maximum((known - 1) * share, 0).astype(np.int64)
        return np.take_along_axis(ordered, at[:, None], 1)[:, 0]

    enough = known >= samples.shape[1] // 2
    middle = quantile(0.5)
    return middle, enough & (quantile(0.9) <= _FLAT * np.where(enough, quantile(0.1), 1.0))


def _spread(depth: NDArray[np.float64], texture: NDArray[np.float64]) -> NDArray[np.int64]:
    """The patch with the most texture in each of so many steps of depth."""
    order = np.argsort(depth, kind="stable")
    steps = np.array_split(order, min(_PATCHES, len(order)) or 1)
    best = [step[int(texture[step].argmax())] for step in steps if len(step)]
    return np.array(best, np.int64)


def _tiles(
    photo: NDArray[np.uint8], corners: NDArray[np.int64], factor: int
) -> NDArray[np.float32]:
    """Linear luminance of patches with their margins, one below the other, (N·S, S) float32."""
    side = _CELL + 2 * _MARGIN
    tiles = []
    for x, y in corners - _MARGIN * factor:
        tile = photo[y : y + side * factor, x : x + side * factor]
        if factor > 1:
            tile = np.asarray(
                cv2.resize(tile, (side, side), interpolation=cv2.INTER_AREA), np.uint8
            )
        tiles.append(tile)
    light = luminance(linear_from_uint8(np.concatenate(tiles)))
    return np.asarray(cv2.GaussianBlur(light, (0, 0), _SOFT), np.float32)


def _best_sigma(
    sharp: NDArray[np.float32], soft: NDArray[np.float32]
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Blur of each patch in reduced pixels, and whether it can be told."""
    target, noise = _centred(soft)
    costs, contrast = [], np.zeros(len(target))
    for level, sigma in enumerate(_SIGMAS):
        if level:
            step = math.sqrt(sigma**2 - _SIGMAS[level - 1] ** 2)
            sharp = np.asarray(cv2.GaussianBlur(sharp, (0, 0), step))
        candidate, spread = _centred(sharp)
        if not level:
            contrast = spread
        correlation = np.einsum("np,np->n", candidate, target) / (spread * noise)
        costs.append(1 - np.maximum(correlation, 0) ** 2)
    cost = np.stack(costs)
    best = cost.min(0)
    told = (best < 1 - _LEAST_CORRELATION**2) & (cost.max(0) - best > _LEAST_DIFFERENCE)
    told &= contrast > _LEAST_CONTRAST
    return np.interp(_minimum(cost), np.arange(len(_SIGMAS)), _SIGMAS), told


def _centred(tiles: NDArray[np.float32]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Patches without margins and mean, (N, P), and their standard deviations."""
    inner = slice(_MARGIN, _MARGIN + _CELL)
    side = tiles.shape[1]
    patches = tone(tiles.reshape(-1, side, side)[:, inner, inner]).reshape(-1, _CELL**2)
    values = patches - patches.mean(axis=1, keepdims=True, dtype=np.float64)
    spread = np.sqrt(np.einsum("np,np->n", values, values) / _CELL**2)
    return values / _CELL, np.maximum(spread, 1e-6)


def _minimum(cost: NDArray[np.float64]) -> NDArray[np.float64]:
    """Fractional index of the smallest cost, by a parabola through the three around it."""
    lowest = cost.argmin(0)
    inner = np.clip(lowest, 1, len(cost) - 2)
    before, at, after = (np.take_along_axis(cost, inner[None] + step, 0)[0] for step in (-1, 0, 1))
    curvature = np.maximum(before - 2 * at + after, 1e-12)
    offset = np.clip(0.5 * (before - after) / curvature, -0.5, 0.5)
    return np.where(inner == lowest, inner + offset, lowest)
