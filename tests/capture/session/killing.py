"""Kill sessions at random moments with SIGKILL, and look at what is left on the disk.

A forked child works on a session with the fake rig and tells through a pipe what it is doing and
what was done. After each kill the parent looks at the disk as it is, then opens the session.
"""

from __future__ import annotations

import itertools
import os
import random
import re
import signal
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
from fake_rig import PLAN, fake_profile, fake_rig

from idfd.capture.session.journal import Journal
from idfd.capture.session.layout import find_takes
from idfd.capture.session.reader import SessionReader
from idfd.capture.session.store import Session
from idfd.capture.session.verify import verify_session
from idfd.capture.take import shoot_take
from idfd.model.session import DRAFTS, JOURNAL, SESSION

KILLS_PER_SESSION = 10
LONGEST_LIFE_S = 0.5
DOING = {
    "open": "opened or created the session",
    "scene": "added a scene",
    "reject": "rejected a take",
    "note": "wrote a note",
    "shoot": "shot photos and depth into a draft",
    "commit": "saved the take",
    "journal": "told that it was saved",
    "not killed": "was not killed",
}


@dataclass
class Tally:
    """What happened over all kills."""

    kills: Counter[str] = field(default_factory=Counter)
    mended: Counter[str] = field(default_factory=Counter)
    saved: int = 0
    in_flight: int = 0
    rejected: int = 0
    files: int = 0
    faults: list[str] = field(default_factory=list)


@dataclass
class Told:
    """What a session's children said was done."""

    scenes: set[str] = field(default_factory=set)
    saved: set[str] = field(default_factory=set)
    rejected: set[str] = field(default_factory=set)
    notes: set[str] = field(default_factory=set)
    doing: str = "start"

    def hear(self, text: str) -> None:
        """Take in what a child wrote; a line that the kill cut off was not said."""
        for line in text.split("\n")[:-1]:
            word, _, rest = line.partition(" ")
            if word == "doing":
                self.doing = rest
            else:
                getattr(self, word).add(rest)


def run(folder: Path, kills: int, seed: int = 0) -> Tally:
    """Kill ``kills`` times, over as many sessions as it takes."""
    rng = random.Random(seed)
    tally = Tally()
    for first in range(0, kills, KILLS_PER_SESSION):
        home = folder / f"session-{first}"
        (folder / f"disk-{first}").mkdir(parents=True)
        told = Told()
        for _ in range(min(KILLS_PER_SESSION, kills - first)):
            said, died = _live_and_die(home, folder / f"disk-{first}", rng)
            told.hear(said)
            tally.kills[told.doing if died else "not killed"] += 1
            _look(home, told, tally)
        _close_the_book(home, folder / f"disk-{first}", told, tally)
    return tally


def run_steps(folder: Path) -> tuple[int, list[str]]:
    """Kill one session script before each of its changes to the disk, one after the other.

    Returns:
        The number of changes, and the faults that were found.
    """
    tally = Tally()
    for step in itertools.count(1):
        home, disk = folder / f"step-{step}", folder / "no disk"
        told = Told()
        said, died = _live_and_die(home, disk, random.Random(0), step)
        told.hear(said)
        _look(home, told, tally)
        if not died:
            return step - 1, tally.faults
    raise AssertionError


def _live_and_die(
    home: Path, disk: Path, rng: random.Random, step: int | None = None
) -> tuple[str, bool]:
    reading, writing = os.pipe()
    seed = rng.random()
    child = os.fork()
    if child == 0:
        os.close(reading)
        status = 1
        try:
            if step is None:
                _work(home, disk, writing, random.Random(seed))
            else:
                _die_before_change(home, step)
                _script(home, writing)
            status = 0
        finally:
            os._exit(status)
    os.close(writing)
    said = os.read(reading, 1)  # the child is about to touch the disk
    if step is None:
        time.sleep(rng.uniform(0, LONGEST_LIFE_S))
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    while block := os.read(reading, 65536):
        said += block
    os.close(reading)
    return said.decode(), os.WIFSIGNALED(status)


def _die_before_change(home: Path, step: int) -> None:
    changes = {"os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.truncate", "shutil.rmtree"}
    count = 0

    def hook(event: str, args: tuple[Any, ...]) -> None:
        nonlocal count
        if event not in changes and not (event == "open" and args[2] & (os.O_WRONLY | os.O_RDWR)):
            return
        if isinstance(args[0], str | Path) and str(args[0]).startswith(str(home)):
            count += 1
            if count == step:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)


