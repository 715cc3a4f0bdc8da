"""Tables of a smooth function of the pixel: computed at few places, interpolated to all.

In tiles of 32 by 32 pixels, the function is computed at 8 by 8 Chebyshev nodes and interpolated by
the polynomial through them, whose error falls geometrically with the number of nodes where the
function is smooth (Trefethen, *Approximation Theory and Approximation Practice*, chapter 8). Each
tile is checked where that error is largest; a tile that is not smooth enough is computed in full.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.polynomial.chebyshev import chebvander
from numpy.typing import NDArray

Array = NDArray[np.float64]
_SIDE = 32
_NODES = 8
_COSINES = -np.cos(np.pi * (np.arange(_NODES) + 0.5) / _NODES)
_PLACES = (_SIDE - 1) / 2 * (1 + _COSINES)
"""The nodes, in pixels from the first of a tile."""
_WEIGHTS: Array = chebvander(np.linspace(-1, 1, _SIDE), _NODES - 1) @ np.linalg.inv(
    chebvander(_COSINES, _NODES - 1)
)
"""Values at the nodes to values at the pixels, (32, 8)."""
_PROBES = np.array([0, _SIDE // 2, _SIDE - 1])


def tabulate(
    width: int,
    height: int,
    function: Callable[[Array], Array],
    error: Callable[[Array, Array], Array],
    tolerance: float,
) -> Array:
    """Values of a function at every pixel of an image.

    Args:
        width: Of the image.
        height: Of the image.
        function: Takes pixels (..., 2) to values (..., 2).
        error: Takes pixels and values of those to the error of the values (...), NaN for bad.
        tolerance: Largest error accepted of an interpolated value.

    Returns:
        (H, W, 2) float64.
    """
    table = np.empty((height, width, 2))
    lefts = np.arange(0, width, _SIDE)

    def fill(top: int) -> None:
        nodes = np.moveaxis(function(_tiles(lefts, top, _PLACES)), -1, 0)
        # One small product a tile: OpenBLAS would spread a large one over threads of its own.
        values = np.moveaxis(_WEIGHTS @ nodes @ _WEIGHTS.T, 0, -1)
        errors = error(_tiles(lefts, top, _PROBES), values[:, _PROBES][:, :, _PROBES])
        poor = ~(errors < tolerance).all(axis=(1, 2))
        if poor.any():
            values[poor] = function(_tiles(lefts[poor], top, np.arange(_SIDE)))
        rows = np.moveaxis(values, 0, 1).reshape(_SIDE, -1, 2)
        table[top : top + _SIDE] = rows[: height - top, :width]

    # NumPy computes without the interpreter's lock.
    with ThreadPoolExecutor() as pool:
        for _ in pool.map(fill, range(0, height, _SIDE)):
            pass
    return table


def _tiles(lefts: NDArray[np.int64], top: int, places: NDArray[Any]) -> Array:
    """Pixels (T, N, N, 2) at the same N by N places of a row of T tiles."""
    pixels = np.empty((len(lefts), len(places), len(places), 2))
    pixels[..., 0] = lefts[:, None, None] + places
    pixels[..., 1] = top + places[:, None]
    return pixels
