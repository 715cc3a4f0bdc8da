"""GMRES with one multigrid cycle as preconditioner."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from idfd.processing.depth.multigrid import System, Vector, apply, cycle


def improve(
    systems: list[System], right: Vector, estimate: Vector, steps: int, tolerance: float
) -> Vector:
    """Bring an estimate near the solution (Saad, *Iterative methods*, 2003, algorithm 9.5).

    Args:
        systems: The system and its coarser ones.
        right: Right-hand side, (N,) float32.
        estimate: Where to start, an image, flat float32 (see :class:`System`).
        steps: Largest number of steps, each one cycle; they never increase the residual.
        tolerance: Root mean square of the residual at which to stop, in the unit of ``right``.

    Returns:
        As ``estimate``.
    """
    residual = right - apply(systems[0], estimate)
    basis = np.zeros((steps + 1, len(right)), np.float32)
    triangle, rotations = np.zeros((steps, steps)), np.zeros((steps, 2))
    target = np.zeros(steps + 1)
    target[0] = _orthogonalise()(basis, 0, residual, np.zeros(0))
    small = tolerance * np.sqrt(len(right))
    used = 0
    while used < steps and abs(target[used]) > small:
        vector = apply(systems[0], cycle(systems, basis[used]))
        column = np.zeros(used + 2)
        column[used + 1] = _orthogonalise()(basis, used + 1, vector, column)
        for j, (cosine, sine) in enumerate(rotations[:used]):
            above, below = column[j], column[j + 1]
            column[j : j + 2] = cosine * above + sine * below, cosine * below - sine * above
        length = float(np.hypot(column[used], column[used + 1]))
        if length == 0:
            break
        cosine, sine = rotations[used] = column[used : used + 2] / length
        triangle[:used, used], triangle[used, used] = column[:used], length
        target[used : used + 2] = cosine * target[used], -sine * target[used]
        used += 1
    total = np.zeros_like(right)
    for share, direction in zip(
        np.linalg.solve(triangle[:used, :used], target[:used]), basis, strict=False
    ):
        total += np.float32(share) * direction
    return estimate + cycle(systems, total)


@cache
def _orthogonalise() -> Any:
    import numba

    # Not numpy's products: the order of their sums depends on the number of threads.
    @numba.njit(cache=True)
    def orthogonalise(basis: Any, count: int, vector: Any, shares: Any) -> float:
        """Row ``count`` of ``basis`` becomes what ``vector`` adds to the rows before it."""
        size = len(vector)
        whole = size // 4 * 4
        length = 0.0
        for j in range(count + 1):
            other = basis[j] if j < count else vector
            s0, s1, s2, s3 = 0.0, 0.0, 0.0, 0.0
            for i in range(0, whole, 4):
                s0 += np.float64(vector[i]) * np.float64(other[i])
                s1 += np.float64(vector[i + 1]) * np.float64(other[i + 1])
                s2 += np.float64(vector[i + 2]) * np.float64(other[i + 2])
                s3 += np.float64(vector[i + 3]) * np.float64(other[i + 3])
            for i in range(whole, size):
                s0 += np.float64(vector[i]) * np.float64(other[i])
            product = (s0 + s1) + (s2 + s3)
            if j < count:
                shares[j] = product
                share = np.float32(product)
                for i in range(size):
                    vector[i] -= share * other[i]
            else:
                length = np.sqrt(product)
        if length > 0:
            scale = np.float32(1 / length)
            for i in range(size):
                basis[count, i] = scale * vector[i]
        return length

    return orthogonalise
