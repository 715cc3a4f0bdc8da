"""Sums over a window on a CPU: one row of sources at a time, which stays in the fastest cache.

The same sums as :mod:`idfd.benchmark.reblur.shifts`. Whole planes do not fit a cache, and torch
reads them from memory at every one of the window's offsets. Importing this module imports numba.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import torch
from numba import njit
from numpy.typing import NDArray
from torch import Tensor

from idfd.benchmark.reblur.shifts import REACH

Plane = NDArray[np.floating[Any]]
SEGMENT = 128
"""Sources of a row that share a reach: a large spot costs only its neighbours."""
SMALLEST = 1e-12
"""Below, a weight is 0; products of two stay clear of the slow numbers next to zero."""


def cpu_sums(values: Tensor, sigma: Tensor, radius: int) -> Tensor:
    """See :func:`idfd.benchmark.reblur.shifts.sums`."""
    height, width = values.shape[-2:]
    out = values.new_zeros((*values.shape[:2], height, width + 2 * radius))
    _each_plane(_spread, values, sigma, radius, out)
    return out[..., radius : radius + width]


def cpu_adjoint(values: Tensor, sigma: Tensor, radius: int) -> tuple[Tensor, Tensor]:
    """See :func:`idfd.benchmark.reblur.shifts.adjoint`."""
    plain, squared = torch.zeros_like(values), torch.zeros_like(values)
    padded = torch.nn.functional.pad(values, (radius, radius))
    _each_plane(_collect, padded, sigma, radius, plain, squared)
    return plain, squared


def _each_plane(
    loop: Callable[..., None], values: Tensor, sigma: Tensor, radius: int, *out: Tensor
) -> None:
    """Run a loop on each channel of each photo, as many at a time as torch has threads."""
    planes, widths = values.detach().numpy(), sigma.detach().numpy()
    results = [tensor.numpy() for tensor in out]

    def run(place: tuple[int, int]) -> None:
        loop(planes[place], widths[place[0], 0], radius, *(array[place] for array in results))

    with ThreadPoolExecutor(torch.get_num_threads()) as pool:
        list(pool.map(run, np.ndindex(*planes.shape[:2])))


@njit(cache=True, nogil=True, error_model="numpy")
def _weights(sigma: Plane, radius: int, table: Plane) -> int:
    """Fill ``table[k] = exp(−k²/2σ²)`` for a segment; returns the largest k that counts.

    ``e_k / e_(k−1) = u^(2k−1)`` with ``u = e_1``: two products instead of an exponential.
    """
    reach = min(radius, int(np.ceil(REACH * sigma.max())))
    for x in range(sigma.size):
        u = np.exp(-0.5 / np.float64(sigma[x]) ** 2)
        ratio, square, weight = u, u * u, 1.0
        for k in range(reach + 1):
            table[k, x] = weight if weight > SMALLEST else 0.0
            weight *= ratio
            ratio *= square
    return reach


@njit(cache=True, nogil=True, error_model="numpy")
def _spread(values: Plane, sigma: Plane, radius: int, out: Plane) -> None:
    """Add the light of each source to ``out``, (H, W + 2·radius)."""
    height, width = values.shape
    table = np.empty((radius + 1, SEGMENT), values.dtype)
    line = np.empty(SEGMENT, values.dtype)
    arrived = np.empty(SEGMENT + 2 * radius, values.dtype)
    for y in range(height):
        for first in range(0, width, SEGMENT):
            count = min(SEGMENT, width - first)
            reach = _weights(sigma[y, first : first + count], radius, table)
            for down in range(reach + 1):
                for x in range(count):
                    line[x] = values[y, first + x] * table[down, x]
                arrived[:] = 0
                for across in range(reach + 1):
                    weights = table[across]
                    right = arrived[radius + across :]
                    for x in range(count):
                        right[x] += weights[x] * line[x]
                    if across:
                        left = arrived[radius - across :]
                        for x in range(count):
                            left[x] += weights[x] * line[x]
                for row in range(y - down, y + down + 1, max(2 * down, 1)):
                    if 0 <= row < height:
                        target = out[row, first:]
                        for x in range(count + 2 * radius):
                            target[x] += arrived[x]


@njit(cache=True, nogil=True, error_model="numpy")
def _collect(values: Plane, sigma: Plane, radius: int, plain: Plane, squared: Plane) -> None:
    """Sum what each source lights; ``values`` is (H, W + 2·radius), zero beside the photo."""
    height, width = sigma.shape
    table = np.empty((radius + 1, SEGMENT), values.dtype)
    both = np.empty(SEGMENT + 2 * radius, values.dtype)
    near = np.empty(SEGMENT, values.dtype)
    far = np.empty(SEGMENT, values.dtype)
    distances = (np.arange(radius + 1) ** 2).astype(values.dtype)
    for y in range(height):
        for first in range(0, width, SEGMENT):
            count = min(SEGMENT, width - first)
            reach = _weights(sigma[y, first : first + count], radius, table)
            for down in range(reach + 1):
                both[:] = 0
                for row in range(y - down, y + down + 1, max(2 * down, 1)):
                    if 0 <= row < height:
                        source = values[row, first:]
                        for x in range(count + 2 * radius):
                            both[x] += source[x]
                near[:] = both[radius : radius + SEGMENT]
                far[:] = 0
                for across in range(1, reach + 1):
                    weights, distance = table[across], distances[across]
                    right, left = both[radius + across :], both[radius - across :]
                    for x in range(count):
                        part = weights[x] * (right[x] + left[x])
                        near[x] += part
                        far[x] += distance * part
                for x in range(count):
                    weight = table[down, x]
                    plain[y, first + x] += weight * near[x]
                    squared[y, first + x] += weight * (far[x] + distances[down] * near[x])
