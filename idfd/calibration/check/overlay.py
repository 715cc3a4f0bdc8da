"""A picture for the eye: outlines of the depth camera over the photo."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from idfd.calibration.check.outlines import Outlines
from idfd.calibration.check.takes import Scene

_WIDTH = 1600
_COLOUR = (60, 220, 60)
_SUBPIXEL_BITS = 4


def draw_overlay(scene: Scene, outlines: Outlines) -> NDArray[np.uint8]:
    """The photo, dimmed, with the outlines where the calibration puts them.

    Returns:
        (H, W, 3) uint8 RGB, at most 1600 pixels wide.
    """
    scale = min(1.0, _WIDTH / scene.photo.shape[1])
    small = cv2.resize(scene.photo, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    picture = cv2.cvtColor(small, cv2.COLOR_GRAY2RGB)
    places = (outlines.pixels + 0.5) * scale / scene.factor - 0.5
    # Short strokes along the outline, so that gaps of the coarser depth image close.
    along = outlines.outward[:, ::-1] * (1.0, -1.0)
    for start, end in zip(places - along, places + along, strict=True):
        first, second = (
            tuple(int(v) for v in np.rint(p * (1 << _SUBPIXEL_BITS))) for p in (start, end)
        )
        cv2.line(picture, first, second, _COLOUR, 1, cv2.LINE_AA, _SUBPIXEL_BITS)
    return np.asarray(picture, np.uint8)
