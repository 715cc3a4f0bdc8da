"""Depth moves from the depth camera's pixels to the photo's, as a surface.

Neighbouring measurements span a mesh of small triangles; the mesh is cut where depth jumps, goes
through both cameras' full distortion models, and is drawn into the photo's pixel grid with a
z-buffer. What the depth camera could not see stays empty.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from idfd.calibration.projection import project, ray_table
from idfd.errors import InputError
from idfd.model.rig import RigCalibration
from idfd.model.triple import MAX_DEPTH_MM


@dataclass(frozen=True)
class RegisterConfig:
    """How the mesh is cut.

    Attributes:
        largest_step: Two neighbours whose depths differ by a larger share are not one surface.
    """

    largest_step: float = 0.04


def register_depth(
    depth: NDArray[np.uint16], rig: RigCalibration, config: RegisterConfig = RegisterConfig()
) -> NDArray[np.uint16]:
    """Depth on the pixels of the photo.

    Args:
        depth: (h, w) uint16 millimetres along the depth camera's axis, 0 = no depth.
        rig: Both cameras and the transform between them.
        config: Where the mesh is cut.

    Returns:
        (H, W) uint16 millimetres along the photo camera's axis, 0 = no depth.

    Raises:
        InputError: The depth map has another size than the calibration.
    """
    if depth.shape != (rig.depth.height, rig.depth.width):
        raise InputError(
            f"the depth map is {depth.shape[1]}x{depth.shape[0]}",
            limit=f"{rig.depth.width}x{rig.depth.height}, as in the calibration",
            remedy="Use the calibration of the depth mode that was recorded",
        )
    rays = ray_table(rig.depth)
    metric = depth.astype(np.float64)
    points = np.dstack([rays * metric[..., None], metric])
    moved = rig.depth_to_photo.apply(points)
    pixels = project(rig.photo, moved)
    good = (depth > 0) & (moved[..., 2] > 0) & np.isfinite(pixels).all(-1)
    target = np.full((rig.photo.height, rig.photo.width), np.inf, np.float32)
    _rasteriser()(
        np.where(good[..., None], pixels, 0.0),
        np.where(good, moved[..., 2], 1.0),
        np.where(good, metric, 0.0),
        config.largest_step,
        target,
    )
    target[~(target <= MAX_DEPTH_MM)] = 0
    return np.rint(target).astype(np.uint16)


@cache
def _rasteriser() -> Any:
    import numba

    @numba.njit(cache=True)
    def triangle(pixels: Any, depth: Any, a: Any, b: Any, c: Any, target: Any) -> None:
        ax, ay = pixels[a[0], a[1]]
        bx, by = pixels[b[0], b[1]]
        cx, cy = pixels[c[0], c[1]]
        area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
        if area == 0.0:
            return
        # On a plane the inverse depth is linear in the image, as perspective has it.
        ia, ib, ic = 1 / depth[a[0], a[1]], 1 / depth[b[0], b[1]], 1 / depth[c[0], c[1]]
        left = max(int(np.ceil(min(ax, bx, cx))), 0)
        right = min(int(np.floor(max(ax, bx, cx))), target.shape[1] - 1)
        top = max(int(np.ceil(min(ay, by, cy))), 0)
        bottom = min(int(np.floor(max(ay, by, cy))), target.shape[0] - 1)
        for y in range(top, bottom + 1):
            for x in range(left, right + 1):
                wa = ((bx - x) * (cy - y) - (by - y) * (cx - x)) / area
                wb = ((cx - x) * (ay - y) - (cy - y) * (ax - x)) / area
                wc = 1 - wa - wb
                # A pixel on a shared edge belongs to both triangles: they give the same depth.
                if wa < -1e-9 or wb < -1e-9 or wc < -1e-9:
                    continue
                z = 1 / (wa * ia + wb * ib + wc * ic)
                target[y, x] = min(target[y, x], z)

    @numba.njit(cache=True)
    def joined(a: float, b: float, step: float) -> bool:
        return a > 0 and b > 0 and abs(a - b) <= step * min(a, b)

    @numba.njit(cache=True)
    def rasterise(pixels: Any, depth: Any, measured: Any, step: float, target: Any) -> None:
        rows, columns = measured.shape
        for i in range(rows - 1):
            for j in range(columns - 1):
                a, b = (i, j), (i, j + 1)
                c, d = (i + 1, j), (i + 1, j + 1)
                za, zb, zc, zd = measured[a], measured[b], measured[c], measured[d]
                ab, ac = joined(za, zb, step), joined(za, zc, step)
                bc, bd, cd = joined(zb, zc, step), joined(zb, zd, step), joined(zc, zd, step)
                ad = joined(za, zd, step)
                if bc:
                    if ab and ac:
                        triangle(pixels, depth, a, b, c, target)
                    if bd and cd:
                        triangle(pixels, depth, b, d, c, target)
                elif ad:
                    if ab and bd:
                        triangle(pixels, depth, a, b, d, target)
                    if ac and cd:
                        triangle(pixels, depth, a, d, c, target)

    return rasterise
