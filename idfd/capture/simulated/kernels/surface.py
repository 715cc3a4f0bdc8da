"""What a ray finds where it ends: texture and normal."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from idfd.capture.simulated.kernels.compiler import compiled

Float = NDArray[np.float32]
Triple = tuple[float, float, float]
MISS = np.uint32(0xFFFFFFFF)
"""Triangle number of a ray that met nothing."""


class Tables(NamedTuple):
    """A scene as flat arrays, one row per triangle, surface or light."""

    uv: Float  # (T, 3, 2)
    normals: Float  # (T, 3, 3) at the corners
    density: Float  # (T,) texels per metre
    owner: NDArray[np.int32]  # (T,) surface
    finish: Float  # (S, 5): gloss, shininess, infrared, emission, toner
    levels: NDArray[np.int64]  # (S, L, 3): start, width, height of each texture level
    depth: NDArray[np.int64]  # (S,) number of levels
    texels: NDArray[np.uint16]  # (N, 3) linear albedo, 65535 is 1
    lights: Float  # (K, 7): position, radius, intensity
    ambient: Float  # (3,)


def _texel(tables: Tables, surface: int, level: int, u: float, v: float) -> Triple:
    """Bilinear, repeating texture lookup at one level, in units of 1 / 65535."""
    start = tables.levels[surface, level, 0]
    width = tables.levels[surface, level, 1]
    height = tables.levels[surface, level, 2]
    x = (u - math.floor(u)) * width - 0.5
    y = (v - math.floor(v)) * height - 0.5
    left, top = math.floor(x), math.floor(y)
    fx, fy = x - left, y - top
    # Comparisons, for a division costs more than everything else here.
    right = left + 1 if left + 1 < width else 0
    bottom = top + 1 if top + 1 < height else 0
    left = left if left >= 0 else width - 1
    top = top if top >= 0 else height - 1
    a, b = start + top * width + left, start + top * width + right
    c, d = start + bottom * width + left, start + bottom * width + right
    wa, wb, wc, wd = (1 - fx) * (1 - fy), fx * (1 - fy), (1 - fx) * fy, fx * fy
    t = tables.texels
    return (
        t[a, 0] * wa + t[b, 0] * wb + t[c, 0] * wc + t[d, 0] * wd,
        t[a, 1] * wa + t[b, 1] * wb + t[c, 1] * wc + t[d, 1] * wd,
        t[a, 2] * wa + t[b, 2] * wb + t[c, 2] * wc + t[d, 2] * wd,
    )


_texel = compiled(_texel)


def _albedo(tables: Tables, prim: int, b1: float, b2: float, width_m: float) -> Triple:
    """Albedo at a hit, averaged over about ``width_m`` metres (trilinear mip-mapping)."""
    surface = tables.owner[prim]
    b0 = 1 - b1 - b2
    uv = tables.uv
    u = b0 * uv[prim, 0, 0] + b1 * uv[prim, 1, 0] + b2 * uv[prim, 2, 0]
    v = b0 * uv[prim, 0, 1] + b1 * uv[prim, 1, 1] + b2 * uv[prim, 2, 1]
    last = tables.depth[surface] - 1
    level = min(math.log2(max(width_m * tables.density[prim], 1.0)), float(last))
    low = int(level)
    mix = level - low
    r, g, b = _texel(tables, surface, low, u, v)
    if mix > 0:
        r2, g2, b2_ = _texel(tables, surface, low + 1, u, v)
        r, g, b = r + mix * (r2 - r), g + mix * (g2 - g), b + mix * (b2_ - b)
    scale = 1.0 / 65535.0
    return r * scale, g * scale, b * scale


albedo_at = compiled(_albedo)


def _view(rays: Float, i: int) -> Triple:
    """Unit direction of a ray."""
    x, y, z = rays[i, 3], rays[i, 4], rays[i, 5]
    length = math.sqrt(x * x + y * y + z * z)
    return x / length, y / length, z / length


view_of = compiled(_view)


def _normal(
    tables: Tables, prim: int, b1: float, b2: float, view: Triple
) -> tuple[float, float, float, float]:
    """Unit normal on the viewer's side, and its cosine to the unit direction of view."""
    b0 = 1 - b1 - b2
    n = tables.normals
    x = b0 * n[prim, 0, 0] + b1 * n[prim, 1, 0] + b2 * n[prim, 2, 0]
    y = b0 * n[prim, 0, 1] + b1 * n[prim, 1, 1] + b2 * n[prim, 2, 1]
    z = b0 * n[prim, 0, 2] + b1 * n[prim, 1, 2] + b2 * n[prim, 2, 2]
    along = x * view[0] + y * view[1] + z * view[2]
    scale = 1.0 / math.sqrt(max(x * x + y * y + z * z, 1e-30))
    if along > 0:
        scale = -scale
    return x * scale, y * scale, z * scale, -along * scale


normal_at = compiled(_normal)


def _facing(
    tables: Tables,
    rays: Float,
    prim: NDArray[np.uint32],
    bary: Float,
    normals: Float,
    cosine: Float,
) -> None:
    """Unit normal on the viewer's side of each hit and its cosine to the viewer; 0 for a miss."""
    for i in range(len(prim)):
        cosine[i] = 0
        normals[i, 0], normals[i, 1], normals[i, 2] = 0, 0, 0
        if prim[i] != MISS:
            normals[i, 0], normals[i, 1], normals[i, 2], cosine[i] = normal_at(
                tables, prim[i], bary[i, 0], bary[i, 1], view_of(rays, i)
            )


facing = compiled(_facing)
