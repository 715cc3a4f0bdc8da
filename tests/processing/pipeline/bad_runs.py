"""Process takes that are damaged beside good ones, and judge what became of both."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from bad_inputs import Damage
from take_files import hashes, many_imported, many_takes
from test_process_session import CONFIG

from idfd.model import schema
from idfd.model.curation import RECORD, TRIPLES
from idfd.model.stage import StageRecord
from idfd.processing.config import ProcessConfig
from idfd.processing.pipeline.run import Outcome, process
from idfd.processing.pipeline.schedule import Scheduler
from idfd.processing.pipeline.sources import open_source
from idfd.processing.pipeline.workspace import STAGE_FOLDER
from idfd.storage.hashing import sha256_file

SESSION_CONFIG = dataclasses.replace(
    CONFIG, limits=dataclasses.replace(CONFIG.limits, sharpness=ProcessConfig().limits.sharpness)
)


@dataclass(frozen=True)
class Found:
    """What a run over damaged and good takes gave.

    Attributes:
        cases: For each damaged take, what is wrong with how it ended (or None), and its reason.
        faults: What is wrong with the rest of the run.
    """

    cases: list[tuple[str | None, str]]
    faults: list[str]


def damaged_run(
    kind: str,
    one: Path,
    folder: Path,
    damages: Sequence[Damage],
    good: int,
    rng: np.random.Generator,
    scheduler: Scheduler,
) -> Found:
    """Process damaged takes beside good ones, and the good ones alone."""
    many = many_takes if kind == "session" else many_imported
    config = SESSION_CONFIG if kind == "session" else ProcessConfig()
    bad = [f"bad-{index:04}" for index in range(len(damages))]
    fine = [f"good-{index:04}" for index in range(good)]
    takes = many(one, folder / "mixed takes ä", bad + fine)
    many(one, folder / "fine", fine)
    for damage, take in zip(damages, takes, strict=False):
        damage.do(take, rng)
    outcomes = {
        name: process(open_source(folder / name), folder / f"{name}-out", config, scheduler)
        for name in ("mixed takes ä", "fine")
    }
    outcome, output = outcomes["mixed takes ä"], folder / "mixed takes ä-out"
    cases = [verdict_on(*case, outcome) for case in zip(damages, bad, strict=True)]
    faults = mess(output, set(outcome.failed))
    alone = outcomes["fine"].curation
    mixed = outcome.curation
    assert alone is not None
    assert mixed is not None
    assert len(alone.triples) == good, "good takes are good"
    entries = {entry.id: entry for entry in mixed.triples}
    faults += [f"{e.id} has another entry" for e in alone.triples if entries.get(e.id) != e]
    before, after = hashes(folder / "fine-out", fine), hashes(output, fine)
    faults += [f"{name} differs" for name in before if after.get(name) != before[name]]
    return Found(cases, faults)


def verdict_on(damage: Damage, take: str, outcome: Outcome) -> tuple[str | None, str]:
    """What is wrong with how a damaged take ended, or None; and the reason it was given."""
    assert outcome.curation is not None
    entry = next((entry for entry in outcome.curation.triples if entry.id == take), None)
    reason = outcome.failed.get(take)
    if (entry is None) == (reason is None):
        return "processed and failed" if entry else "not in the index", ""
    text = reason if reason is not None else "; ".join(entry.reasons) if entry else ""
    end = "error" if entry is None else entry.verdict
    if end not in damage.ends or not re.search(damage.says, text, re.DOTALL):
        return f"ends in '{end}' instead of {damage.ends} with '{damage.says}': {text}", text
    return None, text


def mess(output: Path, failed: set[str]) -> list[str]:
    """What a run should not have left behind."""
    found = [f"left over: {path}" for path in output.rglob("*") if path.suffix == ".part"]
    for folder in sorted((output / TRIPLES).glob("*")):
        if not (folder / RECORD).exists():
            continue
        if folder.name in failed:
            found.append(f"a triple of a take that failed: {folder.name}")
        named: dict[str, str] = {}
        for path in (output / STAGE_FOLDER / folder.name).glob("*.json"):
            record = schema.load(StageRecord, path)
            named |= {file.path: file.sha256 for file in record.outputs}
        for name, sha256 in named.items():
            path = output / name
            if not path.exists() or sha256_file(path) != sha256:
                found.append(f"missing or not what its manifest says: {name}")
        there = {path.relative_to(output).as_posix() for path in folder.iterdir()}
        found += [f"named by no manifest: {name}" for name in there - named.keys()]
    return found
