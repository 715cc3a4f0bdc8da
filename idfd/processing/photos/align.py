"""Sub-pixel alignment of the defocused photo to the all-in-focus one.

A coarse-to-fine Gauss-Newton fit of a homography and a radial term. Compared are locally
normalised images (so that exposure and vignetting do not matter), the sharp one blurred as the
defocused one is (so that blur does not), with robust weights (so that people walking by do not).
Nothing is ever warped locally.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from idfd.errors import InputError
from idfd.model.triple import PairTransform
from idfd.processing.photos.blur_match import (
    FAMILIES,
    BlurField,
    Image,
    apply_blur,
    box,
    find_blur,
    tone,
)
from idfd.processing.photos.contrast import local_contrast
from idfd.processing.photos.newton import Samples, gather, normal_equations
from idfd.processing.photos.reduce import Reduced, reduce_photo
from idfd.processing.photos.sampling import sample_grid, sample_some
from idfd.processing.photos.transform import IDENTITY, as_record, map_normalised
from idfd.storage.color import levels_per_byte, luminance

_MAX_SAMPLES, _LEAST_SAMPLES, _LEAST_WINDOW = 150_000, 32, 21
_REFINEMENTS, _SETTLED = 10, 0.002


@dataclass(frozen=True)
class AlignConfig:
    """Settings of the alignment; the defaults hold for tripod pairs.

    Attributes:
        finest_side: The finest level is the first whose long side is at most this, pixels.
        coarsest_side: No level gets a short side below this, pixels.
        window: Side of the normalisation window, pixels of the finest level.
        blur_share: Side of a neighbourhood that shares one blur, as a share of the long side.
        robust: Residuals beyond this many robust standard deviations lose their weight.
        prior: Standard deviation expected of the projective and radial terms. A tripod hardly
            rotates out of plane, so weak texture must not be explained by perspective.
        correlated_samples: How many neighbouring samples count as one against the prior.
    """

    finest_side: int = 1600
    coarsest_side: int = 48
    window: int = 45
    blur_share: float = 0.0625
    robust: float = 6.0
    prior: float = 0.01
    correlated_samples: float = 30.0


@dataclass(frozen=True)
class Alignment:
    """The result: the transform, and the correlation of the aligned, blur-matched photos."""

    transform: PairTransform
    correlation: float


@dataclass(frozen=True)
class _Level:
    """One pyramid level of both photos.

    ``pixels`` are its pixels per unit of normalised coordinates, ``centre`` is where their origin
    lies on it, ``shrink`` are pixels of the finest level per pixel of this one, ``window`` and
    ``neighbourhood`` the sides over which contrast is normalised and blur is the same.
    """

    sharp: Image
    defocused: Image
    sharp_clipped: Image
    defocused_clipped: Image
    pixels: float
    centre: tuple[float, float]
    shrink: float
    window: int
    neighbourhood: int


def align_pair(
    all_in_focus: NDArray[Any],
    defocused: NDArray[Any],
    config: AlignConfig = AlignConfig(),
) -> Alignment:
    """Find the transform from the all-in-focus photo's pixels to the defocused photo's.

    Args:
        all_in_focus: RGB, (H, W, 3) uint8 or uint16.
        defocused: RGB of the same size.
        config: Settings.

    Raises:
        InputError: The sizes differ, or the photos are too small or without texture.
    """
    return align_reduced(*reduce_pair(all_in_focus, defocused, config), config)


def reduce_pair(
    all_in_focus: NDArray[Any], defocused: NDArray[Any], config: AlignConfig = AlignConfig()
) -> tuple[Reduced, Reduced]:
    """Both photos as small as the finest level of the alignment is; see :func:`align_pair`."""
    if all_in_focus.shape != defocused.shape:
        raise InputError(
            f"the photos are {_size(all_in_focus)} and {_size(defocused)}",
            limit="two photos of one size",
            remedy="Check that both come from the same camera and orientation",
        )
    if min(all_in_focus.shape[:2]) < config.coarsest_side:
        raise InputError(
            f"the photos are {_size(all_in_focus)}",
            limit=f"at least {config.coarsest_side} pixels on the short side",
            remedy="Use the photos as the camera wrote them, not thumbnails",
        )
    factor = 1
    while max(all_in_focus.shape[:2]) / factor > config.finest_side:
        factor *= 2
    for name, photo in (("all-in-focus", all_in_focus), ("defocused", defocused)):
        some = photo[factor // 2 :: factor, factor // 2 :: factor]
        low, high = int(some.min()), int(some.max())
        if high - low < 8 * levels_per_byte(photo.dtype):
            raise InputError(
                f"the {name} photo is blank (values {low} to {high})",
                remedy="Check the exposure and the lens cap, and shoot the take again",
            )
    return reduce_photo(all_in_focus, factor), reduce_photo(defocused, factor)


def align_reduced(
    all_in_focus: Reduced, defocused: Reduced, config: AlignConfig = AlignConfig()
) -> Alignment:
    """:func:`align_pair` on photos that are reduced already."""
    levels = _pyramid(all_in_focus, defocused, config)
    # Phase correlation can be fooled by large clipped areas; a tripod makes "no shift" likely too.
    starts = (IDENTITY, _starting_shift(levels[0]))
    fits = [_fit_level(levels[0], start, None, len(levels) - 1, config) for start in starts]
    parameters, blur, correlation = max(fits, key=lambda fit: fit[2])
    for number, level in enumerate(levels[1:], start=2):
        parameters, blur, correlation = _fit_level(
            level, parameters, blur, len(levels) - number, config
        )
    return Alignment(as_record(parameters, *all_in_focus.size), correlation)


def _odd(side: float) -> int:
    return int(max(side, _LEAST_WINDOW)) | 1


def _size(image: NDArray[Any]) -> str:
    return f"{image.shape[1]}x{image.shape[0]}"


def _pyramid(all_in_focus: Reduced, defocused: Reduced, config: AlignConfig) -> list[_Level]:
    """Levels from coarse to fine, each half the next."""
    width, height = all_in_focus.size
    bands: list[Image] = [
        luminance(all_in_focus.linear),
        luminance(defocused.linear),
        all_in_focus.clipped,
        defocused.clipped,
    ]
    levels: list[_Level] = []
    for step in range(5):
        if step:
            rows, columns = bands[0].shape[0] // 2, bands[0].shape[1] // 2
            if min(rows, columns) < config.coarsest_side:
                break
            bands = [
                cv2.resize(
                    band[: 2 * rows, : 2 * columns], (columns, rows), interpolation=cv2.INTER_AREA
                )
                for band in bands
            ]
        factor = all_in_focus.factor * 2**step
        levels.append(
            _Level(
                sharp=bands[0],
                defocused=bands[1],
                sharp_clipped=bands[2],
                defocused_clipped=bands[3],
                pixels=math.hypot(width, height) / 2 / factor,
                centre=(width / 2 / factor - 0.5, height / 2 / factor - 0.5),
                shrink=2.0**step,
                window=_odd(config.window / 2**step),
                neighbourhood=_odd(max(bands[0].shape) * config.blur_share),
            )
        )
    return levels[::-1]


def _starting_shift(level: _Level) -> NDArray[np.float64]:
    """Whole-image phase correlation on the coarsest level catches shifts of many pixels."""
    everywhere, coverage = np.ones(level.sharp.shape, bool), np.ones_like(level.sharp)
    first, second = (
        local_contrast(tone(band), everywhere, coverage, level.window)[0]
        for band in (level.sharp, level.defocused)
    )
    hann = cv2.createHanningWindow(level.sharp.shape[::-1], cv2.CV_32F)
    (dx, dy), _ = cv2.phaseCorrelate(first, second, hann)
    parameters = IDENTITY.copy()
    parameters[2], parameters[5] = dx / level.pixels, dy / level.pixels
    return parameters


def _fit_level(
    level: _Level,
    parameters: NDArray[np.float64],
    blur: BlurField | None,
    remaining: int,
    config: AlignConfig,
) -> tuple[NDArray[np.float64], BlurField, float]:
    finest, heed_clipping = remaining == 0, remaining <= 1
    free = np.arange(9) if remaining <= 1 else np.arange(6)
    defocused = tone(level.defocused)
    height, width = level.sharp.shape
    if blur is not None:
        blur = blur.resized(width, height)
    template = like = level.sharp
    usable = np.ones(level.sharp.shape, bool)
    correlation, spread = 0.0, 1.0
    for iteration in range(1 if finest else 2 if remaining == 1 else 10):
        aligned, mask = _sample(level, defocused, parameters, heed_clipping)
        coverage = box(mask.astype(np.float32), level.window)
        # On the finest level the blur found one level below is used: searching costs most there.
        search = blur is None or (not finest and iteration == 1)
        if search:
            blur = find_blur(
                level.sharp,
                aligned,
                mask.astype(np.float32),
                level.neighbourhood,
                level.shrink,
                # The family shows on coarse levels already; the last search only refines widths.
                FAMILIES if blur is None or remaining > 1 else (blur.family,),
            )
        if search or iteration == 0:
            assert blur is not None
            like = apply_blur(level.sharp, blur, level.shrink)
            spread = blur.percentile(50) / level.shrink
            usable = _unspoilt(level, blur, heed_clipping=heed_clipping)
        if search or iteration == 0 or not finest:
            # There it moves too little for other pixels to be masked.
            template = local_contrast(like, mask, coverage, level.window)[0]
        image, deviation = local_contrast(aligned, mask, coverage, level.window)
        # Neighbouring pixels say nearly the same; a regular sample of them is as good and faster.
        stride = max(1, round(math.sqrt(template.size / _MAX_SAMPLES)))
        samples = _textured(gather(template, image, aligned, deviation, mask & usable, stride))
        before = parameters
        parameters, correlation = _gauss_newton_step(
            level, samples, parameters, free, spread, stride, config
        )
        if iteration > 1 and _step(level, before, parameters) < 0.02:
            break
    if remaining <= 1:
        parameters, correlation = _refine(
            level, defocused, samples, parameters, free, spread, stride, config
        )
    assert blur is not None
    return parameters, blur, correlation


def _sample(
    level: _Level, defocused: Image, parameters: NDArray[np.float64], heed_clipping: bool
) -> tuple[Image, NDArray[np.bool_]]:
    """The defocused photo under the current transform, and where it may be used."""
    aligned, clipped = sample_grid(
        defocused, level.defocused_clipped, parameters, level.centre, level.pixels
    )
    # Beyond the border the share is infinite.
    return aligned, clipped < (0.05 if heed_clipping else np.inf)


def _unspoilt(level: _Level, blur: BlurField, *, heed_clipping: bool) -> NDArray[np.bool_]:
    """Pixels whose blurred template used no clipped highlight and nothing beyond the border.

    The true radiance of a clipped highlight is unknown, so its blur disc is too; the same holds
    for what lies outside the frame. Coarse levels need every pixel more than they need those
    few hundredths, and do not heed clipping.
    """
    sigma = blur.sigma / level.shrink
    rows, columns = (
        np.minimum(np.arange(size), np.arange(size)[::-1]).astype(np.float32)
        for size in sigma.shape
    )
    reach = 2 * sigma + 1
    inside = (rows[:, None] > reach) & (columns > reach)
    if not heed_clipping:
        return inside
    spill = max(0.6, 1.2 * blur.percentile(90) / level.shrink)
    spilled = cv2.GaussianBlur(level.sharp_clipped, (0, 0), spill)
    return inside & np.asarray(spilled < 0.01)


def _textured(samples: Samples) -> Samples:
    """The flattest 40 % carry noise and no position."""
    magnitude = samples.slope_x * samples.slope_x + samples.slope_y * samples.slope_y
    if len(magnitude) < _LEAST_SAMPLES:
        return samples
    return samples.where(magnitude > np.percentile(magnitude[::8], 40))


def _refine(
    level: _Level,
    defocused: Image,
    samples: Samples,
    parameters: NDArray[np.float64],
    free: NDArray[np.int_],
    spread: float,
    stride: int,
    config: AlignConfig,
) -> tuple[NDArray[np.float64], float]:
    """Repeat the step on the same samples until it no longer moves.

    By the fraction of a pixel that is left neither their neighbourhoods nor slopes change.
    """
    correlation = 0.0
    for _ in range(_REFINEMENTS):
        light = sample_some(
            defocused, samples.column, samples.row, parameters, level.centre, level.pixels
        )
        image = samples.image + (light - samples.light) / samples.spread
        moved = replace(samples, image=np.where(np.isnan(light), samples.template, image))
        before = parameters
        parameters, correlation = _gauss_newton_step(
            level, moved, parameters, free, spread, stride, config
        )
        if _step(level, before, parameters) < _SETTLED:
            break
    return parameters, correlation


def _step(level: _Level, before: NDArray[np.float64], after: NDArray[np.float64]) -> float:
    """How far the second parameters move the frame's corners from where the first have them."""
    places = np.array([[-0.7, 0.7, -0.7, 0.7], [-0.7, -0.7, 0.7, 0.7]])
    first, second = (np.stack(map_normalised(p, *places)) for p in (before, after))
    return float(np.abs((second - first) * level.pixels).max())


def _gauss_newton_step(
    level: _Level,
    samples: Samples,
    parameters: NDArray[np.float64],
    free: NDArray[np.int_],
    spread: float,
    stride: int,
    config: AlignConfig,
) -> tuple[NDArray[np.float64], float]:
    if len(samples.image) < _LEAST_SAMPLES:
        return parameters, 0.0
    noise = 1.4826 * float(np.median(np.abs(samples.template - samples.image)[::4])) + 1e-6
    # Samples that lie further apart say more each.
    correlated = config.correlated_samples * max(1.0, 4 * np.pi * spread**2) / stride**2
    variance = noise**2 * max(1.0, correlated)
    precision = np.array([0] * 6 + [config.prior**-2] * 3)
    sums = normal_equations(samples, parameters, level.centre, level.pixels, config.robust * noise)
    normal = sums.normal / variance + np.diag(precision)
    right = sums.right / variance - precision * parameters
    normal += np.diag(np.diag(normal)) * 1e-6
    updated = parameters.copy()
    updated[free] += np.linalg.solve(normal[np.ix_(free, free)], right[free])
    return updated, sums.correlation
