"""The depth camera's light: what surfaces send back, and how a pixel adds it up."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from idfd.capture.simulated.kernels.compiler import compiled
from idfd.capture.simulated.kernels.surface import (
    MISS,
    Float,
    Tables,
    albedo_at,
    normal_at,
    view_of,
)


def _returned(
    tables: Tables,
    rays: Float,
    distance: Float,
    prim: NDArray[np.uint32],
    bary: Float,
    spread: float,
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
        spread: Width of the bundle that each ray stands for, over its length.
        light: Written: (N,).
    """
    for i in range(len(prim)):
        light[i] = 0
        if prim[i] == MISS:
            continue
        _, _, _, cosine = normal_at(tables, prim[i], bary[i, 0], bary[i, 1], view_of(rays, i))
        surface = tables.owner[prim[i]]
        gloss, shininess = tables.finish[surface, 0], tables.finish[surface, 1]
        sent = tables.finish[surface, 2] * (1 - 0.9 * gloss) * cosine
        if tables.finish[surface, 4] > 0:
            wide = distance[i] * spread / math.sqrt(max(cosine, 0.1))
            sent *= albedo_at(tables, prim[i], bary[i, 0], bary[i, 1], wide)[0]
        if gloss > 0:
            sent += gloss * (shininess + 8) / 8 * cosine**shininess
        light[i] = sent / max(distance[i] * distance[i], 1e-4)


returned = compiled(_returned)


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


mix = compiled(_mix)
