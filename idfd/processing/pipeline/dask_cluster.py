"""Workers of a dask cluster: an existing one by its address, or one of this machine.

The code that runs is the workers' own: before any task, and again in each, since workers come and
go, it is compared with ours. Workers that are started with ``dask worker ADDRESS --nthreads 1`` do
one task at a time, with one BLAS thread by dask's defaults.
"""

from __future__ import annotations

import asyncio
import logging
import queue
import time
import uuid
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from idfd.errors import IdfdError, InputError, MissingDependencyError
from idfd.processing.pipeline.schedule import Death, Job, Scheduler
from idfd.processing.pipeline.worker import (
    WORKER_ENVIRONMENT,
    guarded,
    identity,
    use_one_thread,
)

_PATIENCE_S = 8.0
_LOOK_EVERY_S = 5.0
_LONGEST_WITHOUT_WORKERS_S = 60.0
_LONGEST_BEFORE_REVIVAL_S = 10.0
_MOST_REVIVALS = 5
_CHUNKS_PER_THREAD = 4
_MOST_IN_CHUNK = 8
_CHUNK_S = 0.25
_START_WORKERS = "Start some with 'dask worker {} --nthreads 1', each with this version of idfd"


@dataclass(frozen=True)
class _Chunk:
    """Jobs that travel together.

    Attributes:
        jobs: In the order in which they are done.
        future: Dask's, of their results.
        fetching: Its results on their way here: a list of one, or of none where there are none.
    """

    jobs: list[Job]
    future: Any
    fetching: Any


class DaskScheduler(Scheduler):
    """Submits as many tasks as keep the workers of dask.distributed busy, and no more.

    Whatever dask is given costs some milliseconds of its scheduler's time, here and on the way;
    tasks that are short travel together, as many as take about a quarter of a second.

    Args:
        address: Of a running scheduler; None starts a cluster on this machine.
        workers: Number of processes of the cluster that is started.

    Raises:
        InputError: No scheduler answers, it has no workers, or they are of another kind than this
            process.
        MissingDependencyError: dask.distributed is not installed.
    """

    def __init__(self, address: str | None, workers: int) -> None:
        try:
            import distributed
        except ImportError:
            raise MissingDependencyError(
                "work on a cluster needs the package distributed",
                remedy="Install it with 'pip install idfd[cluster]'",
            ) from None
        self._killed = distributed.KilledWorker
        self._cancelled = distributed.CancelledError
        self._waiting: deque[Job] = deque()
        self._running: dict[str, _Chunk] = {}
        self._ended: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._fetched: deque[tuple[Job, Any]] = deque()
        self._function: Callable[[Any], Any]
        self._given = 0
        self._in_chunk = 1
        self._threads = 1
        self._seen = time.monotonic()
        self._cluster: Any = None
        self._workers = max(1, workers)
        self._revivals = 0 if address else _MOST_REVIVALS
        if address is None:
            self._cluster = _start_cluster(self._workers)
        self._where = address or self._cluster.scheduler_address
        connect: Any = distributed.Client  # it has no types
        try:
            self._client = connect(
                self._cluster or address, timeout=_PATIENCE_S, set_as_default=False
            )
        except (OSError, TimeoutError, ValueError) as error:
            raise InputError(
                f"no dask scheduler answers ({error or type(error).__name__})",
                where=self._where,
                limit="the address that 'dask scheduler' names, such as tcp://host:8786",
                remedy="Check the address and that the scheduler runs",
            ) from None
        self.dashboard = self._client.dashboard_link
        try:
            self._greet_workers()
        except BaseException:
            self.close()
            raise

    def _greet_workers(self) -> None:
        try:
            self._client.wait_for_workers(1, timeout=_PATIENCE_S)
        except TimeoutError:
            raise InputError(
                "the cluster has no workers",
                where=self._where,
                remedy=_START_WORKERS.format(self._where),
            ) from None
        ours = identity()
        for worker, theirs in self._client.run(identity, on_error="return").items():
            if isinstance(theirs, ImportError):
                raise InputError(
                    f"the worker cannot import what it is to do ({theirs})",
                    where=worker,
                    remedy="Install this version of idfd where it runs, and start it again",
                )
            if isinstance(theirs, OSError):
                continue  # it has gone meanwhile; who comes in its place is asked with each task
            if isinstance(theirs, Exception):
                raise theirs
            if theirs != ours:
                raise _stranger(worker, ours, theirs)

    def _has_room(self) -> bool:
        if self._client.status == "closed":
            raise self._gone()
        if not self._given:
            self._in_chunk = 1  # how long the tasks of this run take is not known
            self._count_threads()
        return self._given < _CHUNKS_PER_THREAD * self._threads * self._in_chunk

    def _count_threads(self) -> None:
        """Workers come and go; an IdfdError if there have been none for long."""
        try:
            threads = sum(self._client.nthreads().values())
        except OSError:
            raise self._gone() from None
        now = time.monotonic()
        if threads:
            self._seen = now
            self._threads = threads
        elif self._revivals and now - self._seen > _LONGEST_BEFORE_REVIVAL_S:
            # Dask gives up a worker of this machine that dies while it starts.
            self._revivals -= 1
            self._seen = now
            self._cluster.scale(0)
            self._cluster.scale(self._workers)
        elif now - self._seen > _LONGEST_WITHOUT_WORKERS_S:
            raise IdfdError(
                f"the cluster has had no workers for {_LONGEST_WITHOUT_WORKERS_S:.0f} s",
                where=self._where,
                remedy=f"What was finished is kept. {_START_WORKERS.format(self._where)}, and run "
                "the command again",
            )

    def _give(self, function: Callable[[Any], Any], job: Job) -> None:
        self._function = function
        self._waiting.append(job)
        self._given += 1
        if len(self._waiting) >= self._in_chunk:
            self._submit()

    def _submit(self) -> None:
        jobs = [self._waiting.popleft() for _ in range(min(len(self._waiting), self._in_chunk))]
        key = f"{getattr(self._function, '__name__', 'task')}-{uuid.uuid4().hex}"
        tasks = [job.task for job in jobs]
        future = self._client.submit(_work, self._function, tasks, identity(), key=key, pure=False)
        # Results are fetched beside this thread: a worker may die with its results, and then dask
        # waits, without end where it has no other, while this thread looks after the workers.
        fetching = asyncio.run_coroutine_threadsafe(
            self._client.gather([future], errors="skip", asynchronous=True),
            self._client.loop.asyncio_loop,
        )
        self._running[key] = _Chunk(jobs, future, fetching)
        fetching.add_done_callback(lambda _: self._ended.put(key))

    def _take(self) -> tuple[Job, Any]:
        while not self._fetched:
            # The rest of a chunk waits to be filled up while the workers have something to do.
            while self._waiting and len(self._running) < 2 * self._threads:
                self._submit()
            try:
                key = self._ended.get(timeout=_LOOK_EVERY_S)
            except queue.Empty:
                self._count_threads()
                continue
            if chunk := self._running.pop(key, None):  # else it was abandoned
                self._receive(chunk)
        self._given -= 1
        return self._fetched.popleft()

    def _receive(self, chunk: _Chunk) -> None:
        try:
            found = chunk.fetching.result()
        except OSError:
            raise self._gone() from None
        if not found:
            death = self._failure(chunk.future)
            self._fetched.extend((job, death) for job in chunk.jobs)
            return
        results, seconds = found[0]
        self._fetched.extend(zip(chunk.jobs, results, strict=False))
        self._waiting.extendleft(reversed(chunk.jobs[len(results) :]))
        fit = int(_CHUNK_S * len(results) / max(seconds, 1e-6))
        self._in_chunk = max(1, min(fit, 2 * self._in_chunk, _MOST_IN_CHUNK))

    def _failure(self, future: Any) -> Death:
        """Why a future has no result; raised where it is not its worker's death."""
        try:
            future.result()
        except self._killed as error:
            return Death("the cluster does not know why", error.allowed_failures + 1)
        except self._cancelled:
            raise self._gone() from None
        raise AssertionError("a future without a result or an error")

    def _gone(self) -> IdfdError:
        return IdfdError(
            "the dask scheduler has gone",
            where=self._where,
            remedy="What was finished is kept: run the command again when it is back",
        )

    def _abandon(self) -> None:
        if self._client.status == "running":
            self._client.cancel([chunk.future for chunk in self._running.values()])
        self._waiting.clear()
        self._running.clear()
        self._fetched.clear()
        self._given = 0

    def close(self) -> None:
        """Leave the cluster; one that was started here is ended."""
        self._client.close()
        if self._cluster is not None:
            self._cluster.close()


