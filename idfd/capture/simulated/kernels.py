"""The inner loops of the ray tracer, compiled by numba.

Importing this module imports numba; the compiled code is kept beside the module (or in numba's
cache folder), so that only the first run of a machine compiles. Kernels release the interpreter's
lock: several threads can run them on different tiles. They avoid array slices and small arrays,
which cost more than the arithmetic.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

Float = NDArray[np.float32]
Triple = tuple[float, float, float]
MISS = np.uint32(0xFFFFFFFF)
_compiled = njit(cache=True, nogil=True, fastmath=True, error_model="numpy")

# Generalised golden ratio: the positive root of x⁸ = x + 1 gives a low-discrepancy sequence in
# seven dimensions (Roberts, "The unreasonable effectiveness of quasirandom sequences", 2018).
_G = 1.0969815577985598
_STEP = tuple(_G**-k for k in range(1, 8))
_PUPIL_U, _PUPIL_V, _CHOICE, _LAMP_U, _SCREEN_X, _SCREEN_Y, _LAMP_V = range(7)
_ORDER = (0, 8, 2, 10, 12, 4, 14, 6, 3, 11, 1, 9, 15, 7, 13, 5)
"""Bayer's order of the pixels of a 4 × 4 block."""


class Tables(NamedTuple):
    """A scene as flat arrays, one row per triangle, surface or light."""

    uv: Float  # (T, 3, 2)
    normals: Float  # (T, 3, 3) at the corners
    density: Float  # (T,) texels per metre
    owner: NDArray[np.int32]  # (T,) surface
    finish: Float  # (S, 4): gloss, shininess, infrared, emission
    levels: NDArray[np.int64]  # (S, L, 3): start, width, height of each texture level
    depth: NDArray[np.int64]  # (S,) number of levels
    texels: NDArray[np.uint16]  # (N, 3) linear albedo, 65535 is 1
    lights: Float  # (K, 7): position, radius, intensity
    ambient: Float  # (3,)


class Beam(NamedTuple):
    """The bundle of rays behind one pixel, for choosing how fine a texture is read.

    ``pixel`` is the width of a pixel per metre of depth, ``pupil`` the pupil's diameter and
    ``focus`` the depth in focus, metres; ``share`` the part of the bundle's width that each of
    its samples stands for.
    """

    pixel: float
    pupil: float
    focus: float
    share: float


def _hash(x: int, y: int, salt: int) -> int:
    """A well-mixed 32-bit number of a pixel (finaliser of MurmurHash3)."""
    h = (x * 0x9E3779B1 + y * 0x85EBCA77 + salt * 0xC2B2AE3D) & 0xFFFFFFFF
    h = ((h ^ (h >> 16)) * 0x85EBCA6B) & 0xFFFFFFFF
    h = ((h ^ (h >> 13)) * 0xC2B2AE35) & 0xFFFFFFFF
    return h ^ (h >> 16)


_hash = _compiled(_hash)


def _random(x: int, y: int, samples: int, sample: int, dimension: int) -> float:
    """Number in [0, 1) for one sample of one pixel.

    The pixels of a 4 × 4 block share one sequence, shifted by the block's hash (Cranley-Patterson
    rotation): what noise remains averages out within a few pixels.
    """
    index = _ORDER[(y & 3) * 4 + (x & 3)] * samples + sample + 1
    value = _hash(x >> 2, y >> 2, dimension) * (1.0 / 4294967296.0) + index * _STEP[dimension]
    return value - math.floor(value)


_random = _compiled(_random)


def _sphere(u: float, v: float) -> Triple:
    """Point on the unit sphere, uniform for uniform ``u`` and ``v``."""
    z = 1 - 2 * u
    ring = math.sqrt(max(1 - z * z, 0.0))
    angle = 2 * math.pi * v
    return ring * math.cos(angle), ring * math.sin(angle), z


_sphere = _compiled(_sphere)


def _disk(u: float, v: float) -> tuple[float, float]:
    """Point in the unit disk by the concentric map (Shirley and Chiu 1997)."""
    a, b = 2 * u - 1, 2 * v - 1
    if abs(a) > abs(b):
        radius, angle = a, math.pi / 4 * (b / a)
    elif b != 0:
        radius, angle = b, math.pi / 2 - math.pi / 4 * (a / b)
    else:
        return 0.0, 0.0
    return radius * math.cos(angle), radius * math.sin(angle)


_disk = _compiled(_disk)


