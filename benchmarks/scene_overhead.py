"""What a scene costs beside its own work, on each scheduler, and whether memory stays flat.

Small scenes are read and written through a Place and worked on for a given processor time. Each
reports how long it took; what a worker spends between scenes is the overhead:
(wall time - time of all scenes / workers) / scenes, without the start of the workers. The peers are
concurrent.futures' process pool and dask.distributed used plainly, on the same scenes.

    python benchmarks/scene_overhead.py --scenes 1000
    python benchmarks/scene_overhead.py --scenes 1000 --sessions

With --sessions the scenes are takes of a session with small pictures, through all steps of
``idfd process``, and reading the session and writing the index count too.
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
sys.path[:0] = [str(ROOT / "tests/processing/pipeline"), str(ROOT / "tests/capture")]

from killing_workers import workers_of  # noqa: E402  it lies with the tests

from idfd.processing.pipeline.schedule import open_scheduler  # noqa: E402
from idfd.processing.pipeline.worker import guarded  # noqa: E402
from idfd.storage.hashing import sha256_bytes  # noqa: E402
from idfd.storage.places import open_place  # noqa: E402

Results = Iterator[tuple[Any, Any]]
Run = Callable[[Callable[[Any], Any], Iterable[Any]], Results]


@dataclass
class Book:
    """Figures of one contender; memory is of the driver and of its largest worker, MB."""

    wall_s: float = 0.0
    own_s: float = 0.0
    driver_s: float = 0.0
    results: int = 0
    memory: list[tuple[float, float]] = field(default_factory=list)

    def follow(self, run: Run, every: int) -> Run:
        """The same run, with times and memory taken."""

        def followed(function: Callable[[Any], Any], tasks: Iterable[Any]) -> Results:
            for task, (seconds, result) in run(partial(timed, function), tasks):
                self.own_s += seconds
                self.results += 1
                if self.results % every == 0:
                    self.memory.append((resident_mb(os.getpid()), largest_worker_mb()))
                yield task, result

        return followed


class Followed:
    """What the pipeline needs of a scheduler, followed by a book."""

    def __init__(self, run: Run) -> None:
        self.run = run


def timed(function: Callable[[Any], Any], task: Any) -> tuple[float, Any]:
    """A result and how long it took."""
    began = time.perf_counter()
    result = guarded(function, task)
    return time.perf_counter() - began, result


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


def main() -> None:
    from rich.console import Console
    from rich.table import Table

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scenes", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=0.01, help="Processor time of a scene.")
    parser.add_argument("--bytes", type=int, default=20_000, help="Size of a scene's files.")
    parser.add_argument("--sessions", action="store_true", help="Through all steps.")
    parser.add_argument("--folder", type=Path, help="Where the files lie; default: temporary.")
    options = parser.parse_args()
    table = Table(
        "workers", "", "own ms", "overhead ms", "driver CPU ms", "driver MB", "worker MB", "load",
        title=f"{options.scenes} scenes",
    )  # fmt: skip
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        folder = Path(name)
        prepare(folder, options)
        for number, (name, (workers, start)) in enumerate(CONTENDERS.items()):
            if options.sessions and not name.startswith("--"):
                continue
            book = Book()
            _, load = foreign_share(
                partial(measure, book, start, workers, folder, f"out-{number}", options)
            )
            scenes = options.scenes
            overhead = 1e3 * (book.wall_s - book.own_s / workers) / scenes
            first = [statistics.median(part) for part in zip(*book.memory[1:4], strict=True)]
            last = [statistics.median(part) for part in zip(*book.memory[-3:], strict=True)]
            table.add_row(
                str(workers), name, f"{1e3 * book.own_s / scenes:.1f}", f"{overhead:.2f}",
                f"{1e3 * book.driver_s / scenes:.2f}",
                *(f"{a:.0f} to {b:.0f}" for a, b in zip(first, last, strict=True)),
                f"{100 * load:.0f} %{' (contended)' if load > FOREIGN_LIMIT else ''}",
            )  # fmt: skip
    Console(width=120).print(table)


def prepare(folder: Path, options: argparse.Namespace) -> None:
    """Make the scenes."""
    if options.sessions:
        from test_process_session import shoot

        shoot(folder / "source", options.scenes)
        return
    source = open_place(folder / "source")
    for number in range(options.scenes):
        source.write(f"scene-{number:05}", os.urandom(options.bytes), lasting=False)


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
        warm = [(str(folder), str(folder / "warm"), "source/scene-00000", 0.2)] * 2 * workers
        list(scheduler.run(small_scene, warm))
        began, processor = time.perf_counter(), time.process_time()
        if options.sessions:
            from test_process_session import CONFIG

            from idfd.processing.pipeline.run import process
            from idfd.processing.pipeline.sources import open_source

            process(open_source(folder / "source"), folder / output, CONFIG, Followed(run))  # type: ignore[arg-type]
        else:
            source, target = str(folder / "source"), str(folder / output)
            names = sorted(open_place(source).sizes(""))
            list(run(small_scene, [(source, target, name, options.seconds) for name in names]))
        book.wall_s = time.perf_counter() - began
        book.driver_s = time.process_time() - processor


if __name__ == "__main__":
    main()
