"""The step ``check``: a take is judged, and its record makes a triple of it."""

from __future__ import annotations

from dataclasses import asdict

import msgspec
import numpy as np
from numpy.typing import NDArray

from idfd.model import schema
from idfd.model.curation import RECORD, CuratedEntry
from idfd.model.defocus import DefocusModel
from idfd.model.limits import reasons, worst
from idfd.model.provenance import provenance
from idfd.model.stage import StageRecord
from idfd.model.triple import Check, TripleRecord
from idfd.processing.check import SceneFacts, advice, check_scene
from idfd.processing.pipeline.depth_steps import inpainted, registered
from idfd.processing.pipeline.workspace import Workspace
from idfd.storage.hashing import sha256_bytes
from idfd.storage.images import decode_photo

_SAME_APERTURE = 0.03
"""Largest relative difference of f-numbers that name one aperture; a third of a stop is 0.12."""


def pair_inputs(work: Workspace) -> dict[str, str]:
    """What is known as soon as the photos are aligned."""
    return work.keys("align") | _shot(work)


def check_pair(work: Workspace, record: StageRecord) -> bool:
    """Judge the photos alone, and keep the verdict if they fail.

    Photos that were swapped or moved would make a triple of nothing, and a small window of theirs
    would make all triples of the set small.
    """
    take = work.task.take
    facts = SceneFacts(
        fit=work.fit,
        all_in_focus_settings=take.all_in_focus,
        defocused_settings=take.defocused,
        clock=take.clock,
    )
    checks = check_scene(facts, work.task.config.limits)
    if all(check.verdict != "fail" for check in checks):
        return False
    work.output.remove(work.triple)
    work.finish(msgspec.structs.replace(record, checks=checks), {})
    return True


def check_inputs(work: Workspace) -> dict[str, str]:
    """What the verdict, and the record of the triple, rest on."""
    stages = work.keys("denoise", "align", "crop", "register", "inpaint", "normalise")
    return stages | _shot(work)


def check(work: Workspace, record: StageRecord) -> None:
    """Judge the triple, and write its record, which completes it."""
    take, task = work.task.take, work.task
    crop = work.records["normalise"].crop
    assert crop is not None
    depth, filled = registered(work), inpainted(work)
    blur = _blur(work)
    facts = SceneFacts(
        fit=work.fit,
        crop=crop,
        all_in_focus=_rendered(work, "all_in_focus"),
        defocused=_rendered(work, "defocused"),
        depth=depth,
        inpainted=filled,
        all_in_focus_settings=take.all_in_focus,
        defocused_settings=take.defocused,
        clock=take.clock,
        blur=blur,
    )
    checks = check_scene(facts, task.config.limits)
    camera = work.rig.photo if work.rig is not None else take.intrinsics
    stages = [name for name in record.inputs if name in work.records]
    triple = TripleRecord(
        id=take.id,
        scene=take.scene,
        group=task.scene.group,
        environment=task.scene.environment,
        taken_at=take.taken_at,
        all_in_focus=take.all_in_focus,
        defocused=take.defocused,
        intrinsics=camera
        and camera.cropped(crop.x, crop.y, crop.width, crop.height, crop.scale),
        blur=blur if camera is not None else None,
        sources={str(role): reference for role, reference in take.files.items()},
        stages={name: record.inputs[name] for name in stages},
        transform=work.fit.transform,
        gain=work.fit.gain,
        crop=crop,
        checks=checks,
        measures={
            **work.fit.measures,
            **{f"{name}_{key}": value for name in stages if name != "align"
               for key, value in work.records[name].measures.items()},
        },
        verdict=worst([check.verdict for check in checks]),
        provenance=provenance(asdict(task.config)),
    )  # fmt: skip
    files = {f"{work.triple}/{RECORD}": schema.encode(triple)}
    notes = _notes(work, blur)
    work.finish(msgspec.structs.replace(record, checks=checks, notes=notes), files)


def _notes(work: Workspace, blur: DefocusModel | None) -> tuple[str, ...]:
    if blur is not None or work.rig is None or work.rig.blur is None:
        return ()
    shot, fitted = work.task.take.defocused.f_number, work.rig.blur.f_number
    return (f"no defocus map: shot at f/{shot:g}, but the blur was calibrated at f/{fitted:g}",)


def entry(work: Workspace) -> CuratedEntry:
    """The take in the index."""
    record = work.records["check"]
    return CuratedEntry(
        id=work.task.take.id,
        verdict=worst([check.verdict for check in record.checks]),
        key=record.key,
        reasons=(*_reasons(record.checks), *record.notes),
    )


def _reasons(checks: tuple[Check, ...]) -> tuple[str, ...]:
    """What did not pass; for a take that is lost, what can be done."""
    failed = [check for check in checks if check.verdict == "fail"]
    doubtful = [check for check in checks if check.verdict == "warn"]
    texts = zip(reasons(tuple(failed)), map(advice, failed), strict=True)
    return (*(f"{what}. {remedy}" for what, remedy in texts), *reasons(tuple(doubtful)))


def _shot(work: Workspace) -> dict[str, str]:
    about = [work.task.take, work.task.scene]
    return {"shot": sha256_bytes(msgspec.json.encode(about, order="sorted"))}


def _blur(work: Workspace) -> DefocusModel | None:
    """How the lens blurred this photo; None where it was shot at another aperture than fitted."""
    take = work.task.take
    if work.rig is None:
        return take.blur
    blur = work.rig.blur
    if blur is None or abs(take.defocused.f_number / blur.f_number - 1) >= _SAME_APERTURE:
        return None
    return blur


def _rendered(work: Workspace, name: str) -> NDArray[np.uint8]:
    if name in work.memory:
        return np.asarray(work.memory[name])
    return np.asarray(decode_photo(work.stored("normalise", f"{name}.png"), f"{name}.png"))
