"""Metrics of defocus maps: diameters of the circle of confusion, without their sign."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from idfd.errors import InputError

Map = NDArray[np.floating[Any]]


def normalised(diameter_px: Map, full_scale_px: float) -> Map:
    """Map diameters to [0, 1]: ``min(|c| / full scale, 1)``.

    Example:
        >>> normalised(np.array([-8.0, 16.0, 64.0]), 32.0)
        array([0.25, 0.5 , 1.  ])
    """
    return np.clip(np.abs(diameter_px) / full_scale_px, 0.0, 1.0)


def mse(prediction: Map, truth: Map) -> float:
    """Mean squared error, ``mean((ĉ - c)²)``; the square of the maps' unit.

    Args:
        prediction: Predicted map, any shape, floating point.
        truth: True map of the same shape.

    Raises:
        InputError: The shapes differ, the maps are empty, or a value is not finite.

    Example:
        >>> mse(np.array([0.5, 0.0]), np.array([0.0, 0.0]))
        0.125
    """
    return float(np.mean(_errors(prediction, truth) ** 2))


def mae(prediction: Map, truth: Map) -> float:
    """Mean absolute error, ``mean(|ĉ - c|)``, in the maps' unit; as :func:`mse` else.

    Example:
        >>> mae(np.array([0.5, 0.0]), np.array([0.0, 0.0]))
        0.25
    """
    return float(np.mean(np.abs(_errors(prediction, truth))))


def _errors(prediction: Map, truth: Map) -> Map:
    if prediction.shape != truth.shape or truth.size == 0:
        raise InputError(
            f"the maps have shapes {prediction.shape} and {truth.shape}",
            limit="one shape, with one pixel or more",
        )
    errors = prediction.astype(np.float64) - truth
    if not np.isfinite(errors).all():
        raise InputError("a map of defocus holds NaN or infinite values", limit="finite numbers")
    return np.asarray(errors)
