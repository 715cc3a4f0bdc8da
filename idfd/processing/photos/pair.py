"""What the two photos of a pair say about each other: geometry, exposure, and how well both fit."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from idfd.errors import InputError
from idfd.model.curation import PairFit
from idfd.model.triple import Crop
from idfd.processing.photos.align import AlignConfig, align_reduced, reduce_pair
from idfd.processing.photos.photometry import PhotometryConfig, fit_gain
from idfd.processing.photos.reduce import Reduced, bring_onto
from idfd.processing.photos.render import render_defocused, render_sharp
from idfd.processing.photos.residual import patch_shift, patch_windows
from idfd.processing.photos.transform import map_points
from idfd.processing.photos.white_field import WhiteField
from idfd.storage.color import luminance

_COMPARED, _TILE = 700_000, 48
_LEAST_DETAIL = 1e-4


@dataclass(frozen=True)
class PairConfig:
    """Settings of the fit of a pair.

    Attributes:
        align: Of the geometry.
        photometry: Of exposure, vignetting and tone.
    """

    align: AlignConfig = field(default_factory=AlignConfig)
    photometry: PhotometryConfig = field(default_factory=PhotometryConfig)


def psnr(first: NDArray[np.uint8], second: NDArray[np.uint8]) -> float:
    """Peak signal-to-noise ratio of 8-bit images in dB; 100 where they are equal."""
    # OpenCV sums 8-bit squares in integers, so the order of the sum does not matter.
    error = cv2.norm(first, second, cv2.NORM_L2SQR) / first.size
    return 10 * float(np.log10(255**2 / error)) if error > 0 else 100.0


def sharpness(all_in_focus: Reduced, defocused: Reduced) -> float:
    """Detail of the all-in-focus photo over that of the defocused one where they differ most.

    Well above 1 where the defocused photo is blurred somewhere, about 1 where both are as sharp,
    below 1 where the two were swapped. Detail is the energy of the gradient of the logarithm of
    light in 12 by 8 parts of the frame, those without texture in both left out.
    """
    usable = np.maximum(all_in_focus.clipped, defocused.clipped) < 0.01
    details = [_detail(luminance(photo.linear), usable) for photo in (all_in_focus, defocused)]
    textured = np.maximum(*details) > _LEAST_DETAIL
    if not textured.any():
        return 1.0
    ratios = np.log((details[0][textured] + 1e-9) / (details[1][textured] + 1e-9)) / 2
    low, high = np.percentile(ratios, (5, 95))
    return float(np.exp(high if high >= -low else low))


def _detail(light: NDArray[np.float32], usable: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Mean square of the gradient of the logarithm of light in 12 by 8 parts of the frame."""
    encoded = np.log(np.maximum(light, np.float32(1e-3)))
    across = cv2.Sobel(encoded, cv2.CV_32F, 1, 0, scale=1 / 8)
    down = cv2.Sobel(encoded, cv2.CV_32F, 0, 1, scale=1 / 8)
    energy = np.where(usable, across * across + down * down, 0).astype(np.float32)
    return cv2.resize(energy, (12, 8), interpolation=cv2.INTER_AREA).astype(np.float64)


