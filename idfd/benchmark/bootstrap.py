"""Percentile bootstrap over images: how far a mean could move with other photos."""

from __future__ import annotations

from typing import Annotated

import msgspec
import numpy as np
from numpy.typing import NDArray

from idfd.errors import InputError
from idfd.model.schema import Record


class Interval(Record, frozen=True, kw_only=True):
    """A mean over images with its confidence interval, in the metric's unit."""

    mean: float
    low: float
    high: float
    images: Annotated[int, msgspec.Meta(gt=0)]


def mean_interval(
    values: NDArray[np.float64], *, resamples: int, confidence: float, seed: int
) -> Interval:
    """Mean of per-image values and its percentile bootstrap interval.

    Images are drawn with replacement ``resamples`` times; the interval spans the central
    ``confidence`` share of the means. Metrics of the same images with the same seed are
    resampled alike.

    Args:
        values: One value for each image, (N,) float64, finite.
        resamples: Number of resamples.
        confidence: Share of resampled means inside the interval, in (0, 1).
        seed: Seed of the generator; the same seed gives the same interval.

    Raises:
        InputError: No values, or one is not finite.

    Source: Efron, "Better Bootstrap Confidence Intervals", JASA 82, 1987 (percentile method).

    Example:
        >>> mean_interval(np.ones(5), resamples=100, confidence=0.95, seed=1).low
        1.0
    """
    if values.size == 0 or not np.isfinite(values).all():
        raise InputError(
            f"the bootstrap got {values.size} values", limit="one or more finite values"
        )
    generator = np.random.default_rng(seed)
    # A row at a time: 2000 resamples of a large split would not fit into memory at once.
    means = np.array(
        [values[generator.integers(0, values.size, values.size)].mean() for _ in range(resamples)]
    )
    tail = (1 - confidence) / 2
    low, high = np.quantile(means, [tail, 1 - tail])
    return Interval(mean=float(values.mean()), low=float(low), high=float(high), images=values.size)


def paired_difference(
    values: NDArray[np.float64],
    reference: NDArray[np.float64],
    *,
    resamples: int,
    confidence: float,
    seed: int,
) -> Interval:
    """Mean of ``values - reference`` over the same images, with its bootstrap interval.

    Pairing removes what hard and easy images do to both; an interval without 0 says that one
    is better on these images.

    Args:
        values: One value for each image, (N,) float64.
        reference: The other model's values on the same images in the same order, (N,) float64.
        resamples: As for :func:`mean_interval`.
        confidence: As for :func:`mean_interval`.
        seed: As for :func:`mean_interval`.

    Raises:
        InputError: The lengths differ, or as for :func:`mean_interval`.

    Example:
        >>> paired_difference(
        ...     np.array([2.0, 3.0]), np.array([1.0, 2.0]), resamples=10, confidence=0.9, seed=1
        ... ).high
        1.0
    """
    if values.shape != reference.shape:
        raise InputError(
            f"paired values have shapes {values.shape} and {reference.shape}",
            limit="the same images",
        )
    return mean_interval(values - reference, resamples=resamples, confidence=confidence, seed=seed)
