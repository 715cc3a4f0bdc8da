"""Write so that a reader sees the whole old file or the whole new one, never a part.

Every file is written to a temporary name beside its target, flushed to the disk and renamed;
the folder is flushed too, so that the rename survives a power cut.
"""

from __future__ import annotations

import errno
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from idfd.errors import StorageError

_REMEDIES = {
    errno.ENOSPC: "The disk is full; free some space and run the command again",
    errno.EDQUOT: "The disk quota is used up; free some space and run the command again",
    errno.EROFS: "The file system is read-only; choose another output folder",
    errno.EACCES: "Permission is denied; choose another output folder or change its permissions",
    errno.EPERM: "Permission is denied; choose another output folder or change its permissions",
    errno.ENOTDIR: "A part of the path is a file; choose another output folder",
    errno.EISDIR: "A folder has that name; choose another output file",
    errno.EEXIST: "A file has that name; choose another output folder",
    errno.ENOTEMPTY: "The folder is not empty; choose another output folder or remove it",
}


def storage_error(error: OSError, where: Path) -> StorageError:
    """Turn an operating system's error into one with a remedy."""
    # HDF5 hides the number in its message: "unable to write (errno = 28, error message = ...)".
    hidden = re.search(r"errno = (\d+)", str(error))
    number = error.errno or (int(hidden[1]) if hidden else 0)
    return StorageError(
        f"cannot be written ({os.strerror(number) if number else error})",
        where=where,
        remedy=_REMEDIES.get(number, "Check the disk and run the command again"),
    )


def sync(path: Path) -> None:
    """Flush a file or a folder to the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sync_tree(folder: Path) -> None:
    """Flush a folder, everything below it and their names to the disk."""
    for root, _, names in os.walk(folder, topdown=False):
        for name in names:
            sync(Path(root, name))
        sync(Path(root))


def publish_folder(temporary: Path, target: Path) -> None:
    """Flush a finished folder and rename it to a name that is free, on the same disk.

    Raises:
        StorageError: The disk refuses, or ``target`` exists; ``temporary`` is as before.
    """
    try:
        os.chmod(temporary, 0o777 & ~_umask())
        sync_tree(temporary)
        if target.exists():
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))
        move_folder(temporary, target)
    except OSError as error:
        raise storage_error(error, target) from error


def move_folder(source: Path, target: Path) -> None:
    """Rename a folder durably, into another parent on the same disk if need be.

    Raises:
        StorageError: The disk refuses; the folder is where it was.
    """
    make_folder(target.parent)
    try:
        os.replace(source, target)
        try:
            for parent in {source.parent, target.parent, target.parent.parent}:
                sync(parent)
        except OSError:
            os.replace(target, source)
            raise
    except OSError as error:
        raise storage_error(error, target) from error


def make_folder(path: Path) -> None:
    """Create a folder and its parents; an existing one is kept."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise storage_error(error, path) from error


@contextmanager
def atomic_file(path: Path, *, lasting: bool = True) -> Iterator[Path]:
    """Yield a temporary path; on success it replaces ``path``, on failure it is removed.

    Args:
        path: Of the file.
        lasting: Flushed to the disk; a file that is not may be empty after a power cut.

    Raises:
        StorageError: The disk is full, read-only or otherwise refuses; ``path`` is as before.
    """
    make_folder(path.parent)
    try:
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
        os.close(handle)
    except OSError as error:
        raise storage_error(error, path) from error
    temporary = Path(name)
    try:
        yield temporary
        os.chmod(temporary, 0o666 & ~_umask())
        if lasting:
            sync(temporary)
        os.replace(temporary, path)
        if lasting:
            sync(path.parent)
    except OSError as error:
        raise storage_error(error, path) from error
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """Yield a temporary folder that becomes ``path`` whole, replacing what was there.

    Raises:
        StorageError: As for :func:`atomic_file`.
    """
    make_folder(path.parent)
    try:
        temporary = Path(tempfile.mkdtemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent))
    except OSError as error:
        raise storage_error(error, path) from error
    try:
        yield temporary
        os.chmod(temporary, 0o777 & ~_umask())
        sync_tree(temporary)
        if path.exists():
            old = temporary.with_suffix(".old")
            os.replace(path, old)
            os.replace(temporary, path)
            shutil.rmtree(old)
        else:
            os.replace(temporary, path)
        sync(path.parent)
    except OSError as error:
        raise storage_error(error, path) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def write_bytes(path: Path, data: bytes, *, lasting: bool = True) -> None:
    """Write a whole file, durably unless it is said that it need not be."""
    with atomic_file(path, lasting=lasting) as temporary:
        temporary.write_bytes(data)


def remove_leftovers(folder: Path) -> int:
    """Remove temporary files and folders that a killed run left in ``folder``; count them."""
    found = [*folder.glob(".*.part"), *folder.glob(".*.old")]
    for path in found:
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
    return len(found)


@cache
def _umask() -> int:
    # Asked once: the question itself sets the mask, and two threads that ask at the same time
    # could leave it at 0.
    mask = os.umask(0)
    os.umask(mask)
    return mask
