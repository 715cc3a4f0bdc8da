"""The unknowns of a lens's blur, and what they make of a patch."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from idfd.calibration.defocus.likelihood import EXTRA, RATIO, SHARE, SQUARE, Blur
from idfd.calibration.defocus.patches import Patch
from idfd.calibration.defocus.prints import DRAWN_VARIANCE
from idfd.model.camera import Intrinsics

Array = NDArray[np.float64]

NAMES = (
    "log_scale",  # of scale_px_m
    "focus",  # 1/F, 1/m
    "gain",
    "curvature",
    "log_ratio",  # of the squared ratio of the spots at the small and the large aperture
    "floor",  # variance at the plane in focus, large aperture, px²
    "small_floor",  # the same at the small aperture
    "print",  # variance of the print's edges, mm²
    "share",  # of the disk
)
LOG_SCALE, FOCUS, GAIN, CURVATURE, LOG_RATIO, FLOOR, SMALL_FLOOR, PRINT, DISK_SHARE = range(9)
STEP_LIMITS = np.array([0.3, 0.15, 0.2, 0.1, 0.3, 0.2, 0.2, 0.05, 0.25])
"""Largest step of each at a time: beyond it the derivatives say nothing."""
WIDTHS = np.array([np.inf, np.inf, 1.0, 1.0, 0.3, 1.0, 1.0, 0.1, 1.0])
"""Standard deviations of what is believed without data; they hold what no patch determines."""


@dataclass(frozen=True)
class Place:
    """Where a patch lies: ``1/depth`` in 1/m, ``ρ²``, and how large a millimetre there is seen."""

    vergence: float
    rho2: float
    px_per_mm: float

    @classmethod
    def of(cls, patch: Patch, intrinsics: Intrinsics) -> Place:
        """Place of a patch in the whole photo of a camera."""
        away = np.subtract(patch.pixel, (intrinsics.cx, intrinsics.cy))
        half_diagonal2 = (intrinsics.width**2 + intrinsics.height**2) / 4
        scale = intrinsics.fx / (1000 * patch.depth_m)
        return cls(1 / patch.depth_m, float(away @ away) / half_diagonal2, scale)


def circle(lens: Array, place: Place) -> float:
    """Signed circle of confusion at the large aperture, pixels; see the defocus model."""
    defocus = lens[FOCUS] + lens[CURVATURE] * place.rho2 - place.vergence
    return float(np.exp(lens[LOG_SCALE]) * (1 + lens[GAIN] * place.rho2) * defocus)


def blur_of(lens: Array, place: Place, patch: Patch) -> tuple[Blur, Array]:
    """Blur of a patch, and the derivatives of its parameters by the lens's, (4, 9)."""
    rho2 = place.rho2
    scale, gain = np.exp(lens[LOG_SCALE]), 1 + lens[GAIN] * rho2
    defocus = lens[FOCUS] + lens[CURVATURE] * rho2 - place.vergence
    across = scale * gain * defocus
    by = np.zeros((4, len(NAMES)))
    by[SQUARE, [LOG_SCALE, FOCUS, GAIN, CURVATURE]] = (
        2 * across * np.array([across, scale * gain, scale * rho2 * defocus, scale * gain * rho2])
    )
    ratio = float(np.exp(lens[LOG_RATIO]))
    by[RATIO, LOG_RATIO] = ratio
    by[SHARE, DISK_SHARE] = 1
    if patch.ideal:
        floor = FLOOR if patch.large else SMALL_FLOOR
        by[EXTRA, floor], by[EXTRA, PRINT] = 1, place.px_per_mm**2
        # The edges of a print are not perfectly sharp either, and near ones are seen enlarged.
        extra = lens[floor] + lens[PRINT] * place.px_per_mm**2 - DRAWN_VARIANCE
    else:
        extra = lens[FLOOR] - lens[SMALL_FLOOR]
        by[EXTRA, FLOOR], by[EXTRA, SMALL_FLOOR] = 1, -1
    return Blur(across * across, ratio, float(extra), float(lens[DISK_SHARE])), by
