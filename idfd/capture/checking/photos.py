"""Measurements on the two photos of a take."""

from __future__ import annotations

import math
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from idfd.capture.checking.pictures import Reduced
from idfd.capture.checking.shift import measure_shift
from idfd.capture.exposure import PairPlan
from idfd.model.camera import CameraSettings
from idfd.storage.color import CLIP_LEVEL, brightest, linear_from_uint8, luminance

Image = NDArray[np.float32]
_PATCHES = 48  # along the long side
_SOFT = 1.5  # pixels; finer detail is noise and what JPEG left of it
_LEAST_PATCHES = 8
# Encoded grey levels, of 255: above the noise of ISO 100 photos at a quarter of their size.
_LEAST_DETAIL = 1.5


def measure_settings(
    plan: PairPlan, all_in_focus: CameraSettings, defocused: CameraSettings
) -> dict[str, float]:
    """``aperture``: the larger difference of an f-number from the plan, stops (2·log2 N)."""
    pairs = (
        (plan.all_in_focus.f_number, all_in_focus.f_number),
        (plan.defocused.f_number, defocused.f_number),
    )
    errors = [abs(2 * math.log2(found / asked)) for asked, found in pairs if asked is not None]
    return {"aperture": max(errors)} if errors else {}


def measure(pair: tuple[Reduced, Reduced]) -> dict[str, float]:
    """Exposure, sharpness and shift of a pair; what the texture does not tell is left out.

    Args:
        pair: The all-in-focus and the defocused photo at one size.
    """
    sharp, defocused = pair
    light = [luminance(linear_from_uint8(photo.rgb)) for photo in pair]
    clipped = [brightest(photo.rgb) >= CLIP_LEVEL for photo in pair]
    values = {
        "level": min(float(image.mean()) for image in light),
        "clipped": max(float(mask.mean()) for mask in clipped),
    }
    difference = exposure_difference(light[0], light[1], clipped[0] | clipped[1])
    if difference is not None:
        values["exposure_difference"] = abs(difference)
    grey = [photo.grey.astype(np.float32) for photo in pair]
    texture, ratio = sharpness(grey[0], grey[1])
    values["texture"] = texture
    if ratio is not None:
        values["sharpness"] = ratio
    shift = measure_shift(grey[0], grey[1])
    if shift is not None:
        values["shift"] = shift.displacement * max(sharp.factor, defocused.factor)
    return values


def exposure_difference(
    all_in_focus: Image, defocused: Image, clipped: NDArray[np.bool_]
) -> float | None:
    """Exposure of the defocused photo over the other in stops, at the centre of the frame.

    The median over blocks of the central half (vignetting differs between apertures and is
    weakest there), of blocks without clipping; block means do not depend on blur.

    Args:
        all_in_focus: Linear luminance, (H, W).
        defocused: The same.
        clipped: (H, W) bool, clipped in either photo.

    Returns:
        Stops, or None where fewer than 8 blocks are usable.
    """
    height, width = all_in_focus.shape
    centre = (slice(height // 4, height * 3 // 4), slice(width // 4, width * 3 // 4))
    side = _side(all_in_focus)
    size = (max(1, width // 2 // side), max(1, height // 2 // side))
    means = [
        cv2.resize(
            np.ascontiguousarray(image[centre], np.float32), size, interpolation=cv2.INTER_AREA
        )
        for image in (all_in_focus, defocused, clipped.astype(np.float32))
    ]
    usable = (means[2] < 0.01) & (means[0] > 1e-3) & (means[1] > 1e-3)
    if np.count_nonzero(usable) < _LEAST_PATCHES:
        return None
    return float(np.median(np.log2(means[1][usable] / means[0][usable])))


def sharpness(all_in_focus: Image, defocused: Image) -> tuple[float, float | None]:
    """How much more fine detail the all-in-focus photo has.

    Detail is the root mean square of what a Gaussian of 1.5 pixels takes away, over patches (48
    along the long side) and over their mean, so that exposure does not matter. At the focused
    distance both photos are equally sharp; what tells is the quarter of the patches that differ
    most, whichever way.

    Args:
        all_in_focus: Grey, (H, W) float32, 0 to 255.
        defocused: The same.

    Returns:
        The share of patches with texture, and the median ratio of detail over the quarter that
        differs most, or None where fewer than 8 patches have texture.
    """
    first, second = (_detail(image) for image in (all_in_focus, defocused))
    textured = np.maximum(first, second) > _LEAST_DETAIL / 128
    share = float(textured.mean())
    if np.count_nonzero(textured) < _LEAST_PATCHES:
        return share, None
    ratios = np.log2((first[textured] + 1e-4) / (second[textured] + 1e-4))
    order = np.argsort(np.abs(ratios))
    return share, float(2 ** np.median(ratios[order[-max(_LEAST_PATCHES, len(order) // 4) :]]))


def _detail(grey: Image) -> NDArray[Any]:
    height, width = grey.shape
    side = _side(grey)
    size = (max(1, width // side), max(1, height // side))
    fine = grey - cv2.GaussianBlur(grey, (0, 0), _SOFT)
    energy = cv2.resize(fine * fine, size, interpolation=cv2.INTER_AREA)
    mean = cv2.resize(grey, size, interpolation=cv2.INTER_AREA)
    return np.asarray(np.sqrt(energy) / np.maximum(mean, 16))


def _side(image: Image) -> int:
    return max(4, max(image.shape) // _PATCHES)
