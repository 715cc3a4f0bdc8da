"""A process pool in which a failing task is a result, and the rest go on."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from typing import TypeVar

import cv2
import numpy as np

from idfd.errors import IdfdError

T = TypeVar("T")
R = TypeVar("R")
_WORKER_ENVIRONMENT = {
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    # glibc hands every freed image back to the kernel and faults its pages in again for the next
    # one, which took a quarter of the time; a worker is short-lived and may keep them.
    "MALLOC_MMAP_THRESHOLD_": str(32 << 20),
    "MALLOC_TRIM_THRESHOLD_": str(1 << 30),
}


def default_workers() -> int:
    """One worker for each core this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def run_tasks(
    function: Callable[[T], R], tasks: Sequence[T], workers: int
) -> Iterator[tuple[T, R | IdfdError]]:
    """Run tasks in a process pool and yield each with its result as it ends, in any order.

    Scenes run beside each other with one thread each: that uses the cores better than threads
    inside a scene do, and sums stay in one order, so results do not depend on the machine's cores.

    Args:
        function: A picklable function of one task.
        tasks: Picklable tasks.
        workers: Number of processes.

    Raises:
        IdfdError: A worker was killed, for example for lack of memory.
    """
    with _worker_environment():
        pool = ProcessPoolExecutor(
            max_workers=min(workers, max(1, len(tasks))),
            # Forking a process with OpenCV's threads in it can deadlock.
            mp_context=multiprocessing.get_context("spawn"),
            initializer=_start_worker,
        )
        try:
            waiting = iter(tasks)
            running: dict[Future[R | IdfdError], T] = {}
            for task in waiting:
                running[pool.submit(_guarded, function, task)] = task
                if len(running) >= 4 * workers:
                    break
            while running:
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    task = running.pop(future)
                    for new in waiting:
                        running[pool.submit(_guarded, function, new)] = new
                        break
                    yield task, future.result()
        except BrokenProcessPool:
            raise IdfdError(
                "a worker process was killed",
                remedy="What was finished is kept: run the command again, with fewer workers if "
                "memory was short (--workers)",
            ) from None
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _start_worker() -> None:
    cv2.setNumThreads(1)
    # Ctrl-C reaches the whole group; the driver ends the workers, without a traceback from each.
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _guarded(function: Callable[[T], R], task: T) -> R | IdfdError:
    try:
        return function(task)
    except IdfdError as error:
        return error
    except (cv2.error, np.linalg.LinAlgError, ArithmeticError, MemoryError) as error:
        return IdfdError(f"the computation failed ({type(error).__name__}: {error})")


@contextmanager
def _worker_environment() -> Iterator[None]:
    # BLAS and glibc read these when they are loaded, in a spawned worker after this point.
    before = {name: os.environ.get(name) for name in _WORKER_ENVIRONMENT}
    os.environ.update(_WORKER_ENVIRONMENT)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
