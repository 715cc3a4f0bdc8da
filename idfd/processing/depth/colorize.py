"""The colourisation system: depth varies little where the photo's brightness does.

Each pixel without depth is a weighted mean of its eight neighbours, and more so of those of its
own brightness (Levin, Lischinski and Weiss, *Colorization using optimization*, SIGGRAPH 2004, as
the toolbox of NYU Depth V2 applies it to depth). Known pixels are fixed and only the others are
solved for, with rows that sum to one: the solution stays between the depths around a hole.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from idfd.processing.depth.krylov import improve
from idfd.processing.depth.multigrid import System, Vector, hierarchy, start, sweep
from idfd.processing.depth.pyramid import Level, raise_estimate, surroundings

_SPREAD = np.float32(0.4)
"""Of the variance in a window; the toolbox takes 0.6, which leaks more across edges."""
_NOISE = np.float32(1e-4)
"""A hundredth of white, squared: the noise of photos, by which nothing is told apart. The toolbox
takes 2e-6."""
_BLOCK = 1 << 20
"""Pixels whose rows are held at a time where an estimate is only finished."""


@dataclass(frozen=True)
class Rows:
    """Rows ``z − Σ_k tie_k · z_k = right`` of N wanted pixels, with depths from ``centre``.

    ``w_k ∝ exp(−(g_k − g)² / s)`` with the guide ``g`` and ``s`` = 0.4 times its variance in the
    3×3 window, but at least that of noise, and large enough that the most similar neighbour has at
    least weight 0.01 before the eight are normalised to sum to 1. Neighbours that stay empty have
    no part, nor, in the row of a hidden pixel, those that are not hidden or are nearer than its
    bound.

    Attributes:
        tie: ``w_k`` of wanted neighbours, row by row from the upper left, (N, 8) float32.
        leak: Sum of ``w_k`` of known neighbours, (N,) float32.
        right: Sum of ``w_k · (depth_k − centre)`` of known neighbours, (N,) float32.
        square: Sum of ``w_k · (depth_k − centre)²`` of them, (N,) float32.
    """

    tie: NDArray[np.float32]
    leak: Vector
    right: Vector
    square: Vector


@dataclass(frozen=True)
class Colorization:
    """The system of a level.

    Attributes:
        level: The image; its wanted pixels receive the solution.
        low: Smallest known depth around the hole of each wanted pixel, (N,) float32.
        high: Largest.
        centre: Middle of the two. Holes do not touch each other, so each may have an origin of
            its own; float32 then resolves what is small against the distance to the camera.
        rows: The equations.
    """

    level: Level
    low: Vector
    high: Vector
    centre: Vector
    rows: Rows

    def settle(self, depth: NDArray[Any]) -> None:
        """Write depths of the wanted pixels, (N,), held to what surrounds their holes."""
        self.level.depth.reshape(-1)[self.level.wanted] = _held(
            self.level, depth, self.low, self.high
        )


def _held(level: Level, depth: NDArray[Any], low: Vector, high: Vector) -> NDArray[Any]:
    """Depths of the wanted pixels between ``low`` and ``high``, or beyond their bound."""
    held = np.clip(depth, low, high)
    return np.maximum(held, level.least.reshape(-1)[level.wanted]) if level.least.size else held


def colorization(level: Level) -> Colorization:
    """The system of a level."""
    low, high = surroundings(level)
    centre = low + (high - low) * np.float32(0.5)
    return Colorization(level, low, high, centre, rows_of(level, level.wanted, centre))


def rows_of(level: Level, wanted: NDArray[np.int32], centre: Vector) -> Rows:
    """The rows of some of the wanted pixels of a level (flat indices)."""
    count = len(wanted)
    rows = Rows(
        np.empty((count, 8), np.float32),
        np.empty(count, np.float32),
        np.empty(count, np.float32),
        np.empty(count, np.float32),
    )
    planes = level.depth, level.guide, level.state, level.least
    depth, guide, state, least = (plane.reshape(-1) for plane in planes)
    _weigh()(
        level.columns, depth, guide, state, least, wanted, centre,
        rows.tie, rows.leak, rows.right, rows.square,
    )  # fmt: skip
    return rows


def solve_directly(problem: Colorization) -> None:
    """Fill the wanted pixels with the exact solution (sparse LU, float64)."""
    from scipy.sparse import csc_matrix
    from scipy.sparse.linalg import splu

    level, rows = problem.level, problem.rows
    count, columns = len(level.wanted), level.columns
    vertical = np.array([-1, -1, -1, 0, 0, 1, 1, 1])
    offsets = vertical * columns + np.array([-1, 0, 1, -1, 1, -1, 0, 1])
    number = np.zeros(level.depth.size, np.int64)
    number[level.wanted] = np.arange(count)
    row, k = np.nonzero(rows.tie)
    column = number[level.wanted[row] + offsets[k]]
    values = np.concatenate([np.ones(count), -rows.tie[row, k].astype(np.float64)])
    diagonal = np.arange(count)
    places = np.concatenate([diagonal, row]), np.concatenate([diagonal, column])
    matrix = csc_matrix((values, places), shape=(count, count))
    problem.settle(problem.centre + splu(matrix).solve(rows.right.astype(np.float64)))


@dataclass(frozen=True)
class Estimate:
    """First estimates, from coarse to fine.

    Attributes:
        systems: The system with its coarser ones.
        mean: Of the solution, from ``centre``, flat float32 on the level's pixels.
        contrast: How far the known depths disagree that a wanted pixel is a mean of, (H + 2,
            W + 2) float32 millimetres, 0 outside holes. The solution is a weighted mean of known
            depths; with the same weights, the mean of their squares gives their deviation.
    """

    systems: list[System]
    mean: Vector
    contrast: NDArray[np.float32]


def estimated(problem: Colorization) -> Estimate:
    """First estimates of the solution and of the contrast around it."""
    level, rows = problem.level, problem.rows
    systems = hierarchy(level.depth.shape, level.wanted, rows.tie, rows.leak)
    mean, square = start(systems, rows.right), start(systems, rows.square)
    deviation = np.sqrt(np.maximum(square - mean * mean, np.float32(0)))
    return Estimate(systems, mean, deviation.reshape(level.depth.shape))


def solve_by_sizes(problem: Colorization, estimate: Estimate, steps: int, tolerance: float) -> None:
    """Fill the wanted pixels, nearly as :func:`solve_directly` does.

    Args:
        problem: The system.
        estimate: Of its solution.
        steps: Largest number of steps of the iterative solver.
        tolerance: Root mean square of the rows' residual at which it stops, millimetres.
    """
    found = improve(estimate.systems, problem.rows.right, estimate.mean, steps, tolerance)
    problem.settle(problem.centre + found[problem.level.wanted])


def finish(coarse: Level, fine: Level, sweeps: int) -> None:
    """Carry a filled level to the next finer one, where the finer guide has its say."""
    raise_estimate(coarse, fine)
    estimate = fine.depth.reshape(-1)
    for first in range(0, len(fine.wanted), _BLOCK):
        part = fine.wanted[first : first + _BLOCK]
        rows = rows_of(fine, part, np.zeros(len(part), np.float32))
        ease = np.ones(len(part), np.float32)
        system = System(fine.depth.shape, part, rows.tie, ease, np.empty(0, np.int32))
        for _ in range(sweeps):
            sweep(system, rows.right, estimate)
    low, high = surroundings(fine)
    estimate[fine.wanted] = _held(fine, estimate[fine.wanted], low, high)


@cache
def _weigh() -> Any:
    import numba

    @numba.njit(cache=True)
    def weigh(
        columns: int, depth: Any, guide: Any, state: Any, least: Any, wanted: Any, centre: Any,
        tie: Any, leak: Any, right: Any, square: Any,
    ) -> None:  # fmt: skip
        # Unsigned: no check of the indices for being negative.
        row = (-columns - 1, -columns, -columns + 1, -1, 1, columns - 1, columns, columns + 1)
        near = np.empty(8, np.uint64)
        smallest = np.float32(-1 / np.log(0.01))
        part = np.empty(8, np.bool_)
        for n in range(len(wanted)):
            p = np.uint64(wanted[n])
            for k in range(8):
                q = np.uint64(wanted[n] + row[k])
                near[k] = q
                part[k] = state[q] != 0
                if state[p] == 3:
                    part[k] = state[q] == 3 or (state[q] == 1 and depth[q] >= least[p])
            total, squares = np.float32(0), np.float32(0)
            nearest, count = np.float32(np.inf), np.float32(1)
            for k in range(8):
                q = near[k]
                if part[k]:
                    gap = guide[q] - guide[p]
                    total += gap
                    squares += gap * gap
                    nearest = min(nearest, gap * gap)
                    count += np.float32(1)
            mean = total / count
            spread = _SPREAD * (squares / count - mean * mean)
            scale = np.float32(-1) / max(spread, smallest * nearest, _NOISE)
            total = np.float32(0)
            for k in range(8):
                q = near[k]
                tie[n, k] = np.float32(0)
                if part[k]:
                    gap = guide[q] - guide[p]
                    tie[n, k] = np.exp(gap * gap * scale)
                    total += tie[n, k]
            leak[n], right[n], square[n] = np.float32(0), np.float32(0), np.float32(0)
            for k in range(8):
                tie[n, k] /= total
                q = near[k]
                if part[k] and state[q] == 1:
                    height = depth[q] - centre[n]
                    leak[n] += tie[n, k]
                    right[n] += tie[n, k] * height
                    square[n] += tie[n, k] * height * height
                    tie[n, k] = np.float32(0)

    return weigh
