"""What a run says of itself when it starts and when it ends."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from idfd.benchmark.checkpoint import CheckpointRecord, EncoderFacts
from idfd.errors import InputError


@dataclass(frozen=True)
class Start:
    """What a run is about to do.

    Attributes:
        network: Its name.
        parameters: How many it has.
        train: Triples to train on.
        validation: Triples to validate on.
        held_out: Where those come from.
        steps: Steps of the whole run.
        step: Steps done before, of a run that goes on.
        hardware: What it computes on.
        precision: Numbers that it computes with.
        encoder: What the encoder started from.
    """

    network: str
    parameters: int
    train: int
    validation: int
    held_out: str
    steps: int
    step: int
    hardware: str
    precision: str
    encoder: EncoderFacts


@dataclass(frozen=True)
class Outcome:
    """What a run left.

    Attributes:
        checkpoint: The weights with the best validation score; without validation the last.
        record: The header of ``checkpoint``.
        finished: False if it was told to stop early.
    """

    checkpoint: Path
    record: CheckpointRecord
    finished: bool


def check_same_run(old: CheckpointRecord, new: CheckpointRecord, where: Path) -> None:
    """Refuse to go on with a run of other settings or of another release.

    Raises:
        InputError: It names the first difference.
    """
    for name in ("config", "data"):
        there, here = (msgspec.to_builtins(getattr(record, name)) for record in (old, new))
        changed = _difference(there, here, name)
        if changed is not None:
            raise InputError(
                f"the folder holds a run with another {changed}",
                where=where,
                limit="the settings and the release that the run began with",
                remedy="Give another folder with -o, or leave --preset, --config and the options "
                "out to go on with this run",
            )


def _difference(there: Any, here: Any, name: str) -> str | None:
    if isinstance(there, dict):
        parts = (_difference(there[key], here[key], f"{name}.{key}") for key in here)
        return next((part for part in parts if part is not None), None)
    return None if there == here else f"{name}: {_short(there)} there, {_short(here)} here"


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
