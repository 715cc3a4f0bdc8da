"""The edge metric: how far the edges of a depth map are from those of the truth.

Source: the thesis behind iDFD, equations 2.1 and 2.2, after Wang and Simoncelli,
"Reduced-Reference Image Quality Assessment Using a Wavelet-Domain Natural Image Statistic Model",
SPIE 5666, 2005. docs/edge-metric.md says what was left open there and how it is settled here.
"""

from __future__ import annotations

import math
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from idfd.benchmark.metrics.pyramid import Real, steerable_pyramid
from idfd.benchmark.protocol import EdgeRules
from idfd.errors import InputError
from idfd.processing.nearest import nearest_known

Mask = NDArray[np.bool_]
_PAD, _MULTIPLE = 16, 32
"""Pixels mirrored around a map, and what its padded sides are multiples of."""


def edge_divergence(
    prediction: Real, truth: Real, valid: Mask | None, rules: EdgeRules
) -> float | None:
    """Summed divergence ``Σ_k d_k`` of the edges of two depth maps, in nats.

    ``d_k = mean over windows of Σ_i h_m(i)·ln(h_m(i) / h(i))`` (equation 2.1), with the
    histograms ``h_m`` of the truth and ``h`` of the prediction in sub-band ``k`` of a steerable
    pyramid. They are normalised after ``floor`` was added to each bin, so that no bin is empty.

    Args:
        prediction: Predicted depth, (H, W) floating-point metres.
        truth: True depth, (H, W) floating-point metres.
        valid: Pixels where both are known, (H, W); all where None.
        rules: Bins, windows and what is left out.

    Returns:
        At least 0, and 0 for equal maps; None where too little is known for any window.

    Raises:
        InputError: The shapes differ, or a valid pixel is not finite.

    Example:
        >>> from idfd.benchmark.protocol import load_protocol
        >>> step = np.where(np.arange(64) < 32, 1.0, 2.0) * np.ones((64, 1))
        >>> edge_divergence(step, step, None, load_protocol().protocol.edges)
        0.0
    """
    known = np.ones(truth.shape, np.bool_) if valid is None else valid
    if not prediction.shape == truth.shape == known.shape or truth.ndim != 2:
        raise InputError(
            f"prediction, truth and mask have shapes {prediction.shape}, {truth.shape} and "
            f"{known.shape}",
            limit="one shape, (H, W)",
        )
    if not known.any():
        return None
    pair = np.stack([truth, prediction]).astype(np.float64)
    if not np.isfinite(pair[:, known]).all():
        raise InputError("a valid pixel is NaN or infinite", limit="finite metres")
    scales = len(rules.bin_edges_m)
    bands = steerable_pyramid(_padded(_filled(pair, known)), scales, rules.orientations).bands
    total = 0.0
    for scale, band in enumerate(bands):
        kept = _far_from_unknown(known, rules.margin_px * 2**scale)[:: 2**scale, :: 2**scale]
        start = _PAD // 2**scale
        inside = band[..., start : start + kept.shape[0], start : start + kept.shape[1]]
        edges = np.array(rules.bin_edges_m[scale])
        bins = np.searchsorted(np.concatenate([-edges[::-1], edges]), inside)
        # A window of one histogram holds the whole band.
        side = max(kept.shape) if rules.window_px is None else rules.window_px // 2**scale
        shares = _histograms(bins, 2 * edges.size + 1, kept, side, rules)
        if shares is None:
            return None
        true, predicted = shares
        total += float(np.sum(true * np.log(true / predicted), axis=-1).mean(axis=-1).sum())
    return max(total, 0.0)  # not -1e-17, by rounding


def logarithm(divergence: float, d0: float) -> float:
    """Equation 2.2: ``log2(1 + divergence / d0)``, without unit.

    Example:
        >>> logarithm(70.0, 10.0)
        3.0
    """
    return math.log2(1 + divergence / d0)


def _filled(maps: Real, known: Mask) -> Real:
    """Give unknown pixels the map's own value at the nearest known one, the same for all maps."""
    if known.all():
        return maps
    return np.asarray(maps.reshape(len(maps), -1)[:, nearest_known(known)])


def _padded(maps: Real) -> Real:
    """Mirror the borders, so that the pyramid does not join opposite sides of the image."""
    height, width = maps.shape[-2:]
    below, right = (_PAD + -(side + 2 * _PAD) % _MULTIPLE for side in (height, width))
    return np.pad(maps, ((0, 0), (_PAD, below), (_PAD, right)), mode="symmetric")


def _far_from_unknown(known: Mask, distance: int) -> Mask:
    side = 2 * distance + 1
    eroded = cv2.erode(
        known.astype(np.uint8),
        np.ones((side, side), np.uint8),
        borderType=cv2.BORDER_CONSTANT,
        borderValue=0,
    )
    return np.asarray(eroded, np.bool_)


def _histograms(
    bins: NDArray[np.intp], count: int, kept: Mask, side: int, rules: EdgeRules
) -> NDArray[Any] | None:
    """Shares of each bin, (maps, orientations, windows, bins); None where no window is scored."""
    rows, columns = (-(-length // side) for length in kept.shape)
    row, column = (np.arange(length) // side for length in kept.shape)
    window = (row[:, None] * columns + column)[kept]
    number = rows * columns
    held = np.bincount(window, minlength=number)
    full = side * side if rules.window_px is not None else kept.size
    scored = held >= rules.minimum_share * full
    if not scored.any():
        return None
    maps, orientations = bins.shape[:2]
    histogram = np.arange(maps * orientations)[:, None] * number + window
    places = histogram * count + bins[..., kept].reshape(maps * orientations, -1)
    counts = np.bincount(places.ravel(), minlength=maps * orientations * number * count)
    split = counts.reshape(maps, orientations, number, count)[:, :, scored]
    shares = split / held[scored][:, None] + rules.floor
    return np.asarray(shares / shares.sum(axis=-1, keepdims=True))
