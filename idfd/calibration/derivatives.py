"""Exact derivatives of the camera model, for solvers and for the propagation of uncertainty."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from idfd.calibration.distortion import Array, horner, lens
from idfd.model.camera import Intrinsics

_LENS_NAMES = ("k1", "k2", "p1", "p2", "k3", "k4", "k5", "k6")


def parameter_names(intrinsics: Intrinsics) -> tuple[str, ...]:
    """Names of the camera's parameters, in the order of :func:`project_with_derivatives`."""
    return ("fx", "fy", "cx", "cy", *_LENS_NAMES[: len(intrinsics.distortion)])


def project_with_derivatives(
    intrinsics: Intrinsics, points: NDArray[Any]
) -> tuple[Array, Array, Array]:
    """Pixels of points, and how they change with the points and with the camera.

    The derivatives are those of the formulas in :mod:`idfd.calibration.projection`, in closed
    form, and agree with the Jacobian of ``cv2.projectPoints``.

    Args:
        intrinsics: The camera.
        points: (N, 3) in the camera's frame, any unit.

    Returns:
        Pixels (N, 2); their derivatives by the points (N, 2, 3), pixels per unit of ``points``;
        and by the P parameters (N, 2, P): ``fx fy cx cy``, then the distortion coefficients
        that the model has in OpenCV's order (:func:`parameter_names`). All float64. Pixels and
        derivatives are NaN where :func:`~idfd.calibration.projection.project` is.
    """
    points = np.asarray(points, np.float64)
    distortion = lens(intrinsics.distortion)
    depth = np.where(points[:, 2] > 0, points[:, 2], np.nan)
    x, y = points[:, 0] / depth, points[:, 1] / depth
    r2 = x * x + y * y
    x, y = (np.where(r2 < distortion.limit_r2, value, np.nan) for value in (x, y))
    r2 = x * x + y * y
    bent = np.stack(distortion.bend(x, y), axis=-1)
    focal = np.array([intrinsics.fx, intrinsics.fy])

    xx, xy, yy = distortion.slopes(x, y)
    by_point = np.empty((len(points), 2, 3))
    by_point[:, 0, 0], by_point[:, 0, 1] = xx, xy
    by_point[:, 1, 0], by_point[:, 1, 1] = xy, yy
    by_point[:, :, 2] = -(by_point[:, :, 0] * x[:, None] + by_point[:, :, 1] * y[:, None])
    by_point *= focal[:, None] / depth[:, None, None]

    missing = np.where(np.isnan(bent), np.nan, 0.0)
    by_parameter = np.repeat(missing[:, :, None], 4 + len(intrinsics.distortion), axis=2)
    by_parameter[:, 0, 0] += bent[:, 0]
    by_parameter[:, 1, 1] += bent[:, 1]
    by_parameter[:, [0, 1], [2, 3]] += 1.0
    under = horner(distortion.under, r2)
    ray = np.stack([x, y], axis=-1)
    over_slope = ray * (focal / under[:, None])
    under_slope = -over_slope * (horner(distortion.over, r2) / under)[:, None]
    cross = 2 * x * y
    columns = (
        over_slope * r2[:, None],
        over_slope * (r2 * r2)[:, None],
        np.stack([cross, r2 + 2 * y * y], axis=-1) * focal,
        np.stack([r2 + 2 * x * x, cross], axis=-1) * focal,
        over_slope * (r2 * r2 * r2)[:, None],
        under_slope * r2[:, None],
        under_slope * (r2 * r2)[:, None],
        under_slope * (r2 * r2 * r2)[:, None],
    )
    for place, column in enumerate(columns[: len(intrinsics.distortion)], start=4):
        by_parameter[:, :, place] = column
    return bent * focal + (intrinsics.cx, intrinsics.cy), by_point, by_parameter
