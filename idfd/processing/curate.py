"""Curate one pair: fit the geometry and the photometry, judge it, and render the triple."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from idfd.errors import InputError
from idfd.model.curation import PairFit
from idfd.model.limits import Limit
from idfd.model.triple import Crop, DepthSource, PairTransform
from idfd.processing.photos.align import AlignConfig, align_pair
from idfd.processing.crop import field_of_view, largest_crop
from idfd.processing.photos.photometry import PhotometryConfig, apply_gain, fit_gain
from idfd.processing.photos.residual import patch_shifts
from idfd.processing.photos.transform import map_points, sampling_maps, valid_pixels, warp


@dataclass(frozen=True)
class PairLimits:
    """What a tripod pair is held against.

    Attributes:
        displacement: Largest movement of a corner between the photos, pixels.
        residual_shift: Median shift left between patches after alignment, pixels.
        correlation: Correlation of the aligned, blur-matched photos.
        kept: Share of the frame's width that the common crop keeps.
        exposure: Difference of exposure between the photos, stops.
        depth_coverage: Share of pixels with depth.
    """

    displacement: Limit = Limit(warn=12, fail=64, unit="px")
    residual_shift: Limit = Limit(warn=0.5, fail=2, unit="px")
    correlation: Limit = Limit(warn=0.9, fail=0.5, unit="", higher_is_better=True)
    kept: Limit = Limit(warn=0.95, fail=0.7, unit="of the width", higher_is_better=True)
    exposure: Limit = Limit(warn=0.5, fail=2, unit="stops")
    depth_coverage: Limit = Limit(warn=0.5, fail=0.05, unit="of pixels", higher_is_better=True)


@dataclass(frozen=True)
class CurateConfig:
    """All settings of the curation of a pair; stored with every triple.

    ``crop_to_depth`` keeps the crop within the depth camera's field of view.
    """

    align: AlignConfig = field(default_factory=AlignConfig)
    photometry: PhotometryConfig = field(default_factory=PhotometryConfig)
    limits: PairLimits = field(default_factory=PairLimits)
    crop_to_depth: bool = True


def psnr(first: NDArray[np.uint8], second: NDArray[np.uint8]) -> float:
    """Peak signal-to-noise ratio of 8-bit images in dB; 100 where they are equal."""
    error = float(np.mean((first.astype(np.float32) - second.astype(np.float32)) ** 2))
    return 10 * float(np.log10(255**2 / error)) if error > 0 else 100.0


def check_sizes(
    all_in_focus: NDArray[np.uint8], defocused: NDArray[np.uint8], depth: NDArray[np.uint16]
) -> None:
    """Refuse a take whose photos and depth map do not have one size.

    Raises:
        InputError: Which of them differ, and their sizes.
    """
    sizes = {
        "all-in-focus photo": all_in_focus.shape[1::-1],
        "defocused photo": defocused.shape[1::-1],
        "depth map": depth.shape[::-1],
    }
    if len(set(sizes.values())) > 1:
        text = ", ".join(f"{name} {width}x{height}" for name, (width, height) in sizes.items())
        raise InputError(
            f"sizes differ: {text}",
            limit="one size",
            remedy="Register the depth map to the photo first; nothing is resized here",
        )


def fit_pair(
    all_in_focus: NDArray[np.uint8],
    defocused: NDArray[np.uint8],
    depth: NDArray[np.uint16],
    config: CurateConfig,
    key: str,
) -> PairFit:
    """Fit and judge a pair.

    Args:
        all_in_focus: RGB, (H, W, 3) uint8.
        defocused: RGB of the same size.
        depth: (H, W) uint16 mm.
        config: Settings.
        key: Identifies the inputs; stored with the result.

    Raises:
        InputError: Sizes differ, or the photos are blank, clipped or of different views.
    """
    check_sizes(all_in_focus, defocused, depth)
    alignment = align_pair(all_in_focus, defocused, config.align)
    height, width = depth.shape
    maps = sampling_maps(alignment.transform, width, height)
    valid = valid_pixels(maps)
    # The check of the alignment is about the photos alone; the crop is about all three.
    kept = largest_crop(valid).width / width
    crop = largest_crop(common_field(valid, depth, config))
    warped = warp(defocused.astype(np.float32), maps)
    gain = fit_gain(all_in_focus, warped, valid, config.photometry)
    matched = apply_gain(warped, gain)[crop.window]
    sharp = all_in_focus[crop.window]
    corners = np.array([[0, 0], [width - 1, 0], [0, height - 1], [width - 1, height - 1]])
    moved = np.linalg.norm(map_points(alignment.transform, corners) - corners, axis=1)
    shifts = patch_shifts(sharp, matched)
    # No patch with texture: nothing contradicts the alignment, and nothing supports it.
    residual = float(np.median(shifts)) if len(shifts) else config.limits.residual_shift.warn + 1e-3
    limits = config.limits
    checks = (
        limits.displacement.judge("displacement", float(moved.max())),
        limits.residual_shift.judge("residual_shift", residual),
        limits.correlation.judge("correlation", alignment.correlation),
        limits.kept.judge("kept", kept),
        limits.exposure.judge("exposure", abs(float(np.mean(gain.channels))) / float(np.log(2))),
        limits.depth_coverage.judge("depth_coverage", float(np.mean(depth[crop.window] > 0))),
    )
    measures = {
        "psnr_before": round(psnr(all_in_focus, defocused), 4),
        "psnr_after": round(psnr(sharp, matched), 4),
        "patches": float(len(shifts)),
    }
    return PairFit(
        key=key,
        transform=alignment.transform,
        gain=gain,
        crop=crop,
        checks=checks,
        measures=measures,
    )


def common_field(
    valid: NDArray[np.bool_], depth: NDArray[np.uint16], config: CurateConfig
) -> NDArray[np.bool_]:
    """Pixels that a crop may hold, (H, W) bool: seen by both photos and, if asked, by the depth."""
    return valid & field_of_view(depth) if config.crop_to_depth else valid


def render_defocused(defocused: NDArray[np.uint8], fit: PairFit, crop: Crop) -> NDArray[np.uint8]:
    """The defocused photo on the all-in-focus photo's pixels, matched and cropped."""
    height, width = defocused.shape[:2]
    maps = sampling_maps(fit.transform, width, height)
    # The gain is a function of the whole frame, so it is applied before the crop.
    return apply_gain(warp(defocused.astype(np.float32), maps), fit.gain)[crop.window]


