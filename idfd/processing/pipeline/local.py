"""Worker processes of this machine, one thread each."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
import traceback
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection, wait
from typing import Any

from idfd.errors import IdfdError
from idfd.processing.pipeline.schedule import Death, Job, Scheduler
from idfd.processing.pipeline.worker import guarded, use_one_thread, worker_environment

# Forking a process with OpenCV's threads in it can deadlock.
_CONTEXT = multiprocessing.get_context("spawn")
_STARTED = b"started"
_MOST_STILLBORN = 5
_PATIENCE_S = 5.0


def default_workers() -> int:
    """One worker for each core this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class LocalScheduler(Scheduler):
    """Processes of this machine, started when there is work for them and kept until the end.

    Scenes run beside each other with one thread each: that uses the cores better than threads
    inside a scene do, and sums stay in one order, so results do not depend on the machine's cores.

    A pool of concurrent.futures ends with its first dead worker, and cannot say what that one was
    doing: here each worker has a pipe of its own and one job at a time.

    Args:
        workers: Number of processes.
    """

    def __init__(self, workers: int) -> None:
        self._most = max(1, workers)
        self._workers: list[_Worker] = []
        self._ready: deque[_Worker] = deque()
        self._stillborn = 0

    def _has_room(self) -> bool:
        return sum(worker.job is not None for worker in self._workers) < self._most

    def _give(self, function: Callable[[Any], Any], job: Job) -> None:
        self._send(job, pickle.dumps((function, job.task)))

    def _send(self, job: Job, message: bytes) -> None:
        worker = next((worker for worker in self._workers if worker.job is None), None)
        if worker is None:
            worker = _Worker()
            self._workers.append(worker)
        worker.give(job, message)

    def _take(self) -> tuple[Job, Any]:
        while True:
            if not self._ready:
                busy = {worker.connection: worker for worker in self._workers if worker.job}
                # All that are ready, in turn: otherwise the first could keep the rest waiting.
                self._ready.extend(busy[one] for one in wait(list(busy)))  # type: ignore[index]
            worker = self._ready.popleft()
            job = worker.job
            assert job is not None
            try:
                answer = worker.connection.recv_bytes()
            except (EOFError, OSError):
                self._workers.remove(worker)
                how = worker.end()
                if worker.started:
                    return job, Death(how)
                self._count_stillborn(how)
                self._send(job, worker.message)  # it had no part in this
                continue
            if answer == _STARTED:
                worker.started = True
                self._stillborn = 0
                continue
            worker.job = None
            outcome, error, trace = pickle.loads(answer)
            if error is not None:
                raise error from _WorkerTraceback(trace)
            return job, outcome

    def _count_stillborn(self, how: str) -> None:
        self._stillborn += 1
        if self._stillborn == _MOST_STILLBORN:
            raise IdfdError(
                f"{_MOST_STILLBORN} worker processes in a row ended as they started ({how})",
                remedy="See what they wrote above; where nothing is, memory may be short: run the "
                "command again with fewer workers (--workers)",
            )

    def _abandon(self) -> None:
        for worker in [worker for worker in self._workers if worker.job]:
            self._workers.remove(worker)
            worker.process.kill()
            worker.end()
        self._ready.clear()

    def close(self) -> None:
        """End the workers; those that still have a job at once."""
        self._abandon()
        for worker in self._workers:
            worker.connection.close()
        while self._workers:
            self._workers.pop().end()


class _Worker:
    """A process that answers one job at a time; it ends when its pipe is closed."""

    def __init__(self) -> None:
        self.job: Job | None = None
        self.message = b""
        self.started = False
        self.connection, far_end = _CONTEXT.Pipe()
        self.process = _CONTEXT.Process(target=_serve, args=(far_end,), daemon=True)
        with worker_environment():
            self.process.start()
        far_end.close()  # so that the pipe ends with the process

    def give(self, job: Job, message: bytes) -> None:
        """Send a job that the process is to do now."""
        self.job, self.message = job, message
        with suppress(BrokenPipeError, ConnectionResetError):  # it is dead, as reading will show
            self.connection.send_bytes(message)

    def end(self) -> str:
        """Wait for the end of the process; say how it ended."""
        self.connection.close()
        self.process.join(_PATIENCE_S)
        if self.process.exitcode is None:
            self.process.kill()
            self.process.join()
        code = self.process.exitcode or 0
        self.process.close()
        if code >= 0:
            return f"exit code {code}"
        name = signal.Signals(-code).name
        return f"killed by {name}{', as when memory is short' if name == 'SIGKILL' else ''}"


def _serve(connection: Connection) -> None:
    # Ctrl-C reaches the whole group; the driver ends the workers, without a traceback from each.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    use_one_thread()
    with suppress(EOFError, BrokenPipeError, ConnectionResetError):  # the driver has gone
        connection.send_bytes(_STARTED)
        while True:
            connection.send_bytes(_answer(connection.recv_bytes()))


def _answer(message: bytes) -> bytes:
    """Result, bug and its traceback, pickled."""
    try:
        function, task = pickle.loads(message)
        return pickle.dumps((guarded(function, task), None, ""))
    except Exception as error:  # noqa: BLE001  a bug: the driver raises it
        trace = "".join(traceback.format_exception(type(error), error, error.__traceback__))
        return _bug(error, trace)


def _bug(error: Exception, trace: str) -> bytes:
    message = pickle.dumps((None, RuntimeError(f"{type(error).__name__}: {error}"), trace))
    # An exception may be one that cannot be pickled, or that cannot be made again from its pickle.
    with suppress(pickle.PickleError, TypeError, AttributeError):
        exact = pickle.dumps((None, error, trace))
        pickle.loads(exact)
        return exact
    return message


class _WorkerTraceback(Exception):  # noqa: N818  it is no error of its own
    """Where in the worker an exception was raised, shown as its cause."""

    def __str__(self) -> str:
        return f"\n{self.args[0]}"
