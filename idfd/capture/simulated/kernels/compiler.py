"""How the kernels are compiled."""

from __future__ import annotations

from numba import njit

# Kept on disk, so that only the first run of a machine compiles; without the interpreter's lock,
# so that threads can work on different tiles.
compiled = njit(cache=True, nogil=True, fastmath=True, error_model="numpy")
