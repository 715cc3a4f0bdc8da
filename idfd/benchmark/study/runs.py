"""The runs of a study: each is trained, scored, and left alone once its results stand.

A study may be stopped and started again, and several processes may work on one folder: a run is in
the hands of one of them at a time.
"""

from __future__ import annotations

import fcntl
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from idfd.benchmark.checkpoint import STATE, read_checkpoint, write_checkpoint
from idfd.benchmark.protocol import load_protocol
from idfd.benchmark.results import Results
from idfd.benchmark.run import run as score
from idfd.benchmark.trained import open_checkpoint
from idfd.benchmark.training.config import SHOW, TrainConfig
from idfd.benchmark.training.loop import BEST, LAST, train
from idfd.errors import InputError
from idfd.model.schema import load
from idfd.model.settings import settings_from
from idfd.release.reader import IDFD
from idfd.storage.durable import make_folder

WEIGHTS = "weights.safetensors"
"""The weights of the last step, in the folder of a run that is trained to its end."""
Defocus = Literal["natural", "synthetic"]


@dataclass(frozen=True)
class Data:
    """A release of a study.

    Attributes:
        path: The release file.
        name: What the study calls it: the name of the file.
        digest: SHA-256 that identifies its content.
        defocus: Whether a lens blurred its photos, or a computation.
    """

    path: Path
    name: str
    digest: str
    defocus: Defocus

    @classmethod
    def open(cls, path: Path) -> Data:
        """Look at a release.

        Raises:
            ReleaseError: It is damaged, or is no release.
        """
        with IDFD(path) as data:
            computed = any(data.record(take).simulated is not None for take in data.ids)
            return cls(path, path.stem, data.digest, "synthetic" if computed else "natural")


@dataclass(frozen=True)
class ScoredOn:
    """What a run is scored on; ``name`` is part of the names of results, empty where one is all."""

    data: Data
    name: str = ""


@dataclass(frozen=True)
class StudyRun:
    """One training and its tests.

    Attributes:
        name: What the run is in tables, without the seed.
        train: The release it learns from.
        config: All settings, the seed among them.
        tests: The releases it is scored on.
    """

    name: str
    train: Data
    config: TrainConfig
    tests: tuple[ScoredOn, ...]

    @property
    def key(self) -> str:
        """Name of its folder and of its model."""
        return f"{self.name}-seed{self.config.seed}"


@dataclass(frozen=True)
class Turn:
    """A run that is about to begin or to go on.

    Attributes:
        key: Which.
        number: Its number, from 1.
        total: How many there are.
        left_s: Seconds that this and the runs after it will take, from those done so far.
    """

    key: str
    number: int
    total: int
    left_s: float | None


def results_path(output: Path, run: StudyRun, test: ScoredOn) -> Path:
    """Where the results of a run on a test release are."""
    return output / "results" / f"{run.key}{f'-on-{test.name}' if test.name else ''}.json"


def standing(output: Path, run: StudyRun, test: ScoredOn) -> Results | None:
    """Results that were made before; None where there are none, or of an older protocol.

    Raises:
        InputError: The file holds results of other settings or releases.
        SchemaError: It holds no results.
    """
    path = results_path(output, run, test)
    if not path.exists():
        return None
    results = load(Results, path)
    facts = results.model.training
    there = None
    if facts is not None:
        settings = settings_from(TrainConfig, facts.settings, path, SHOW)
        there = (settings, facts.release_digest, results.release.digest)
    if there != (run.config, run.train.digest, test.data.digest):
        raise InputError(
            "the folder holds a study of other settings or releases",
            where=path,
            limit="the settings and the releases that the study began with",
            remedy="Give another folder with -o",
        )
    return results if results.protocol.sha256 == load_protocol().sha256 else None


def collect(output: Path, runs: Sequence[StudyRun], name: str, test: ScoredOn) -> list[Results]:
    """The results of one name on one test release, of all seeds that stand."""
    return [
        results
        for run in runs
        if run.name == name
        and test in run.tests
        and (results := standing(output, run, test)) is not None
    ]


def work(
    output: Path,
    runs: Sequence[StudyRun],
    *,
    device: str = "auto",
    cache: Path | None = None,
    drop_weights: bool = False,
    progress: bool = True,
    tell: Callable[[Turn], None] = lambda turn: None,  # noqa: ARG005
) -> tuple[str, ...]:
    """Train and score everything that does not stand yet.

    Every run is scored with the weights of its last step: to choose them by validation would let
    runs of one schedule differ in length too.

    Args:
        output: Folder of the study: ``runs/``, ``results/`` and ``cache/``.
        runs: The runs, in the order in which they are done.
        device: ``auto``, ``cpu`` or ``cuda``.
        cache: Folder for the uncompressed copies of the releases.
        drop_weights: Remove the weights of a run once it is scored.
        progress: Show the progress of each run on standard error.
        tell: Called before each run.

    Returns:
        Keys of runs that other processes are working on.

    Raises:
        InputError: The folder holds another study, or as for
            :func:`idfd.benchmark.training.loop.train`.
        KeyboardInterrupt: Ctrl-C; the run under way goes on from there next time.
    """
    busy: list[str] = []
    began, done = time.monotonic(), 0
    for place, run in enumerate(runs):
        if not _missing(output, run):
            continue
        with _claim(output / "runs" / f"{run.key}.lock") as mine:
            if not mine:
                busy.append(run.key)
                continue
            missing = _missing(output, run)  # asked again: it may have been done meanwhile
            if not missing:
                continue
            rest = sum(bool(_missing(output, later)) for later in runs[place:])
            left = (time.monotonic() - began) / done * rest if done else None
            tell(Turn(run.key, place + 1, len(runs), left))
            folder = output / "runs" / run.key
            _train(run, folder, device, cache or output / "cache", progress)
            for test in missing:
                score(
                    test.data.path,
                    open_checkpoint(folder / WEIGHTS, device=device, name=run.key),
                    output=results_path(output, run, test),
                    progress=progress,
                )
            if drop_weights:
                (folder / WEIGHTS).unlink()
            done += 1
    return tuple(busy)


def _missing(output: Path, run: StudyRun) -> list[ScoredOn]:
    return [test for test in run.tests if standing(output, run, test) is None]


def _train(run: StudyRun, folder: Path, device: str, cache: Path, progress: bool) -> None:
    """Train to the end, and keep the weights without the four times larger state of the run."""
    if not (folder / WEIGHTS).exists():
        train(run.train.path, run.config, folder, device=device, cache=cache, progress=progress)
        record, tensors = read_checkpoint(folder / LAST)
        plain = {name: tensor for name, tensor in tensors.items() if not name.startswith(STATE)}
        write_checkpoint(folder / WEIGHTS, plain, record)
    for name in (LAST, BEST):
        (folder / name).unlink(missing_ok=True)


@contextmanager
def _claim(lock: Path) -> Iterator[bool]:
    """Whether a run is ours; the claim of a killed process is free again."""
    make_folder(lock.parent)
    with lock.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield True
