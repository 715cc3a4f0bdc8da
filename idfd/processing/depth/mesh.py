"""The surface that a depth map is, as another camera sees it.

Four neighbouring pixels span a cell of two triangles. The mesh is cut where depth jumps: between
the edge of a near thing and what lies behind it there is no surface. What lies behind such a cell
is not known either: the near thing goes on for some part of it, and has a side that only the
other camera may see. Blockers stand for that; they are drawn as the mesh is, and leave no depth.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from idfd.calibration.projection import ray_table
from idfd.model.camera import Extrinsics, Intrinsics
from idfd.processing.depth.optics import optics, projection

Array = NDArray[np.float64]

# Corners of a cell are numbered 0 1 above 2 3, those of its triangles clockwise.
HALVES = np.array(
    [
        [[0, 1, 2], [1, 3, 2]],
        [[0, 1, 2], [1, 3, 2]],
        [[1, 3, 2], [0, 1, 2]],
        [[0, 1, 3], [0, 3, 2]],
        [[0, 3, 2], [0, 1, 3]],
        [[0, 1, 3], [0, 3, 2]],
    ]
)
"""The two triangles of each kind of cell; the first ones are surface, the others are not."""
SURFACES = np.array([0, 1, 1, 1, 1, 2])
"""How many of the two are surface."""
KINDS = np.array([0, 0, 0, 1, 0, 0, 4, 1, 0, 3, 0, 1, 2, 2, 2, 5], np.uint8)
"""Kind of a cell by which of its sides are on one surface: 1 above, 2 left, 4 below, 8 right."""
_REACH = 2
"""Pixels without depth beside a thing into which it may go on: what a filter for flying pixels
takes away."""


@dataclass(frozen=True)
class Mesh:
    """Depth pixels as corners of a surface, in the pixels of another camera.

    Attributes:
        points: In that camera's frame, (h, w, 3) float64 mm; NaN where there is no depth.
        seen: Where they are seen: pixel and inverse depth, (h, w, 3) float64; NaN where not.
        cells: Kind of the cell right below each pixel, a row of :data:`HALVES`, (h - 1, w - 1)
            uint8.
        blockers: Triangles that may hide what lies behind, (K, 3, 3) float64: each corner as
            in ``seen``.
    """

    points: Array
    seen: Array
    cells: NDArray[np.uint8]
    blockers: Array


def build_mesh(
    depth: NDArray[np.float32],
    camera: Intrinsics,
    transform: Extrinsics,
    target: Intrinsics,
    largest_step: float,
    steepest_deg: float,
) -> Mesh:
    """The surface of a depth map in another camera.

    Two neighbours are on one surface if their depths differ by at most ``largest_step``, or if
    the difference is that of a slope which goes on before and after them: on a plane the inverse
    depth changes evenly from pixel to pixel.

    Args:
        depth: (h, w) float32 mm along the axis of ``camera``, 0 = no depth.
        camera: The depth camera.
        transform: From its frame to that of ``target``.
        target: The camera whose pixels are asked for.
        largest_step: Share of depth.
        steepest_deg: Steeper slopes are cut: angle between a surface and the image plane.

    Returns:
        The mesh; points that the distortion of ``target`` has no meaning for have no pixel.
    """
    place, join, block = _kernels()
    rays, lens = ray_table(camera), optics(target)
    rotation, shift = np.array(transform.rotation), np.array(transform.translation_mm)
    points, seen = np.empty((*depth.shape, 3)), np.empty((*depth.shape, 3))
    place(depth, rays, rotation, shift, lens, points, seen)
    cells = np.empty((max(depth.shape[0] - 1, 0), max(depth.shape[1] - 1, 0)), np.uint8)
    steepest = float(np.tan(np.radians(steepest_deg))) / min(camera.fx, camera.fy)
    join(depth, seen, largest_step, steepest, cells)
    blockers = block(depth, rays, rotation, shift, lens, cells, _REACH)
    return Mesh(points, seen, cells, blockers)


@cache
def _kernels() -> tuple[Any, Any, Any]:
    import numba

    compiled = numba.njit(cache=True, nogil=True, error_model="numpy")
    projected = projection()

    @compiled
    def moved(rays: Any, i: int, j: int, z: float, r: Any, t: Any) -> Any:
        x, y = rays[i, j, 0] * z, rays[i, j, 1] * z
        return (
            r[0, 0] * x + r[0, 1] * y + r[0, 2] * z + t[0],
            r[1, 0] * x + r[1, 1] * y + r[1, 2] * z + t[1],
            r[2, 0] * x + r[2, 1] * y + r[2, 2] * z + t[2],
        )

    @compiled
    def place(depth: Any, rays: Any, r: Any, t: Any, optics: Any, points: Any, seen: Any) -> None:
        for i in range(depth.shape[0]):
            for j in range(depth.shape[1]):
                z = float(depth[i, j])
                x, y, z = moved(rays, i, j, z if z > 0 else np.nan, r, t)
                points[i, j, 0], points[i, j, 1], points[i, j, 2] = x, y, z
                seen[i, j, 0], seen[i, j, 1] = projected(optics, x, y, z)
                seen[i, j, 2] = 1 / z

    @compiled
    def slope_goes_on(
        before: float, a: float, b: float, after: float, step: float, steepest: float
    ) -> bool:
        """Of four depths in a row, whether they lie on one slope."""
        if abs(b - a) > steepest * min(a, b) or not (before > 0 and after > 0):
            return False
        slope, largest = 1 / b - 1 / a, step / max(a, b)
        return (
            abs(slope - (1 / a - 1 / before)) <= largest
            and abs(slope - (1 / after - 1 / b)) <= largest
        )

    @compiled
    def join(depth: Any, seen: Any, step: float, steepest: float, cells: Any) -> None:
        height, width = depth.shape
        # Sides of a row of cells: those above, to the left and right, and below.
        above, beside = np.empty(width, np.uint8), np.empty(width, np.uint8)
        below = np.empty(width, np.uint8)
        for i in range(height):
            for j in range(width - 1):
                a, b = float(depth[i, j]), float(depth[i, j + 1])
                on = abs(b - a) <= step * min(a, b) or slope_goes_on(
                    depth[i, j - 1] if j > 0 else 0.0,
                    a,
                    b,
                    depth[i, j + 2] if j + 2 < width else 0.0,
                    step,
                    steepest,
                )
                below[j] = on and not (np.isnan(seen[i, j, 0]) or np.isnan(seen[i, j + 1, 0]))
            if i > 0:
                for j in range(width):
                    a, b = float(depth[i - 1, j]), float(depth[i, j])
                    on = abs(b - a) <= step * min(a, b) or slope_goes_on(
                        depth[i - 2, j] if i > 1 else 0.0,
                        a,
                        b,
                        depth[i + 1, j] if i + 1 < height else 0.0,
                        step,
                        steepest,
                    )
                    beside[j] = on and not (np.isnan(seen[i - 1, j, 0]) or np.isnan(seen[i, j, 0]))
                for j in range(width - 1):
                    cells[i - 1, j] = KINDS[
                        above[j] + 2 * beside[j] + 4 * below[j] + 8 * beside[j + 1]
                    ]
            above[:] = below

    @compiled
    def widen(depth: Any, reach: int) -> Any:
        """Depth that goes on into pixels without any, the nearest first."""
        height, width = depth.shape
        old = depth.copy()
        for _ in range(reach):
            new = old.copy()
            for i in range(height):
                for j in range(width):
                    if old[i, j] > 0:
                        continue
                    nearest = np.float32(np.inf)
                    for k in range(max(i - 1, 0), min(i + 2, height)):
                        for m in range(max(j - 1, 0), min(j + 2, width)):
                            if 0 < old[k, m] < nearest:
                                nearest = old[k, m]
                    if nearest < np.inf:
                        new[i, j] = nearest
            old = new
        return old

    @compiled
    def block(depth: Any, rays: Any, r: Any, t: Any, optics: Any, cells: Any, reach: int) -> Any:
        wide = widen(depth, reach)
        out = np.empty((4 * np.sum(cells != 5), 3, 3))
        count = 0
        for i in range(cells.shape[0]):
            for j in range(cells.shape[1]):
                kind = cells[i, j]
                for half in range(SURFACES[kind], 2):
                    nearest = np.inf
                    full = True
                    for k in range(3):
                        corner = HALVES[kind, half, k]
                        z = wide[i + corner // 2, j + corner % 2]
                        full = full and z > 0
                        if z > 0:
                            nearest = min(nearest, z)
                    if nearest == np.inf:
                        continue
                    # Flat: how far the near thing may go on. Then its side, towards the far one.
                    for side in range(2 if full else 1):
                        good = True
                        for k in range(3):
                            corner = HALVES[kind, half, k]
                            m, n = i + corner // 2, j + corner % 2
                            z = float(wide[m, n]) if side else nearest
                            x, y, z = moved(rays, m, n, z, r, t)
                            out[count, k, 0], out[count, k, 1] = projected(optics, x, y, z)
                            out[count, k, 2] = 1 / z
                            good = good and not np.isnan(out[count, k, 0])
                        if good:
                            count += 1
        return out[:count]

    return place, join, block
