"""Inner loops of drawing. Importing this module imports numba."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from idfd.processing.depth.mesh import HALVES, SURFACES
from idfd.processing.depth.raster import NO_SOURCE, RANKED


@njit(cache=True, nogil=True, error_model="numpy")
def extent(seen: Any) -> Any:
    """First and last row of the grid that each row of cells touches, (h - 1, 2)."""
    height, width = seen.shape[:2]
    out = np.empty((height - 1, 2))
    for i in range(height - 1):
        least, most = np.inf, -np.inf
        for j in range(width):
            for k in range(2):
                v = seen[i + k, j, 1]
                if v < least:
                    least = v
                if v > most:
                    most = v
        out[i, 0], out[i, 1] = least, most
    return out


@njit(cache=True, nogil=True, error_model="numpy")
def triangle(
    ax: float, ay: float, an: float, ad: float, bx: float, by: float, bn: float, bd: float,
    cx: float, cy: float, cn: float, cd: float, top: int, rank: int,
    near: Any, deviation: Any, source: Any,
) -> None:  # fmt: skip
    """Draw one triangle where it is nearer than what was drawn before."""
    height, width = near.shape
    # By rows, so that an edge is the same line for both of its triangles: no cracks.
    if by < ay or (by == ay and bx < ax):
        ax, ay, an, ad, bx, by, bn, bd = bx, by, bn, bd, ax, ay, an, ad
    if cy < by or (cy == by and cx < bx):
        bx, by, bn, bd, cx, cy, cn, cd = cx, cy, cn, cd, bx, by, bn, bd
        if by < ay or (by == ay and bx < ax):
            ax, ay, an, ad, bx, by, bn, bd = bx, by, bn, bd, ax, ay, an, ad
    first, last = max(int(np.ceil(ay)), top), min(int(np.floor(cy)), top + height - 1)
    if first > last:
        return
    if max(ax, bx, cx) < 0 or min(ax, bx, cx) > width - 1:
        return
    area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
    if abs(area) < 1e-9:
        return
    share = 1 / area
    nx = ((bn - an) * (cy - ay) - (cn - an) * (by - ay)) * share
    ny = ((cn - an) * (bx - ax) - (bn - an) * (cx - ax)) * share
    n0 = an - ay * ny - ax * nx
    long = (cx - ax) / (cy - ay)
    upper = (bx - ax) / (by - ay) if by > ay else 0.0
    lower = (cx - bx) / (cy - by) if cy > by else 0.0
    carry = deviation.shape[0] > 0
    dx = dy = d0 = 0.0
    if carry:
        dx = ((bd - ad) * (cy - ay) - (cd - ad) * (by - ay)) * share
        dy = ((cd - ad) * (bx - ax) - (bd - ad) * (cx - ax)) * share
        d0 = ad - ay * dy - ax * dx
    for y in range(first, last + 1):
        one = ax + (y - ay) * long
        two = ax + (y - ay) * upper if y < by else bx + (y - by) * lower
        left = max(int(np.ceil(min(one, two))), 0)
        right = min(int(np.floor(max(one, two))), width - 1)
        if left > right:
            continue
        n, d, row = n0 + y * ny, d0 + y * dy, np.uintp(y - top)
        for x in range(left, right + 1):
            value, place = np.float32(n + x * nx), np.uintp(x)
            if value > near[row, place]:
                near[row, place] = value
                source[row, place] = rank
                if carry:
                    deviation[row, place] = np.float32(d + x * dx)


@njit(cache=True, nogil=True, error_model="numpy")
def band(
    seen: Any, cells: Any, extent: Any, rank: Any, corners: Any, blockers: Any,
    behind: float, top: int, near: Any, source: Any, deviation: Any, most: float,
) -> None:  # fmt: skip
    """Draw everything that touches a band of rows, and finish its pixels."""
    last = top + near.shape[0] - 1
    carry = deviation.shape[0] > 0
    ad = bd = cd = 0.0
    for i in range(cells.shape[0]):
        if not (extent[i, 0] <= last and extent[i, 1] >= top):
            continue
        for j in range(cells.shape[1]):
            kind = cells[i, j]
            for half in range(SURFACES[kind]):
                a, b, c = HALVES[kind, half, 0], HALVES[kind, half, 1], HALVES[kind, half, 2]
                ai, aj = i + a // 2, j + a % 2
                bi, bj = i + b // 2, j + b % 2
                ci, cj = i + c // 2, j + c % 2
                ay, by, cy = seen[ai, aj, 1], seen[bi, bj, 1], seen[ci, cj, 1]
                if max(ay, by, cy) < top or min(ay, by, cy) > last:
                    continue
                ax, bx, cx = seen[ai, aj, 0], seen[bi, bj, 0], seen[ci, cj, 0]
                an, bn, cn = seen[ai, aj, 2], seen[bi, bj, 2], seen[ci, cj, 2]
                worst = RANKED[max(rank[ai, aj], rank[bi, bj], rank[ci, cj])]
                if (bx - ax) * (cy - ay) - (by - ay) * (cx - ax) < 0:
                    # Seen from behind: the inside of a thing.
                    an, bn, cn, worst = an / behind, bn / behind, cn / behind, NO_SOURCE
                if carry:
                    ad, bd, cd = corners[ai, aj], corners[bi, bj], corners[ci, cj]
                triangle(ax, ay, an, ad, bx, by, bn, bd, cx, cy, cn, cd, top, worst,
                         near, deviation, source)  # fmt: skip
    for k in range(len(blockers)):
        ay, by, cy = blockers[k, 0, 1], blockers[k, 1, 1], blockers[k, 2, 1]
        if max(ay, by, cy) < top or min(ay, by, cy) > last:
            continue
        triangle(blockers[k, 0, 0], ay, blockers[k, 0, 2] / behind, 0.0,
                 blockers[k, 1, 0], by, blockers[k, 1, 2] / behind, 0.0,
                 blockers[k, 2, 0], cy, blockers[k, 2, 2] / behind, 0.0,
                 top, NO_SOURCE, near, deviation, source)  # fmt: skip
    finish(near, source, deviation, most)


@njit(cache=True, nogil=True, error_model="numpy")
def finish(near: Any, source: Any, deviation: Any, most: float) -> None:
    """Inverse depth becomes whole millimetres, in loops that the compiler can vectorise."""
    one, none, unknown = np.float32(1), np.float32(0), np.float32(np.nan)
    for y in range(near.shape[0]):
        z, s = near[y], source[y]
        for x in range(len(z)):
            whole = np.rint(one / z[x])
            z[x] = whole if (s[x] != 0) & (whole >= one) & (whole <= most) else none
        for x in range(len(z)):
            s[x] = s[x] if z[x] != none else np.uint8(0)
        if deviation.shape[0] > 0:
            d = deviation[y]
            for x in range(len(z)):
                d[x] = d[x] if z[x] != none else unknown
