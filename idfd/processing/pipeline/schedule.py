"""Tasks on workers that may be killed, on this machine or on many, with the same results.

How tasks are handed out, and what becomes of one whose worker died, is the same everywhere; what
a worker is, is up to the scheduler (:mod:`.local`, :mod:`.dask_cluster`).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Any, TypeVar

from idfd.errors import IdfdError, InputError

T = TypeVar("T")
R = TypeVar("R")
S = TypeVar("S", bound="Scheduler")
_MOST_DEATHS_ALONE = 2


@dataclass(eq=False)
class Job:
    """A task on its way.

    Attributes:
        task: As it was given.
        deaths: How many workers died while they had it.
        deaths_alone: How many of them while no other job was running.
    """

    task: Any
    deaths: int = 0
    deaths_alone: int = 0


@dataclass(frozen=True)
class Death:
    """A job's worker ended before the job did.

    Attributes:
        how: Of what, as far as is known.
        times: How many workers in a row.
    """

    how: str
    times: int = 1


class Scheduler(ABC):
    """Runs tasks on workers.

    A worker that dies takes nothing with it: its task runs again, alone, when all others are done,
    since a machine that is short of memory kills whom it likes, and a cluster may not know which of
    a worker's tasks was running. Only a task that ends two workers alone ends in an error.

    Attributes:
        dashboard: URL of a page that shows the work, or None.
    """

    dashboard: str | None = None

    def run(
        self, function: Callable[[T], R], tasks: Iterable[T]
    ) -> Iterator[tuple[T, R | IdfdError]]:
        """Run tasks and yield each with its result as it ends, in any order.

        Tasks are taken from their iterable as there is room for them, and neither they nor their
        results are kept. One run at a time.

        Args:
            function: A picklable function of one task.
            tasks: Picklable tasks.

        Raises:
            IdfdError: There are no workers, or none can be started.
            Exception: Whatever else ``function`` raises: a bug, with its traceback.
        """
        fresh = (Job(task) for task in tasks)
        suspects: deque[Job] = deque()
        running = 0
        try:
            while True:
                while self._has_room() and (job := next(fresh, None)):
                    self._give(function, job)
                    running += 1
                if not running:
                    if not suspects:
                        return
                    self._give(function, suspects.popleft())
                    running += 1
                job, outcome = self._take()
                running -= 1
                if not isinstance(outcome, Death):
                    yield job.task, outcome
                    continue
                if job.deaths:
                    job.deaths_alone += outcome.times
                job.deaths += outcome.times
                if job.deaths_alone < _MOST_DEATHS_ALONE:
                    suspects.append(job)
                else:
                    yield job.task, _fatal(job, outcome)
        finally:
            if running:
                self._abandon()

    @abstractmethod
    def _has_room(self) -> bool:
        """Whether another job can be given now; True where none is running."""

    @abstractmethod
    def _give(self, function: Callable[[Any], Any], job: Job) -> None:
        """Start a job."""

    @abstractmethod
    def _take(self) -> tuple[Job, Any]:
        """Wait for one of the jobs to end; its result, its error, or its worker's death."""

    @abstractmethod
    def _abandon(self) -> None:
        """Stop the jobs that are running."""

    @abstractmethod
    def close(self) -> None:
        """End the workers that were started for this scheduler."""

    def __enter__(self: S) -> S:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def open_scheduler(text: str, workers: int) -> Scheduler:
    """Open a scheduler by name or address.

    Args:
        text: ``local`` for processes of this machine, ``dask`` for a dask cluster on this machine
            with its dashboard, or the address of a running dask scheduler: ``tcp://host:8786``.
        workers: How many processes to start; an existing cluster has its own.

    Raises:
        InputError: Not a scheduler; none answers, it has no workers, or their code or packages
            are not those of this process.
        MissingDependencyError: dask.distributed is not installed.
    """
    if text == "local":
        from idfd.processing.pipeline.local import LocalScheduler

        return LocalScheduler(workers)
    if text == "dask" or text.partition("://")[0] in {"tcp", "tls", "ucx", "ws", "wss"}:
        from idfd.processing.pipeline.dask_cluster import DaskScheduler

        return DaskScheduler(None if text == "dask" else text, workers)
    raise InputError(
        f"'{text}' is not a scheduler",
        limit="local, dask, or the address of a dask scheduler such as tcp://host:8786",
    )


def _fatal(job: Job, death: Death) -> IdfdError:
    return IdfdError(
        f"the task ended its worker process {job.deaths} times, {job.deaths_alone} of them while "
        f"it ran alone ({death.how})",
        remedy="Most often memory is short: run the command again on a machine with more; if it "
        "ends like this there too, its input or a library is at fault",
    )
