"""Run what may crash or hang: HDF5 on damaged metadata does both.

The work runs in a forked child that only reads, so its death costs nothing. A fork, and not a
spawn as for pools, because the child needs no main module and starts in milliseconds; it calls
neither OpenCV nor BLAS, whose threads a fork would leave behind.
"""

from __future__ import annotations

import multiprocessing
import signal
import warnings
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from typing import Any

PATIENCE_S = 30.0
"""Longest wait for one item."""


def guarded(
    work: Callable[[], Iterator[Any]], patience_s: float = PATIENCE_S
) -> Iterator[tuple[Any, str | None]]:
    """Yield (item, None) for what ``work`` yields in a child, and (None, reason) if it breaks.

    Args:
        work: Generator function of picklable items.
        patience_s: Seconds after which an item that does not come is given up.
    """
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe(duplex=False)
    child = context.Process(target=_send, args=(work, ours, theirs), daemon=True)
    with warnings.catch_warnings():
        # Python 3.12 warns of forks beside threads; see above why this one is safe.
        warnings.simplefilter("ignore", DeprecationWarning)
        child.start()
    theirs.close()
    try:
        while True:
            if not ours.poll(patience_s):
                yield None, f"no answer for {patience_s:g} s"
                return
            try:
                message = ours.recv()
            except EOFError:
                child.join()
                yield None, _ending(child.exitcode)
                return
            if message is None:
                return
            yield message
    finally:
        child.kill()
        child.join()
        ours.close()


def _send(work: Callable[[], Iterator[Any]], ours: Connection, theirs: Connection) -> None:
    ours.close()
    try:
        for item in work():
            theirs.send((item, None))
    except Exception as error:  # noqa: BLE001  damage may end in any; all of them are told
        theirs.send((None, f"{type(error).__name__}: {error}"))
    theirs.send(None)


def _ending(code: int | None) -> str:
    if code is not None and code < 0:
        return f"crashed with {signal.Signals(-code).name}"
    return f"ended with exit code {code}"
