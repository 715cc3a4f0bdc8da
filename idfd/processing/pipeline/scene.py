"""All steps of one take, in one process; each is run only where something changed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from idfd.model.stage import StageName, StageRecord
from idfd.processing.pipeline import depth_steps, photo_steps, published_step, verdict, window
from idfd.processing.pipeline.keys import code_of, key_of
from idfd.processing.pipeline.tasks import TakeResult, TakeTask
from idfd.processing.pipeline.workspace import Workspace


@dataclass(frozen=True)
class Step:
    """One step of a take.

    Attributes:
        name: Of it.
        inputs: Content hashes of files and keys of steps that it rests on, by name.
        run: Does it, and hands the result to :meth:`Workspace.finish`.
    """

    name: StageName
    inputs: Callable[[Workspace], dict[str, str]]
    run: Callable[[Workspace, StageRecord], object]


DENOISE = Step("denoise", depth_steps.denoise_inputs, depth_steps.denoise)
ALIGN = Step("align", photo_steps.align_inputs, photo_steps.align)
PUBLISHED = Step("register", published_step.published_inputs, published_step.published)
CHECK_PAIR = Step("check", verdict.pair_inputs, verdict.check_pair)
CROP = Step("crop", window.crop_inputs, window.crop)
RENDER = (
    Step("register", depth_steps.register_inputs, depth_steps.register),
    Step("inpaint", depth_steps.inpaint_inputs, depth_steps.inpaint),
    Step("normalise", photo_steps.normalise_inputs, photo_steps.normalise),
    Step("check", verdict.check_inputs, verdict.check),
)


def process_take(task: TakeTask) -> TakeResult:
    """Take one take through its steps.

    Where the size of the set is not known yet, it goes as far as its own largest crop.

    Raises:
        IdfdError: What it cannot be processed for; what was done before is kept.
    """
    work = Workspace(task)
    ran: list[StageName] = []

    def go(step: Step) -> None:
        if not work.applies(step.name):
            return
        blank = blank_record(work, step)
        if not work.is_done(step.name, blank.key):
            step.run(work, blank)
            ran.append(step.name)

    if task.config.published is not None:
        for step in (DENOISE, PUBLISHED):
            go(step)
        return TakeResult(tuple(ran))
    for step in (DENOISE, ALIGN):
        go(step)
        if step.name == task.last:
            return TakeResult(tuple(ran))
    if _pair_fails(work, ran):
        return TakeResult(tuple(ran), verdict.entry(work))
    go(CROP)
    if task.last == "crop" or task.size is None:
        return TakeResult(tuple(ran), largest=work.records["crop"].crop)
    for step in RENDER:
        go(step)
        if step.name == task.last:
            break
    entry = verdict.entry(work) if task.last == "check" else None
    return TakeResult(tuple(ran), entry, work.records["crop"].crop)


def blank_record(work: Workspace, step: Step) -> StageRecord:
    """The manifest of a step before it is run, with its key."""
    inputs, config = step.inputs(work), work.task.config.of_stage(step.name)
    return StageRecord(
        take=work.task.take.id,
        stage=step.name,
        key=key_of(step.name, inputs, config),
        inputs=inputs,
        config=config,
        code=code_of(step.name),
    )


def _pair_fails(work: Workspace, ran: list[StageName]) -> bool:
    blank = blank_record(work, CHECK_PAIR)
    if work.is_done("check", blank.key):
        return True  # only photos that fail leave a record with this key
    if verdict.check_pair(work, blank):
        ran.append("check")
        return True
    return False
