"""The steerable pyramid: an image as oriented bands, one octave of frequencies each.

It is computed in the frequency domain with the masks of Simoncelli's matlabPyrTools, read from
tables as there, so that the bands are those of pyrtools' ``SteerablePyramidFreq`` to rounding.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from types import EllipsisType
from typing import Any

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from idfd.errors import InputError

Real = NDArray[np.floating[Any]]
Masks = NDArray[np.float64]
Index = NDArray[np.intp]
_RADIAL_STEPS, _ANGULAR_STEPS = 256, 1024
"""Samples to an octave of the radial tables, and to half a turn of the angular one."""


@dataclass(frozen=True)
class Pyramid:
    """Bands of images with any leading axes ``...``, floating point as the images.

    Attributes:
        high: What is above the finest band, (..., H, W).
        bands: One array per scale, finest first, (..., orientations, H / 2^scale, W / 2^scale),
            rounded up. Band ``k`` answers to changes along the direction ``k·π / orientations``.
        low: What is below the coarsest band, (..., h, w).
    """

    high: Real
    bands: tuple[Real, ...]
    low: Real


@dataclass(frozen=True)
class _Octave:
    """Masks of one scale, and which of its frequencies the next one keeps."""

    bands: Masks
    low: Masks
    kept: tuple[EllipsisType, Index, Index]


def steerable_pyramid(images: Real, scales: int = 2, orientations: int = 4) -> Pyramid:
    """Decompose images into oriented bands.

    The transform repeats the image beyond its sides; pad it where that matters. It is a tight
    frame for even sides (see :func:`reconstruct`). For odd sides the reference puts its grid of
    frequencies half a step aside, and so does this.

    Args:
        images: (..., H, W) floating point.
        scales: Octaves of bands.
        orientations: Directions of each.

    Raises:
        InputError: A side is too small for so many scales.

    Sources: Simoncelli and Freeman, "The Steerable Pyramid", ICIP 1995; Portilla and Simoncelli,
    IJCV 40(1), 2000, section 2.1.

    Example:
        >>> [band.shape for band in steerable_pyramid(np.zeros((32, 48))).bands]
        [(4, 32, 48), (4, 16, 24)]
    """
    height, width = images.shape[-2:]
    most = int(math.log2(min(height, width))) - 2
    if scales > most:
        raise InputError(
            f"{scales} scales of a {width}x{height} image", limit=f"sides of {2 ** (scales + 2)}"
        )
    high, low, octaves = _masks(height, width, scales, orientations)
    spectrum = scipy.fft.fft2(images)
    residual = _real(spectrum * high)
    spectrum = spectrum * low
    bands = []
    for octave in octaves:
        turned = spectrum * 1j ** (1 - orientations)
        bands.append(_real(turned[..., None, :, :] * octave.bands))
        spectrum = spectrum[octave.kept] * octave.low
    return Pyramid(residual, tuple(bands), _real(spectrum))


def reconstruct(pyramid: Pyramid) -> Real:
    """Put images together again from their pyramids; exact to the tables (1e-5) for even sides.

    Every mask is applied once more and the results are added: the squares of the masks sum to 1.

    Example:
        >>> image = np.random.default_rng(0).normal(size=(32, 32))
        >>> bool(np.allclose(reconstruct(steerable_pyramid(image)), image, atol=1e-4))
        True
    """
    orientations, height, width = pyramid.bands[0].shape[-3:]
    high, low, octaves = _masks(height, width, len(pyramid.bands), orientations)
    spectrum = scipy.fft.fft2(pyramid.low)
    for octave, band in zip(reversed(octaves), reversed(pyramid.bands), strict=True):
        whole = (scipy.fft.fft2(band) * octave.bands).sum(axis=-3) * 1j ** (orientations - 1)
        whole[octave.kept] += spectrum * octave.low
        spectrum = whole
    return _real(spectrum * low + scipy.fft.fft2(pyramid.high) * high)


def _real(spectrum: NDArray[Any]) -> Real:
    return np.asarray(scipy.fft.ifft2(spectrum, overwrite_x=True).real)


@lru_cache(maxsize=4)
def _masks(
    height: int, width: int, scales: int, orientations: int
) -> tuple[Masks, Masks, tuple[_Octave, ...]]:
    """High-pass and low-pass mask of the whole image, and the masks of each scale."""
    x, y = np.meshgrid(_ramp(width), _ramp(height))
    angle, radius = np.arctan2(y, x), np.hypot(x, y)
    row, column = height // 2, width // 2
    radius[row, column] = radius[row, column - 1]  # a logarithm for the mean, too
    # From the order of the grid, lowest frequency in the middle, to that of the transform.
    angle, radius = scipy.fft.ifftshift(angle), scipy.fft.ifftshift(radius)
    octaves_above = np.log2(radius)
    found = []
    pass_high, pass_low = _radial(octaves_above, 0)
    for scale in range(1, scales + 1):
        band = _radial(octaves_above, scale)[0]
        directions = np.stack([_angular(angle, k, orientations) for k in range(orientations)])
        rows, columns = (_lower_half(size) for size in octaves_above.shape)
        kept = (..., rows[:, None], columns)
        octaves_above, angle = octaves_above[kept], angle[kept]
        found.append(_Octave(directions * band, _radial(octaves_above, scale)[1], kept))
    return pass_high, pass_low, tuple(found)


def _ramp(size: int) -> Masks:
    """Frequencies from -1 to 1, where 1 is half a cycle to a pixel."""
    return np.linspace(-1, 1, size + 1)[:-1]


def _lower_half(size: int) -> Index:
    """Where the lower half of the frequencies stands in a spectrum: at both of its ends.

    Example:
        >>> _lower_half(8)
        array([0, 1, 6, 7])
    """
    kept = (size + 1) // 2
    return np.asarray(scipy.fft.ifftshift(np.arange(kept) - kept // 2) % size, np.intp)


def _radial(octaves_above: Masks, scale: int) -> tuple[Masks, Masks]:
    """High-pass and low-pass of a scale: a raised cosine, from 0 to 1 over one octave.

    High: ``cos(π/2·t)`` with t = log2(ρ) + scale, from -1 (nothing passes) to 0 (all passes).
    """
    t = np.arange(_RADIAL_STEPS + 1) / _RADIAL_STEPS - 1
    where = octaves_above + scale
    return np.interp(where, t, np.cos(np.pi / 2 * t)), np.interp(where, t, -np.sin(np.pi / 2 * t))


def _angular(angle: Masks, direction: int, orientations: int) -> Masks:
    """``α·cos(θ - θ_k)^(K-1)`` with α such that the squares of the K masks sum to 1."""
    order = orientations - 1
    alpha = 2**order * math.factorial(order) / math.sqrt(orientations * math.factorial(2 * order))
    t = np.pi * np.arange(-2 * _ANGULAR_STEPS - 1, _ANGULAR_STEPS + 2) / _ANGULAR_STEPS
    turned = angle - np.pi * direction / orientations
    return np.interp(turned, t, alpha * np.cos(t) ** order)