def fit_pair(
    all_in_focus: NDArray[Any],
    defocused: NDArray[Any],
    config: PairConfig = PairConfig(),
    white: WhiteField | None = None,
) -> PairFit:
    """Fit the geometry and the photometry of a pair, and measure how well they fit.

    Args:
        all_in_focus: RGB, (H, W, 3) uint8 or uint16.
        defocused: RGB of the same size.
        config: Settings.
        white: Vignetting measured on a white surface; fitted to the pair where there is none.

    Raises:
        InputError: Sizes differ (also from the white field's), or the photos are too small, blank
            or clipped.
    """
    sharp, soft = reduce_pair(all_in_focus, defocused, config.align)
    alignment = align_reduced(sharp, soft, config.align)
    height, width = all_in_focus.shape[:2]
    if white is not None and (white.width, white.height) != (width, height):
        raise InputError(
            f"the white field is of {white.width}x{white.height} pixels",
            limit=f"{width}x{height}, as the photos",
            remedy="Shoot the white field with the image size of the takes, or leave it out",
        )
    soft = bring_onto(soft, alignment.transform)
    photometry = fit_gain(sharp, soft, config.photometry, None if white is None else white.field)
    gain = photometry.gain
    fit = PairFit(width=width, height=height, transform=alignment.transform, gain=gain, measures={})
    corners = np.array([[0, 0], [width - 1, 0], [0, height - 1], [width - 1, height - 1]])
    moved = np.linalg.norm(map_points(alignment.transform, corners) - corners, axis=1)
    edge = int(np.ceil(moved.max())) + 1
    measures = {
        "displacement_px": float(moved.max()),
        "correlation": alignment.correlation,
        "exposure_stops": abs(float(np.mean(gain.channels))) / float(np.log(2)),
        "gain_residual": photometry.residual,
        "sharpness": sharpness(sharp, soft),
        **_compare(all_in_focus, defocused, fit, edge),
        **_residual(sharp, soft, edge),
    }
    return PairFit(
        width=width,
        height=height,
        transform=alignment.transform,
        gain=gain,
        measures={name: round(value, 4) for name, value in measures.items()},
    )


def _compare(
    all_in_focus: NDArray[Any], defocused: NDArray[Any], fit: PairFit, edge: int
) -> dict[str, float]:
    """Measures of the fitted pair's pixels, away from an edge of so many."""
    whole = Crop(x=0.0, y=0.0, width=fit.width, height=fit.height)
    tiles = _tiles(whole)
    measures = {
        "psnr_before": psnr(
            np.concatenate([_pixels(render_sharp(all_in_focus, tile)) for tile in tiles]),
            np.concatenate([_pixels(render_sharp(defocused, tile)) for tile in tiles]),
        )
    }
    width, height = fit.width - 2 * edge, fit.height - 2 * edge
    if min(width, height) < 32:
        return measures
    tiles = _tiles(whole.part(edge, edge, width, height))
    measures["psnr_after"] = psnr(
        np.concatenate([_pixels(render_sharp(all_in_focus, tile)) for tile in tiles]),
        np.concatenate([_pixels(render_defocused(defocused, fit, tile)) for tile in tiles]),
    )
    return measures


def _pixels(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return image.reshape(-1, 3)


def _tiles(crop: Crop) -> list[Crop]:
    """Evenly spread parts of a large crop; half a megapixel says what a ratio is."""
    share = crop.width * crop.height / _COMPARED
    if share <= 1:
        return [crop]
    step = _TILE * math.sqrt(share)
    rows, columns = (
        np.linspace(0, max(size - _TILE, 0), math.ceil(size / step)).astype(int).tolist()
        for size in (crop.height, crop.width)
    )
    width, height = min(_TILE, crop.width), min(_TILE, crop.height)
    return [crop.part(x, y, width, height) for y in rows for x in columns]


def _residual(all_in_focus: Reduced, defocused: Reduced, edge: int) -> dict[str, float]:
    """What misalignment is left between photos on one grid, away from an edge of pixels.

    Reduced photos show it better than full ones where these have many pixels: grain is averaged
    and the blur, which is what disturbs the measure, spans less of them.
    """
    factor = all_in_focus.factor
    rows, columns = (
        slice(-(-edge // factor), size - -(-edge // factor)) for size in all_in_focus.clipped.shape
    )
    first, second = (luminance(photo.linear[rows, columns]) for photo in (all_in_focus, defocused))
    if min(first.shape) < 32:
        return {}
    found = [patch_shift(first[at], second[at]) for at in patch_windows(*first.shape[::-1])]
    shifts = [shift for shift in found if shift is not None]
    return {"residual_px": factor * float(np.median(shifts))} if shifts else {}
