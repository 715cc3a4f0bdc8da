"""Working on a session: scenes, takes, rejections, notes; each durable when its call returns."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec

from idfd.capture.rig import RigProfile
from idfd.capture.session.draft import Draft
from idfd.capture.session.journal import now
from idfd.capture.session.layout import check_name, find_takes, take_number
from idfd.capture.session.lock import LOCK, SessionLock
from idfd.capture.session.mirror import Mirror
from idfd.capture.session.reader import SessionReader
from idfd.capture.session.recovery import move_to_rejected, recover
from idfd.errors import IdfdError, InputError, StorageError
from idfd.model import schema
from idfd.model.rig import RigCalibration
from idfd.model.session import (
    CALIBRATION,
    DRAFTS,
    JOURNAL,
    RIG,
    SCENE,
    SCENES,
    SESSION,
    SceneDocument,
    SessionDocument,
)
from idfd.storage.durable import make_folder, sync, write_bytes
from idfd.version import __version__


class Session(SessionReader):
    """A session that this process works on. Make one with :meth:`create` or :meth:`open`.

    A process that is killed at any moment leaves a session that :meth:`open` takes up again. Leave
    the ``with`` block or call :meth:`close` to let other processes work on it.

    Attributes:
        recovery: What was mended when the session was opened, and what is damaged.
        mirror: The second copy, where the profile names a folder for one.
    """

    def __init__(self, path: Path, lock: SessionLock) -> None:
        super().__init__(path)
        self._lock = lock
        self.recovery = recover(path, self.journal)
        self.journal.append("session_opened", tool=f"idfd {__version__}")
        self.mirror: Mirror | None = None
        if self.profile.second_copy is not None:
            mirror = Mirror(path, Path(self.profile.second_copy), self.journal)
            # The second copy may itself be worked on, when the first disk is lost.
            if mirror.folder.resolve() != path.resolve():
                self.mirror = mirror
                mirror.start()

    @classmethod
    def create(
        cls,
        path: Path,
        name: str,
        profile: RigProfile,
        calibration: RigCalibration | None = None,
        *,
        operator: str = "",
        note: str = "",
    ) -> Session:
        """Start a session in a folder that is empty or not there yet.

        Raises:
            InputError: The name cannot be one, or the folder holds something.
            StorageError: The folder cannot be written.
        """
        check_name(name, "session")
        make_folder(path)
        # What a killed creation leaves is made again: session.json is written last.
        made = {RIG, CALIBRATION, JOURNAL, SCENES, DRAFTS, LOCK}
        found = {item.name for item in path.iterdir() if not item.name.endswith(".part")} - made
        if found:
            raise InputError(
                f"the folder holds {min(found)!r}",
                where=path,
                limit="an empty folder for a new session",
                remedy="Choose another folder, or open the session that is there",
            )
        document = SessionDocument(
            name=name,
            created_at=now(),
            operator=operator,
            note=note,
            simulated=profile.simulated is not None,
            tool=f"idfd {__version__}",
        )
        lock = SessionLock(path)
        try:
            for folder in (SCENES, DRAFTS):
                make_folder(path / folder)
            write_bytes(path / RIG, schema.encode(profile))
            if calibration is not None:
                write_bytes(path / CALIBRATION, schema.encode(calibration))
            write_bytes(path / SESSION, schema.encode(document))
            sync(path.parent)
            return cls(path, lock)
        except BaseException:
            lock.release()
            raise

    @classmethod
    def open(cls, path: Path) -> Session:
        """Take up a session, and mend first what a killed process left.

        Raises:
            InputError: There is no session, or another process works on it.
            SchemaError: ``session.json`` or ``rig.json`` is damaged.
            StorageError: The folder cannot be written.
        """
        SessionReader(path)  # a folder without a session gets no lock file
        lock = SessionLock(path)
        try:
            return cls(path, lock)
        except BaseException:
            lock.release()
            raise

    def add_scene(self, name: str, group: str, environment: str = "unknown") -> SceneDocument:
        """Add a scene, or return the one that has this name, group and environment already.

        Raises:
            InputError: A name cannot be one, or is taken by a scene of another group or
                environment, or differs from a scene's only in capitals.
            StorageError: The disk refuses.
        """
        check_name(name, "scene")
        check_name(group, "group")
        for old in self.scenes():
            if (old.name, old.group, old.environment) == (name, group, environment):
                return old
            # Many disks do not tell capitals apart.
            if old.name.lower() == name.lower():
                raise InputError(
                    f"scene {old.name!r} is there, in group {old.group!r} and environment "
                    f"{old.environment!r}",
                    where=self.path,
                    limit="a name of its own for every scene",
                    remedy="Choose another name, or give the same group and environment",
                )
        scene = SceneDocument(name=name, group=group, environment=environment, created_at=now())
        self.journal.append("scene", scene=name, group=group, environment=environment)
        self._write_scene(scene)
        sync(self.path / SCENES)
        return scene

    @contextmanager
    def new_take(self, scene: str) -> Iterator[Draft]:
        """Yield a draft; what is not committed when the block ends leaves no trace.

        Raises:
            InputError: There is no such scene.
            StorageError: The disk refuses; the message says so where the take is saved anyhow.
        """
        draft = Draft(self.path, self.scene(scene), self._next_number(scene))
        try:
            self.journal.append("take_started", scene=scene, take=draft.id)
            yield draft
        except BaseException as error:
            said = str(error) if isinstance(error, IdfdError) else repr(error)
            self._finish(draft, said)
            raise
        self._finish(draft, "it was not committed")

    def reject(self, take: str, reason: str) -> None:
        """Move a take whole to ``rejected/`` of its scene; its files stay as they are.

        Raises:
            InputError: There is no such take.
            StorageError: The disk refuses.
        """
        found = self.find(take)
        if found.rejected:
            return
        # First the intention: after a kill between the two, recovery completes the move.
        self.journal.append("take_rejected", scene=found.scene, take=take, reason=reason)
        move_to_rejected(found)
        self._wake_mirror()

    def skip(self, scene: str, reason: str = "") -> None:
        """Note that a scene is left out.

        Raises:
            InputError: There is no such scene.
            StorageError: The disk refuses.
        """
        old = self.scene(scene)
        self._write_scene(msgspec.structs.replace(old, skipped=reason or "skipped"))
        self.journal.append("scene_skipped", scene=scene, reason=reason)

    def note(self, text: str, scene: str | None = None) -> None:
        """Keep a note on a scene, or on the session as a whole (in the journal).

        Raises:
            InputError: There is no such scene.
            StorageError: The disk refuses.
        """
        if scene is not None:
            old = self.scene(scene)
            self._write_scene(msgspec.structs.replace(old, notes=(*old.notes, text)))
        self.journal.append("note", scene=scene, text=text)

    def close(self) -> None:
        """Finish the second copy and let other processes work on the session."""
        if not self._lock.held:
            return
        if self.mirror is not None:
            self.mirror.stop()
        with suppress(StorageError):  # nothing is lost but the line
            self.journal.append("session_closed")
        self._lock.release()

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def _write_scene(self, scene: SceneDocument) -> None:
        write_bytes(self.path / SCENES / scene.name / SCENE, schema.encode(scene))

    def _next_number(self, scene: str) -> int:
        """One more than any take had that was ever saved, even if somebody deleted it since."""
        named = {take.id for take in find_takes(self.path, scene)}
        events = self.journal.read()
        named |= {event.take for event in events if event.take and event.event == "take_saved"}
        return 1 + max((take_number(take, scene) for take in named), default=0)

    def _finish(self, draft: Draft, failure: str) -> None:
        where = {"scene": draft.scene.name, "take": draft.id}
        if draft.saved is None:
            draft.discard()
            with suppress(StorageError):  # on a full disk the first error is the news
                self.journal.append("take_failed", error=failure, **where)
            return
        self._wake_mirror()
        try:
            about = {"verdict": draft.saved.verdict, "note": draft.saved.note}
            self.journal.append("take_saved", **where, **about)
        except StorageError as error:
            raise StorageError(
                f"take {draft.id} is saved, but the journal cannot be written ({error.what})",
                where=error.where,
                remedy=error.remedy,
            ) from error

    def _wake_mirror(self) -> None:
        if self.mirror is not None:
            self.mirror.wake()
