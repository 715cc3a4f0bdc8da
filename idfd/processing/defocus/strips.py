"""Work on strips of rows in threads; the strips do not depend on how many threads there are."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

_ROWS = 240


def each_strip(height: int, work: Callable[[slice], None]) -> None:
    """Call ``work`` for slices of rows that cover ``height``, on all cores."""
    strips = [slice(y, min(y + _ROWS, height)) for y in range(0, height, _ROWS)]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for _ in pool.map(work, strips):
            pass


def widen(rows: slice, margin: int, height: int) -> tuple[slice, slice]:
    """Rows with a margin within the image, and where the rows themselves lie in that."""
    start = max(0, rows.start - margin)
    return slice(start, min(height, rows.stop + margin)), slice(
        rows.start - start, rows.stop - start
    )
