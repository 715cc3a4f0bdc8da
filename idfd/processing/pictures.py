"""Colour depth and error maps for people; every picture is RGB uint8."""

from __future__ import annotations

from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]
Scale = Literal["depth", "error"]
# Perceptually uniform maps of van der Walt and Smith, readable with colour-blind eyes.
_MAPS = {"depth": cv2.COLORMAP_VIRIDIS, "error": cv2.COLORMAP_INFERNO}
NOTHING = (96, 96, 96)
"""Grey of pixels without a value; neither colour map holds a grey."""


def colors(
    values: NDArray[np.floating[Any]],
    low: float,
    high: float,
    valid: NDArray[np.bool_] | None = None,
    scale: Scale = "depth",
) -> Picture:
    """Colour a map of values on a fixed scale.

    Args:
        values: (H, W) floating point.
        low: Value of the first colour; smaller values get it too.
        high: Value of the last colour; larger values get it too.
        valid: (H, W) bool, False paints grey; non-finite values are always grey.
        scale: 'depth' for viridis, 'error' for inferno.

    Returns:
        (H, W, 3) uint8 RGB.

    Example:
        >>> colors(np.zeros((1, 1)), 0, 1)[0, 0].tolist()
        [68, 1, 84]
    """
    known = np.isfinite(values) if valid is None else np.isfinite(values) & valid
    span = max(high - low, 1e-12)
    share = np.clip((np.where(known, values, low) - low) / span, 0, 1)
    levels = np.rint(share * 255).astype(np.uint8)
    picture = cv2.cvtColor(cv2.applyColorMap(levels, _MAPS[scale]), cv2.COLOR_BGR2RGB)
    picture[~known] = NOTHING
    return np.asarray(picture, np.uint8)


def depth_scale(
    depth_m: NDArray[np.floating[Any]], valid: NDArray[np.bool_]
) -> tuple[float, float]:
    """First and 99th percentile of the valid depth in metres, for :func:`colors`.

    (0, 1) where nothing is valid. The tails are cut because one far pixel would turn the rest
    of the map into one colour.
    """
    if not valid.any():
        return 0.0, 1.0
    low, high = np.percentile(depth_m[valid], [1, 99])
    return float(low), float(max(high, low + 1e-3))


def depth_error(
    predicted_m: NDArray[np.floating[Any]],
    truth_m: NDArray[np.floating[Any]],
    valid: NDArray[np.bool_],
    high_m: float,
) -> Picture:
    """Colour ``|d̂ - d|`` from 0 to ``high_m`` metres; grey where not valid."""
    return colors(np.abs(predicted_m - truth_m), 0, high_m, valid, "error")


def photo_error(predicted: Picture, truth: Picture, high: float = 64) -> Picture:
    """Colour the absolute difference of two photos, averaged over channels.

    Args:
        predicted: (H, W, 3) uint8.
        truth: (H, W, 3) uint8.
        high: Difference in grey levels that gets the last colour.
    """
    difference = np.abs(predicted.astype(np.float32) - truth.astype(np.float32)).mean(axis=2)
    return colors(difference, 0, high, scale="error")


def color_stops(scale: Scale, count: int = 9) -> tuple[str, ...]:
    """Colours of a scale at equal steps, as ``#rrggbb``, for a legend."""
    ramp = colors(np.linspace(0, 1, count)[None], 0, 1, scale=scale)[0]
    return tuple("#" + bytes(color.tolist()).hex() for color in ramp)


def label_strip(picture: Picture, text: str) -> Picture:
    """Put a strip with a line of ASCII text above a picture.

    Returns:
        (H + 24, W, 3) uint8; text that is too wide is made smaller.
    """
    strip = np.full((24, picture.shape[1], 3), 32, np.uint8)
    font, size = cv2.FONT_HERSHEY_SIMPLEX, 0.5
    width = cv2.getTextSize(text, font, size, 1)[0][0]
    size *= min(1.0, (picture.shape[1] - 8) / max(width, 1))
    cv2.putText(strip, text, (4, 17), font, size, (240, 240, 240), 1, cv2.LINE_AA)
    return np.concatenate([strip, picture])


def shrink(picture: Picture, width: int, exact: bool = False) -> Picture:
    """Reduce a picture to at most ``width`` pixels across, keeping its shape.

    Args:
        picture: (H, W, 3) uint8.
        width: Largest width in pixels.
        exact: Pick pixels instead of averaging, so that no colour appears that is not on the
            scale of a coloured map.
    """
    if picture.shape[1] <= width:
        return picture
    height = max(1, round(picture.shape[0] * width / picture.shape[1]))
    how = cv2.INTER_NEAREST if exact else cv2.INTER_AREA
    return np.asarray(cv2.resize(picture, (width, height), interpolation=how), np.uint8)
