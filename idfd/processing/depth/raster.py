"""Draws a depth mesh into a grid of pixels; where surfaces overlap the nearest one is seen.

The grid is drawn in bands of rows, on as many threads as numba may use. A pixel's value rests on
the triangles that touch it and on nothing else, so it is the same to the bit however the grid is
cut and however many threads draw.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from idfd.model.triple import MAX_DEPTH_MM, DepthSource
from idfd.processing.depth.mesh import Mesh

RANKED = np.array(
    [DepthSource.NONE, DepthSource.FUSED, DepthSource.MEASURED, DepthSource.IN_PAINTED,
     DepthSource.UNKNOWN], np.uint8,
)  # fmt: skip
"""Sources from the best to the worst: of several the worst counts."""
_RANKS = np.argsort(RANKED).astype(np.uint8)
NO_SOURCE = RANKED[0]
_ROUNDING = 1 / 12
"""Variance that whole millimetres add, mm²."""
_ROWS = 128
"""Rows of a band: what is drawn of them is still in the cache when it is finished."""


def draw(
    mesh: Mesh,
    source: NDArray[np.uint8],
    deviation: NDArray[np.float32] | None,
    height: int,
    width: int,
    blocked_step: float,
) -> tuple[NDArray[np.float32], NDArray[np.uint8], NDArray[np.float32] | None]:
    """Depth, source and uncertainty on a grid of pixels.

    On a plane the inverse depth is linear in the image, as perspective has it. The uncertainty
    is interpolated with the weights of the corners as if their errors were one: the standard
    deviation of a weighted sum is at most the weighted sum of the standard deviations, and is that
    where the errors go together, as those of neighbours do after a filter and where light
    arrives by detours.

    Args:
        mesh: In the pixels of the grid.
        source: :class:`DepthSource` of each corner, (h, w) uint8.
        deviation: Of each corner's depth along the axis, (h, w) float32 mm, or None.
        height: Of the grid.
        width: Of the grid.
        blocked_step: A blocker hides what lies further behind it than this share of its depth. A
            triangle seen from behind blocks as well: it is the inside of a thing.

    Returns:
        Depth in whole millimetres, (H, W) float32, 0 = none; source, (H, W) uint8, the worst of
        a triangle's corners; uncertainty with that of the rounding, (H, W) float32 mm, NaN where
        no depth, or None.
    """
    import numba

    from idfd.processing.depth import raster_loops

    unknown = np.zeros((0, 0), np.float32)
    ranks, corners, rows = _RANKS[source], unknown, raster_loops.extent(mesh.seen)
    # Zero is the inverse depth of what is infinitely far: nothing need be filled in.
    depth, sources = np.zeros((height, width), np.float32), np.zeros((height, width), np.uint8)
    uncertainty = None
    if deviation is not None:
        corners = np.sqrt(deviation * deviation + np.float32(_ROUNDING))
        uncertainty = np.zeros((height, width), np.float32)

    def fill(top: int) -> None:
        part = slice(top, top + _ROWS)
        raster_loops.band(
            mesh.seen, mesh.cells, rows, ranks, corners, mesh.blockers, 1 + blocked_step, top,
            depth[part], sources[part], unknown if uncertainty is None else uncertainty[part],
            np.float32(MAX_DEPTH_MM),
        )  # fmt: skip

    tops = range(0, height, _ROWS)
    threads = min(numba.config.NUMBA_NUM_THREADS, len(tops))  # type: ignore[attr-defined]
    if threads == 1:
        for top in tops:
            fill(top)
    else:
        # The kernels run without the interpreter's lock.
        with ThreadPoolExecutor(threads) as pool:
            for _ in pool.map(fill, tops):
                pass
    return depth, sources, uncertainty