def _aim(
    table: NDArray[np.float64],
    corner: tuple[int, int],
    samples: int,
    pupil: float,
    focus: float,
    to_world: NDArray[np.float64],
    eye: NDArray[np.float64],
    rays: Float,
) -> None:
    """Rays of ``samples`` per pixel through the pupil, towards the plane in focus.

    Args:
        table: Chief rays of the tile and of one pixel more on each side, (h + 2, w + 2, 2).
        corner: First column and row of the tile, pixels.
        samples: Rays per pixel; a single one goes through the centre of pixel and pupil.
        pupil: Diameter of the pupil, metres.
        focus: Depth in focus, metres.
        to_world: Rotation from the camera to the world.
        eye: Centre of the pupil in the world.
        rays: Written: (h · w · samples, 6) origins and directions; directions have length 1
            along the optical axis, so that hit distances are depths.
    """
    i = 0
    for row in range(1, table.shape[0] - 1):
        y = corner[1] + row - 1
        for column in range(1, table.shape[1] - 1):
            x = corner[0] + column - 1
            for sample in range(samples):
                dx, dy = table[row, column, 0], table[row, column, 1]
                px, py = 0.0, 0.0
                if samples > 1:
                    # Without a lens every second sample mirrors the one before it, so that the
                    # mean depth of a slanted plane is that of the pixel's centre.
                    mirrored = pupil == 0 and sample % 2 == 1
                    draw = sample - 1 if mirrored else sample
                    side = -0.5 if mirrored else 0.5
                    a = side * (_random(x, y, samples, draw, _SCREEN_X) - 0.5)
                    b = side * (_random(x, y, samples, draw, _SCREEN_Y) - 0.5)
                    dx += a * (table[row, column + 1, 0] - table[row, column - 1, 0])
                    dx += b * (table[row + 1, column, 0] - table[row - 1, column, 0])
                    dy += a * (table[row, column + 1, 1] - table[row, column - 1, 1])
                    dy += b * (table[row + 1, column, 1] - table[row - 1, column, 1])
                    px, py = _disk(
                        _random(x, y, samples, sample, _PUPIL_U),
                        _random(x, y, samples, sample, _PUPIL_V),
                    )
                    px *= 0.5 * pupil
                    py *= 0.5 * pupil
                    dx -= px / focus
                    dy -= py / focus
                for k in range(3):
                    rays[i, k] = eye[k] + to_world[k, 0] * px + to_world[k, 1] * py
                    rays[i, 3 + k] = to_world[k, 0] * dx + to_world[k, 1] * dy + to_world[k, 2]
                i += 1


aim = _compiled(_aim)


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


_texel = _compiled(_texel)


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


_albedo = _compiled(_albedo)


def _normal(
    tables: Tables, prim: int, b1: float, b2: float, dx: float, dy: float, dz: float
) -> tuple[float, float, float, float]:
    """Unit normal on the viewer's side, and its cosine to the unit view direction ``(dx …)``."""
    b0 = 1 - b1 - b2
    n = tables.normals
    x = b0 * n[prim, 0, 0] + b1 * n[prim, 1, 0] + b2 * n[prim, 2, 0]
    y = b0 * n[prim, 0, 1] + b1 * n[prim, 1, 1] + b2 * n[prim, 2, 1]
    z = b0 * n[prim, 0, 2] + b1 * n[prim, 1, 2] + b2 * n[prim, 2, 2]
    along = x * dx + y * dy + z * dz
    scale = 1.0 / math.sqrt(max(x * x + y * y + z * z, 1e-30))
    if along > 0:
        scale = -scale
    return x * scale, y * scale, z * scale, -along * scale


_normal = _compiled(_normal)


