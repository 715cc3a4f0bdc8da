"""What a worker is told about one take, and what it answers."""

from __future__ import annotations

from dataclasses import dataclass

from idfd.model.capture import Scene, Take
from idfd.model.curation import CuratedEntry
from idfd.model.stage import StageName
from idfd.model.triple import Crop
from idfd.processing.config import ProcessConfig


@dataclass(frozen=True)
class TakeTask:
    """One take to be processed; small, since it travels to the worker.

    Attributes:
        take: Its files, relative to ``root``.
        scene: Where it was shot.
        root: The place of the inputs, as a path or URL.
        output: The place of the results.
        config: All settings.
        last: The step to stop after.
        size: Width and height of the triples, where they are known.
        forced: Steps that are run even where nothing changed.
    """

    take: Take
    scene: Scene
    root: str
    output: str
    config: ProcessConfig
    last: StageName = "check"
    size: tuple[int, int] | None = None
    forced: tuple[StageName, ...] = ()


@dataclass(frozen=True)
class TakeResult:
    """What became of a take.

    Attributes:
        ran: The steps that were run; the others were up to date.
        entry: For the index, once all steps are done, or the take failed its checks.
        largest: The largest native crop, once that step is done.
    """

    ran: tuple[StageName, ...]
    entry: CuratedEntry | None = None
    largest: Crop | None = None
