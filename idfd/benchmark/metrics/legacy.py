"""Depth metrics as some public code prints them: each image normalised to [0, 1] by itself.

They are blind to a wrong scale and a wrong offset of depth, so they say less than metric scores
and read smaller. They exist to stand beside published tables, never to choose a model.
"""

from __future__ import annotations

import numpy as np

from idfd.benchmark.metrics.depth import Depth, Mask, valid_pairs


def minmax(depth: Depth) -> Depth:
    """Map values to [0, 1] by their own smallest and largest one, without unit.

    A flat map has no range to divide by and becomes 0 everywhere.

    Example:
        >>> minmax(np.array([1.0, 2.0, 5.0]))
        array([0.  , 0.25, 1.  ])
    """
    low, high = float(depth.min()), float(depth.max())
    return (depth - low) / (high - low) if high > low else np.zeros_like(depth)


def minmax_metrics(prediction: Depth, truth: Depth, valid: Mask | None = None) -> dict[str, float]:
    """RMSE, AbsRel and δ of one image after :func:`minmax` of prediction and truth.

    AbsRel and δ divide by the truth, so they leave out the pixels of its smallest value, which is
    0 now. Both are missing where the truth is flat.

    Args:
        prediction: Predicted depth in metres, any shape, floating point.
        truth: True depth in metres, of the same shape.
        valid: Pixels to score; all where None. Only they count for the smallest and largest value.

    Returns:
        Values without unit, by the names of the registry.

    Raises:
        InputError: As for :func:`idfd.benchmark.metrics.depth.valid_pairs`.

    Example:
        >>> scores = minmax_metrics(np.array([10.0, 20.0, 30.0]), np.array([1.0, 2.0, 3.0]))
        >>> scores["rmse_minmax"], scores["delta1_minmax"]
        (0.0, 1.0)
    """
    predicted, true = (minmax(values) for values in valid_pairs(prediction, truth, valid))
    scores = {"rmse_minmax": float(np.sqrt(np.mean((predicted - true) ** 2)))}
    divisible = true > 0
    if not divisible.any():
        return scores
    predicted, true = predicted[divisible], true[divisible]
    scores["abs_rel_minmax"] = float(np.mean(np.abs(predicted - true) / true))
    # A predicted 0 is infinitely far from any truth above it, as a ratio.
    ratio = np.full(true.shape, np.inf)
    np.divide(true, predicted, out=ratio, where=predicted > 0)
    ratio = np.maximum(ratio, predicted / true)
    for power in (1, 2, 3):
        scores[f"delta{power}_minmax"] = float(np.mean(ratio < 1.25**power))
    return scores
