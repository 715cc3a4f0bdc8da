"""What a scene costs beside its own work, on each scheduler, and whether memory stays flat.

Small scenes are read and written through a Place and worked on for a given processor time. Each
reports how long it took; what a worker spends between scenes is the overhead:
(wall time - time of all scenes / workers) / scenes, without the start of the workers. The peers are
concurrent.futures' process pool and dask.distributed used plainly, on the same scenes.

    python benchmarks/scene_overhead.py --scenes 1000
    python benchmarks/scene_overhead.py --scenes 1000 --sessions

With --sessions the scenes are takes of a session with small pictures (the files of one take, linked
under many names), through all steps of ``idfd process``, which gives each take to a worker twice:
before and after the size of the set is known. Reading the session, writing the index and both ways
to a worker and back count as overhead, and wall time is bad at telling it on a machine that is
shared: the processor time of the driver, and of workers outside ``process_take``, is given too.
A last line is a second run, in which nothing is left to do.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from rounds import FOREIGN_LIMIT, foreign_share

ROOT = Path(__file__).resolve().parents[1]
TESTS = ("tests", "tests/processing/pipeline", "tests/capture")
sys.path[:0] = [str(ROOT / folder) for folder in TESTS]

from killing_workers import workers_of  # noqa: E402  it lies with the tests

from idfd.processing.pipeline.schedule import open_scheduler  # noqa: E402
from idfd.processing.pipeline.worker import guarded  # noqa: E402
from idfd.storage.hashing import sha256_bytes  # noqa: E402
from idfd.storage.places import open_place  # noqa: E402

Results = Iterator[tuple[Any, Any]]
Run = Callable[[Callable[[Any], Any], Iterable[Any]], Results]


@dataclass(frozen=True)
class Spent:
    """What a worker reports of a task: seconds of it, and of all its life so far."""

    wall_s: float
    cpu_s: float
    life_cpu_s: float
    worker: int


@dataclass
class Book:
    """Figures of one contender; memory is of the driver and of its largest worker, MB."""

    wall_s: float = 0.0
    own_s: float = 0.0
    driver_s: float = 0.0
    results: int = 0
    memory: list[tuple[float, float]] = field(default_factory=list)
    lives: dict[int, list[float]] = field(default_factory=dict)

    @property
    def between_s(self) -> float:
        """Processor time of workers from their first result to their last, outside of tasks."""
        return sum(last - first - own for first, last, own in self.lives.values())

    def follow(self, run: Run, every: int) -> Run:
        """The same run, with times and memory taken."""

        def followed(function: Callable[[Any], Any], tasks: Iterable[Any]) -> Results:
            for task, (spent, result) in run(partial(timed, function), tasks):
                self.own_s += spent.wall_s
                life = self.lives.setdefault(spent.worker, [spent.life_cpu_s, 0.0, -spent.cpu_s])
                life[1] = max(life[1], spent.life_cpu_s)
                life[2] += spent.cpu_s
                self.results += 1
                if self.results % every == 0:
                    self.memory.append((resident_mb(os.getpid()), largest_worker_mb()))
                yield task, result

        return followed


class Followed:
    """What the pipeline needs of a scheduler, followed by a book."""

    def __init__(self, run: Run) -> None:
        self.run = run


def timed(function: Callable[[Any], Any], task: Any) -> tuple[Spent, Any]:
    """A result, how long it took, and what this worker has used of its processor all in all."""
    began, processor = time.perf_counter(), time.process_time()
    result = guarded(function, task)
    now = time.process_time()
    return Spent(time.perf_counter() - began, now - processor, now, os.getpid()), result


def small_scene(task: tuple[str, str, str, float]) -> None:
    """Read a file, work, write three: the last one vouches for the others."""
    source, output, name, seconds = task
    until = time.thread_time() + seconds
    data = open_place(source).read(name)
    target = open_place(output)
    while time.thread_time() < until:
        sha256_bytes(data)
    for file in ("depth", "photo", "record"):
        target.write(f"{name}/{file}", data, lasting=False)


def resident_mb(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def largest_worker_mb() -> float:
    return max((resident_mb(pid) for pid in workers_of(os.getpid())), default=0.0)


def plain_pool(workers: int) -> Any:
    """concurrent.futures with as many tasks waiting as ours."""

    class Pool(ProcessPoolExecutor):
        def run(self, function: Callable[[Any], Any], tasks: Iterable[Any]) -> Results:
            waiting = iter(tasks)
            running: dict[Future[Any], Any] = {}
            for task in islice(waiting, 4 * workers):
                running[self.submit(function, task)] = task
            while running:
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    yield running.pop(future), future.result()
                    for task in islice(waiting, 1):
                        running[self.submit(function, task)] = task

    return Pool(workers, mp_context=get_context("spawn"))


def plain_dask(workers: int) -> Any:
    """dask.distributed as its documentation shows it: all tasks at once, results as they come."""
    import distributed

    class Plain(distributed.LocalCluster):  # type: ignore[misc]
        def run(self, function: Callable[[Any], Any], tasks: Iterable[Any]) -> Results:
            with distributed.Client(self) as client:
                futures = client.map(function, list(tasks), pure=False)
                for _, result in distributed.as_completed(futures, with_results=True):
                    yield None, result

    return Plain(n_workers=workers, threads_per_worker=1, dashboard_address=None)


CONTENDERS: dict[str, tuple[int, Callable[[int], Any]]] = {
    "concurrent.futures": (1, plain_pool),
    "--scheduler local": (1, partial(open_scheduler, "local")),
    "dask, plainly": (2, plain_dask),
    "--scheduler dask": (2, partial(open_scheduler, "dask")),
    "--scheduler local ": (2, partial(open_scheduler, "local")),
}


def contenders(options: argparse.Namespace) -> Iterator[tuple[str, int, Callable[[int], Any], str]]:
    """Name, workers, scheduler and output folder of those that are compared."""
    for number, (name, (workers, start)) in enumerate(CONTENDERS.items()):
        if options.only not in f"{name} {workers}" or (options.sessions and "--" not in name):
            continue
        yield name, workers, start, f"out-{number}"
        if options.sessions and name == "--scheduler local":
            yield f"{name}, again", workers, start, f"out-{number}"


def main() -> None:
    from rich.console import Console
    from rich.table import Table

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scenes", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=0.01, help="Processor time of a scene.")
    parser.add_argument("--bytes", type=int, default=20_000, help="Size of a scene's files.")
    parser.add_argument("--sessions", action="store_true", help="Through all steps.")
    parser.add_argument("--only", default="", help="Contenders whose name holds this.")
    parser.add_argument("--folder", type=Path, help="Where the files lie; default: temporary.")
    options = parser.parse_args()
    table = Table(
        "workers", "", "own ms", "overhead ms", "driver CPU ms", "worker CPU ms", "driver MB",
        "worker MB", "load",
        title=f"{options.scenes} scenes",
    )  # fmt: skip
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        folder = Path(name)
        prepare(folder, options)
        for name, workers, start, output in contenders(options):
            book = Book()
            _, load = foreign_share(partial(measure, book, start, workers, folder, output, options))
            scenes = options.scenes
            overhead = 1e3 * (book.wall_s - book.own_s / workers) / scenes
            # At a tenth, half and all of the work, as medians of three.
            half = len(book.memory) // 2
            memory = [
                [statistics.median(part) for part in zip(*some, strict=True)]
                for some in (book.memory[1:4], book.memory[half - 1 : half + 2], book.memory[-3:])
            ]
            table.add_row(
                str(workers), name, f"{1e3 * book.own_s / scenes:.1f}", f"{overhead:.2f}",
                f"{1e3 * book.driver_s / scenes:.2f}",
                f"{1e3 * book.between_s / scenes:.2f}",
                *(", ".join(f"{mb:.0f}" for mb in part) for part in zip(*memory, strict=True)),
                f"{100 * load:.0f} %{' (contended)' if load > FOREIGN_LIMIT else ''}",
            )  # fmt: skip
    Console(width=120).print(table)


def prepare(folder: Path, options: argparse.Namespace) -> None:
    """Make the scenes."""
    if options.sessions:
        from take_files import make_session, many_takes

        names = [f"take-{number:05}" for number in range(options.scenes)]
        many_takes(make_session(folder / "one"), folder / "source", names)
        return
    source = open_place(folder / "source")
    for number in range(options.scenes):
        source.write(f"scene-{number:05}", os.urandom(options.bytes), lasting=False)


def warm_up(run: Run, workers: int, folder: Path, options: argparse.Namespace) -> None:
    """Let all workers import, and compile, what they need."""
    if options.sessions:
        from take_files import many_takes
        from test_process_session import CONFIG

        from idfd.processing.pipeline.run import process
        from idfd.processing.pipeline.sources import open_source

        if not (folder / "few").exists():
            many_takes(folder / "one", folder / "few", [f"t{n}" for n in range(8)])
        pool: Any = Followed(run)
        with tempfile.TemporaryDirectory(dir=folder) as output:
            process(open_source(folder / "few"), output, CONFIG, pool)
        return
    task = (str(folder), str(folder / "warm"), "source/scene-00000", 0.2)
    list(run(small_scene, [task] * 2 * workers))


def measure(
    book: Book,
    start: Callable[[int], Any],
    workers: int,
    folder: Path,
    output: str,
    options: argparse.Namespace,
) -> None:
    """Run all scenes on workers that have started and imported what they need."""
    with start(workers) as scheduler:
        run = book.follow(scheduler.run, max(1, options.scenes // 20))
        warm_up(scheduler.run, workers, folder, options)
        began, processor = time.perf_counter(), time.process_time()
        if options.sessions:
            from test_process_session import CONFIG

            from idfd.processing.pipeline.run import process
            from idfd.processing.pipeline.sources import open_source

            followed: Any = Followed(run)
            process(open_source(folder / "source"), folder / output, CONFIG, followed)
        else:
            source, target = str(folder / "source"), str(folder / output)
            names = sorted(open_place(source).sizes(""))
            list(run(small_scene, [(source, target, name, options.seconds) for name in names]))
        book.wall_s = time.perf_counter() - began
        book.driver_s = time.process_time() - processor


if __name__ == "__main__":
    # Tasks of __main__ would be pickled with their code, each time; those of a module by name.
    from scene_overhead import main as named_main

    named_main()
