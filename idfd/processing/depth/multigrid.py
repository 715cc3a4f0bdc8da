"""Sparse systems on the pixels of an image, brought near their solution by sizes.

Each unknown is tied to its eight neighbours. Cells of two by two pixels become the unknowns of
the next size, tied by the sums of the ties between their pixels (Galerkin, with piecewise constant
interpolation), so that walls in the image hold on every size.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float32]

_OVERCORRECTION = np.float32(1.6)
"""Constant cells make the coarse system too stiff (Braess, Computing 55, 1995, takes 1.8)."""
_COARSEST = 64
"""Unknowns that are few enough for plain sweeps."""
_COARSEST_SWEEPS = 8
_START_SWEEPS = 1


@dataclass(frozen=True)
class System:
    """Rows ``pull_i · z_i − Σ_k tie_ik · z_k = right-hand side`` of N unknowns.

    Solutions are kept as images, flat, with 0 where no unknown is; right-hand sides by unknown.

    Attributes:
        shape: Rows and columns of the image, with a frame of one pixel that holds no unknown.
        place: Flat index of each unknown in it, ascending, (N,) int32.
        tie: Weight of each of the eight neighbours, row by row from the upper left, 0 where no
            unknown is, (N, 8) float32.
        ease: Inverse of the diagonal ``pull``, which is at least the sum of the ties, (N,)
            float32.
        parent: Number of the unknown of the next coarser system that each belongs to, (N,) int32;
            empty in the coarsest.
    """

    shape: tuple[int, int]
    place: NDArray[np.int32]
    tie: NDArray[np.float32]
    ease: Vector
    parent: NDArray[np.int32]


def hierarchy(
    shape: tuple[int, int], place: NDArray[np.int32], tie: NDArray[np.float32], leak: Vector
) -> list[System]:
    """A system and its coarser ones.

    Args:
        shape: See :class:`System`.
        place: See there.
        tie: See there; not negative.
        leak: What the diagonal holds beyond the sum of the ties, (N,) float32, not negative, and
            positive somewhere in each connected part.
    """
    systems = []
    while True:
        ease = np.empty(len(place), np.float32)
        _invert()(tie, leak, ease)
        if len(place) <= _COARSEST or min(shape) <= 3:
            systems.append(System(shape, place, tie, ease, np.empty(0, np.int32)))
            return systems
        half = (shape[0] - 1) // 2 + 2, (shape[1] - 1) // 2 + 2
        number = np.zeros(half[0] * half[1], np.int32)
        parent = np.empty(len(place), np.int32)
        count = _number()(shape[1], half[1], place, number, parent)
        half_place = np.flatnonzero(number).astype(np.int32)
        systems.append(System(shape, place, tie, ease, parent))
        half_tie = np.zeros((count, 8), np.float32)
        half_leak = np.zeros(count, np.float32)
        _merge()(shape[1], place, tie, leak, parent, half_tie, half_leak)
        shape, place, tie, leak = half, half_place, half_tie, half_leak


def start(systems: list[System], right: Vector) -> Vector:
    """A first estimate: solved on the coarsest size, and refined on each finer one."""
    system = systems[0]
    estimate = np.zeros(system.shape[0] * system.shape[1], np.float32)
    sweeps = _COARSEST_SWEEPS
    if len(systems) > 1:
        half = np.zeros(len(systems[1].place), np.float32)
        _gather()(right, system.parent, half)
        estimate[system.place] = start(systems[1:], half)[systems[1].place][system.parent]
        sweeps = _START_SWEEPS
    for _ in range(sweeps):
        sweep(system, right, estimate)
    return estimate


def cycle(systems: list[System], right: Vector) -> Vector:
    """Approximate solution by one symmetric V-cycle from zero: a linear function of ``right``."""
    system = systems[0]
    estimate = np.zeros(system.shape[0] * system.shape[1], np.float32)
    if len(systems) == 1:
        for _ in range(_COARSEST_SWEEPS):
            sweep(system, right, estimate)
        return estimate
    half = np.zeros(len(systems[1].place), np.float32)
    columns = system.shape[1]
    _descend()(columns, system.place, system.tie, system.ease, right, system.parent, estimate, half)
    correction = _OVERCORRECTION * cycle(systems[1:], half)[systems[1].place]
    _ascend()(
        columns, system.place, system.tie, system.ease, right, system.parent, correction, estimate
    )
    return estimate


def apply(system: System, estimate: Vector) -> Vector:
    """Left-hand side of the system, by unknown."""
    result = np.empty(len(system.place), np.float32)
    _apply()(system.shape[1], system.place, system.tie, system.ease, estimate, result)
    return result


def sweep(system: System, right: Vector, estimate: Vector) -> None:
    """Gauss-Seidel over the unknowns, forwards and backwards, in place."""
    columns, place, tie, ease = system.shape[1], system.place, system.tie, system.ease
    _sweep_kernel()(columns, place, tie, ease, right, estimate)


@cache
def _invert() -> Any:
    import numba

    @numba.njit(cache=True)
    def invert(tie: Any, leak: Any, ease: Any) -> None:
        for i in range(len(ease)):
            total = leak[i]
            for k in range(8):
                total += tie[i, k]
            ease[i] = np.float32(1) / total

    return invert


@cache
def _number() -> Any:
    import numba

    @numba.njit(cache=True)
    def number_(columns: int, half_columns: int, place: Any, number: Any, parent: Any) -> int:
        y, first = 0, 0  # unknowns ascend: rows are counted, not divided
        for i in range(len(place)):
            while place[i] >= first + columns:
                y, first = y + 1, first + columns
            x = place[i] - first
            parent[i] = (y + 1) // 2 * half_columns + (x + 1) // 2
            number[parent[i]] = 1
        count = 0
        for cell in range(len(number)):
            if number[cell] != 0:
                count += 1
                number[cell] = count
        for i in range(len(place)):
            parent[i] = number[parent[i]] - 1
        return count

    return number_


@cache
def _merge() -> Any:
    import numba

    @numba.njit(cache=True)
    def merge(
        columns: int, place: Any, tie: Any, leak: Any, parent: Any, half_tie: Any, half_leak: Any
    ) -> None:
        # Direction of the cell that a pixel's neighbour lies in, -1: its own, by the pixel's
        # place in its cell (odd coordinates, with the frame, come first).
        inner = np.empty((4, 8), np.int64)
        slots = (0, 1, 2, 3, -1, 4, 5, 6, 7)
        shifts = ((-1, -1), (-1, 0), (-1, 1), (0, -1), (0, 1), (1, -1), (1, 0), (1, 1))
        for corner in range(4):
            top, left = 1 + corner // 2, 1 + corner % 2
            for k in range(8):
                down = (top + shifts[k][0] + 1) // 2 - (top + 1) // 2
                across = (left + shifts[k][1] + 1) // 2 - (left + 1) // 2
                inner[corner, k] = slots[3 * down + across + 4]
        y, first = 0, 0
        for i in range(len(parent)):
            while place[i] >= first + columns:
                y, first = y + 1, first + columns
            cell = parent[i]
            half_leak[cell] += leak[i]
            corner = 2 * (1 - (y & 1)) + 1 - ((place[i] - first) & 1)
            for k in range(8):
                slot = inner[corner, k]
                if slot >= 0:
                    half_tie[cell, slot] += tie[i, k]

    return merge


@cache
def _gather() -> Any:
    import numba

    @numba.njit(cache=True)
    def gather(fine: Any, parent: Any, half: Any) -> None:
        for i in range(len(fine)):
            half[parent[i]] += fine[i]

    return gather


@cache
def _sweep_kernel() -> Any:
    import numba

    @numba.njit(cache=True)
    def sweep(columns: int, place: Any, tie: Any, ease: Any, right: Any, z: Any) -> None:
        # Unsigned: a check of indices for being negative takes a fifth of the time.
        row, one = np.uint64(columns), np.uint64(1)
        count = len(place)
        for n in range(2 * count):
            i = n if n < count else 2 * count - 1 - n
            p, t = np.uint64(place[i]), tie[i]
            a = right[i] + t[0] * z[p - row - one]
            b = t[1] * z[p - row] + t[2] * z[p - row + one]
            c = t[5] * z[p + row - one] + t[6] * z[p + row]
            d = (t[3] * z[p - one] + t[4] * z[p + one]) + t[7] * z[p + row + one]
            e = ease[i]
            z[p] = ((a + b) + (c + d)) * e

    return sweep


@cache
def _descend() -> Any:
    import numba

    @numba.njit(cache=True)
    def descend(
        columns: int, place: Any, tie: Any, ease: Any, right: Any, parent: Any, z: Any, half: Any
    ) -> None:
        row, one = np.uint64(columns), np.uint64(1)
        # From zero, a forward sweep needs only the neighbours before a pixel, and what is left
        # over needs only those after it.
        for i in range(len(place)):
            p, t = np.uint64(place[i]), tie[i]
            a = right[i] + t[0] * z[p - row - one]
            b = t[1] * z[p - row] + t[2] * z[p - row + one]
            # The pixel just computed comes last, so that the rest need not wait for it.
            e = ease[i]
            z[p] = (a + b) * e + t[3] * e * z[p - one]
        for i in range(len(place)):
            p, t = np.uint64(place[i]), tie[i]
            a = t[4] * z[p + one] + t[5] * z[p + row - one]
            b = t[6] * z[p + row] + t[7] * z[p + row + one]
            half[parent[i]] += a + b

    return descend


@cache
def _ascend() -> Any:
    import numba

    @numba.njit(cache=True)
    def ascend(
        columns: int, place: Any, tie: Any, ease: Any, right: Any, parent: Any, half: Any, z: Any
    ) -> None:
        row, one = np.uint64(columns), np.uint64(1)
        for i in range(len(place)):
            z[place[i]] += half[parent[i]]
        for i in range(len(place) - 1, -1, -1):
            p, t = np.uint64(place[i]), tie[i]
            a = right[i] + t[0] * z[p - row - one]
            b = t[1] * z[p - row] + t[2] * z[p - row + one]
            c = t[5] * z[p + row - one] + t[6] * z[p + row]
            d = t[3] * z[p - one] + t[7] * z[p + row + one]
            e = ease[i]
            z[p] = ((a + b) + (c + d)) * e + t[4] * e * z[p + one]

    return ascend


@cache
def _apply() -> Any:
    import numba

    @numba.njit(cache=True)
    def apply(columns: int, place: Any, tie: Any, ease: Any, z: Any, result: Any) -> None:
        row, one = np.uint64(columns), np.uint64(1)
        for i in range(len(place)):
            p, t = np.uint64(place[i]), tie[i]
            a = t[0] * z[p - row - one] + t[1] * z[p - row]
            b = t[2] * z[p - row + one] + t[3] * z[p - one]
            c = t[4] * z[p + one] + t[5] * z[p + row - one]
            d = t[6] * z[p + row] + t[7] * z[p + row + one]
            result[i] = z[p] / ease[i] - ((a + b) + (c + d))

    return apply