def _shade(
    tables: Tables,
    beam: Beam,
    corner: tuple[int, int],
    width: int,
    samples: int,
    rays: Float,
    depth: Float,
    prim: NDArray[np.uint32],
    bary: Float,
    looks: int,
    reach: float,
    shadow: Float,
    light: Float,
) -> None:
    """What a hit sends back, and the rays that decide whether light reaches it.

    Each look goes to one source, a lamp or the ambient light, chosen in proportion to what it
    would give unshadowed; dividing by the probability keeps the mean right. Ambient light is
    blocked by what is nearer than ``reach`` metres (ambient occlusion). Reflection is Lambert's
    plus a normalised Blinn-Phong highlight.

    Args:
        tables: The scene.
        beam: Width of the pixels' bundles.
        corner: First column and row of the tile, pixels.
        width: Columns of the tile.
        samples: Rays per pixel.
        rays: (N, 6).
        depth: (N,) hit distances, infinite for a miss.
        prim: (N,) triangles.
        bary: (N, 2) barycentric coordinates.
        looks: Looks at the light per ray.
        reach: Range of ambient occlusion, metres.
        shadow: Written: (N · looks, 6) rays that must be free up to distance 1.
        light: Written: (N · looks, 3) radiance if they are.
    """
    lamps = len(tables.lights)
    lights, ambient = tables.lights, tables.ambient
    sums = np.empty(lamps + 1, np.float64)
    px, py, sample = corner[0], corner[1], -1
    for i in range(len(depth)):
        sample += 1
        if sample == samples:
            sample = 0
            px += 1
            if px == corner[0] + width:
                px = corner[0]
                py += 1
        for j in range(i * looks, (i + 1) * looks):
            for k in range(3):
                light[j, k] = 0
                shadow[j, k] = 1e6  # a ray that meets nothing
                shadow[j, 3 + k] = 1e-3
        if prim[i] == MISS:
            continue
        triangle = prim[i]
        surface = tables.owner[triangle]
        dx, dy, dz = rays[i, 3], rays[i, 4], rays[i, 5]
        speed = math.sqrt(dx * dx + dy * dy + dz * dz)
        nx, ny, nz, cosine = _normal(
            tables, triangle, bary[i, 0], bary[i, 1], dx / speed, dy / speed, dz / speed
        )
        blur = beam.pupil * abs(1 - depth[i] / beam.focus)
        wide = math.sqrt((beam.pixel * depth[i]) ** 2 + blur * blur) * beam.share
        red, green, blue = _albedo(
            tables, triangle, bary[i, 0], bary[i, 1], wide / math.sqrt(max(cosine, 0.1))
        )
        emission = tables.finish[surface, 3]
        if emission > 0:
            for j in range(i * looks, (i + 1) * looks):
                light[j, 0] = emission * red
                light[j, 1] = emission * green
                light[j, 2] = emission * blue
            continue

        # Off the surface by more than the rounding of float32 coordinates.
        x = rays[i, 0] + depth[i] * dx + 2e-4 * nx
        y = rays[i, 1] + depth[i] * dy + 2e-4 * ny
        z = rays[i, 2] + depth[i] * dz + 2e-4 * nz
        total = 0.0
        for j in range(lamps):
            ax, ay, az = lights[j, 0] - x, lights[j, 1] - y, lights[j, 2] - z
            square = ax * ax + ay * ay + az * az
            facing = max(ax * nx + ay * ny + az * nz, 0.0) / math.sqrt(square)
            total += (lights[j, 4] + lights[j, 5] + lights[j, 6]) * facing / square
            sums[j] = total
        total += ambient[0] + ambient[1] + ambient[2]
        sums[lamps] = total
        if not total > 0:
            continue
        gloss, shininess = tables.finish[surface, 0], tables.finish[surface, 1]
        for look in range(looks):
            j, draw = i * looks + look, sample * looks + look
            target = _random(px, py, samples * looks, draw, _CHOICE) * total
            chosen = 0
            while chosen < lamps and sums[chosen] <= target:
                chosen += 1
            sx, sy, sz = _sphere(
                _random(px, py, samples * looks, draw, _LAMP_U),
                _random(px, py, samples * looks, draw, _LAMP_V),
            )
            matt, mirror = 1 / math.pi, 0.0
            if chosen == lamps:
                colour = (ambient[0], ambient[1], ambient[2])
                # A point of the unit sphere plus the normal: directions by their cosine.
                ax, ay, az = (
                    (nx + sx) * reach * 0.5,
                    (ny + sy) * reach * 0.5,
                    (nz + sz) * reach * 0.5,
                )
            else:
                colour = (lights[chosen, 4], lights[chosen, 5], lights[chosen, 6])
                ax, ay, az = lights[chosen, 0] - x, lights[chosen, 1] - y, lights[chosen, 2] - z
                distance = math.sqrt(ax * ax + ay * ay + az * az)
                if gloss > 0:
                    hx = ax / distance - dx / speed
                    hy = ay / distance - dy / speed
                    hz = az / distance - dz / speed
                    half = hx * nx + hy * ny + hz * nz
                    half /= math.sqrt(max(hx * hx + hy * hy + hz * hz, 1e-12))
                    # Powers are slow; where the result is below 1e-5 there is no highlight.
                    if half > 0 and shininess * (1 - half) < 12:
                        mirror = gloss * (shininess + 8) / (8 * math.pi) * half**shininess
                    matt *= 1 - 0.5 * gloss
                # A random point of the lamp decides over light or shadow. The way ends one radius
                # before it, so that the lamp's own bulb does not hide it.
                radius = lights[chosen, 3]
                short = max(1 - radius / distance, 0.01)
                ax, ay, az = (
                    (ax + radius * sx) * short,
                    (ay + radius * sy) * short,
                    (az + radius * sz) * short,
                )
            # The source's light over the probability of its choice.
            scale = total / (colour[0] + colour[1] + colour[2])
            light[j, 0] = (red * matt + mirror) * colour[0] * scale
            light[j, 1] = (green * matt + mirror) * colour[1] * scale
            light[j, 2] = (blue * matt + mirror) * colour[2] * scale
            shadow[j, 0], shadow[j, 1], shadow[j, 2] = x, y, z
            shadow[j, 3], shadow[j, 4], shadow[j, 5] = ax, ay, az


