"""Inner loop of the stack. Importing this module imports numba."""

from __future__ import annotations

from typing import Any

from numba import njit


@njit(cache=True, nogil=True, error_model="numpy")
def mix(stack: Any, steps: Any, diameter: Any, out: Any) -> None:
    """Read each pixel between two levels; ``steps`` are their diameters, evenly spaced from 0."""
    last = len(steps) - 2
    for i in range(out.shape[0]):
        for j in range(out.shape[1]):
            own = diameter[i, j]
            k = min(int(own / steps[1]), last)
            low, high = steps[k] * steps[k], steps[k + 1] * steps[k + 1]
            t = (own * own - low) / (high - low)
            for c in range(out.shape[2]):
                out[i, j, c] = stack[k, i, j, c] + t * (stack[k + 1, i, j, c] - stack[k, i, j, c])
