"""Sub-pixel alignment of the defocused photo to the all-in-focus one.

A coarse-to-fine Gauss-Newton fit of a homography and a radial term. Compared are locally
normalised images (so that exposure and vignetting do not matter), the sharp one blurred as the
defocused one is (so that blur does not), with robust weights (so that people walking by do not).
Nothing is ever warped locally.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from idfd.errors import InputError
from idfd.model.triple import PairTransform
from idfd.processing.photos.blur_match import FAMILIES, BlurField, Image, apply_blur, box, find_blur, tone
from idfd.processing.photos.transform import IDENTITY, as_record, map_normalised
from idfd.storage.color import CLIP_LEVEL, brightest, linear_from_uint8, luminance

_MAX_SAMPLES = 40_000


@dataclass(frozen=True)
class AlignConfig:
    """Settings of the alignment; the defaults hold for tripod pairs.

    Attributes:
        finest_side: The finest level is the first whose long side is at most this, pixels.
        coarsest_side: No level gets a short side below this, pixels.
        window_share: Side of the normalisation window as a share of the long side.
        robust: Residuals beyond this many robust standard deviations lose their weight.
        prior: Standard deviation expected of the projective and radial terms. A tripod hardly
            rotates out of plane, so weak texture must not be explained by perspective.
        correlated_samples: How many neighbouring samples count as one against the prior.
    """

    finest_side: int = 1600
    coarsest_side: int = 48
    window_share: float = 0.125
    robust: float = 6.0
    prior: float = 0.01
    correlated_samples: float = 30.0


@dataclass(frozen=True)
class Alignment:
    """The result: the transform, and the correlation of the aligned, blur-matched photos."""

    transform: PairTransform
    correlation: float


@dataclass
class _Level:
    """One pyramid level of both photos, and its grid in normalised coordinates."""

    sharp: Image
    defocused: Image
    sharp_clipped: Image
    defocused_clipped: Image
    u: Image
    v: Image
    pixels: tuple[float, float]
    shrink: float
    window: int

    @property
    def size(self) -> tuple[int, int]:
        return self.sharp.shape[1], self.sharp.shape[0]


def align_pair(
    all_in_focus: NDArray[np.uint8],
    defocused: NDArray[np.uint8],
    config: AlignConfig = AlignConfig(),
) -> Alignment:
    """Find the transform from the all-in-focus photo's pixels to the defocused photo's.

    Args:
        all_in_focus: RGB, (H, W, 3) uint8.
        defocused: RGB of the same size.
        config: Settings.

    Raises:
        InputError: The sizes differ, or the photos are too small or without texture.
    """
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
        )
    for name, photo in (("all-in-focus", all_in_focus), ("defocused", defocused)):
        if int(photo.max()) - int(photo.min()) < 8:
            raise InputError(
                f"the {name} photo is blank (values {photo.min()} to {photo.max()})",
                remedy="Check the exposure and the lens cap, and shoot the take again",
            )
    levels = list(_pyramid(all_in_focus, defocused, config))
    # Phase correlation can be fooled by large clipped areas; a tripod makes "no shift" likely too.
    starts = (IDENTITY, _starting_shift(levels[0]))
    fits = [_fit_level(levels[0], start, None, len(levels) - 1, config) for start in starts]
    parameters, blur, correlation = max(fits, key=lambda fit: fit[2])
    for number, level in enumerate(levels[1:], start=2):
        parameters, blur, correlation = _fit_level(
            level, parameters, blur, len(levels) - number, config
        )
    height, width = all_in_focus.shape[:2]
    return Alignment(as_record(parameters, width, height), correlation)


def _size(image: NDArray[Any]) -> str:
    return f"{image.shape[1]}x{image.shape[0]}"


def _pyramid(
    all_in_focus: NDArray[np.uint8], defocused: NDArray[np.uint8], config: AlignConfig
) -> list[_Level]:
    height, width = all_in_focus.shape[:2]
    finest = 1.0
    while max(width, height) / finest > config.finest_side:
        finest *= 2
    factors = [finest * 2**step for step in range(5)]
    factors = [f for f in factors if min(width, height) / f >= config.coarsest_side] or [finest]
    bands = [
        luminance(linear_from_uint8(all_in_focus)),
        luminance(linear_from_uint8(defocused)),
        (brightest(all_in_focus) >= CLIP_LEVEL).astype(np.float32),
        (brightest(defocused) >= CLIP_LEVEL).astype(np.float32),
    ]
    half_diagonal = np.hypot(width, height) / 2
    levels = []
    for factor in reversed(factors):
        size = (round(width / factor), round(height / factor))
        # A size that does not divide evenly scales x and y differently; each axis keeps its own.
        pixels = (half_diagonal * size[0] / width, half_diagonal * size[1] / height)
        u = ((np.arange(size[0]) - (size[0] - 1) / 2) / pixels[0]).astype(np.float32)
        v = ((np.arange(size[1]) - (size[1] - 1) / 2) / pixels[1]).astype(np.float32)
        grid_u, grid_v = np.meshgrid(u, v)
        window = int(max(size) * config.window_share) | 1
        sharp, blurred, sharp_clipped, blurred_clipped = (
            cv2.resize(band, size, interpolation=cv2.INTER_AREA) for band in bands
        )
        levels.append(
            _Level(
                sharp=sharp,
                defocused=blurred,
                sharp_clipped=sharp_clipped,
                defocused_clipped=blurred_clipped,
                u=grid_u,
                v=grid_v,
                pixels=pixels,
                shrink=factor / finest,
                window=window,
            )
        )
    return levels


def _normalised(image: Image, mask: Image, window: int) -> Image:
    """Subtract the local mean and divide by the local standard deviation."""
    coverage = box(mask, window) + 1e-6
    centred = (image - box(image * mask, window) / coverage) * mask
    # Running sums can leave a tiny negative variance where everything is masked out.
    deviation = np.sqrt(np.maximum(box(centred * centred, window), 0) / coverage)
    return np.asarray(centred / (deviation + np.float32(0.01)))


def _starting_shift(level: _Level) -> NDArray[np.float64]:
    """Whole-image phase correlation on the coarsest level catches shifts of many pixels."""
    everywhere = np.ones_like(level.sharp)
    first, second = (
        _normalised(tone(band), everywhere, level.window) for band in (level.sharp, level.defocused)
    )
    hann = cv2.createHanningWindow(level.size, cv2.CV_32F)
    (dx, dy), _ = cv2.phaseCorrelate(first, second, hann)
    parameters = IDENTITY.copy()
    parameters[2], parameters[5] = dx / level.pixels[0], dy / level.pixels[1]
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
    rows, columns = np.mgrid[0:height, 0:width]
    border = np.minimum(
        np.minimum(rows, height - 1 - rows), np.minimum(columns, width - 1 - columns)
    ).astype(np.float32)
    if blur is not None:
        blur = blur.resized(width, height)
    like = level.sharp
    usable = np.ones_like(level.sharp, bool)
    correlation, spread = 0.0, 1.0
    corners = np.array([[-1, -1], [1, -1], [-1, 1], [1, 1]]) * 0.7
    for iteration in range(6 if finest else 10):
        aligned, mask = _sample(level, defocused, parameters, heed_clipping)
        # On the finest level the blur found one level below is used: searching costs most there.
        search = blur is None or (not finest and iteration in (0, 2))
        if search:
            blur = find_blur(
                level.sharp,
                aligned,
                mask.astype(np.float32),
                level.window,
                level.shrink,
                # The family shows on coarse levels already; the last search only refines widths.
                FAMILIES if blur is None or remaining > 1 else (blur.family,),
            )
        if search or iteration == 0:
            assert blur is not None
            like = apply_blur(level.sharp, blur, level.shrink)
            spread = float(np.median(blur.sigma)) / level.shrink
            usable = _unspoilt(level, blur, border, heed_clipping=heed_clipping)
        weight_mask = mask.astype(np.float32)
        template = _normalised(like, weight_mask, level.window)
        image = _normalised(aligned, weight_mask, level.window)
        before = np.stack(map_normalised(parameters, corners[:, 0], corners[:, 1]), -1)
        parameters, correlation = _gauss_newton_step(
            level, template, image, mask & usable, parameters, free, spread, config
        )
        after = np.stack(map_normalised(parameters, corners[:, 0], corners[:, 1]), -1)
        step = float(np.abs((after - before) * level.pixels).max())
        if step < (0.01 if finest else 0.02) and (finest or iteration > 1):
            break
    assert blur is not None
    return parameters, blur, correlation


def _sample(
    level: _Level, defocused: Image, parameters: NDArray[np.float64], heed_clipping: bool
) -> tuple[Image, NDArray[np.bool_]]:
    """The defocused photo under the current transform, and where it may be used."""
    width, height = level.size
    x, y = map_normalised(parameters, level.u, level.v)
    map_x = (x * level.pixels[0] + (width - 1) / 2).astype(np.float32)
    map_y = (y * level.pixels[1] + (height - 1) / 2).astype(np.float32)
    aligned = cv2.remap(defocused, map_x, map_y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)
    usable = (map_x > 2) & (map_y > 2) & (map_x < width - 3) & (map_y < height - 3)
    if heed_clipping:
        clipped = cv2.remap(
            level.defocused_clipped, map_x, map_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT
        )
        usable &= np.asarray(clipped < 0.05)
    return aligned, usable


def _unspoilt(
    level: _Level, blur: BlurField, border: Image, *, heed_clipping: bool
) -> NDArray[np.bool_]:
    """Pixels whose blurred template used no clipped highlight and nothing beyond the border.

    The true radiance of a clipped highlight is unknown, so its blur disc is too; the same holds
    for what lies outside the frame. Coarse levels need every pixel more than they need those
    few hundredths, and do not heed clipping.
    """
    sigma = blur.sigma / level.shrink
    inside = np.asarray(border > 2 * sigma + 1)
    if not heed_clipping:
        return inside
    reach = max(0.6, 1.2 * float(np.percentile(sigma, 90)))
    spilled = cv2.GaussianBlur(level.sharp_clipped, (0, 0), reach)
    return inside & np.asarray(spilled < 0.01)


def _gauss_newton_step(
    level: _Level,
    template: Image,
    image: Image,
    usable: NDArray[np.bool_],
    parameters: NDArray[np.float64],
    free: NDArray[np.int_],
    spread: float,
    config: AlignConfig,
) -> tuple[NDArray[np.float64], float]:
    both = template + image
    gradient_x = cv2.Scharr(both, cv2.CV_32F, 1, 0, scale=1 / 64)
    gradient_y = cv2.Scharr(both, cv2.CV_32F, 0, 1, scale=1 / 64)
    magnitude = gradient_x * gradient_x + gradient_y * gradient_y
    # The flattest 40 % carry noise and no position.
    chosen = np.flatnonzero(usable & (magnitude > np.percentile(magnitude[::6, ::6], 40)))
    if chosen.size < 64:
        return parameters, 0.0
    # Neighbouring pixels say nearly the same; a regular sample of them is as good and faster.
    stride = max(1, chosen.size // _MAX_SAMPLES)
    chosen = chosen[::stride]
    t, i = template.ravel()[chosen], image.ravel()[chosen]
    residual = t - i
    noise = 1.4826 * float(np.median(np.abs(residual[::4]))) + 1e-6
    weight = 1 / (1 + (residual / (config.robust * noise)) ** 2) ** 2
    u, v = level.u.ravel()[chosen], level.v.ravel()[chosen]
    jacobian = _jacobian(
        gradient_x.ravel()[chosen] * np.float32(level.pixels[0]),
        gradient_y.ravel()[chosen] * np.float32(level.pixels[1]),
        u, v, parameters,
    )[free]  # fmt: skip
    weighted = jacobian * weight
    # Samples that lie further apart say more each.
    correlated = config.correlated_samples * max(1.0, 4 * np.pi * spread**2) / stride
    variance = noise**2 * max(1.0, correlated)
    precision = np.array([0] * 6 + [config.prior**-2] * 3)[free]
    normal = (weighted @ jacobian.T).astype(np.float64) / variance + np.diag(precision)
    normal += np.diag(np.diag(normal)) * 1e-6
    right = (weighted @ residual).astype(np.float64) / variance - precision * parameters[free]
    updated = parameters.copy()
    updated[free] += np.linalg.solve(normal, right)
    norm = float(np.sqrt((t @ (t * weight)) * (i @ (i * weight))))
    return updated, float(t @ (i * weight)) / (norm + 1e-12)


def _jacobian(
    gx: Image, gy: Image, u: Image, v: Image, parameters: NDArray[np.float64]
) -> NDArray[np.float32]:
    """Derivative of the sampled image by the nine parameters, (9, N) float32."""
    p = parameters.astype(np.float32)
    square = u * u + v * v
    radial = 1 + p[8] * square
    ur, vr = u * radial, v * radial
    depth = 1 + p[6] * ur + p[7] * vr
    x = ((1 + p[0]) * ur + p[1] * vr + p[2]) / depth
    y = (p[3] * ur + (1 + p[4]) * vr + p[5]) / depth
    a, b = gx / depth, gy / depth
    e = a * x + b * y
    by_radial = square * (
        u * ((1 + p[0]) * a + p[3] * b - p[6] * e) + v * (p[1] * a + (1 + p[4]) * b - p[7] * e)
    )
    return np.stack([a * ur, a * vr, a, b * ur, b * vr, b, -e * ur, -e * vr, by_radial])
