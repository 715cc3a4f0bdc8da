"""Free space: what the depth camera looked through is empty.

The two cameras stand apart. Beside a near thing the photo shows what the near thing hides from the
depth camera; registered depth has a hole there, with near depth on one side and far depth on the
other. Up to the shadow that the near thing casts away from the depth camera, though, the ray of
such a pixel runs through space that the depth camera saw to be empty. So the pixel does not show
the near thing, but something in its shadow.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from idfd.calibration.projection import unproject
from idfd.model.rig import RigCalibration
from idfd.model.triple import Crop
from idfd.processing.depth.maps import DepthMap
from idfd.processing.depth.optics import optics, projection

_MARGIN = 0.02
"""Nearer than measured by less than this share of depth is not certain to be free."""
_SHORTEST = 0.9
"""Rays are followed from this share of the nearest depth."""
_STEPS_PER_PIXEL = 2
"""Of the depth camera, as a ray is followed."""


def least_depth(
    depth: DepthMap, rig: RigCalibration, crop: Crop, holes: NDArray[np.bool_]
) -> NDArray[np.float32]:
    """How far away, at least, is what the photo sees past the edge of a nearer thing.

    Each ray is followed away from the photo camera, by its image in the depth camera: as long as
    all four measurements around it are farther than the ray there, space is free. Where it is not
    any longer, the ray goes into a surface, or into a gap without depth, or behind something. Only
    a ray that gets behind something whose depth it has already passed in free space has a bound.

    Args:
        depth: On the depth camera's pixels, (h, w).
        rig: Both cameras and the transform between them.
        crop: The pixels of the photo.
        holes: Pixels of the crop that are asked for, (H, W) bool.

    Returns:
        Depth along the photo camera's axis, (H, W) float32 mm, 0 = no bound. Where the photo is
        much finer than the depth camera, groups of pixels share one.
    """
    found = np.zeros(holes.shape, np.float32)
    valid: NDArray[np.bool_] = depth.depth > 0
    if not holes.any() or not valid.any():
        return found
    target = rig.photo.cropped(crop.x, crop.y, crop.width, crop.height, crop.scale)
    # A third of a depth pixel: the shadow's edge is not known any better.
    size = max(1, int(target.fx / rig.depth.fx / 3))
    height, width = (-(-side // size) for side in holes.shape)
    padding = height * size - holes.shape[0], width * size - holes.shape[1]
    groups = np.pad(holes, ((0, padding[0]), (0, padding[1])))
    groups = groups.reshape(height, size, width, size).any(axis=(1, 3))
    row, column = np.nonzero(groups)
    middle = (size - 1) / 2
    rotation = np.array(rig.depth_to_photo.rotation)
    rays = unproject(target, np.stack([column * size + middle, row * size + middle], axis=-1))
    bounds = np.zeros(groups.shape, np.float32)
    bounds[row, column] = _follow()(
        depth.depth,
        _farther(depth.depth),
        rays @ rotation,
        -np.array(rig.depth_to_photo.translation_mm) @ rotation,
        optics(rig.depth),
        1 / (_SHORTEST * float(depth.depth[valid].min())),
        1 / (2 * float(depth.depth.max())),
    )
    found[holes] = bounds.repeat(size, 0).repeat(size, 1)[: holes.shape[0], : holes.shape[1]][holes]
    return found


def _farther(depth: NDArray[np.float32]) -> NDArray[np.float32]:
    """Between four pixels: what is nearer is free, (h - 1, w - 1) float32 mm; 0 where not known."""
    above, below = depth[:-1], depth[1:]
    least = np.minimum(
        np.minimum(above[:, :-1], above[:, 1:]), np.minimum(below[:, :-1], below[:, 1:])
    )
    return least / np.float32(1 + _MARGIN)


@cache
def _follow() -> Any:
    import numba

    projected = projection()

    @numba.njit(cache=True, nogil=True, error_model="numpy")
    def follow(
        depth: Any, free: Any, rays: Any, start: Any, optics: Any, nearest: float, farthest: float
    ) -> Any:
        """The bound of each ray ``start + t · ray``, for inverse ``t`` in a range."""
        height, width = depth.shape
        out = np.zeros(len(rays), np.float32)
        for n in range(len(rays)):
            x, y, z = rays[n]
            u, v = projected(
                optics, x + nearest * start[0], y + nearest * start[1], z + nearest * start[2]
            )
            p, q = projected(
                optics, x + farthest * start[0], y + farthest * start[1], z + farthest * start[2]
            )
            length = max(abs(p - u), abs(q - v))
            if not length < np.inf:
                continue
            steps = int(length * _STEPS_PER_PIXEL) + 1
            change = (farthest - nearest) / steps
            last = away = 0.0
            for k in range(steps + 1):
                inverse = nearest + change * k
                there = z + inverse * start[2]
                u, v = projected(optics, x + inverse * start[0], y + inverse * start[1], there)
                if not (0 <= u < width - 1 and 0 <= v < height - 1):
                    continue
                i, j, there = int(v), int(u), there / inverse
                if there < free[i, j]:
                    last, away = 1 / inverse, there
                    continue
                before = max(
                    max(depth[i, j], depth[i, j + 1]), max(depth[i + 1, j], depth[i + 1, j + 1])
                )
                if before > 0 and there > before * (1 + _MARGIN):
                    if away > before * (1 + _MARGIN):
                        out[n] = last
                    break
                if free[i, j] > 0 and there > before * (1 - _MARGIN):
                    break  # in a surface; between near and far measurements it would go on
        return out

    return follow
