"""Bring the exposure and vignetting of the defocused photo to the all-in-focus one.

The two apertures differ by a gain per channel, by vignetting (a smooth field over the frame) and,
because a JPEG's tone curve is not exactly sRGB, by a smooth global function of the encoded value.
All three are fitted robustly on block averages, where blur does not matter, in linear light. The
model has no spatial detail finer than a quarter of the frame, so it cannot hide defocus.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from idfd.errors import InputError
from idfd.model.triple import PhotometricGain
from idfd.processing.photos.newton import weighted_normal
from idfd.processing.photos.reduce import Reduced
from idfd.storage.color import decode_srgb, encode_srgb

_DECODE_STEPS, _ENCODE_STEPS = 8192, 65536


@dataclass(frozen=True)
class PhotometryConfig:
    """Settings of the photometric fit.

    Attributes:
        field_degree: Total degree of the polynomial of the vignetting field.
        tone_degree: Degree of the global function of the encoded value; 0 turns it off.
        blocks: Number of block averages along the long side.
        robust: Residuals beyond this many robust standard deviations lose their weight.
    """

    field_degree: int = 4
    tone_degree: int = 2
    blocks: int = 108
    robust: float = 10.0


@dataclass(frozen=True)
class GainFit:
    """A fitted gain, and how well it fits.

    Attributes:
        gain: Of the defocused photo.
        residual: Robust standard deviation of what is left between blocks, as a share of light.
    """

    gain: PhotometricGain
    residual: float


def exponents(degree: int) -> list[tuple[int, int]]:
    """Exponents (i, j) of the basis ``x^i·y^j`` with 0 < i + j <= degree, in storage order."""
    return [(i, j) for i in range(degree + 1) for j in range(degree + 1 - i) if i + j > 0]


def basis(x: NDArray[np.float64], y: NDArray[np.float64], degree: int) -> NDArray[np.float64]:
    """Values of the basis at places in [-1, 1]², (N, terms) float64."""
    return np.stack([x**i * y**j for i, j in exponents(degree)] or [np.zeros((0, len(x)))], -1)


def fit_gain(
    all_in_focus: Reduced,
    defocused: Reduced,
    config: PhotometryConfig = PhotometryConfig(),
    field: tuple[float, ...] | None = None,
) -> GainFit:
    """Fit the gain that brings the defocused photo to the all-in-focus one.

    Args:
        all_in_focus: The photo in blocks of pixels.
        defocused: The other, brought onto the same blocks.
        config: Settings.
        field: Vignetting that is known, as in ``PhotometricGain.field``; fitted where it is not.

    Raises:
        InputError: Too little of the frame is unclipped in both photos.
    """
    blocks = block_means(all_in_focus, defocused, config.blocks)
    count = len(blocks.x)
    if field is None:
        spatial, known = basis(blocks.x, blocks.y, config.field_degree), np.zeros(count)
    else:
        spatial, known = np.zeros((count, 0)), field_at(field, blocks.x, blocks.y)
    terms = spatial.shape[1]
    design = np.zeros((3, count, 3 + terms + config.tone_degree))
    for channel in range(3):
        design[channel, :, channel] = 1
        design[channel, :, 3 : 3 + terms] = spatial
        encoded = encode_srgb(blocks.source[:, channel])
        for k in range(config.tone_degree):
            design[channel, :, 3 + terms + k] = encoded ** (k + 1)
    q, residual = _solve(
        design.reshape(-1, design.shape[2]),
        blocks.target.T.ravel(),
        (blocks.source * np.exp(known)[:, None]).T.ravel(),
        config.robust,
    )
    values = [float(value) for value in q]
    gain = PhotometricGain(
        channels=(values[0], values[1], values[2]),
        field=tuple(values[3 : 3 + terms]) if field is None else field,
        tone=tuple(values[3 + terms :]),
    )
    return GainFit(gain, residual)


@dataclass(frozen=True)
class Blocks:
    """Linear light of both photos in N blocks, (N, 3), and the blocks' places in [-1, 1]²."""

    target: NDArray[np.float64]
    source: NDArray[np.float64]
    x: NDArray[np.float64]
    y: NDArray[np.float64]


