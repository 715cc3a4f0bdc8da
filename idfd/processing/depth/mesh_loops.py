"""Inner loops of the mesh. Importing this module imports numba."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from idfd.processing.depth.mesh import HALVES, KINDS, SURFACES
from idfd.processing.depth.rays import projected


@njit(cache=True, nogil=True, error_model="numpy")
def moved(rays: Any, i: int, j: int, z: float, r: Any, t: Any) -> Any:
    """The point of pixel (i, j) at depth ``z``, in the frame of the other camera."""
    x, y = rays[i, j, 0] * z, rays[i, j, 1] * z
    return (
        r[0, 0] * x + r[0, 1] * y + r[0, 2] * z + t[0],
        r[1, 0] * x + r[1, 1] * y + r[1, 2] * z + t[1],
        r[2, 0] * x + r[2, 1] * y + r[2, 2] * z + t[2],
    )


@njit(cache=True, nogil=True, error_model="numpy")
def place(depth: Any, rays: Any, r: Any, t: Any, optics: Any, points: Any, seen: Any) -> None:
    """Points of all pixels in the frame of the other camera, and where it sees them."""
    for i in range(depth.shape[0]):
        for j in range(depth.shape[1]):
            z = float(depth[i, j])
            x, y, z = moved(rays, i, j, z if z > 0 else np.nan, r, t)
            points[i, j, 0], points[i, j, 1], points[i, j, 2] = x, y, z
            seen[i, j, 0], seen[i, j, 1] = projected(optics, x, y, z)
            seen[i, j, 2] = 1 / z


@njit(cache=True, nogil=True, error_model="numpy")
def slope_goes_on(
    before: float, a: float, b: float, after: float, step: float, steepest: float
) -> bool:
    """Of four depths in a row, whether they lie on one slope."""
    if abs(b - a) > steepest * min(a, b) or not (before > 0 and after > 0):
        return False
    slope, largest = 1 / b - 1 / a, step / max(a, b)
    return (
        abs(slope - (1 / a - 1 / before)) <= largest and abs(slope - (1 / after - 1 / b)) <= largest
    )


@njit(cache=True, nogil=True, error_model="numpy")
def join(depth: Any, seen: Any, step: float, steepest: float, cells: Any) -> None:
    """The kind of each cell, by which of its corners lie on one surface."""
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
                cells[i - 1, j] = KINDS[above[j] + 2 * beside[j] + 4 * below[j] + 8 * beside[j + 1]]
        above[:] = below


@njit(cache=True, nogil=True, error_model="numpy")
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


@njit(cache=True, nogil=True, error_model="numpy")
def block(depth: Any, rays: Any, r: Any, t: Any, optics: Any, cells: Any, reach: int) -> Any:
    """The blockers of all cells that are not all surface, as it sees them."""
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
