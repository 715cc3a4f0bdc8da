"""Low-discrepancy numbers, and the rays of a camera made from them."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from idfd.capture.simulated.kernels.compiler import compiled
from idfd.capture.simulated.kernels.surface import Float, Triple

# Generalised golden ratio: the positive root of x⁸ = x + 1 gives a low-discrepancy sequence in
# seven dimensions (Roberts, "The unreasonable effectiveness of quasirandom sequences", 2018).
_G = 1.0969815577985598
_STEP = tuple(_G**-k for k in range(1, 8))
_PUPIL_U, _PUPIL_V, CHOICE, LAMP_U, _SCREEN_X, _SCREEN_Y, LAMP_V = range(7)
_ORDER = (0, 8, 2, 10, 12, 4, 14, 6, 3, 11, 1, 9, 15, 7, 13, 5)
"""Bayer's order of the pixels of a 4 × 4 block."""


def _hash(x: int, y: int, salt: int) -> int:
    """A well-mixed 32-bit number of a pixel (finaliser of MurmurHash3)."""
    h = (x * 0x9E3779B1 + y * 0x85EBCA77 + salt * 0xC2B2AE3D) & 0xFFFFFFFF
    h = ((h ^ (h >> 16)) * 0x85EBCA6B) & 0xFFFFFFFF
    h = ((h ^ (h >> 13)) * 0xC2B2AE35) & 0xFFFFFFFF
    return h ^ (h >> 16)


_hash = compiled(_hash)


def _random(x: int, y: int, samples: int, sample: int, dimension: int) -> float:
    """Number in [0, 1) for one sample of one pixel.

    The pixels of a 4 × 4 block share one sequence, shifted by the block's hash (Cranley-Patterson
    rotation): what noise remains averages out within a few pixels.
    """
    index = _ORDER[(y & 3) * 4 + (x & 3)] * samples + sample + 1
    value = _hash(x >> 2, y >> 2, dimension) * (1.0 / 4294967296.0) + index * _STEP[dimension]
    return value - math.floor(value)


random = compiled(_random)


def _sphere(u: float, v: float) -> Triple:
    """Point on the unit sphere, uniform for uniform ``u`` and ``v``."""
    z = 1 - 2 * u
    ring = math.sqrt(max(1 - z * z, 0.0))
    angle = 2 * math.pi * v
    return ring * math.cos(angle), ring * math.sin(angle), z


sphere = compiled(_sphere)


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


_disk = compiled(_disk)


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
                    a = side * (random(x, y, samples, draw, _SCREEN_X) - 0.5)
                    b = side * (random(x, y, samples, draw, _SCREEN_Y) - 0.5)
                    dx += a * (table[row, column + 1, 0] - table[row, column - 1, 0])
                    dx += b * (table[row + 1, column, 0] - table[row - 1, column, 0])
                    dy += a * (table[row, column + 1, 1] - table[row, column - 1, 1])
                    dy += b * (table[row + 1, column, 1] - table[row - 1, column, 1])
                    px, py = _disk(
                        random(x, y, samples, sample, _PUPIL_U),
                        random(x, y, samples, sample, _PUPIL_V),
                    )
                    px *= 0.5 * pupil
                    py *= 0.5 * pupil
                    dx -= px / focus
                    dy -= py / focus
                for k in range(3):
                    rays[i, k] = eye[k] + to_world[k, 0] * px + to_world[k, 1] * py
                    rays[i, 3 + k] = to_world[k, 0] * dx + to_world[k, 1] * dy + to_world[k, 2]
                i += 1


aim = compiled(_aim)
