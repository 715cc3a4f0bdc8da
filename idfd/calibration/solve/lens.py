"""Lens models: first guesses, and priors that keep undetermined coefficients small."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec
import numpy as np

from idfd.calibration.projection import project, unproject
from idfd.calibration.solve.poses import board_pose
from idfd.calibration.solve.problem import Image, Prior, vector
from idfd.model.camera import Intrinsics

LensModel = Literal["brown_conrady", "rational"]
COEFFICIENTS: dict[LensModel, int] = {"brown_conrady": 5, "rational": 8}
_PRIOR = 3.0
"""Prior deviation of a coefficient's term at the corner of the image, as a share of the radius."""
_ORDER = np.array([1.0, 2.0, 0.5, 0.5, 3.0, 1.0, 2.0, 3.0])
"""Power of r² that the term of each coefficient grows with, in OpenCV's order."""
HELD = 1e-9
"""Deviation of parameters that do not move, small against what any parameter is known to."""
_MOST_IMAGES = 12
_FOCALS = (0.4, 0.55, 0.75, 1.0, 1.4, 2.0, 3.0)
"""Focal lengths to try, in widths of the image: 14 mm to 105 mm on full frame."""


def first_guess(images: Sequence[Image], size: tuple[int, int]) -> Intrinsics | None:
    """A pinhole camera near enough to start from; None where no image gives a pose.

    Vanishing points give a focal length where boards are tilted (Zhang 2000); it competes with a
    ladder of usual ones by how well poses of the boards explain the corners.
    """
    import cv2

    width, height = size
    large = sorted(images, key=lambda image: -len(image.board))[:_MOST_IMAGES]
    zhang = cv2.initCameraMatrix2D(
        [image.board.astype(np.float32) for image in large],
        [image.pixels.astype(np.float32) for image in large],
        size,
    )[0, 0]
    focals = [ratio * width for ratio in _FOCALS]
    if np.isfinite(zhang) and 0.2 * width < zhang < 10 * width:
        focals.append(float(zhang))
    best, least = None, np.inf
    for focal in focals:
        guess = Intrinsics(
            width=width, height=height, fx=focal, fy=focal, cx=(width - 1) / 2, cy=(height - 1) / 2
        )
        error = _misfit(guess, large)
        if error < least:
            best, least = guess, error
    return best


def _misfit(guess: Intrinsics, images: Sequence[Image]) -> float:
    """Median over images of the root mean square error, pixels."""
    errors = []
    for image in images:
        pose = board_pose(guess, image.board, image.pixels)
        if pose is not None:
            gap = project(guess, pose.apply(image.board)) - image.pixels
            errors.append(np.sqrt(np.nanmean(gap**2)))
    return float(np.median(errors)) if errors else np.inf


def as_model(intrinsics: Intrinsics, model: LensModel) -> Intrinsics:
    """The same camera with the coefficients of a larger lens model, 0 where it had none."""
    padded = (*intrinsics.distortion, *[0.0] * 8)[: COEFFICIENTS[model]]
    return msgspec.structs.replace(intrinsics, model=model, distortion=padded)


def small_coefficients(intrinsics: Intrinsics, model: LensModel, tightness: float = 1.0) -> Prior:
    """A prior that keeps terms of the lens below a few radii at the corner of the image."""
    square = (intrinsics.width**2 + intrinsics.height**2) / (4 * intrinsics.fx * intrinsics.fy)
    terms = _PRIOR / tightness / square ** _ORDER[: COEFFICIENTS[model]]
    deviation = np.concatenate([np.full(4, np.inf), terms])
    return Prior(np.zeros(len(deviation)), deviation)


def near_given(intrinsics: Intrinsics, focal: float) -> Prior:
    """A prior that holds given intrinsics, but for a relative deviation of the focal lengths."""
    mean = vector(intrinsics)
    deviation = np.full(len(mean), HELD)
    deviation[:2] = focal * mean[:2]
    return Prior(mean, deviation)


def holds(intrinsics: Intrinsics) -> bool:
    """Whether every pixel on the border of the image has a ray: the lens does not fold inside."""
    across = np.linspace(0, intrinsics.width - 1, 33)
    down = np.linspace(0, intrinsics.height - 1, 33)
    border = np.concatenate(
        [np.stack([across, np.full(33, y)], 1) for y in (0.0, intrinsics.height - 1.0)]
        + [np.stack([np.full(33, x), down], 1) for x in (0.0, intrinsics.width - 1.0)]
    )
    return bool(np.isfinite(unproject(intrinsics, border)).all())
