"""What the cameras saw of a board: the meeting point of detection, solver and report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

CameraName = Literal["photo", "defocused", "depth"]
"""``photo``: the photo camera at its small aperture; ``defocused``: the same body at its large
aperture; ``depth``: the depth camera, by its infrared image."""


@dataclass(frozen=True)
class Detection:
    """Corners of a board in one image.

    Attributes:
        ids: Corners by their index in :func:`~idfd.calibration.boards.geometry.corners_mm`, (N,)
            int64, ascending, each once.
        pixels: Where they are seen, (N, 2) float64, pixel centres at integers, in the pixels of the
            sensor: a turn noted in EXIF is not applied.
        deviation_px: Expected standard deviation of each, per axis, (N,) float64.
        size: Width and height of the image.
    """

    ids: NDArray[np.int64]
    pixels: NDArray[np.float64]
    deviation_px: NDArray[np.float64]
    size: tuple[int, int]


@dataclass(frozen=True)
class View:
    """One stand of the board, as the cameras that saw it saw it."""

    name: str
    seen: Mapping[CameraName, Detection]


@dataclass(frozen=True)
class Dropped:
    """An image, or with ``camera`` None a whole view, that was not used, and why."""

    view: str
    camera: CameraName | None
    reason: str