shade = _compiled(_shade)


def _gather(light: Float, hidden: NDArray[np.bool_], samples: int, out: Float) -> None:
    """Mean of the samples of each pixel that are not hidden, (N,) rays to (N / samples, 3)."""
    for pixel in range(len(out)):
        red, green, blue = 0.0, 0.0, 0.0
        for i in range(pixel * samples, (pixel + 1) * samples):
            if not hidden[i]:
                red += light[i, 0]
                green += light[i, 1]
                blue += light[i, 2]
        out[pixel, 0], out[pixel, 1], out[pixel, 2] = red / samples, green / samples, blue / samples


gather = _compiled(_gather)


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
            dx, dy, dz = rays[i, 3], rays[i, 4], rays[i, 5]
            speed = math.sqrt(dx * dx + dy * dy + dz * dz)
            normals[i, 0], normals[i, 1], normals[i, 2], cosine[i] = _normal(
                tables, prim[i], bary[i, 0], bary[i, 1], dx / speed, dy / speed, dz / speed
            )


facing = _compiled(_facing)


def _returned(
    tables: Tables,
    rays: Float,
    distance: Float,
    prim: NDArray[np.uint32],
    bary: Float,
    light: Float,
) -> None:
    """Light of a lamp at the rays' origin that hits send straight back to it; 0 for a miss.

    ``reflectance · cos θ / d²``, and a Blinn-Phong highlight on glossy surfaces, whose matt part
    is weaker.

    Args:
        tables: The scene.
        rays: (N, 6).
        distance: (N,) length of the way to each hit, metres.
        prim: (N,) triangles.
        bary: (N, 2) barycentric coordinates.
        light: Written: (N,).
    """
    for i in range(len(prim)):
        light[i] = 0
        if prim[i] == MISS:
            continue
        dx, dy, dz = rays[i, 3], rays[i, 4], rays[i, 5]
        speed = math.sqrt(dx * dx + dy * dy + dz * dz)
        _, _, _, cosine = _normal(
            tables, prim[i], bary[i, 0], bary[i, 1], dx / speed, dy / speed, dz / speed
        )
        surface = tables.owner[prim[i]]
        gloss, shininess = tables.finish[surface, 0], tables.finish[surface, 1]
        sent = tables.finish[surface, 2] * (1 - 0.9 * gloss) * cosine
        if gloss > 0:
            sent += gloss * (shininess + 8) / 8 * cosine**shininess
        light[i] = sent / max(distance[i] * distance[i], 1e-4)


returned = _compiled(_returned)


def _mix(distance: Float, light: Float, samples: int, slow: float, fast: float, out: Float) -> None:
    """Add up the phasors of each pixel's samples.

    Args:
        distance: (N,) metres, of each sample.
        light: (N,) returned by each sample.
        samples: Samples per pixel.
        slow: Half a wavelength of the modulation that gives the distance, metres.
        fast: The same of the modulation that gives the coherence.
        out: Written: (N / samples, 3) distance in metres, mean light, and coherence: the length
            of the sum of phasors over the sum of their lengths.
    """
    for pixel in range(len(out)):
        first, last = pixel * samples, (pixel + 1) * samples
        near = np.inf
        total = 0.0
        for i in range(first, last):
            if light[i] > 0:
                near = min(near, distance[i])
                total += light[i]
        out[pixel, 0], out[pixel, 1], out[pixel, 2] = 0, 0, 0
        if not total > 0:
            continue
        # Phases from the nearest sample on cannot wrap.
        slow_x, slow_y, fast_x, fast_y = 0.0, 0.0, 0.0, 0.0
        for i in range(first, last):
            if light[i] > 0:
                angle = 2 * math.pi * (distance[i] - near)
                slow_x += light[i] * math.cos(angle / slow)
                slow_y += light[i] * math.sin(angle / slow)
                fast_x += light[i] * math.cos(angle / fast)
                fast_y += light[i] * math.sin(angle / fast)
        out[pixel, 0] = near + math.atan2(slow_y, slow_x) * slow / (2 * math.pi)
        out[pixel, 1] = total / samples
        out[pixel, 2] = math.sqrt(fast_x * fast_x + fast_y * fast_y) / total


mix = _compiled(_mix)