def _start_cluster(workers: int) -> Any:
    import dask
    import distributed

    settings = {
        "distributed.nanny.pre-spawn-environ": WORKER_ENVIRONMENT,
        # Dask blames all tasks that a dead worker had, also those that waited: once is forgiven.
        "distributed.scheduler.allowed-failures": 1,
    }
    start: Any = distributed.LocalCluster  # it has no types
    try:
        with dask.config.set(settings):
            return start(
                n_workers=workers,
                threads_per_worker=1,
                dashboard_address="127.0.0.1:0",
                memory_limit=0,  # as for local processes
                silence_logs=logging.CRITICAL,
            )
    except RuntimeError as error:
        raise IdfdError(
            f"the workers of a dask cluster do not start ({error.__cause__ or error})",
            remedy="See what they wrote above; where nothing is, memory may be short: run the "
            "command again with fewer workers (--workers)",
        ) from error


def _work(
    function: Callable[[Any], Any], tasks: Sequence[Any], expected: dict[str, str]
) -> tuple[list[Any], float]:
    """Results of as many tasks as there is time for, at least one, and how long they took, s."""
    found = identity()
    if found != expected:
        raise _stranger("a worker that came later", expected, found)
    use_one_thread()
    start = time.perf_counter()
    results: list[Any] = []
    for task in tasks:
        results.append(guarded(function, task))
        if time.perf_counter() - start > _CHUNK_S:
            break
    return results, time.perf_counter() - start


def _stranger(worker: str, ours: dict[str, str], theirs: dict[str, str]) -> InputError:
    differences = ", ".join(
        f"{name} {theirs.get(name, 'missing')} instead of {ours.get(name, 'none')}"
        for name in sorted(ours.keys() | theirs.keys())
        if ours.get(name) != theirs.get(name)
    )
    return InputError(
        f"a worker would not give the results that this process gives: it has {differences}",
        where=worker,
        remedy="Install the same versions on all machines of the cluster, and start its workers "
        "again",
    )
