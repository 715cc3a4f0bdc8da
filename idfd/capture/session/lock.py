"""One process at a time works on a session."""

from __future__ import annotations

import fcntl
import os
import socket
from pathlib import Path

from idfd.errors import InputError
from idfd.storage.durable import storage_error

LOCK = ".lock"


class SessionLock:
    """A lock of the operating system: it falls with its process, so it can never be stale.

    Args:
        folder: The session's folder.

    Raises:
        InputError: Another process holds the session; the message says which.
        StorageError: The folder is read-only, or its file system has no locks.
    """

    def __init__(self, folder: Path) -> None:
        path = folder / LOCK
        try:
            # Python opens files so that programs started later do not inherit them.
            self._handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        except OSError as error:
            raise storage_error(error, path) from error
        try:
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.ftruncate(self._handle, 0)
            os.write(self._handle, f"process {os.getpid()} on {socket.gethostname()}\n".encode())
        except BlockingIOError:
            holder = path.read_text(errors="replace").strip() or "another process"
            self.release()
            raise InputError(
                f"the session is in use by {holder}",
                where=folder,
                limit="one process at a time",
                remedy="End that process, or wait for it; reading with 'status' is always possible",
            ) from None
        except OSError as error:
            self.release()
            raise storage_error(error, path) from error

    @property
    def held(self) -> bool:
        """Whether this process still has the session."""
        return self._handle >= 0

    def release(self) -> None:
        """Give the session to others."""
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1
