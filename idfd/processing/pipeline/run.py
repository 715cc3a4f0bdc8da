"""Process whole sessions and collections: every take through its steps, and the index of all.

Every take is one task; a take that fails is reported with its reason, and the rest go on. Each
step of a take leaves a manifest with the hash of what it was made from, so that a second run does
only what changed, and one that was killed goes on where it was.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TypeVar

from idfd.errors import IdfdError, InputError, StorageError
from idfd.model import schema
from idfd.model.capture import Scene
from idfd.model.curation import INDEX, RECORD, TRIPLES, CuratedEntry, Curation, FailedEntry
from idfd.model.provenance import provenance
from idfd.model.stage import STAGES, StageName
from idfd.model.triple import Crop
from idfd.processing.config import ProcessConfig
from idfd.processing.pipeline.local import LocalScheduler, default_workers
from idfd.processing.pipeline.plan import PlannedStep, plan_take
from idfd.processing.pipeline.scene import process_take
from idfd.processing.pipeline.schedule import Scheduler
from idfd.processing.pipeline.sources import Source
from idfd.processing.pipeline.tasks import TakeTask
from idfd.processing.pipeline.workspace import STAGE_FOLDER
from idfd.progress import track
from idfd.storage.places import Place, open_place


@dataclass(frozen=True)
class Choice:
    """Which part of the work a run does.

    Attributes:
        only: Patterns (``*``, ``?``) of takes or scenes; none is all of them.
        last: The step to stop after.
        force: Run every step, even where nothing changed.
    """

    only: tuple[str, ...] = ()
    last: StageName = "check"
    force: bool = False

    def takes(self, take: str, scene: str) -> bool:
        """Whether a take is part of it."""
        return not self.only or any(
            fnmatch.fnmatchcase(name, pattern) for name in (take, scene) for pattern in self.only
        )


@dataclass
class Outcome:
    """What a run did.

    Attributes:
        curation: The index that was written; None where the run stopped before the last step.
        ran: How many times each step was run.
        failed: Takes that could not be processed, and why.
    """

    curation: Curation | None
    ran: dict[StageName, int]
    failed: dict[str, str]


def process(
    source: Source,
    output: str | Path,
    config: ProcessConfig = ProcessConfig(),
    scheduler: Scheduler | None = None,
    choice: Choice = Choice(),
) -> Outcome:
    """Process takes into ``output/triples/<id>/``, with ``output/curation.json`` as the index.

    Args:
        source: The takes.
        output: A folder or a URL.
        config: Settings of all steps.
        scheduler: Where the work is done; by default on all cores of this machine.
        choice: Which part of it.

    Returns:
        The index and what was done. Takes that could not be processed are in ``failed`` with the
        reason; triples whose verdict is ``fail`` are listed with theirs.

    Raises:
        InputError: No take was chosen, or takes of other sizes were processed before.
        StorageError: The output cannot be written.
    """
    if scheduler is None:
        with LocalScheduler(default_workers()) as own:
            return process(source, output, config, own, choice)
    place = open_place(output)
    tasks = _tasks(source, place.url, config, choice)
    for folder in (STAGE_FOLDER, TRIPLES):
        place.sweep(folder)
    run = _Run(scheduler, {entry.id: entry.reason for entry in source.failed})
    before = _index_before(place) if choice.only else None
    if config.published is not None:
        run.go("published", tasks)
        return Outcome(None, run.ran, run.failed)
    size = config.crop.size
    if size is None:
        fitted = run.go("fit", [replace(task, last=_earlier(choice.last)) for task in tasks])
        size = _common_size(fitted, before)
        tasks = [task for task in tasks if task.take.id in fitted]
    if config.crop.size is not None or choice.last not in _BEFORE_SIZE:
        # What was forced has been made anew in this very run.
        forced = STAGES if config.crop.size is not None else STAGES[len(_BEFORE_SIZE) :]
        forced = forced if choice.force else ()
        run.go("render", [replace(task, size=size, forced=forced) for task in tasks])
    if choice.last != "check":
        return Outcome(None, run.ran, run.failed)
    for take in run.failed.keys() - run.entries.keys():
        # What an earlier run made of files that have been damaged since is no triple any more.
        place.remove(f"{TRIPLES}/{take}/{RECORD}")
    curation = Curation(
        name=source.name,
        title=source.title,
        licence=source.licence,
        citation=source.citation,
        size=size,
        scenes=_scenes(source, run.failed),
        triples=_merged(run.entries, before.triples if before else (), source, choice),
        failed=_merged(
            {take: FailedEntry(id=take, reason=reason) for take, reason in run.failed.items()},
            before.failed if before else (), source, choice,
        ),
        splits=source.splits,
        audit=tuple(source.audit),
        provenance=provenance(asdict(config)),
    )  # fmt: skip
    place.write(INDEX, schema.encode(curation))
    return Outcome(curation, run.ran, run.failed)


def plan(
    source: Source, output: str | Path, config: ProcessConfig, choice: Choice = Choice()
) -> tuple[list[PlannedStep], dict[str, str]]:
    """What :func:`process` would do: the steps of each take, and takes that cannot be planned."""
    place = open_place(output)
    before = _index_before(place)
    size = config.crop.size or (before.size if before else None)
    steps: list[PlannedStep] = []
    failed = {entry.id: entry.reason for entry in source.failed}
    for task in _tasks(source, place.url, config, choice):
        try:
            steps += plan_take(replace(task, size=size))
        except IdfdError as error:
            failed[task.take.id] = str(error)
    return steps, failed


_BEFORE_SIZE: tuple[StageName, ...] = ("denoise", "align", "crop")
"""Steps that do not need the size of the set."""


def _earlier(last: StageName) -> StageName:
    return last if last in _BEFORE_SIZE else "crop"


class _Run:
    """Results as they come in."""

    def __init__(self, scheduler: Scheduler, failed: dict[str, str]) -> None:
        self.scheduler = scheduler
        self.failed = failed
        self.ran: dict[StageName, int] = dict.fromkeys(STAGES, 0)
        self.entries: dict[str, CuratedEntry] = {}

    def go(self, label: str, tasks: Sequence[TakeTask]) -> dict[str, Crop]:
        """Process takes; the largest crops of those that have one."""
        largest: dict[str, Crop] = {}
        results = self.scheduler.run(process_take, tasks)
        for task, result in track(results, len(tasks), label):
            take = task.take.id
            if isinstance(result, StorageError):
                raise result  # nothing can be written: the others would fail as well
            if isinstance(result, IdfdError):
                self.failed[take] = str(result)
                continue
            for stage in result.ran:
                self.ran[stage] += 1
            if result.entry is not None:
                self.entries[take] = result.entry
            if result.largest is not None:
                largest[take] = result.largest
        return largest


def _tasks(source: Source, output: str, config: ProcessConfig, choice: Choice) -> list[TakeTask]:
    scenes = {scene.name: scene for scene in source.scenes}
    tasks = [
        TakeTask(
            take, scenes[take.scene], source.roots[take.id], output, config, choice.last,
            forced=STAGES if choice.force else (),
        )
        for take in source.takes
        if choice.takes(take.id, take.scene)
    ]  # fmt: skip
    if not tasks and choice.only and source.takes:
        raise InputError(
            f"no take matches {', '.join(choice.only)}",
            where=source.name,
            remedy="See the takes with --dry-run",
        )
    if not tasks and not source.failed:
        left = "; ".join(f"{entry.path}: {entry.reason}" for entry in source.audit[:3])
        raise InputError(
            f"no take can be used ({left or 'there are none'})",
            where=source.name,
            remedy="Shoot again what failed, then process the session again",
        )
    return tasks


def _index_before(place: Place) -> Curation | None:
    """The index of an earlier run; None where there is none that can be read."""
    try:
        return schema.decode(Curation, place.read(INDEX), INDEX)
    except IdfdError:
        return None


def _common_size(fitted: dict[str, Crop], before: Curation | None) -> tuple[int, int] | None:
    """The largest width and height that every crop holds."""
    if not fitted:
        return before.size if before else None
    size = min(crop.width for crop in fitted.values()), min(crop.height for crop in fitted.values())
    if before is None or before.size is None:
        return size
    if size[0] < before.size[0] or size[1] < before.size[1]:
        raise InputError(
            f"the chosen takes have {size[0]}x{size[1]} pixels in common",
            limit=f"{before.size[0]}x{before.size[1]}, the size of the set so far",
            remedy="Run without --only, so that all takes get the smaller size",
        )
    return before.size


def _scenes(source: Source, failed: dict[str, str]) -> tuple[Scene, ...]:
    used = {take.scene for take in source.takes if take.id not in failed}
    return tuple(scene for scene in source.scenes if scene.name in used)


E = TypeVar("E", CuratedEntry, FailedEntry)


def _merged(
    now: dict[str, E], before: Iterable[E], source: Source, choice: Choice
) -> tuple[E, ...]:
    """Entries of this run, and those of takes that it was told to leave alone."""
    kept = {entry.id: entry for entry in before}
    untouched = {
        take.id: kept[take.id]
        for take in source.takes
        if take.id in kept and not choice.takes(take.id, take.scene)
    }
    merged = untouched | now
    return tuple(merged[take] for take in sorted(merged))