def move_depth(depth: NDArray[np.uint16], transform: PairTransform) -> NDArray[np.uint16]:
    """Depth registered to the defocused photo, moved to the all-in-focus photo.

    Nearest neighbour only: an average of two depths is a place where nothing is, and an average
    with 0 (no depth) is a wrong measurement. Pixels that would come from outside become 0.
    """
    height, width = depth.shape
    x, y = sampling_maps(transform, width, height)
    column, row = np.rint(x).astype(np.int64), np.rint(y).astype(np.int64)
    inside = (column >= 0) & (row >= 0) & (column < width) & (row < height)
    moved = np.zeros_like(depth)
    moved[inside] = depth[row[inside], column[inside]]
    return moved


def source_map(
    raw: NDArray[np.uint16] | None,
    inpainted: NDArray[np.uint16] | None,
    *,
    filled: bool,
    frames: int = 1,
) -> NDArray[np.uint8]:
    """Where each depth value comes from, (H, W) uint8 of :class:`DepthSource`.

    Args:
        raw: Measured depth, or None.
        inpainted: Depth with holes filled, or None.
        filled: The source filled holes without recording where, and gave no raw depth.
        frames: Frames of the sensor that ``raw`` was fused from.
    """
    whole = inpainted if inpainted is not None else raw
    if whole is None:
        raise InputError("no depth map", limit="raw or in-painted depth")
    if raw is None:
        kind = DepthSource.UNKNOWN if filled else DepthSource.IN_PAINTED
        return np.where(whole > 0, kind, DepthSource.NONE).astype(np.uint8)
    measured = DepthSource.FUSED if frames > 1 else DepthSource.MEASURED
    kind = DepthSource.UNKNOWN if filled else measured
    result = np.where(raw > 0, kind, DepthSource.IN_PAINTED)
    return np.where(whole > 0, result, DepthSource.NONE).astype(np.uint8)
