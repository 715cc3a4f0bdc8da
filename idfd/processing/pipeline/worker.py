"""What every worker does, whichever scheduler it serves: one thread, and errors are results."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TypeVar

import cv2
import numpy as np

from idfd.errors import IdfdError
from idfd.model.provenance import provenance
from idfd.storage.hashing import sha256_bytes
from idfd.version import __version__

T = TypeVar("T")
R = TypeVar("R")
WORKER_ENVIRONMENT = {
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "NUMBA_NUM_THREADS": "1",
    # glibc hands every freed image back to the kernel and faults its pages in again for the next
    # one, which took a quarter of the time; a worker is short-lived and may keep them.
    "MALLOC_MMAP_THRESHOLD_": str(32 << 20),
    "MALLOC_TRIM_THRESHOLD_": str(1 << 30),
}
"""Environment of a worker: BLAS, numba and glibc read it when they are loaded."""
_FLOORS = ("model", "storage", "calibration", "processing")


def guarded(function: Callable[[T], R], task: T) -> R | IdfdError:
    """Result of a task, or the error that it ended in; a bug in the code is raised."""
    try:
        return function(task)
    except IdfdError as error:
        return error
    except (cv2.error, np.linalg.LinAlgError, ArithmeticError, MemoryError) as error:
        return IdfdError(f"the computation failed ({type(error).__name__}: {error})")


def use_one_thread() -> None:
    """Keep this process's libraries to one thread each, as far as they can still be told."""
    if cv2.getNumThreads() != 1:
        cv2.setNumThreads(1)
    if "numba" not in sys.modules:
        os.environ["NUMBA_NUM_THREADS"] = "1"


@contextmanager
def worker_environment() -> Iterator[None]:
    """Processes started within this context are started with :data:`WORKER_ENVIRONMENT`."""
    before = {name: os.environ.get(name) for name in WORKER_ENVIRONMENT}
    os.environ.update(WORKER_ENVIRONMENT)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@cache
def identity() -> dict[str, str]:
    """What the bits of a result depend on beside its inputs: code, packages, processor family."""
    root = Path(__file__).resolve().parents[2]
    files = (file for floor in _FLOORS for file in sorted((root / floor).rglob("*.py")))
    content = b"".join(f"{file.relative_to(root)}\0{file.read_text()}\0".encode() for file in files)
    return {
        "idfd": f"{__version__} (source {sha256_bytes(content)[:12]})",
        **provenance().packages,
        "python": ".".join(platform.python_version_tuple()[:2]),
        "processor": platform.machine(),
    }
