"""The blur of single patches, for rejection, for the misfit and for the plot against depth."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from idfd.calibration.defocus.estimate import Sample
from idfd.calibration.defocus.lens import blur_of, circle
from idfd.calibration.defocus.likelihood import SQUARE, fit_patch

Array = NDArray[np.float64]
_STEPS = 4


@dataclass(frozen=True)
class Measured:
    """Spots of patches at the aperture of their own photo, each (P,), pixels.

    Attributes:
        circle: Diameter that the patch likes best, at the lens's floor and shape.
        deviation: Its standard deviation by the noise of its pixels.
        expected: Signed diameter by the lens.
    """

    circle: Array
    deviation: Array
    expected: Array

    @property
    def misfit(self) -> Array:
        """Radius measured less that by the lens, pixels."""
        return (self.circle - np.abs(self.expected)) / 2


def measure(samples: Sequence[Sample], lens: Array) -> Measured:
    """Spot diameter of each patch alone, by Newton's steps from that of the lens."""
    with ThreadPoolExecutor() as pool:
        found = np.array(list(pool.map(lambda sample: _one(sample, lens), samples)))
    return Measured(*found.reshape(-1, 3).T)


def _one(sample: Sample, lens: Array) -> tuple[float, float, float]:
    patch = sample.prepared.patch
    blur, _ = blur_of(lens, sample.place, patch)
    part = 1.0 if patch.large else np.sqrt(blur.ratio)
    expected = part * circle(lens, sample.place)
    for _ in range(_STEPS):
        fit = fit_patch(sample.prepared, blur, (SQUARE,))
        variance = 1 / max(float(fit.information[0, 0]), 1e-9)
        reach = 0.5 * blur.square + 4.0
        step = float(np.clip(fit.score[0] * variance, -reach, reach))
        blur = replace(blur, square=max(blur.square + step, 0.0))
    spread = np.sqrt(variance)
    # c = √u, so δc = δu / 2c; within its own noise of 0 that of √δu.
    wide = max(np.sqrt(blur.square), np.sqrt(spread))
    return part * np.sqrt(blur.square), part * spread / (2 * wide), expected
