"""What the uncertainty of a calibration means for depth in the photo."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from idfd.calibration.derivatives import parameter_names, project_with_derivatives
from idfd.calibration.projection import unproject
from idfd.calibration.solve.poses import Array, cross_matrix
from idfd.calibration.solve.problem import MOUNT
from idfd.model.calibration import DepthErrorRow
from idfd.model.rig import RigCalibration

_ROWS, _COLUMNS = 24, 27


def depth_error_rows(
    rig: RigCalibration, depths_m: Sequence[float] | Array
) -> tuple[DepthErrorRow, ...]:
    """How far off, in the photo, points that the depth camera sees may be.

    The covariance of the calibration is propagated to first order; what is seen at each pixel of a
    grid over the depth image is taken to be at each depth exactly. Errors of the depth itself are
    not part of it.

    Args:
        rig: With a covariance.
        depths_m: Along the depth camera's axis.

    Returns:
        A row for each depth at which the photo shows anything: the root mean square distance, in
        pixels, of points from where they are computed to be.
    """
    rows, columns = np.meshgrid(
        np.linspace(0, rig.depth.height - 1, _ROWS),
        np.linspace(0, rig.depth.width - 1, _COLUMNS),
        indexing="ij",
    )
    seen = np.stack([columns.ravel(), rows.ravel()], axis=1)
    out = []
    for depth in np.asarray(depths_m, np.float64).tolist():
        deviation = photo_pixel_deviation(rig, seen, np.full(len(seen), 1000.0 * depth))
        shown = deviation[np.isfinite(deviation)]
        if len(shown):
            row = DepthErrorRow(
                depth_m=depth, median_px=float(np.median(shown)), largest_px=float(shown.max())
            )
            out.append(row)
    return tuple(out)


def photo_pixel_deviation(rig: RigCalibration, pixels: Array, depth_mm: Array) -> Array:
    """Root mean square distance in the photo of points from where they are computed to be.

    Args:
        rig: With a covariance; parameters without an entry are taken to be exact.
        pixels: (N, 2) of the depth camera.
        depth_mm: (N,) along its axis.

    Returns:
        (N,) float64 photo pixels; NaN where the photo does not show the point.
    """
    if rig.covariance is None:
        return np.full(len(pixels), np.nan)
    rotation = np.array(rig.depth_to_photo.rotation)
    points = unproject(rig.depth, pixels) * depth_mm[:, None]
    turned = points @ rotation.T
    shown, by_point, by_photo = project_with_derivatives(
        rig.photo, turned + rig.depth_to_photo.translation_mm
    )
    _, by_ray, by_depth = project_with_derivatives(rig.depth, points)
    # Of a pixel seen at a known depth: 0 = by_ray dX + by_depth dθ with dX in the plane z = const.
    finite = np.all(np.isfinite(by_ray), axis=(1, 2))
    plane = np.where(finite[:, None, None], by_ray[:, :, :2], np.eye(2))
    by_depth_point = -np.linalg.solve(plane, by_depth)
    jacobian = np.concatenate(
        [
            by_photo,
            by_point @ rotation[:, :2] @ by_depth_point,
            -by_point @ cross_matrix(turned),
            by_point,
        ],
        axis=2,
    )
    names = (
        *(f"photo.{name}" for name in parameter_names(rig.photo)),
        *(f"depth.{name}" for name in parameter_names(rig.depth)),
        *MOUNT,
    )
    variance = np.einsum(
        "nip,pq,niq->n", jacobian, rig.covariance.block(names), jacobian, optimize=True
    )
    last = np.array([rig.photo.width, rig.photo.height]) - 0.5
    inside = np.all((shown > -0.5) & (shown < last), axis=1)
    return np.where(inside, np.sqrt(np.maximum(variance, 0)), np.nan)
