"""The camera model of the whole toolkit: points to pixels and pixels to rays.

Pinhole, Brown-Conrady and rational lenses as in OpenCV (Brown, "Decentering distortion of lenses",
1966; Claus and Fitzgibbon, "A rational function lens distortion model", CVPR 2005), with
``s(r²) = (1 + k1 r² + k2 r⁴ + k3 r⁶) / (1 + k4 r² + k5 r⁴ + k6 r⁶)``::

    x' = x s(r²) + 2 p1 x y + p2 (r² + 2x²)        u = fx x' + cx
    y' = y s(r²) + p1 (r² + 2y²) + 2 p2 x y        v = fy y' + cy

Such polynomials fold back outside the region that they were fitted in, where two rays share a
pixel. Points and pixels out there have no meaning, and are NaN here instead of nonsense.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from idfd.calibration.distortion import Array, lens
from idfd.calibration.tiles import tabulate
from idfd.model.camera import Intrinsics

_CHUNK = 1 << 13
"""Pixels inverted at a time: temporaries of 64 kB stay in the cache and in the allocator's pool."""


def project(intrinsics: Intrinsics, points: NDArray[Any]) -> Array:
    """Pixels at which points are seen.

    Args:
        intrinsics: The camera.
        points: (..., 3) in the camera's frame (x right, y down, z forward), any unit.

    Returns:
        (..., 2) float64 pixels, pixel centres at integers; they may lie outside the image.
        NaN for points that are not in front of the camera, or so far off the axis that the
        distortion folds back.
    """
    points = np.asarray(points, np.float64)
    front = points[..., 2] > 0
    depth = np.where(front, points[..., 2], np.nan)
    x, y = points[..., 0] / depth, points[..., 1] / depth
    distortion = lens(intrinsics.distortion)
    out = np.stack(distortion.bend(x, y), axis=-1)
    out[x * x + y * y >= distortion.limit_r2] = np.nan
    out *= (intrinsics.fx, intrinsics.fy)
    out += (intrinsics.cx, intrinsics.cy)
    return out


def unproject(intrinsics: Intrinsics, pixels: NDArray[Any]) -> Array:
    """Rays that end at pixels; the inverse of :func:`project` to 1e-9 pixels.

    Args:
        intrinsics: The camera.
        pixels: (..., 2), pixel centres at integers; they may lie outside the image.

    Returns:
        (..., 3) float64 rays with z = 1; multiply by a depth to get the point at that depth.
        NaN where no ray ends at the pixel.
    """
    pixels = np.asarray(pixels, np.float64)
    flat = pixels.reshape(-1, 2)
    rays = np.ones((len(flat), 3))
    distortion = lens(intrinsics.distortion)
    for start in range(0, len(flat), _CHUNK):
        part = slice(start, start + _CHUNK)
        rays[part, 0], rays[part, 1] = distortion.straighten(
            (flat[part, 0] - intrinsics.cx) / intrinsics.fx,
            (flat[part, 1] - intrinsics.cy) / intrinsics.fy,
            tolerance=1e-9 / max(intrinsics.fx, intrinsics.fy),
        )
    return rays.reshape(*pixels.shape[:-1], 3)


@lru_cache(maxsize=4)
def ray_table(intrinsics: Intrinsics) -> Array:
    """Rays of all pixels as (H, W, 2) float64: x / z and y / z, read-only, kept for reuse.

    They project to their pixels to 1e-7 pixels; NaN where no ray ends at the pixel. Four tables
    are kept, 386 MB each for 24 megapixels; making one needs little beside the table itself.
    """

    def rays(pixels: Array) -> Array:
        return unproject(intrinsics, pixels)[..., :2]

    def error(pixels: Array, rays: Array) -> Array:
        points = np.concatenate([rays, np.ones((*rays.shape[:-1], 1))], axis=-1)
        return np.abs(project(intrinsics, points) - pixels).max(axis=-1)

    table = tabulate(intrinsics.width, intrinsics.height, rays, error, tolerance=1e-8)
    table.flags.writeable = False
    return table
