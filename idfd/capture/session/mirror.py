"""A second copy of a session on another disk, made while the next take is shot.

The copy has the layout of a session and can be opened as one. A take is copied to a hidden folder,
flushed, read back, compared with the hashes of its record and renamed whole: what stands in the
copy was verified. Whatever happens to the second disk is reported and never disturbs the first.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
import threading
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from idfd.capture.session.journal import Journal
from idfd.capture.session.layout import FoundTake, find_takes
from idfd.errors import IdfdError, InputError, StorageError
from idfd.model.session import DRAFTS, SCENES, SESSION, TAKE
from idfd.storage.durable import (
    make_folder,
    move_folder,
    publish_folder,
    remove_leftovers,
    storage_error,
    write_bytes,
)

_BLOCK = 1 << 20


@dataclass(frozen=True)
class MirrorStatus:
    """How far the second copy is.

    Attributes:
        folder: Where it is.
        copied: Number of takes in it, rejected ones included.
        pending: Ids of the takes that are not in it yet.
        problem: Why the last attempt failed, or None.
        same_disk: The copy lies on the disk of the session, and is lost with it.
    """

    folder: Path
    copied: int
    pending: tuple[str, ...]
    problem: str | None
    same_disk: bool


class Mirror:
    """Keeps ``target/<name of the session's folder>`` as a copy of a session.

    Args:
        session: The session's folder.
        target: A folder on another disk. It must exist: a folder that was made where a disk is
            not mounted would fill the first disk.
        journal: Where copies and failures are noted.
    """

    def __init__(self, session: Path, target: Path, journal: Journal) -> None:
        self.session = session
        self.target = target
        self.folder = target / session.resolve().name
        self.journal = journal
        self._problem: str | None = None
        self._work = threading.Event()
        self._idle = threading.Event()
        self._waking = threading.Lock()
        self._ending = False
        self._thread: threading.Thread | None = None

    def status(self) -> MirrorStatus:
        """What is copied, and what is not yet."""
        pending = self._pending()
        try:
            same = self.target.stat().st_dev == self.session.stat().st_dev
        except OSError:
            same = False
        return MirrorStatus(
            folder=self.folder,
            copied=len(find_takes(self.session)) - len(pending),
            pending=tuple(take.id for take in pending),
            problem=self._problem,
            same_disk=same,
        )

    def sync(self) -> MirrorStatus:
        """Copy what is pending now. Failures are in the status and in the journal, not raised."""
        take = None
        try:
            if not self.target.is_dir():
                raise StorageError(
                    "the folder of the second copy is not there",
                    where=self.target,
                    remedy="Connect the second disk; the copy goes on with the next take",
                )
            self._clean()
            self._claim()
            for take in self._pending():
                self._copy(take)
                self.journal.append("copied", scene=take.scene, take=take.id)
            take = None
            self._copy_documents()
            self._problem = None
        except IdfdError as error:
            self._fail(take, str(error))
        except OSError as error:
            self._fail(take, str(storage_error(error, self.folder)))
        return self.status()

    def start(self) -> None:
        """Begin to copy in the background, with what is pending first."""
        self._thread = threading.Thread(target=self._run, name="second copy", daemon=True)
        self._thread.start()
        self.wake()

    def wake(self) -> None:
        """Say that there is something to copy; without :meth:`start` nothing happens."""
        with self._waking:
            self._idle.clear()
            self._work.set()

    def wait(self, seconds: float) -> bool:
        """Wait until everything that can be copied is; False after ``seconds``."""
        return self._idle.wait(seconds)

    def stop(self) -> None:
        """Finish what is pending and end the thread."""
        if self._thread is not None:
            self._ending = True
            self.wake()
            self._thread.join()
            self._thread = None

    def _run(self) -> None:
        while not self._ending:
            self._work.wait()
            self._work.clear()
            self.sync()
            with self._waking:
                if not self._work.is_set():
                    self._idle.set()

    def _fail(self, take: FoundTake | None, problem: str) -> None:
        # A disk that stays unplugged would fill the journal with one sentence.
        if problem != self._problem:
            name = None if take is None else take.id
            with suppress(StorageError):
                self.journal.append("copy_failed", take=name, error=problem)
        self._problem = problem

    def _pending(self) -> list[FoundTake]:
        there = {(take.id, take.rejected) for take in find_takes(self.folder)}
        return [take for take in find_takes(self.session) if (take.id, take.rejected) not in there]

    def _clean(self) -> None:
        """Remove what an interrupted copy left."""
        for folder in (self.folder / DRAFTS).glob("*"):
            shutil.rmtree(folder)
        for folder in {self.folder, *self.folder.glob(f"{SCENES}/*")}:
            remove_leftovers(folder)

    def _claim(self) -> None:
        """Begin the copy with ``session.json``; refuse the folder of another session."""
        own = (self.session / SESSION).read_bytes()
        copy = self.folder / SESSION
        if not copy.exists():
            write_bytes(copy, own)
        elif copy.read_bytes() != own:
            raise StorageError(
                "the copy of another session is there",
                where=self.folder,
                remedy="Rename the folder of one of the sessions, or choose another second copy",
            )

    def _copy(self, take: FoundTake) -> None:
        target = self.folder / take.folder.relative_to(self.session)
        # A take that was rejected since it was copied only moves.
        for old in find_takes(self.folder, take.scene):
            if old.id == take.id:
                move_folder(old.folder, target)
                return
        record = take.read()
        if record is None:
            raise InputError("the record of the take cannot be read", where=take.folder / TAKE)
        make_folder(self.folder / DRAFTS)
        draft = Path(tempfile.mkdtemp(prefix=f"{take.id}.", dir=self.folder / DRAFTS))
        try:
            for item in record.files:
                make_folder((draft / item.file.path).parent)
                name = item.file.path
                _copy_verified(take.folder / name, draft / name, item.file.sha256)
            _copy_verified(take.folder / TAKE, draft / TAKE, None)
            make_folder(target.parent)
            publish_folder(draft, target)
        finally:
            shutil.rmtree(draft, ignore_errors=True)

    def _copy_documents(self) -> None:
        """Copy what is no take: the session's, the rig's and the scenes' documents, the journal."""
        files = [path for path in self.session.iterdir() if path.is_file()]
        files += self.session.glob(f"{SCENES}/*/*.json")
        for path in files:
            if path.name.startswith("."):
                continue
            target = self.folder / path.relative_to(self.session)
            data = path.read_bytes()
            if not target.exists() or target.read_bytes() != data:
                write_bytes(target, data)


def _copy_verified(source: Path, target: Path, sha256: str | None) -> None:
    """Copy a file, flush it, read it back from the disk and compare."""
    digest = hashlib.sha256()
    with source.open("rb") as reading, target.open("wb") as writing:
        while block := reading.read(_BLOCK):
            digest.update(block)
            writing.write(block)
        writing.flush()
        os.fsync(writing.fileno())
    if sha256 is not None and digest.hexdigest() != sha256:
        raise InputError(
            "the file has changed since it was saved",
            where=source,
            limit=f"SHA-256 {sha256[:12]}…",
            remedy="Verify the session; the first disk may be failing",
        )
    found = hashlib.sha256()
    with target.open("rb") as reading:
        # Without this the copy would be compared with the memory it was written from.
        os.posix_fadvise(reading.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        while block := reading.read(_BLOCK):
            found.update(block)
    if found.digest() != digest.digest():
        raise StorageError(
            "the second copy differs from what was written",
            where=target,
            remedy="The second disk may be failing; replace it",
        )
