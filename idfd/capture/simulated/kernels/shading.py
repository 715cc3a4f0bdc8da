"""Light on surfaces: which part of it reaches a pixel."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from idfd.capture.simulated.kernels.compiler import compiled
from idfd.capture.simulated.kernels.sampling import CHOICE, LAMP_U, LAMP_V, random, sphere
from idfd.capture.simulated.kernels.surface import (
    MISS,
    Float,
    Tables,
    Triple,
    albedo_at,
    normal_at,
    view_of,
)


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


def _sources(
    tables: Tables,
    surface: int,
    point: Triple,
    normal: Triple,
    view: Triple,
    albedo: Triple,
    sent: NDArray[np.float64],
    sums: NDArray[np.float64],
) -> float:
    """What each source would send to the viewer if nothing stood in its way.

    Lambert's reflection plus a normalised Blinn-Phong highlight.

    Args:
        tables: The scene.
        surface: The surface at the hit.
        point: The hit.
        normal: Unit normal on the viewer's side.
        view: Unit direction from the camera to the hit.
        albedo: Colour there.
        sent: Written: (K + 1, 3) radiance from each lamp, and from the ambient light.
        sums: Written: (K + 1,) running sums of the brightness of ``sent``.

    Returns:
        The last of the sums.
    """
    gloss, shininess = tables.finish[surface, 0], tables.finish[surface, 1]
    lights = tables.lights
    lamps = len(lights)
    matt = (1 - 0.5 * gloss) / math.pi
    total = 0.0
    for j in range(lamps):
        ax, ay, az = lights[j, 0] - point[0], lights[j, 1] - point[1], lights[j, 2] - point[2]
        square = ax * ax + ay * ay + az * az
        distance = math.sqrt(square)
        facing = (ax * normal[0] + ay * normal[1] + az * normal[2]) / distance
        mirror = 0.0
        if gloss > 0 and facing > 0:
            hx, hy, hz = ax / distance - view[0], ay / distance - view[1], az / distance - view[2]
            half = hx * normal[0] + hy * normal[1] + hz * normal[2]
            half /= math.sqrt(max(hx * hx + hy * hy + hz * hz, 1e-12))
            # Powers are slow; where the result is below 1e-5 there is no highlight.
            if half > 0 and shininess * (1 - half) < 12:
                mirror = gloss * (shininess + 8) / (8 * math.pi) * half**shininess
        scale = max(facing, 0.0) / square
        sent[j, 0] = (albedo[0] * matt + mirror) * lights[j, 4] * scale
        sent[j, 1] = (albedo[1] * matt + mirror) * lights[j, 5] * scale
        sent[j, 2] = (albedo[2] * matt + mirror) * lights[j, 6] * scale
        total += sent[j, 0] + sent[j, 1] + sent[j, 2]
        sums[j] = total
    sent[lamps, 0] = albedo[0] * tables.ambient[0] / math.pi
    sent[lamps, 1] = albedo[1] * tables.ambient[1] / math.pi
    sent[lamps, 2] = albedo[2] * tables.ambient[2] / math.pi
    total += sent[lamps, 0] + sent[lamps, 1] + sent[lamps, 2]
    sums[lamps] = total
    return total


_sources = compiled(_sources)


def _towards(
    tables: Tables, source: int, point: Triple, normal: Triple, reach: float, u: float, v: float
) -> Triple:
    """The way to a random point of a source; its length is how far it must be free."""
    x, y, z = sphere(u, v)
    if source == len(tables.lights):
        # A point of the unit sphere plus the normal: directions by their cosine.
        scale = 0.5 * reach
        return (normal[0] + x) * scale, (normal[1] + y) * scale, (normal[2] + z) * scale
    lights = tables.lights
    ax, ay, az = (
        lights[source, 0] - point[0],
        lights[source, 1] - point[1],
        lights[source, 2] - point[2],
    )
    radius = lights[source, 3]
    # The way ends one radius before the lamp, so that its own bulb does not hide it.
    short = max(1 - radius / math.sqrt(ax * ax + ay * ay + az * az), 0.01)
    return (ax + radius * x) * short, (ay + radius * y) * short, (az + radius * z) * short


_towards = compiled(_towards)


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
    blocked by what is nearer than ``reach`` metres (ambient occlusion).

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
    sent = np.empty((lamps + 1, 3), np.float64)
    sums = np.empty(lamps + 1, np.float64)
    draws = samples * looks
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
        surface = tables.owner[prim[i]]
        view = view_of(rays, i)
        nx, ny, nz, cosine = normal_at(tables, prim[i], bary[i, 0], bary[i, 1], view)
        blur = beam.pupil * abs(1 - depth[i] / beam.focus)
        wide = math.sqrt((beam.pixel * depth[i]) ** 2 + blur * blur) * beam.share
        wide /= math.sqrt(max(cosine, 0.1))
        albedo = albedo_at(tables, prim[i], bary[i, 0], bary[i, 1], wide)
        emission = tables.finish[surface, 3]
        if emission > 0:
            for j in range(i * looks, (i + 1) * looks):
                light[j, 0] = emission * albedo[0]
                light[j, 1] = emission * albedo[1]
                light[j, 2] = emission * albedo[2]
            continue

        # Off the surface by more than the rounding of float32 coordinates.
        point = (
            rays[i, 0] + depth[i] * rays[i, 3] + 2e-4 * nx,
            rays[i, 1] + depth[i] * rays[i, 4] + 2e-4 * ny,
            rays[i, 2] + depth[i] * rays[i, 5] + 2e-4 * nz,
        )
        normal = (nx, ny, nz)
        total = _sources(tables, surface, point, normal, view, albedo, sent, sums)
        if not total > 0:
            continue
        for look in range(looks):
            j, draw = i * looks + look, sample * looks + look
            target = random(px, py, draws, draw, CHOICE) * total
            source = 0
            while source < lamps and sums[source] <= target:
                source += 1
            chance = (sums[source] - (sums[source - 1] if source > 0 else 0.0)) / total
            if not chance > 0:
                continue
            u, v = random(px, py, draws, draw, LAMP_U), random(px, py, draws, draw, LAMP_V)
            way = _towards(tables, source, point, normal, reach, u, v)
            for k in range(3):
                light[j, k] = sent[source, k] / chance
            shadow[j, 0], shadow[j, 1], shadow[j, 2] = point
            shadow[j, 3], shadow[j, 4], shadow[j, 5] = way


shade = compiled(_shade)


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


gather = compiled(_gather)
