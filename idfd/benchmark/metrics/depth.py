"""Depth metrics on metres, over the valid pixels of one image.

The set of Eigen, Puhrsch and Fergus, "Depth Map Prediction from a Single Image using a
Multi-Scale Deep Network", NeurIPS 2014, section 4. Every function takes the prediction, the
truth and the valid pixels; all sums are taken in float64.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from idfd.errors import InputError

Depth = NDArray[np.floating[Any]]
Mask = NDArray[np.bool_]


def valid_pairs(
    prediction: Depth, truth: Depth, valid: Mask | None = None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Select the pixels that a metric is computed on.

    Args:
        prediction: Predicted depth in metres, any shape, floating point.
        truth: True depth in metres, of the same shape.
        valid: Pixels to score, of the same shape; all where None.

    Returns:
        Predicted and true depth of the valid pixels, two float64 vectors in metres.

    Raises:
        InputError: The shapes differ, no pixel is valid, or a valid pixel is not a finite
            depth above zero in both.

    Example:
        >>> valid_pairs(np.array([1.0, 2.0]), np.array([1.5, 0.0]), np.array([True, False]))
        (array([1.]), array([1.5]))
    """
    if valid is None:
        valid = np.ones(truth.shape, np.bool_)
    if not prediction.shape == truth.shape == valid.shape:
        raise InputError(
            f"prediction, truth and mask have shapes {prediction.shape}, {truth.shape} and "
            f"{valid.shape}",
            limit="one shape",
        )
    predicted = prediction[valid].astype(np.float64)
    true = truth[valid].astype(np.float64)
    if true.size == 0:
        raise InputError("no pixel is valid", limit="at least one valid pixel")
    for name, values in (("prediction", predicted), ("truth", true)):
        bad = int(np.count_nonzero(~(np.isfinite(values) & (values > 0))))
        if bad:
            raise InputError(
                f"{bad} of {values.size} valid pixels of the {name} are not a depth",
                limit="finite metres above 0",
            )
    return predicted, true


def rmse(prediction: Depth, truth: Depth, valid: Mask | None = None) -> float:
    """Root mean squared error, ``sqrt(mean((d̂ - d)²))``, in metres.

    Source: Eigen et al. 2014, "RMSE (linear)". Arguments and errors as
    for :func:`valid_pairs`.

    Example:
        >>> rmse(np.array([1.0, 4.0]), np.array([1.0, 2.0])) == 2**0.5
        True
    """
    predicted, true = valid_pairs(prediction, truth, valid)
    return float(np.sqrt(np.mean((predicted - true) ** 2)))


def abs_rel(prediction: Depth, truth: Depth, valid: Mask | None = None) -> float:
    """Mean absolute relative difference, ``mean(|d̂ - d| / d)``, without unit.

    Source: Eigen et al. 2014, "abs relative difference". Arguments and errors as
    for :func:`valid_pairs`.

    Example:
        >>> abs_rel(np.array([1.0, 3.0]), np.array([1.0, 2.0]))
        0.25
    """
    predicted, true = valid_pairs(prediction, truth, valid)
    return float(np.mean(np.abs(predicted - true) / true))


def log10(prediction: Depth, truth: Depth, valid: Mask | None = None) -> float:
    """Mean absolute error of the decimal logarithm, ``mean(|log10 d̂ - log10 d|)``.

    Source: Saxena, Sun and Ng, "Make3D", TPAMI 2009. Arguments and errors as
    for :func:`valid_pairs`.

    Example:
        >>> log10(np.array([1.0, 10.0]), np.array([1.0, 1.0]))
        0.5
    """
    predicted, true = valid_pairs(prediction, truth, valid)
    return float(np.mean(np.abs(np.log10(predicted) - np.log10(true))))


def delta(prediction: Depth, truth: Depth, valid: Mask | None = None, power: int = 1) -> float:
    """Share of the valid pixels with ``max(d̂/d, d/d̂) < 1.25^power``, in [0, 1].

    Source: Eigen et al. 2014, "threshold". Arguments and errors as
    for :func:`valid_pairs`.

    Args:
        prediction: Predicted depth in metres.
        truth: True depth in metres, of the same shape.
        valid: Pixels to score; all where None.
        power: Exponent of the threshold; 1, 2 and 3 are in use.

    Example:
        >>> delta(np.array([1.2, 1.3]), np.array([1.0, 1.0]))
        0.5
    """
    predicted, true = valid_pairs(prediction, truth, valid)
    ratio = np.maximum(predicted / true, true / predicted)
    return float(np.mean(ratio < 1.25**power))


def all_depth_metrics(
    prediction: Depth, truth: Depth, valid: Mask | None = None
) -> dict[str, float]:
    """Every depth metric of the registry on one image, by name.

    Arguments and errors as for :func:`valid_pairs`.

    Example:
        >>> scores = all_depth_metrics(np.array([1.0]), np.array([1.0]))
        >>> scores["rmse"], scores["delta1"]
        (0.0, 1.0)
    """
    pair = valid_pairs(prediction, truth, valid)
    return {
        "rmse": rmse(*pair),
        "abs_rel": abs_rel(*pair),
        "log10": log10(*pair),
        "delta1": delta(*pair, power=1),
        "delta2": delta(*pair, power=2),
        "delta3": delta(*pair, power=3),
    }
