"""What is not known of depth on the depth camera's pixels, as it shows in the photo."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from idfd.calibration.projection import ray_table
from idfd.calibration.solve.poses import cross_matrix
from idfd.calibration.solve.problem import MOUNT
from idfd.calibration.solve.uncertainty import photo_pixel_deviation
from idfd.model.rig import RigCalibration
from idfd.processing.depth.mesh import Array

STRIDE = 16
"""Pixels between the samples of the calibration's uncertainty, which is smooth."""


def photo_deviation(
    points: Array,
    depth: NDArray[np.float32],
    deviation: NDArray[np.float32],
    rig: RigCalibration,
    largest_step: float,
) -> NDArray[np.float32]:
    """Standard deviation of depth along the photo camera's axis, at depth pixels in the photo.

    An error ``e`` of the depth moves the surface along the depth camera's ray ``r``, and the photo
    looks at the moved surface along its own ray ``p``, both with z = 1. On a plane with the
    normal ``n`` the photo's depth then changes by ``e (n·r) / (n·p)``: more than ``e`` on slopes
    that face the depth camera. Where the covariance of the calibration is known, it says how far
    depth may be shifted across the photo, which on a slope is an error of depth, and along the
    axis. The two are added as if they went together; the sensor's error is independent of them.

    Args:
        points: Of the depth pixels in the photo camera's frame, (h, w, 3) float64 mm.
        depth: (h, w) float32 mm along the depth camera's axis, 0 = no depth.
        deviation: Its standard deviation, (h, w) float32 mm.
        rig: The cameras.
        largest_step: Neighbours whose depths differ by a larger share do not tell the slope.

    Returns:
        (h, w) float32 mm; NaN where there is no depth or its deviation is not known.
    """
    from idfd.processing.depth.deviation_loops import deviate

    across, along = _shift(depth, rig)
    out = np.empty(depth.shape, np.float32)
    focal = float(np.sqrt(rig.photo.fx * rig.photo.fy))
    shift = np.array(rig.depth_to_photo.translation_mm)
    deviate(points, depth, deviation, shift, largest_step, across / focal, along, out)
    return out


def _shift(depth: NDArray[np.float32], rig: RigCalibration) -> tuple[Array, Array]:
    """How far points may be from where the calibration puts them, for blocks of 16 by 16 pixels.

    Returns:
        Across the photo in pixels, and along its axis in millimetres; 0 where not known.
    """
    rows, columns = (np.arange(0, size, STRIDE) + STRIDE // 2 for size in depth.shape)
    rows, columns = np.minimum(rows, depth.shape[0] - 1), np.minimum(columns, depth.shape[1] - 1)
    shape = (len(rows), len(columns))
    valid = depth > 0
    if rig.covariance is None or not valid.any():
        return np.zeros(shape), np.zeros(shape)
    sampled = depth[np.ix_(rows, columns)].ravel().astype(np.float64)
    metric = np.where(sampled > 0, sampled, np.median(depth[valid]))
    pixels = np.stack(np.meshgrid(columns, rows), axis=-1).reshape(-1, 2).astype(np.float64)
    across = photo_pixel_deviation(rig, pixels, metric)
    rays = ray_table(rig.depth)[np.ix_(rows, columns)].reshape(-1, 2)
    points = np.column_stack([rays, np.ones(len(rays))]) * metric[:, None]
    turned = points @ np.array(rig.depth_to_photo.rotation).T
    by_mount = np.concatenate(
        [-cross_matrix(turned)[:, 2], np.tile([0, 0, 1.0], (len(rays), 1))], 1
    )
    variance = np.einsum("np,pq,nq->n", by_mount, rig.covariance.block(MOUNT), by_mount)
    # Outside of the photo and of the lens's domain it is not known, and nothing is drawn.
    across, along = (np.nan_to_num(part) for part in (across, np.sqrt(np.maximum(variance, 0))))
    return across.reshape(shape), along.reshape(shape)
