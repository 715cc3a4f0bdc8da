"""What a run would do to a take, and why; nothing is computed."""

from __future__ import annotations

from dataclasses import dataclass

from idfd.errors import IdfdError
from idfd.model import schema
from idfd.model.stage import StageName, StageRecord
from idfd.processing.pipeline.scene import (
    ALIGN,
    CROP,
    DENOISE,
    PUBLISHED,
    RENDER,
    Step,
    blank_record,
)
from idfd.processing.pipeline.tasks import TakeTask
from idfd.processing.pipeline.workspace import Workspace

UP_TO_DATE = "up to date"


@dataclass(frozen=True)
class PlannedStep:
    """A step of a take, and why it would be run (or ``up to date``)."""

    take: str
    stage: StageName
    reason: str


def plan_take(task: TakeTask) -> tuple[PlannedStep, ...]:
    """The steps of a take up to the last one asked for.

    Raises:
        IdfdError: Its calibration cannot be used.
    """
    work = Workspace(task)
    planned: list[PlannedStep] = []
    ours = (DENOISE, ALIGN, CROP, *RENDER)
    for step in ours if task.config.published is None else (DENOISE, PUBLISHED):
        if not work.applies(step.name):
            continue
        if step in RENDER and task.size is None:
            planned.append(PlannedStep(task.take.id, step.name, "after the size of the set"))
        else:
            planned.append(PlannedStep(task.take.id, step.name, _reason(work, step)))
        if step.name == task.last:
            break
    return tuple(planned)


def _reason(work: Workspace, step: Step) -> str:
    blank = blank_record(work, step)
    if work.is_done(step.name, blank.key):
        return UP_TO_DATE
    # Later keys are made of this one's, whether or not the step has run.
    work.records[step.name] = blank
    if step.name in work.task.forced:
        return "forced"
    name = f"{work.stages}/{step.name}.json"
    try:
        old = schema.decode(StageRecord, work.output.read(name), name)
    except IdfdError:
        return "new"
    changed = [
        what
        for what, before, now in (
            ("inputs", old.inputs, blank.inputs),
            ("settings", old.config, blank.config),
            ("code", old.code, blank.code),
        )
        if before != now
    ]
    if "inputs" in changed:
        names = sorted(
            key
            for key in old.inputs.keys() | blank.inputs.keys()
            if old.inputs.get(key) != blank.inputs.get(key)
        )
        changed[0] = f"inputs ({', '.join(names)})"
    return f"{' and '.join(changed)} changed" if changed else "its files are missing"
