"""The journal of a session: what happened, one line per event, each flushed to the disk.

It is written for people, and keeps the numbers of takes that somebody deleted from being given
again. What a session holds is read from its folders, never from here.
"""

from __future__ import annotations

import os
import threading
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from idfd.errors import InputError
from idfd.model.session import EventName, JournalEvent
from idfd.storage.durable import storage_error


def now() -> str:
    """This moment in local time with its offset, ISO 8601, milliseconds."""
    return datetime.now().astimezone().isoformat(timespec="milliseconds")


class Journal:
    """``journal.jsonl`` of a session. Threads may append at the same time.

    Args:
        path: The file; the first event creates it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()

    def append(
        self,
        event: EventName,
        *,
        scene: str | None = None,
        take: str | None = None,
        **details: Any,
    ) -> None:
        """Write an event and flush it to the disk.

        Raises:
            StorageError: The disk refuses; no part of the line is left.
        """
        entry = JournalEvent(at=now(), event=event, scene=scene, take=take, details=details)
        line = msgspec.json.encode(entry) + b"\n"
        with self._lock:
            try:
                handle = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
                try:
                    _write_line(handle, line)
                finally:
                    os.close(handle)
            except OSError as error:
                raise storage_error(error, self.path) from error

    def read(self) -> list[JournalEvent]:
        """All events, oldest first. Lines that cannot be read are left out.

        Raises:
            InputError: The file cannot be read.
        """
        events = []
        for line in self._bytes().splitlines():
            try:
                events.append(msgspec.json.decode(line, type=JournalEvent))
            except (msgspec.DecodeError, UnicodeDecodeError):
                # A damaged line costs one event of a log, not the session.
                continue
        return events

    def repair(self) -> str | None:
        """Cut off a last line that a power cut tore; return what was cut, or None.

        Raises:
            InputError: The file cannot be read.
            StorageError: The disk refuses.
        """
        data = self._bytes()
        whole = data.rfind(b"\n") + 1
        if whole == len(data):
            return None
        try:
            os.truncate(self.path, whole)
        except OSError as error:
            raise storage_error(error, self.path) from error
        return data[whole:].decode(errors="replace")

    def _bytes(self) -> bytes:
        try:
            return self.path.read_bytes()
        except FileNotFoundError:
            return b""
        except OSError as error:
            raise InputError(f"cannot be read ({error.strerror})", where=self.path) from None


def _write_line(handle: int, line: bytes) -> None:
    size = os.fstat(handle).st_size
    try:
        if os.write(handle, line) != len(line):
            raise OSError("only a part of the line was written")
        os.fsync(handle)
    except OSError:
        os.ftruncate(handle, size)
        raise
