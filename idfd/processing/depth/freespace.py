"""Free space: what the depth camera looked through is empty.

The two cameras stand apart. Beside a near thing the photo shows what the near thing hides from the
depth camera; registered depth has a hole there, with near depth on one side and far depth on the
other. Up to the shadow that the near thing casts away from the depth camera, though, the ray of
such a pixel runs through space that the depth camera saw to be empty. So the pixel does not show
the near thing, but something in its shadow.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from idfd.calibration.projection import unproject
from idfd.model.rig import RigCalibration
from idfd.model.triple import Crop
from idfd.processing.depth.maps import DepthMap

_SHORTEST = 0.9
"""Rays are followed from this share of the nearest depth."""


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
    from idfd.processing.depth import rays as loops

    found = np.zeros(holes.shape, np.float32)
    valid = depth.depth > 0
    if not holes.any() or not valid.any():
        return found
    target = rig.photo.cropped(crop.x, crop.y, crop.width, crop.height, crop.scale)
    # Half a depth pixel: the edge of the shadow is not known any better.
    size = max(1, int(target.fx / rig.depth.fx / 2))
    height, width = (-(-side // size) for side in holes.shape)
    padding = height * size - holes.shape[0], width * size - holes.shape[1]
    padded = np.pad(holes, ((0, padding[0]), (0, padding[1])))
    row, column = np.nonzero(padded.reshape(height, size, width, size).any(axis=(1, 3)))
    middle = (size - 1) / 2
    rotation = np.array(rig.depth_to_photo.rotation)
    rays = unproject(target, np.stack([column * size + middle, row * size + middle], axis=-1))
    bounds = np.zeros((height, width), np.float32)
    bounds[row, column] = loops.follow(
        depth.depth,
        _farther(depth.depth, loops.MARGIN),
        rays,
        rotation,
        -np.array(rig.depth_to_photo.translation_mm) @ rotation,
        loops.optics(rig.depth),
        1 / (_SHORTEST * float(depth.depth[valid].min())),
        1 / (2 * float(depth.depth.max())),
    )
    fine = bounds.repeat(size, 0).repeat(size, 1)[: holes.shape[0], : holes.shape[1]]
    found[holes] = fine[holes]
    return found


def _farther(depth: NDArray[np.float32], margin: float) -> NDArray[np.float32]:
    """Between four pixels: what is nearer is free, (h - 1, w - 1) float32 mm; 0 where not known."""
    above, below = depth[:-1], depth[1:]
    least = np.minimum(
        np.minimum(above[:, :-1], above[:, 1:]), np.minimum(below[:, :-1], below[:, 1:])
    )
    return least / np.float32(1 + margin)
