"""Tasks for tests of the schedulers; workers import them from here."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from idfd.errors import IdfdError, InputError
from idfd.processing.pipeline.local import LocalScheduler

_kept: list[NDArray[np.float64]] = []


def run_tasks(
    function: Callable[[Any], Any], tasks: Iterable[Any], workers: int
) -> Iterator[tuple[Any, Any | IdfdError]]:
    """Run tasks in processes of this machine, which end with the last result."""
    with LocalScheduler(workers) as scheduler:
        yield from scheduler.run(function, tasks)


def fragile(number: int) -> int:
    if number == 3:
        raise ZeroDivisionError("three")
    if number == 5:
        raise InputError("five", where="here", remedy="Do this")
    return number * number


def buggy(number: int) -> int:
    if number == 3:
        return len(number)  # type: ignore[arg-type]
    return number


class AwkwardError(Exception):
    """Cannot be made again from its pickle."""

    def __init__(self, *, what: str) -> None:
        super().__init__(what)


def awkward(number: int) -> int:
    raise AwkwardError(what="awkward")


def unpicklable(number: int) -> Any:
    return lambda: number


def deadly(number: int) -> int:
    if number == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def leaving(number: int) -> int:
    os._exit(7)


def dies_once(task: tuple[str, int]) -> int:
    """Kills its worker at the first try."""
    folder, number = task
    tried = Path(folder, str(number))
    if not tried.exists():
        tried.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def dies_in_company(task: tuple[str, int]) -> int:
    """Kills its worker where another task runs at the same time, as when memory is short."""
    folder, number = task
    mine = Path(folder, f"{number}-{os.getpid()}")
    mine.touch()
    try:
        time.sleep(0.1)
        others = [one for one in Path(folder).iterdir() if _alive(int(one.name.split("-")[1]))]
        if number % 2 and len(others) > 1:
            os.kill(os.getpid(), signal.SIGKILL)
    finally:
        mine.unlink()
    return number


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def slow(seconds: float) -> int:
    time.sleep(seconds)
    return os.getpid()


def threads(number: int) -> tuple[int, str | None, str | None, int]:
    return (
        cv2.getNumThreads(),
        os.environ.get("OMP_NUM_THREADS"),
        os.environ.get("NUMBA_NUM_THREADS"),
        os.getpid(),
    )


def bits(seed: int) -> bytes:
    """Sums whose last bits depend on the order in which they are taken."""
    rng = np.random.default_rng(seed)
    image = rng.normal(size=(200, 300))
    blurred = cv2.GaussianBlur(image, (0, 0), 2.5)
    product = image.T @ blurred
    return bytes(product.tobytes() + np.float64(product.sum()).tobytes())


def large(number: int) -> bytes:
    return bytes([number % 256]) * 3_000_000


def resident(number: int) -> int:
    """Memory of this worker in KiB."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4
