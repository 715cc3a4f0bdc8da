"""Commands to the process of the body, and its answers: JSON lines."""

from __future__ import annotations

from typing import Any

import msgspec

from idfd.capture.simulated.nikon.faults import Fault


class Options(msgspec.Struct, frozen=True):
    """What the body is and sees; ``world`` are arguments of the simulated world."""

    source: str = "pattern"
    size: tuple[int, int] = (600, 400)
    seed: int = 0
    world: dict[str, Any] | None = None
    raw: bool = True
    model: str = "D750"
    real_time: bool = True
    card_bytes: int = 4 << 30


class Inject(msgspec.Struct, frozen=True, tag="inject"):
    """Queue faults of an operation."""

    operation: int
    faults: list[Fault]


class Clear(msgspec.Struct, frozen=True, tag="clear"):
    """Forget the faults."""


class ReadLog(msgspec.Struct, frozen=True, tag="log"):
    """Answer with the log."""


class Turn(msgspec.Struct, frozen=True, tag="turn"):
    """Change a property at the body."""

    code: int
    value: int | str | None
    choices: list[int | str] | None
    read_only: bool | None


class Place(msgspec.Struct, frozen=True, tag="place"):
    """Stand somewhere else."""

    environment: str
    scene: str
    view: int


Command = Inject | Clear | ReadLog | Turn | Place


class Answer(msgspec.Struct, frozen=True):
    """Result of a command, or why it failed."""

    result: Any = None
    error: str | None = None