def block_means(all_in_focus: Reduced, defocused: Reduced, blocks: int) -> Blocks:
    """Averages of two aligned photos over blocks that are unclipped in both.

    Raises:
        InputError: There are fewer than 64.
    """
    factor, (width, height) = all_in_focus.factor, all_in_focus.size
    spoilt = np.minimum(all_in_focus.clipped + defocused.clipped, 1)
    rows, columns = spoilt.shape
    side = max(1, round(max(rows, columns) / blocks))
    size = (max(1, columns // side), max(1, rows // side))

    def shrink(image: NDArray[np.float32]) -> NDArray[np.float64]:
        whole = image[: size[1] * side, : size[0] * side]
        return cv2.resize(whole, size, interpolation=cv2.INTER_AREA).astype(np.float64)

    usable = shrink(spoilt) < 0.01
    if np.count_nonzero(usable) < 64:
        raise InputError(
            f"only {np.count_nonzero(usable)} of {usable.size} blocks are unclipped in both photos",
            limit="at least 64 blocks",
            remedy="Shoot the take again with less exposure",
        )
    y, x = np.nonzero(usable)
    return Blocks(
        target=shrink(all_in_focus.linear)[usable],
        source=shrink(defocused.linear)[usable],
        x=2 * (x + 0.5) * side * factor / width - 1,
        y=2 * (y + 0.5) * side * factor / height - 1,
    )


def _solve(
    design: NDArray[np.float64],
    target: NDArray[np.float64],
    source: NDArray[np.float64],
    robust: float,
) -> tuple[NDArray[np.float64], float]:
    """Robust Gauss-Newton on encoded differences, which weigh errors as the eye does."""
    q = np.zeros(design.shape[1])
    for part, channel in zip(np.split(np.arange(len(target)), 3), range(3), strict=True):
        q[channel] = np.log(max(target[part].mean(), 1e-6) / max(source[part].mean(), 1e-6))
    ridge = np.full(len(q), 1e-5 * len(target))
    ridge[:3] = 0
    wanted = encode_srgb(target).astype(np.float64)
    linear = np.zeros_like(target)
    for _ in range(15):
        linear = np.maximum(source * np.exp(np.einsum("nk,k->n", design, q)), 1e-5)
        error = encode_srgb(linear) - wanted
        slope = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 / 2.4 * linear ** (1 / 2.4))
        noise = 1.4826 * np.median(np.abs(error)) + 1e-4
        weight = 1 / (1 + (error / (robust * noise)) ** 2)
        jacobian = (slope * (linear < 1))[:, None] * design
        normal, right = weighted_normal(jacobian, weight, error)
        step = np.linalg.solve(normal + np.diag(ridge + 1e-9), right + ridge * q)
        q = q - step
        if np.abs(step).max() < 1e-5:
            break
    lit = target > 1e-3
    left = np.abs(np.log(linear[lit] / target[lit])) if lit.any() else np.zeros(1)
    return q, 1.4826 * float(np.median(left))


def _matrix(field: tuple[float, ...]) -> NDArray[np.float64]:
    """Coefficients by power of y (rows) and of x (columns)."""
    degree = 0
    while len(exponents(degree)) < len(field):
        degree += 1
    matrix = np.zeros((degree + 1, degree + 1))
    for (i, j), coefficient in zip(exponents(degree), field, strict=True):
        matrix[j, i] = coefficient
    return matrix


def field_at(
    field: tuple[float, ...], x: NDArray[np.float64], y: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Log gain of a field at places in [-1, 1]², float64 of their shape."""
    return np.asarray(np.polynomial.polynomial.polyval2d(y, x, _matrix(field)))


def field_on_grid(
    field: tuple[float, ...], x: NDArray[np.float64], y: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Log gain of a field where columns ``x`` and rows ``y`` cross, (len(y), len(x)) float64."""
    return np.asarray(np.polynomial.polynomial.polygrid2d(y, x, _matrix(field)))


@lru_cache(maxsize=2)
def gain_tables(gain: PhotometricGain) -> NDArray[np.float32]:
    """Linear light times gain and tone, by channel and encoded value, (3, 8192) float32.

    The nearest entry is within 1/30 of an 8-bit level.
    """
    value = np.arange(_DECODE_STEPS) / (_DECODE_STEPS - 1)
    tone = sum((c * value ** (k + 1) for k, c in enumerate(gain.tone)), np.zeros(_DECODE_STEPS))
    rows = [decode_srgb(value) * np.exp(channel + tone) for channel in gain.channels]
    return np.stack(rows).astype(np.float32)


@cache
def encode_table() -> NDArray[np.float32]:
    """Encoded value in [0, 255] of linear light in [0, 1], (65536,) float32.

    The nearest entry is within 1/40 of an 8-bit level.
    """
    return encode_srgb(np.arange(_ENCODE_STEPS) / (_ENCODE_STEPS - 1)) * np.float32(255)
