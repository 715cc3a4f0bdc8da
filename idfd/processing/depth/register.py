"""Depth moves from the depth camera's pixels to those of the photo, as a surface.

Neighbouring measurements span a mesh of small triangles; the mesh is cut where depth jumps, goes
through both cameras' full distortion models, and is drawn with a z-buffer straight into the
window of the photo that is asked for. What the depth camera could not see stays empty.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from idfd.calibration.projection import project, ray_table
from idfd.errors import InputError
from idfd.model.rig import RigCalibration
from idfd.model.triple import Crop
from idfd.processing.depth.deviation import photo_deviation
from idfd.processing.depth.maps import DepthMap
from idfd.processing.depth.mesh import build_mesh
from idfd.processing.depth.raster import draw


@dataclass(frozen=True)
class RegisterConfig:
    """How the mesh is cut.

    Attributes:
        largest_step: Two neighbours whose depths differ by a larger share are not one surface,
            unless they lie on a slope that goes on before and after them.
        steepest_deg: A surface is cut where the angle between it and the image plane of the
            depth camera is larger.
    """

    largest_step: float = 0.02
    steepest_deg: float = 88.0


def register(
    depth: DepthMap, rig: RigCalibration, crop: Crop, config: RegisterConfig = RegisterConfig()
) -> DepthMap:
    """Depth on the pixels of a crop of the photo.

    With the colour camera of a Kinect as ``rig.photo`` it registers depth to that.

    Args:
        depth: On the depth camera's pixels, (h, w), along its axis.
        rig: Both cameras and the transform between them.
        crop: The pixels asked for: a window of the photo.
        config: Where the mesh is cut.

    Returns:
        Depth along the photo camera's axis in whole millimetres, (H, W) of the crop. ``source`` is
        the worst of the measurements around a pixel.

    Raises:
        InputError: The depth map has another size than the calibration, the crop leaves the photo,
            or the calibration holds a number that is none.
    """
    _require(depth, rig)
    target = rig.photo.cropped(crop.x, crop.y, crop.width, crop.height, crop.scale)
    mesh = build_mesh(
        depth.depth, rig.depth, rig.depth_to_photo, target, config.largest_step, config.steepest_deg
    )
    deviation = None
    if depth.uncertainty is not None:
        deviation = photo_deviation(
            mesh.points, depth.depth, depth.uncertainty, rig, config.largest_step
        )
    on_crop, source, uncertainty = draw(
        mesh, depth.source, deviation, crop.height, crop.width, config.largest_step
    )
    return DepthMap(on_crop, source, uncertainty)


def photo_points(depth: DepthMap, rig: RigCalibration, step: int = 4) -> NDArray[np.float64]:
    """Where the photo shows what the depth camera measured.

    Args:
        depth: On the depth camera's pixels, (h, w).
        rig: Both cameras and the transform between them.
        step: Of the pixels inside every ``step``-th row and column is taken; of those at the edge
            of what was measured, all.

    Returns:
        (N, 2) float64 pixels of the photo, x then y; they may lie outside the image.

    Raises:
        InputError: As :func:`register`.
    """
    _require(depth, rig)
    valid = depth.depth > 0
    padded = np.pad(valid, 1)
    inside = padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]
    grid = np.zeros_like(valid)
    grid[::step, ::step] = True
    chosen = valid & (grid | ~inside)
    metric = depth.depth[chosen].astype(np.float64)
    rays = ray_table(rig.depth)[chosen]
    points = np.column_stack([rays * metric[:, None], metric])
    pixels = project(rig.photo, rig.depth_to_photo.apply(points))
    return pixels[np.isfinite(pixels).all(axis=1)]


def _require(depth: DepthMap, rig: RigCalibration) -> None:
    height, width = depth.depth.shape
    if (width, height) != (rig.depth.width, rig.depth.height):
        raise InputError(
            f"the depth map is {width}x{height}",
            limit=f"{rig.depth.width}x{rig.depth.height}, as in the calibration",
            remedy="Use the calibration of the depth mode that was recorded",
        )
    mount = rig.depth_to_photo
    numbers = [*np.ravel(mount.rotation), *mount.translation_mm]
    for camera in (rig.depth, rig.photo):
        numbers += [camera.fx, camera.fy, camera.cx, camera.cy, *camera.distortion]
    if not np.isfinite(numbers).all():
        raise InputError(
            "the calibration holds a number that is not finite",
            where="calibration",
            remedy="Solve the calibration again, or restore it from a copy",
        )
