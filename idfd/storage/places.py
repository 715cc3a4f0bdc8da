"""Folders that may be anywhere: on this machine, or on any file system that fsspec knows.

A file appears whole or not at all in both. There is no folder that appears whole: who writes
several files that belong together writes one of them last, and reads that one first.
"""

from __future__ import annotations

from pathlib import Path
from typing import Protocol


class Place(Protocol):
    """A folder. Names are relative, with ``/`` between parts.

    Attributes:
        url: Where it is; :func:`open_place` opens the same place from it, in any process.
    """

    url: str

    def read(self, name: str, sha256: str | None = None) -> bytes:
        """Content of a file.

        Raises:
            InputError: Missing, unreadable or empty, or of another content hash.
        """

    def write(self, name: str, data: bytes, *, lasting: bool = True) -> None:
        """Write a whole file, replacing what was there.

        Args:
            name: Of the file; its folders are made.
            data: Content.
            lasting: Flushed to the disk before it is there. What can be made again, and is
                checked when it is read, need not be.

        Raises:
            StorageError: It cannot be written; what was there is as before.
        """

    def sizes(self, folder: str) -> dict[str, int]:
        """Size in bytes of each file below a folder, by name; empty where there is none."""

    def remove(self, name: str) -> None:
        """Remove a file or a folder with all that is in it; nothing happens where it is missing."""

    def sweep(self, folder: str) -> None:
        """Remove what a killed process left half written below a folder."""


def open_place(url: str | Path) -> Place:
    """Open a folder by path or by URL such as ``s3://bucket/folder`` or ``memory://x``.

    Raises:
        InputError: An unknown protocol.
        MissingDependencyError: fsspec, or the package for the protocol, is not installed.
    """
    raise NotImplementedError
