"""The camera model as compiled loops call it, one point at a time."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from idfd.calibration.distortion import lens
from idfd.model.camera import Intrinsics


def optics(camera: Intrinsics) -> NDArray[np.float64]:
    """Everything that the function of :func:`projection` needs of a camera."""
    distortion = lens(camera.distortion)
    return np.array(
        [
            camera.fx, camera.fy, camera.cx, camera.cy, distortion.p1, distortion.p2,
            distortion.limit_r2, *distortion.over, *distortion.under,
        ]
    )  # fmt: skip


@cache
def projection() -> Any:
    """Compiled ``(optics, x, y, z) -> (u, v)``: the pixel that a point is seen at, or NaN."""
    import numba

    @numba.njit(cache=True, nogil=True, error_model="numpy")
    def projected(c: Any, x: float, y: float, z: float) -> Any:
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

    return projected