def _script(home: Path, pipe: int) -> None:
    """Every kind of change once, in a session without a second copy."""

    def say(line: str) -> None:
        os.write(pipe, f"{line}\n".encode())

    say("doing open")
    rig = fake_rig(photo_size=(96, 64), depth_size=(32, 24))
    rig.connect()
    session = Session.create(home, "killed", rig.profile)
    session.add_scene("scene-0", "room")
    say("scenes scene-0")
    with session.new_take("scene-0") as draft:
        draft.commit(shoot_take(rig, PLAN, draft).record)
    say("saved scene-0_1")
    session.reject("scene-0_1", "retake")
    say("rejected scene-0_1")
    session.note("a note", "scene-0")
    say("notes a note")
    session.skip("scene-0", "done")
    session.close()


def _work(home: Path, disk: Path, pipe: int, rng: random.Random) -> None:
    def say(line: str) -> None:
        os.write(pipe, f"{line}\n".encode())

    say("doing open")
    profile = msgspec.structs.replace(fake_profile(), second_copy=str(disk))
    if (home / SESSION).exists():
        session = Session.open(home)
    else:
        session = Session.create(home, "killed", profile)
    rig = fake_rig(profile, photo_size=(96, 64), depth_size=(32, 24))
    rig.connect()
    for turn in range(10_000):
        scenes = [scene.name for scene in session.scenes()]
        active = [take.id for take in session.takes()]
        dice = rng.random()
        if not scenes or dice < 0.1:
            name = f"scene-{rng.randrange(4)}"
            say("doing scene")
            session.add_scene(name, "room")
            say(f"scenes {name}")
        elif dice < 0.25 and active:
            say("doing reject")
            session.reject(active[-1], "retake")
            say(f"rejected {active[-1]}")
        elif dice < 0.35:
            say("doing note")
            text = f"{scenes[0]}:{os.getpid()}:{turn}"
            session.note(text, scenes[0])
            say(f"notes {text}")
        else:
            say("doing shoot")
            with session.new_take(rng.choice(scenes)) as draft:
                result = shoot_take(rig, PLAN, draft)
                say("doing commit")
                draft.commit(result.record)
                say("doing journal")
            say(f"saved {draft.id}")


def _look(home: Path, told: Told, tally: Tally) -> None:
    """What stands on the disk right after the kill, and what opening makes of it."""
    if not (home / SESSION).exists():
        if told.scenes or told.saved:
            tally.faults.append(f"{home.name}: the session is gone")
        return
    _compare(home, told, tally, "before recovery")
    with Session.open(home) as session:
        if session.mirror is not None:
            session.mirror.wait(30)
        for sentence in session.recovery.done:
            tally.mended[re.sub(r"scene-\d+(_\d+)?", "…", sentence).split(": ")[0]] += 1
        tally.faults += session.recovery.damaged
        # A rejection that was under way is completed; a take under way is whole or was removed.
        told.saved = {take.id for take in find_takes(home)}
        told.rejected = {take.id for take in find_takes(home) if take.rejected}
    _compare(home, told, tally, "after recovery")
    if list((home / DRAFTS).iterdir()) or [p for p in home.rglob("*.part") if p.is_file()]:
        tally.faults.append(f"{home.name}: leftovers after recovery")
    if Journal(home / JOURNAL).repair() is not None:
        tally.faults.append(f"{home.name}: a torn journal after recovery")


def _compare(home: Path, told: Told, tally: Tally, when: str) -> None:
    reader = SessionReader(home)
    found = find_takes(home)
    ids = [take.id for take in found]
    notes = {note for scene in reader.scenes() for note in scene.notes}
    for what, lost in (
        ("scenes lost", told.scenes - {scene.name for scene in reader.scenes()}),
        ("takes lost", told.saved - set(ids)),
        ("rejections lost", told.rejected - {take.id for take in found if take.rejected}),
        ("notes lost", told.notes - notes),
        ("ids repeated", {take for take in ids if ids.count(take) > 1}),
        ("half takes", {take.id for take in found if take.read() is None}),
    ):
        if lost:
            tally.faults.append(f"{home.name}, {when}: {what}: {sorted(lost)}")
    if when == "before recovery":
        new = len(set(ids) - told.saved)
        tally.in_flight += new
        if new > 1:
            tally.faults.append(f"{home.name}: {new} takes that nobody told of")
    for damage in verify_session(home).damage:
        if not (damage.kind == "unreadable" and damage.path.endswith("scene.json")):
            tally.faults.append(f"{home.name}, {when}: {damage}")


def _close_the_book(home: Path, disk: Path, told: Told, tally: Tally) -> None:
    if not (home / SESSION).exists():
        return
    with Session.open(home) as session:
        assert session.mirror is not None
        session.mirror.wait(60)
        status = session.mirror.status()
    if status.pending or status.problem:
        tally.faults.append(f"{home.name}: the second copy lacks {status.pending}")
    first, second = verify_session(home), verify_session(disk / home.name)
    if second.damage or second.takes != first.takes:
        tally.faults.append(f"{home.name}: the second copy is damaged: {second.damage}")
    tally.saved += first.takes
    tally.rejected += len(told.rejected)
    tally.files += first.files
