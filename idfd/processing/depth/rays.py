"""Inner loops over points and rays. Importing this module imports numba."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from idfd.calibration.distortion import lens
from idfd.model.camera import Intrinsics

MARGIN = 0.02
"""Nearer than measured by less than this share of depth is not certain to be free."""
_STEPS_PER_PIXEL = 1
"""Of the depth camera, as a ray is followed."""


def optics(camera: Intrinsics) -> NDArray[np.float64]:
    """Everything that :func:`projected` needs of a camera."""
    distortion = lens(camera.distortion)
    return np.array(
        [
            camera.fx, camera.fy, camera.cx, camera.cy, distortion.p1, distortion.p2,
            distortion.limit_r2, *distortion.over, *distortion.under,
        ]
    )  # fmt: skip


@njit(cache=True, nogil=True, error_model="numpy")
def projected(c: Any, x: float, y: float, z: float) -> Any:
    """The pixel that a point in the frame of a camera is seen at, or NaN."""
    # idfd.calibration.projection.project for one point; a test holds the two together.
    if not z > 0:
        return np.nan, np.nan
    x, y = x / z, y / z
    r2 = x * x + y * y
    if not r2 < c[6]:
        return np.nan, np.nan
    over = ((c[10] * r2 + c[9]) * r2 + c[8]) * r2 + c[7]
    under = ((c[14] * r2 + c[13]) * r2 + c[12]) * r2 + c[11]
    s, cross = over / under, 2 * x * y
    u = x * s + c[4] * cross + c[5] * (r2 + 2 * x * x)
    v = y * s + c[4] * (r2 + 2 * y * y) + c[5] * cross
    return u * c[0] + c[2], v * c[1] + c[3]


@njit(cache=True, nogil=True, error_model="numpy")
def follow(
    depth: Any,
    free: Any,
    rays: Any,
    rotation: Any,
    start: Any,
    optics: Any,
    nearest: float,
    farthest: float,
) -> Any:
    """The bound of each ray from ``start``, followed for a range of inverse depths."""
    height, width = depth.shape
    out = np.zeros(len(rays), np.float32)
    for n in range(len(rays)):
        a, b, c = rays[n]
        x = a * rotation[0, 0] + b * rotation[1, 0] + c * rotation[2, 0]
        y = a * rotation[0, 1] + b * rotation[1, 1] + c * rotation[2, 1]
        z = a * rotation[0, 2] + b * rotation[1, 2] + c * rotation[2, 2]
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
            if before > 0 and there > before * (1 + MARGIN):
                if away > before * (1 + MARGIN):
                    out[n] = last
                break
            if free[i, j] > 0 and there > before * (1 - MARGIN):
                break  # in a surface; between near and far measurements it would go on
    return out
