"""A session at hand for tests of the operator's commands: a fake rig, and lines typed by a hand."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fake_rig import FakeRig, fake_rig
from rich.console import Console

from idfd.capture.operator.guide import Guide
from idfd.capture.operator.guided import Terminal, run_guided
from idfd.capture.operator.shooting import Shooter
from idfd.capture.session.plan import PlannedScene
from idfd.capture.session.store import Session


def bright_rig() -> FakeRig:
    """A fake rig whose takes pass all checks."""
    rig = fake_rig()
    rig.photo.settings = rig.photo.settings.__class__(2.8, 0.125, 100, "Daylight", "raw+jpeg")
    return rig


@contextmanager
def desk(folder: Path, rig: FakeRig | None = None) -> Iterator[Shooter]:
    """A new session in a folder, with its rig connected."""
    rig = rig or bright_rig()
    with rig, Session.create(folder / "session", "session", rig.profile) as session:
        yield Shooter(session, rig)


class Hand:
    """Types lines; the end of the input comes after them. Keeps the prompts it was shown."""

    def __init__(self, *lines: str) -> None:
        self.lines = list(lines)
        self.prompts: list[str] = []

    def __call__(self, prompt: str) -> str:
        self.prompts.append(prompt)
        if not self.lines:
            raise EOFError
        return self.lines.pop(0)


def guided(
    shooter: Shooter, *lines: str, plan: tuple[PlannedScene, ...] = (), sound: bool = True
) -> tuple[str, Hand]:
    """Run a guided session over typed lines; returns what was printed and the hand."""
    hand = Hand(*lines)
    output = io.StringIO()
    terminal = Terminal(Console(file=output, width=140), hand, sound)
    run_guided(Guide(shooter, plan=plan), terminal, lambda: None)
    return output.getvalue(), hand


def planned(*scenes: str) -> tuple[PlannedScene, ...]:
    """A plan of scenes in one room."""
    return tuple(
        PlannedScene(scene, "room_1", "lab", f"note {k}", k + 2) for k, scene in enumerate(scenes)
    )
