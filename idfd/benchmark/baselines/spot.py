"""The spot that a point becomes, as far as a model may know it: from the lens, or from a guess.

Diameters are those of :class:`idfd.model.defocus.DefocusModel`: of the disk with the spot's second
moment, ``c = 4σ`` for any shape.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from idfd.benchmark.models import ModelInput
from idfd.calibration.defocus.model import circle_px, defocus_map
from idfd.errors import InputError
from idfd.model.camera import Intrinsics
from idfd.model.defocus import DefocusModel
from idfd.model.triple import MAX_DEPTH_MM, TripleRecord
from idfd.processing.photos.blur_match import disk_kernel

SMALLEST_PX = 0.5
"""Spots below this are no blur: a pixel is wider, and deconvolution by them does nothing."""


@dataclass(frozen=True)
class Spot:
    """A point spread function.

    Attributes:
        diameter_px: ``c``, pixels.
        disk_share: Weight of the uniform disk; the rest is Gaussian.
    """

    diameter_px: float
    disk_share: float

    def kernel(self) -> NDArray[np.float64]:
        """The spot on pixels, (K, K) float64 with odd K, sum 1."""
        sigma = self.diameter_px / 4
        reach = max(math.ceil(self.diameter_px / 2), math.ceil(4 * sigma))
        kernel = np.zeros((2 * reach + 1, 2 * reach + 1))
        if self.disk_share > 0:
            disk = disk_kernel(self.diameter_px / 2)
            edge = reach - disk.shape[0] // 2
            kernel[edge : len(kernel) - edge, edge : len(kernel) - edge] = self.disk_share * disk
        if self.disk_share < 1:
            line = cv2.getGaussianKernel(len(kernel), sigma)
            kernel += (1 - self.disk_share) * line @ line.T
        return np.asarray(kernel / kernel.sum())

    def __str__(self) -> str:
        return f"{self.diameter_px:.2f} px, {self.disk_share:.0%} disk"


@dataclass(frozen=True)
class Lens:
    """A lens, and the photo that it is asked about.

    Attributes:
        model: Its blur, on the pixels of the whole photo.
        camera: Of the pixels that are asked about.
        scale: The whole photo's pixels to one of those.
    """

    model: DefocusModel
    camera: Intrinsics
    scale: float

    def spot(self, depth_m: float, factor: float) -> Spot:
        """Spot of a depth at the principal point, ``factor`` times as wide."""
        diameter = abs(float(circle_px(self.model, depth_m))) / self.scale
        return Spot(factor * diameter, self.model.disk_share)

    def diameters(self, depth_m: NDArray[np.floating[Any]]) -> NDArray[np.float32]:
        """Diameter of the spot at each pixel of a depth map, (H, W) float32 pixels.

        Args:
            depth_m: (H, W) floating point metres, above 0 everywhere.
        """
        millimetres = np.clip(np.rint(depth_m * 1000), 1, MAX_DEPTH_MM).astype(np.uint16)
        return np.abs(defocus_map(self.model, self.camera, millimetres, scale=self.scale)[0])


def spot_for(source: Spot | float, item: ModelInput, factor: float) -> Spot:
    """The spot of a photo: a guess as it is, or what its lens makes of points at a depth.

    Args:
        source: The guess, or the depth in metres.
        item: The photo.
        factor: What the lens's diameter is multiplied by; see :func:`excess`.

    Raises:
        InputError: The lens of this photo is not known, and a depth was given.
    """
    if isinstance(source, Spot):
        return source
    lens = lens_of(item)
    if lens is None:
        raise InputError(
            "the lens of this photo is not known, but those of the training split are",
            where=f"image {item.id}",
            limit="a blur model, or focal length, focus distance and intrinsics",
        )
    return lens.spot(source, factor)


def lens_of(item: ModelInput, focus_distance_m: float | None = None) -> Lens | None:
    """How the lens blurs a photo: as calibrated, else the thin lens of the camera's settings.

    Args:
        item: The photo.
        focus_distance_m: Stands in where the settings do not say it.

    Returns:
        None where neither is known. The thin lens has ``scale_px_m = fx·f/N``, which is exact
        where ``fx`` was calibrated at that focus.
    """
    camera, settings = item.intrinsics, item.settings
    if camera is None:
        return None
    if item.blur is not None:
        return Lens(item.blur, camera, item.scale)
    if settings is None or settings.focal_length_mm is None:
        return None
    focus = settings.focus_distance_m or focus_distance_m
    if focus is None:
        return None
    model = DefocusModel(
        width=camera.width,
        height=camera.height,
        centre=(camera.cx, camera.cy),
        f_number=settings.f_number,
        scale_px_m=camera.fx * settings.focal_length_mm / settings.f_number / 1000,
        focus_distance_m=focus,
        focal_length_mm=settings.focal_length_mm,
    )
    return Lens(model, camera, 1.0)


def excess(record: TripleRecord) -> float:
    """Diameter of the spot that makes the sharp photo the defocused one, over that of the lens.

    Variances of blurs add, and the sharp photo has the blur of its own aperture, so the factor is
    ``√(1 − r²)`` with the ratio ``r`` of the apertures; 1 where the defocus was computed.
    """
    if record.simulated is not None:
        return 1.0
    wide, small = record.defocused, record.all_in_focus
    ratio = wide.f_number / small.f_number if wide is not None and small is not None else 1.0
    if record.blur is not None and record.blur.sharp_scale_px_m is not None:
        ratio = record.blur.sharp_scale_px_m / record.blur.scale_px_m
    return math.sqrt(1 - ratio**2) if ratio < 1 else 1.0
