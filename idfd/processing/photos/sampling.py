"""Sample an image where a transform says, at the exact place.

OpenCV's ``remap`` rounds places to 1/32 pixel: nothing in a picture, but a bias in an alignment
whose pixels all lie at one fraction.
"""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray


def sample_grid(
    image: NDArray[np.float32],
    share: NDArray[np.float32],
    parameters: NDArray[np.float64],
    centre: tuple[float, float],
    pixels: float,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Bring an image onto the grid that a transform maps from.

    Args:
        image: (h, w) float32, sampled with Keys' cubic.
        share: (h, w) float32 in [0, 1], sampled bilinearly.
        parameters: Nine parameters as in :mod:`idfd.processing.photos.transform`.
        centre: Where the origin of normalised coordinates lies in the image, (x, y) pixels.
        pixels: Pixels per unit of them.

    Returns:
        The image and the share on the grid. Less than two pixels from the border or beyond, the
        share is infinite and the image repeats its border.
    """
    sampled, shares = np.empty_like(image), np.empty_like(share)
    kernels().grid(image, share, parameters, *centre, pixels, sampled, shares)
    return sampled, shares


def sample_some(
    image: NDArray[np.float32],
    columns: NDArray[np.int32],
    rows: NDArray[np.int32],
    parameters: NDArray[np.float64],
    centre: tuple[float, float],
    pixels: float,
) -> NDArray[np.float32]:
    """Some pixels of :func:`sample_grid`'s image, (N,); NaN where that repeats the border."""
    sampled = np.empty(len(columns), np.float32)
    kernels().some(image, columns, rows, parameters, *centre, pixels, sampled)
    return sampled


class _Kernels(NamedTuple):
    """Compiled functions: a whole grid or some pixels sampled, and the places of a grid."""

    grid: Any
    some: Any
    place_all: Any


@cache
def kernels() -> _Kernels:
    """Compile them, or load what was compiled before."""
    import numba

    @numba.njit(cache=True, inline="always")
    def place(p: Any, u: float, v: float) -> Any:
        radial = 1 + p[8] * (u * u + v * v)
        ur, vr = u * radial, v * radial
        inverse = 1 / (1 + p[6] * ur + p[7] * vr)
        return (
            ((1 + p[0]) * ur + p[1] * vr + p[2]) * inverse,
            (p[3] * ur + (1 + p[4]) * vr + p[5]) * inverse,
        )

    @numba.njit(cache=True, inline="always")
    def cubic(t: Any) -> Any:
        """Keys' four weights with a = -0.75, OpenCV's, for a place ``t`` after the second tap."""
        a, one = np.float32(-0.75), np.float32(1)
        two, three = np.float32(2), np.float32(3)
        s = one - t
        before = a * t * s * s
        at = ((a + two) * t - (a + three)) * t * t + one
        after = ((a + two) * s - (a + three)) * s * s + one
        return before, at, after, one - before - at - after

    @numba.njit(cache=True, inline="always")
    def taps(image: Any, line: Any, k: Any, a: Any, b: Any, c: Any, d: Any) -> Any:
        # Unsigned indices spare the check for Python's negative ones.
        return (
            a * image[line, k]
            + b * image[line, k + np.uintp(1)]
            + c * image[line, k + np.uintp(2)]
            + d * image[line, k + np.uintp(3)]
        )

    @numba.njit(cache=True)
    def grid(
        image: Any, share: Any, p: Any, cx: float, cy: float, pixels: float, out: Any, shares: Any
    ) -> None:
        height, width = image.shape
        scale = 1 / pixels
        one, two, three = np.uintp(1), np.uintp(2), np.uintp(3)
        xs, ys = np.empty(width), np.empty(width)
        for row in range(height):
            v = (row - cy) * scale
            # A loop of its own, which the compiler turns into vector code.
            for column in range(width):
                x, y = place(p, (column - cx) * scale, v)
                xs[column], ys[column] = x * pixels + cx, y * pixels + cy
            for column in range(width):
                # A wild transform must not run out of the integers.
                x = min(max(xs[column], -4.0), width + 4.0)
                y = min(max(ys[column], -4.0), height + 4.0)
                left, top = np.int64(np.floor(x)), np.int64(np.floor(y))
                if 2 <= left < width - 3 and 2 <= top < height - 3:
                    tx, ty = np.float32(x - left), np.float32(y - top)
                    a, b, c, d = cubic(tx)
                    e, f, g, h = cubic(ty)
                    k, line = np.uintp(left - 1), np.uintp(top - 1)
                    total = e * taps(image, line, k, a, b, c, d)
                    total += f * taps(image, line + one, k, a, b, c, d)
                    total += g * taps(image, line + two, k, a, b, c, d)
                    total += h * taps(image, line + three, k, a, b, c, d)
                    out[row, column] = total
                    k, line = k + one, line + one
                    upper = share[line, k] + tx * (share[line, k + one] - share[line, k])
                    line = line + one
                    lower = share[line, k] + tx * (share[line, k + one] - share[line, k])
                    shares[row, column] = upper + ty * (lower - upper)
                else:
                    near_x = min(max(np.int64(np.rint(x)), 0), width - 1)
                    near_y = min(max(np.int64(np.rint(y)), 0), height - 1)
                    out[row, column] = image[near_y, near_x]
                    shares[row, column] = np.inf

    @numba.njit(cache=True)
    def place_all(
        p: Any, cx: float, cy: float, half: float, x0: float, y0: float, step: float, places: Any
    ) -> None:
        """Pixels to which those of a grid are mapped, (2, h, w)."""
        inverse = 1 / half
        for row in range(places.shape[1]):
            v = (y0 + row * step - cy) * inverse
            for column in range(places.shape[2]):
                x, y = place(p, (x0 + column * step - cx) * inverse, v)
                places[0, row, column] = x * half + cx
                places[1, row, column] = y * half + cy

    @numba.njit(cache=True)
    def some(
        image: Any, columns: Any, rows: Any, p: Any, cx: float, cy: float, pixels: float, out: Any
    ) -> None:
        height, width = image.shape
        scale = 1 / pixels
        one, two, three = np.uintp(1), np.uintp(2), np.uintp(3)
        for n in range(len(columns)):
            x, y = place(p, (columns[n] - cx) * scale, (rows[n] - cy) * scale)
            x = min(max(x * pixels + cx, -4.0), width + 4.0)
            y = min(max(y * pixels + cy, -4.0), height + 4.0)
            left, top = np.int64(np.floor(x)), np.int64(np.floor(y))
            if not (2 <= left < width - 3 and 2 <= top < height - 3):
                out[n] = np.nan
                continue
            a, b, c, d = cubic(np.float32(x - left))
            e, f, g, h = cubic(np.float32(y - top))
            k, line = np.uintp(left - 1), np.uintp(top - 1)
            total = e * taps(image, line, k, a, b, c, d)
            total += f * taps(image, line + one, k, a, b, c, d)
            total += g * taps(image, line + two, k, a, b, c, d)
            out[n] = total + h * taps(image, line + three, k, a, b, c, d)

    return _Kernels(grid, some, place_all)
