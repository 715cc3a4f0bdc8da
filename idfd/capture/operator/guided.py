"""The guided session: one key per scene, a verdict after each shot."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from idfd.capture.operator.boards import BoardWatch, Look
from idfd.capture.operator.guide import Guide, Outcome, Target
from idfd.capture.operator.words import (
    check_row,
    coverage_line,
    error_text,
    look_rows,
    missed_line,
    plan_line,
    read_shutter,
    take_line,
)
from idfd.capture.session.layout import slug
from idfd.errors import IdfdError, StorageError

if TYPE_CHECKING:
    from rich.console import Console

KEYS = (
    ("Enter", "shoot"),
    ("r", "retake the last scene"),
    ("s", "skip this scene"),
    ("n TEXT", "note"),
    ("c NAME", "another scene"),
    ("e 1/8", "shutter at f/10"),
    ("e auto", "meter"),
    ("q", "end"),
)
_COLOURS = {"pass": "green", "warn": "yellow", "fail": "bold red"}
_BELLS = {"pass": 1, "warn": 2, "fail": 3}


@dataclass(frozen=True)
class Terminal:
    """Where the operator reads and types.

    Attributes:
        console: Rich's console.
        read: Asks for a line; raises EOFError where there is no more (``input`` does).
        sound: Ring the terminal's bell: once for a pass, twice for a warning, else three times.
    """

    console: Console
    read: Callable[[str], str]
    sound: bool = True

    def say(self, text: str, style: str = "") -> None:
        """Print plain text; brackets in names are not markup."""
        self.console.print(text, style=style, markup=False, highlight=False)

    def ring(self, times: int) -> None:
        """Ring the bell where there is a terminal."""
        if self.sound and self.console.is_terminal:
            self.console.file.write("\a" * times)
            self.console.file.flush()


def confirm_ring(terminal: Terminal) -> Callable[[float], bool]:
    """Asks the operator to set the ring of a manual lens; False where there is no answer."""

    def confirm(f_number: float) -> bool:
        try:
            return not terminal.read(f"Set the ring to f/{f_number:g}, then press Enter: ").strip()
        except EOFError:
            return False

    return confirm


def run_guided(guide: Guide, terminal: Terminal, publish: Callable[[], object]) -> None:
    """Take the operator through a session until ``q`` or the end of the input.

    Errors of cameras and disks are shown with what to do, and the session goes on. Everything
    that was saved is kept, however this ends.

    Args:
        guide: The state of the session.
        terminal: Where the operator reads and types.
        publish: Draws the contact sheet anew.
    """
    try:
        _greet(guide, terminal)
    except IdfdError as error:
        _show_error(terminal, error)
    while True:
        try:
            if guide.target is None and not guide.plan:
                _ask_scene(guide, terminal, "")
                continue
            line = terminal.read(_prompt(guide)).strip()
            key, _, rest = line.partition(" ")
            if key == "q":
                break
            if _act(guide, terminal, key, rest.strip()):
                publish()
        except EOFError:
            break
        except IdfdError as error:
            _show_error(terminal, error)
    _part(guide, terminal)


def _act(guide: Guide, terminal: Terminal, key: str, rest: str) -> bool:
    """Do what a key asks for; True where the contact sheet has to be drawn anew."""
    if key in {"", "r"}:
        if not _ready(guide, terminal):
            return False
        terminal.say("shooting …", "dim")
        outcome = guide.retake(rest) if key else guide.shoot()
        _show_take(outcome, terminal)
        if guide.watch is not None and outcome.look is not None:
            _show_look(outcome.look, guide.watch, terminal)
        _show_copy(guide, terminal)
    elif key == "s":
        name = guide.target.scene if guide.target else ""
        guide.skip(rest)
        terminal.say(f"left {name}")
    elif key == "n":
        text = rest or terminal.read("Note: ").strip()
        if not text:
            return False
        terminal.say(f"noted on {guide.note(text)}")
    elif key == "e":
        if rest == "auto":
            plan = guide.meter()
        else:
            plan = guide.shooter.set_exposure(read_shutter(rest or terminal.read("Shutter: ")))
        terminal.say(plan_line(plan))
        return False
    elif key == "c":
        _ask_scene(guide, terminal, rest)
        return False
    else:
        _show_keys(terminal)
        return False
    return True


def _ready(guide: Guide, terminal: Terminal) -> bool:
    concerns = guide.concerns()
    for concern in concerns:
        terminal.say(
            f"! {concern.what}. {concern.remedy}.", "bold red" if concern.stop else "yellow"
        )
    stopped = any(concern.stop for concern in concerns)
    if stopped:
        terminal.ring(_BELLS["fail"])
        terminal.say("Nothing was shot.")
    return not stopped


def _greet(guide: Guide, terminal: Terminal) -> None:
    session = guide.session
    photo, depth = guide.rig.photo.status(), guide.rig.depth.status()
    terminal.say(f"Session {session.document.name} in {session.path}", "bold")
    terminal.say(
        f"{photo.model}, {photo.lens or 'lens unknown'}; {depth.model}"
        + (f", warmed up for {depth.warm_up_s / 60:.0f} min" if depth.warm_up_s else "")
    )
    terminal.say(plan_line(guide.shooter.plan()))
    for note in guide.shooter.plan().notes:
        terminal.say(f"! {note}", "yellow")
    for mended in session.recovery.done:
        terminal.say(f"The session had been cut off: {mended}", "yellow")
    for damaged in session.recovery.damaged:
        terminal.say(f"! {damaged}", "bold red")
    scenes = session.scenes()
    if scenes:
        terminal.say(f"{len(scenes)} scenes and {len(session.takes())} takes are there already")
    warm_up = guide.rig.profile.depth.warm_up_s
    if depth.warm_up_s is not None and depth.warm_up_s < warm_up:
        left = (warm_up - depth.warm_up_s) / 60
        terminal.say(f"The depth is stable after another {left:.0f} min of warming up", "yellow")
    if guide.watch is not None:
        _show_progress(guide.watch, terminal)
    _show_keys(terminal)


def _show_keys(terminal: Terminal) -> None:
    terminal.say("   ".join(f"{key}: {what}" for key, what in KEYS), "dim")


def _prompt(guide: Guide) -> str:
    target = guide.target
    count = ""
    if guide.plan:
        held = guide.progress()
        count = f"[{len(held.shot) + len(held.skipped)} of {len(guide.plan)}] "
    if target is None:
        return f"{count}the plan is done; q ends > "
    again = "again, the failed take goes to rejected: " if guide.failed else ""
    note = f" ({target.note})" if target.note else ""
    return f"{count}{again}{target.scene}{note}, {target.environment}, room {target.group} > "


def _ask_scene(guide: Guide, terminal: Terminal, name: str) -> None:
    before = guide.target
    if not before and (scenes := guide.session.scenes()):
        before = Target(scenes[-1].name, scenes[-1].group, scenes[-1].environment)
    environment = _ask(terminal, "Environment", before.environment if before else "unknown")
    group = _ask(terminal, "Room", before.group if before else slug(f"{environment}_1"))
    name = name or _ask(terminal, "Scene", f"{group}_view_1" if guide.target is None else "")
    known = {scene.name: scene for scene in guide.session.scenes()}
    if name in known:
        environment, group = known[name].environment, known[name].group
    guide.change(Target(name, group, environment))


def _ask(terminal: Terminal, what: str, default: str) -> str:
    return terminal.read(f"{what} [{default}]: " if default else f"{what}: ").strip() or default


def _show_take(outcome: Outcome, terminal: Terminal) -> None:
    from rich.table import Table
    from rich.text import Text

    record = outcome.record
    terminal.ring(_BELLS[record.verdict])
    table = Table(title=f"{record.id}: {record.verdict}", title_justify="left", title_style="bold")
    for column in ("check", "measured", "limit", "verdict"):
        table.add_column(column)
    todos = []
    for check in record.checks:
        title, value, limit, verdict, todo = check_row(check)
        table.add_row(title, value, limit, Text(verdict, _COLOURS[verdict]))
        if todo:
            todos.append((f"{title}: {todo}", _COLOURS[verdict]))
    terminal.console.print(table)
    for todo, colour in todos:
        terminal.say(todo, colour)
    terminal.say(take_line(record))
    if record.note:
        terminal.say(record.note, "yellow")
    if outcome.replaced:
        terminal.say(f"{outcome.replaced} went to rejected/")


def _show_look(look: Look, watch: BoardWatch, terminal: Terminal) -> None:
    for title, said in look_rows(look):
        terminal.say(f"{title}: {said}")
    if line := missed_line(look):
        terminal.ring(_BELLS["fail"])
        terminal.say(line, "bold red")
    _show_progress(watch, terminal)


def _show_progress(watch: BoardWatch, terminal: Terminal) -> None:
    terminal.say(coverage_line(watch))
    terminal.say(watch.next_step, "bold green" if watch.enough else "bold")


def _show_copy(guide: Guide, terminal: Terminal) -> None:
    mirror = guide.session.mirror
    if mirror is not None and (problem := mirror.status().problem):
        terminal.say(f"! second copy: {problem}", "yellow")


def _show_error(terminal: Terminal, error: IdfdError) -> None:
    what, remedy = error_text(error)
    terminal.ring(_BELLS["fail"])
    terminal.say(f"✗ {what}", "bold red")
    terminal.say(f"  {remedy}")
    if isinstance(error, StorageError):
        terminal.say("  What was saved before is kept.", "dim")


def _part(guide: Guide, terminal: Terminal) -> None:
    takes = guide.session.takes()
    counts = {v: sum(take.verdict == v for take in takes) for v in ("pass", "warn", "fail")}
    terminal.say(
        f"{len(guide.session.scenes())} scenes, {len(takes)} takes: {counts['pass']} pass, "
        f"{counts['warn']} warn, {counts['fail']} fail",
        "bold",
    )
    terminal.say(f"Look at {guide.session.path / 'index.html'}")
