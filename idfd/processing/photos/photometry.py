"""Bring the exposure and vignetting of the defocused photo to the all-in-focus one.

The two apertures differ by a gain per channel, by vignetting (a smooth field over the frame) and,
because a JPEG's tone curve is not exactly sRGB, by a smooth global function of the encoded value.
All three are fitted robustly on block averages, where blur does not matter, in linear light. The
model has no spatial detail finer than a quarter of the frame, so it cannot hide defocus.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from idfd.errors import InputError
from idfd.model.triple import PhotometricGain
from idfd.storage.color import (
    CLIP_LEVEL,
    brightest,
    decode_srgb,
    encode_srgb,
    linear_from_uint8,
)


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


def exponents(degree: int) -> list[tuple[int, int]]:
    """Exponents (i, j) of the basis ``x^i·y^j`` with 0 < i + j <= degree, in storage order."""
    return [(i, j) for i in range(degree + 1) for j in range(degree + 1 - i) if i + j > 0]


def fit_gain(
    all_in_focus: NDArray[np.uint8],
    defocused: NDArray[np.float32],
    valid: NDArray[np.bool_],
    config: PhotometryConfig = PhotometryConfig(),
) -> PhotometricGain:
    """Fit the gain that brings the defocused photo to the all-in-focus one.

    Args:
        all_in_focus: RGB, (H, W, 3) uint8.
        defocused: Aligned RGB, encoded values 0 to 255, (H, W, 3) float32.
        valid: Pixels where ``defocused`` is defined, (H, W).
        config: Settings.

    Raises:
        InputError: Too little of the frame is unclipped in both photos.
    """
    target, source, x, y = _block_means(all_in_focus, defocused, valid, config.blocks)
    powers = exponents(config.field_degree)
    field = np.stack([x**i * y**j for i, j in powers], -1) if powers else np.zeros((len(x), 0))
    terms = 3 + len(powers) + config.tone_degree
    design = np.zeros((3, len(x), terms))
    for channel in range(3):
        design[channel, :, channel] = 1
        design[channel, :, 3 : 3 + len(powers)] = field
        encoded = encode_srgb(source[:, channel])
        for k in range(config.tone_degree):
            design[channel, :, 3 + len(powers) + k] = encoded ** (k + 1)
    q = _solve(design.reshape(-1, terms), target.T.ravel(), source.T.ravel(), config.robust)
    values = [float(value) for value in q]
    return PhotometricGain(
        channels=(values[0], values[1], values[2]),
        field=tuple(values[3 : 3 + len(powers)]),
        tone=tuple(values[3 + len(powers) :]),
    )


def _block_means(
    all_in_focus: NDArray[np.uint8],
    defocused: NDArray[np.float32],
    valid: NDArray[np.bool_],
    blocks: int,
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    height, width = valid.shape
    side = max(1, round(max(height, width) / blocks))
    size = (max(1, width // side), max(1, height // side))

    def shrink(image: NDArray[Any]) -> NDArray[np.float64]:
        return cv2.resize(image, size, interpolation=cv2.INTER_AREA).astype(np.float64)

    spoilt = (brightest(all_in_focus) >= CLIP_LEVEL) | (brightest(defocused) >= CLIP_LEVEL) | ~valid
    usable = shrink(spoilt.astype(np.float32)) < 0.01
    if np.count_nonzero(usable) < 64:
        raise InputError(
            f"only {np.count_nonzero(usable)} of {usable.size} blocks are unclipped in both photos",
            limit="at least 64 blocks",
            remedy="Shoot the take again with less exposure",
        )
    target = shrink(linear_from_uint8(all_in_focus))[usable]
    source = shrink(decode_srgb(np.clip(defocused, 0, 255) / 255))[usable]
    y, x = np.mgrid[0 : size[1], 0 : size[0]]
    return (
        target,
        source,
        (2 * (x[usable] + 0.5) / size[0] - 1),
        (2 * (y[usable] + 0.5) / size[1] - 1),
    )


def _solve(
    design: NDArray[np.float64],
    target: NDArray[np.float64],
    source: NDArray[np.float64],
    robust: float,
) -> NDArray[np.float64]:
    """Robust Gauss-Newton on encoded differences, which weigh errors as the eye does."""
    q = np.zeros(design.shape[1])
    per_channel = len(target) // 3
    for channel in range(3):
        part = slice(channel * per_channel, (channel + 1) * per_channel)
        q[channel] = np.log(max(target[part].mean(), 1e-6) / max(source[part].mean(), 1e-6))
    ridge = np.full(len(q), 1e-5 * len(target))
    ridge[:3] = 0
    wanted = encode_srgb(target).astype(np.float64)
    for _ in range(15):
        linear = np.maximum(source * np.exp(design @ q), 1e-5)
        error = encode_srgb(linear) - wanted
        slope = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 / 2.4 * linear ** (1 / 2.4))
        jacobian = (slope * (linear < 1))[:, None] * design
        noise = 1.4826 * np.median(np.abs(error)) + 1e-4
        weighted = jacobian * (1 / (1 + (error / (robust * noise)) ** 2))[:, None]
        step = np.linalg.solve(
            weighted.T @ jacobian + np.diag(ridge + 1e-9), weighted.T @ error + ridge * q
        )
        q = q - step
        if np.abs(step).max() < 1e-5:
            break
    return q


def apply_gain(defocused: NDArray[np.float32], gain: PhotometricGain) -> NDArray[np.uint8]:
    """Apply a gain to an aligned photo.

    Args:
        defocused: RGB, encoded values 0 to 255, (H, W, 3) float32.
        gain: The fitted gain.

    Returns:
        RGB, (H, W, 3) uint8. Clipped highlights stay clipped where the gain would darken them:
        their true value is unknown and the all-in-focus photo is clipped there too.
    """
    height, width = defocused.shape[:2]
    value = np.clip(defocused, 0, 255) / np.float32(255)
    log_gain = gain_field(gain, width, height)[..., None] + np.array(gain.channels, np.float32)
    for k, coefficient in enumerate(gain.tone):
        log_gain = log_gain + np.float32(coefficient) * value ** (k + 1)
    result = encode_srgb(decode_srgb(value) * np.exp(log_gain))
    clipped = np.clip((value * 255 - 240) / 15, 0, 1)
    result = np.where(result < value, result + (value - result) * clipped, result)
    return np.rint(np.clip(result, 0, 1) * 255).astype(np.uint8)


def gain_field(gain: PhotometricGain, width: int, height: int) -> NDArray[np.float32]:
    """The smooth part of the log gain over a frame, (H, W) float32."""
    x = 2 * (np.arange(width) + 0.5) / width - 1
    y = 2 * (np.arange(height) + 0.5) / height - 1
    degree = 0
    while len(exponents(degree)) < len(gain.field):
        degree += 1
    # x^i·y^j is separable, so the field is one small matrix product.
    matrix = np.zeros((degree + 1, degree + 1))
    for (i, j), coefficient in zip(exponents(degree), gain.field, strict=True):
        matrix[j, i] = coefficient
    columns = np.vander(x, degree + 1, increasing=True)
    rows = np.vander(y, degree + 1, increasing=True)
    return (rows @ matrix @ columns.T).astype(np.float32)
