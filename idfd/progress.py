"""Progress of long work: a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")
_SECONDS_BETWEEN_LINES = 5.0


def track(items: Iterable[T], total: int, label: str) -> Iterator[T]:
    """Yield ``items`` and report progress and remaining time on standard error.

    Args:
        items: What is worked through; one item is one step.
        total: How many items there are.
        label: What is being done, such as ``curate``.
    """
    if sys.stderr.isatty():
        from tqdm import tqdm

        yield from tqdm(items, total=total, desc=label, unit="", dynamic_ncols=True)
        return
    start = last = time.monotonic()
    for count, item in enumerate(items, start=1):
        yield item
        now = time.monotonic()
        if count == total or now - last >= _SECONDS_BETWEEN_LINES:
            last = now
            left = (now - start) / count * (total - count)
            print(f"{label}: {count} of {total}, {left:.0f} s left", file=sys.stderr, flush=True)
