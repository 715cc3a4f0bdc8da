"""What comes next in a guided session: the state behind the operator's keys.

Nothing is printed here and no key is read; :mod:`idfd.capture.operator.guided` does that.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from idfd.capture.exposure import PairPlan
from idfd.capture.operator.boards import BoardWatch, Look
from idfd.capture.operator.guard import Concern, concerns, take_bytes
from idfd.capture.operator.shooting import Shooter
from idfd.capture.rig import Rig
from idfd.capture.session.boards import BOARD_SCENES, board_scene
from idfd.capture.session.plan import PlannedScene, Progress, progress
from idfd.capture.session.store import Session
from idfd.errors import InputError
from idfd.model.session import SceneDocument, TakeRecord


@dataclass(frozen=True)
class Target:
    """A scene to be shot; ``note`` is the plan's word to the operator."""

    scene: str
    group: str
    environment: str
    note: str = ""


@dataclass(frozen=True)
class Outcome:
    """A saved take.

    Attributes:
        record: The take.
        replaced: Id of the one that went to ``rejected/`` for it.
        look: What it shows of the board, in a board session.
    """

    record: TakeRecord
    replaced: str | None
    look: Look | None = None


class Guide:
    """Walks the operator from scene to scene.

    With a plan the targets are its scenes that are neither shot nor skipped. Without one each
    target is named after the one before, in the same room: ``desk_1``, ``desk_2``, ….

    Args:
        shooter: Shoots takes for the open session.
        plan: Scenes to be shot in order; empty for free shooting.
        first: Where free shooting starts; the session's last scene otherwise.
        watch: Looks for the board in each take of a board session.

    Attributes:
        session: The open session.
        rig: The connected rig.
        target: The scene that Enter shoots; None where the plan is done or nothing is named yet.
        last: The take that was saved last, or None.
    """

    def __init__(
        self,
        shooter: Shooter,
        *,
        plan: tuple[PlannedScene, ...] = (),
        first: Target | None = None,
        watch: BoardWatch | None = None,
    ) -> None:
        self.shooter = shooter
        self.session: Session = shooter.session
        self.rig: Rig = shooter.rig
        self.plan = plan
        self.watch = watch
        self._unseen: str | None = None
        self.last: TakeRecord | None = next(reversed(self.session.takes()), None)
        self.target = self._planned() if plan else first or self._following()
        if self.target is None and watch is not None:
            self.target = Target(board_scene(1), BOARD_SCENES, BOARD_SCENES)

    @property
    def failed(self) -> bool:
        """The last take failed its checks, or lacks the board; its scene is still the target."""
        return (
            self.last is not None
            and self._fails(self.last)
            and self.target is not None
            and self.last.scene == self.target.scene
        )

    def concerns(self) -> list[Concern]:
        """What is short; see :func:`idfd.capture.operator.guard.concerns`.

        Raises:
            CameraError: The camera does not answer.
        """
        needed = take_bytes(self.session.takes())
        return concerns(self.rig.photo.status(), self.rig.profile, self.session.path, needed)

    def shoot(self) -> Outcome:
        """Shoot the target and go on to the next one; a failed take keeps the target.

        A take that failed its checks is replaced by the next one of its scene.

        Raises:
            InputError: There is no target, or its names cannot be used.
            CameraError: A camera failed; nothing is saved and nothing has moved.
            StorageError: The disk refuses; nothing is saved.
        """
        if self.target is None:
            raise InputError("the plan is done", remedy="End with q, or go to another scene with c")
        replaced = self.last if self.failed else None
        return self._take(self.target, replaced, "failed its checks")

    def retake(self, reason: str = "") -> Outcome:
        """Shoot the last take's scene again; the old take goes to ``rejected/`` afterwards.

        Raises:
            InputError: There is no take yet.
            CameraError: A camera failed; the old take stays.
            StorageError: The disk refuses; the old take stays.
        """
        if self.last is None:
            raise InputError("there is no take yet", remedy="Shoot one with Enter")
        old = self.last
        target = Target(old.scene, old.group, old.environment)
        return self._take(target, old, reason or "retaken")

    def skip(self, reason: str = "") -> None:
        """Leave the target: it is noted as skipped unless it has a take that did not fail.

        Raises:
            InputError: There is no target.
            StorageError: The disk refuses.
        """
        if self.target is None:
            raise InputError("there is no scene to skip", remedy="End with q")
        scene = self._add(self.target)
        if all(take.verdict == "fail" for take in self.session.takes(scene.name)):
            self.session.skip(scene.name, reason)
        self._advance()

    def meter(self) -> PairPlan:
        """Find the shutter for the target by test shots, which are not kept.

        Raises:
            InputError: There is no target.
            CameraError: A camera failed, or the body offers no pair for this light.
        """
        if self.target is None:
            raise InputError("there is no scene to meter", remedy="Name one with c")
        return self.shooter.meter(self._add(self.target))

    def note(self, text: str) -> str:
        """Keep a note on the last take's scene, or on the target before its first take.

        Returns:
            The scene that the note was written to.
        """
        if self.last is not None:
            name = self.last.scene
        elif self.target is not None:
            name = self._add(self.target).name
        else:
            raise InputError("there is no scene to note something on", remedy="Name one with c")
        self.session.note(text, name)
        return name

    def change(self, target: Target) -> None:
        """Go to another scene.

        Raises:
            InputError: A name cannot be used; the target stays.
        """
        self._add(target)
        self.target = target

    def progress(self) -> Progress:
        """The session held against the plan."""
        return progress(self.plan, self.session)

    def _take(self, target: Target, replaced: TakeRecord | None, reason: str) -> Outcome:
        scene = self._add(target)
        record = self.shooter.shoot(scene)
        self.last = record
        if replaced is not None:
            # Only now: had the new take failed, the old one would be all there is.
            self.session.reject(replaced.id, f"{reason}; see {record.id}")
        look = self._look(record, replaced)
        if self._fails(record):
            self.target = target
        elif self.target is not None and self.target.scene == target.scene:
            self._advance()
        return Outcome(record, replaced.id if replaced else None, look)

    def _look(self, record: TakeRecord, replaced: TakeRecord | None) -> Look | None:
        """Find the board in a take, where that is what the session is for."""
        if self.watch is None:
            return None
        if replaced is not None:
            self.watch.forget(replaced.id)
        look = self.watch.look(record)
        self._unseen = record.id if "photo" in look.missed else None
        return look

    def _fails(self, record: TakeRecord) -> bool:
        return record.verdict == "fail" or record.id == self._unseen

    def _advance(self) -> None:
        self.target = self._planned() if self.plan else self._following()

    def _add(self, target: Target) -> SceneDocument:
        return self.session.add_scene(target.scene, target.group, target.environment)

    def _planned(self) -> Target | None:
        row = self.progress().next
        return None if row is None else Target(row.scene, row.group, row.environment, row.note)

    def _following(self) -> Target | None:
        """The scene after the session's last one, in the same room."""
        scenes = self.session.scenes()
        if not scenes:
            return None
        last = scenes[-1]
        if not last.skipped and not self.session.takes(last.name):
            return Target(last.name, last.group, last.environment)
        name = last.name
        taken = {scene.name.lower() for scene in scenes}
        while name.lower() in taken:
            name = following_name(name)
        return Target(name, last.group, last.environment)


def following_name(name: str) -> str:
    """The name after a name: ``desk_09`` becomes ``desk_10`` and ``desk`` becomes ``desk_2``.

    Example:
        >>> following_name("desk_09"), following_name("desk")
        ('desk_10', 'desk_2')
    """
    found = re.search(r"(\d+)$", name)
    if found is None:
        return f"{name}_2"
    digits = found[1]
    return f"{name[: found.start()]}{int(digits) + 1:0{len(digits)}d}"
