"""A depth map as a picture for people, with its scale."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from idfd.benchmark.charts import ticks
from idfd.processing.pictures import Picture, colors, depth_scale

LONGEST_SIDE = 2048
_NARROWEST = 320
_BAR, _STRIP, _MARGIN = 14, 44, 24
_FONT, _FONT_SIZE = cv2.FONT_HERSHEY_SIMPLEX, 0.45
_INK, _PAPER = (235, 235, 235), 32


def depth_picture(depth_m: NDArray[np.floating[Any]]) -> Picture:
    """Colour depth from its 1st to its 99th percentile, with a scale bar in metres below.

    Args:
        depth_m: (H, W) metres, finite.

    Returns:
        RGB, (h + 44, w, 3) uint8. Every n-th pixel is taken, so that no side is longer than 2048,
        or pixels are repeated, so that the bar has room.
    """
    step = -(-max(depth_m.shape) // LONGEST_SIDE)
    repeat = -(-_NARROWEST // depth_m[::step, ::step].shape[1])
    shown = depth_m[::step, ::step].repeat(repeat, 0).repeat(repeat, 1)
    low, high = depth_scale(shown, np.ones(shown.shape, np.bool_))
    return np.concatenate([colors(shown, low, high), _scale_bar(shown.shape[1], low, high)])


def _scale_bar(width: int, low: float, high: float) -> Picture:
    strip = np.full((_STRIP, width, 3), _PAPER, np.uint8)
    length = width - 2 * _MARGIN
    ramp = colors(np.linspace(0, 1, length)[None].repeat(_BAR, 0), 0, 1)
    strip[6 : 6 + _BAR, _MARGIN : _MARGIN + length] = ramp
    marks = [mark for mark in ticks(low, high) if low <= mark <= high]
    for mark in marks:
        text = f"{mark:g}" if mark != marks[-1] else f"{mark:g} m"
        x = _MARGIN + round((mark - low) / (high - low) * (length - 1))
        cv2.line(strip, (x, 6 + _BAR), (x, 10 + _BAR), _INK, 1)
        offset = cv2.getTextSize(f"{mark:g}", _FONT, _FONT_SIZE, 1)[0][0] // 2
        place = (x - offset, _STRIP - 8)
        cv2.putText(strip, text, place, _FONT, _FONT_SIZE, _INK, 1, cv2.LINE_AA)
    return strip
