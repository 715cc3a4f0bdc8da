"""From light to files' pixels: exposure, sensor noise, white balance and sRGB.

Each pixel behaves as one of a full-frame 24-megapixel sensor, whatever the size of the image.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from idfd.storage.color import encode_srgb

EXPOSURE = 1400.0
"""Light of radiance 1 fills the sensor in ``N² / EXPOSURE`` seconds at ISO 100: rooms of middling
brightness come out well at f/10, 1/4 s and ISO 100."""
FULL_WELL = 70_000
"""Electrons of a full pixel at ISO 100."""
READ_NOISE = 4.0
"""Standard deviation of reading a pixel, electrons."""
BLACK_LEVEL = 600
WHITE_LEVEL = 16383
RAW_GAINS = (2.0, 1.0, 1.5)
"""White balance: linear sRGB is the raw value over black times these."""

Radiance = NDArray[np.float16] | NDArray[np.float32]
_STRIP = 256
_TABLE = (encode_srgb(np.arange(65536) / 65535) * 255 + 0.5).astype(np.uint8)


def exposure_factor(f_number: float, exposure_s: float, iso: float) -> float:
    """Linear value, 1 at clipping, that a radiance of 1 gives on the optical axis."""
    return EXPOSURE * exposure_s * (iso / 100) / f_number**2


def develop(
    radiance: Radiance, gain: NDArray[np.float32], iso: float, seed: tuple[int, ...]
) -> NDArray[np.uint8]:
    """A photo as the camera's JPEG engine sees it.

    Args:
        radiance: (H, W, 3) linear sRGB without noise.
        gain: (H, W) factor to levels of which 1 is clipping: exposure and vignetting.
        iso: Sensitivity; less light fills a pixel at a higher one, so noise is stronger.
        seed: Seed of the noise; the same gives the same photo.

    Returns:
        (H, W, 3) uint8 sRGB.
    """
    out = np.empty(radiance.shape, np.uint8)
    balance = np.array(RAW_GAINS, np.float32)

    def strip(rows: slice, random: np.random.Generator) -> None:
        level = radiance[rows] * (gain[rows][..., None] / balance)
        noisy = _noisy(level, iso, random) * balance
        out[rows] = _TABLE[(np.clip(noisy, 0, 1) * 65535).astype(np.uint16)]

    _each_strip(strip, len(out), seed)
    return out


def mosaic(
    radiance: Radiance, gain: NDArray[np.float32], iso: float, seed: tuple[int, ...]
) -> NDArray[np.uint16]:
    """Raw values under an RGGB filter, 14 bits, (H, W) uint16; arguments as :func:`develop`."""
    out = np.empty(radiance.shape[:2], np.uint16)

    def strip(rows: slice, random: np.random.Generator) -> None:
        plane = gain[rows].copy()
        for row, column, channel in ((0, 0, 0), (0, 1, 1), (1, 0, 1), (1, 1, 2)):
            part = radiance[rows][row::2, column::2, channel]
            plane[row::2, column::2] *= part / np.float32(RAW_GAINS[channel])
        counts = BLACK_LEVEL + 0.5 + (WHITE_LEVEL - BLACK_LEVEL) * _noisy(plane, iso, random)
        out[rows] = np.clip(counts, 0, WHITE_LEVEL)

    _each_strip(strip, len(out), seed)
    return out


def _noisy(
    level: NDArray[np.float32], iso: float, random: np.random.Generator
) -> NDArray[np.float32]:
    """Shot noise and read noise on levels of which 1 is a full pixel.

    Shot noise is drawn from a normal distribution of the Poisson's variance; with the read noise
    on top the two cannot be told apart.
    """
    electrons = np.float32(FULL_WELL * 100 / iso)
    sigma = np.sqrt(level * electrons + np.float32(READ_NOISE**2)) / electrons
    noise = random.standard_normal(level.shape, np.float32)
    noise *= sigma
    noise += level
    return noise


def _each_strip(
    work: Callable[[slice, np.random.Generator], None], height: int, seed: tuple[int, ...]
) -> None:
    """Work on strips of rows in threads; each strip has its own stream of random numbers."""

    def jobs() -> Iterator[tuple[slice, np.random.Generator]]:
        for start in range(0, height, _STRIP):
            yield slice(start, start + _STRIP), np.random.default_rng([*seed, start])

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        done: Any = pool.map(lambda job: work(*job), jobs())
        list(done)
