"""Folders that may be anywhere: on this machine, or on any file system that fsspec knows.

A file appears whole or not at all in both. There is no folder that appears whole: who writes
several files that belong together writes one of them last, and reads that one first.

Credentials, endpoints and other settings of a remote file system are not part of its URL: fsspec
takes them from the environment (``FSSPEC_S3_ENDPOINT_URL``, ``FSSPEC_SFTP_USERNAME``; in general
``FSSPEC_<PROTOCOL>_<SETTING>``) and from the JSON and INI files in ``~/.config/fsspec``, and each
package reads what its service is used to (``AWS_ACCESS_KEY_ID``, ``AWS_SECRET_ACCESS_KEY``,
``AWS_ENDPOINT_URL`` and ``~/.aws``; ``GOOGLE_APPLICATION_CREDENTIALS``). Workers on other machines
need them too.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, Protocol

from idfd.errors import IdfdError, InputError, MissingDependencyError, StorageError
from idfd.storage.durable import remove_leftovers, storage_error, write_bytes
from idfd.storage.hashing import sha256_bytes

# What these protocols are asked to store is there whole or not at all, whatever is killed.
_OBJECT_STORES = {"s3", "s3a", "gs", "gcs", "abfs", "abfss", "az", "oci", "oss", "memory"}
_PACKAGES = {
    **dict.fromkeys(("s3", "s3a"), "idfd[s3]"),
    **dict.fromkeys(("gs", "gcs"), "gcsfs"),
    **dict.fromkeys(("abfs", "abfss", "az"), "adlfs"),
    **dict.fromkeys(("sftp", "ssh"), "paramiko"),
}
# Roots of the errors that do not descend from OSError, by the module that defines them.
_FOREIGN_ERRORS = {
    "botocore.exceptions": "BotoCoreError",
    "aiohttp": "ClientError",
    "azure.core.exceptions": "AzureError",
    "paramiko.ssh_exception": "SSHException",
    "asyncio": "TimeoutError",  # an OSError from Python 3.11 on
}


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

    Nothing is read or written yet: a missing folder is made by the first file written to it, a
    missing bucket is reported by it. A :class:`~pathlib.Path`, and ``file://``, are this machine.

    Raises:
        InputError: An unknown protocol, or a URL that names nothing.
        MissingDependencyError: fsspec, or the package for the protocol, is not installed.
    """
    text = str(url)
    protocol, mark, rest = text.partition("://")
    if isinstance(url, Path) or not mark:
        return LocalPlace(Path(text))
    if protocol in {"file", "local"}:
        return LocalPlace(Path(rest))
    return _open_remote(f"{protocol}://{rest.rstrip('/')}")


class LocalPlace:
    """A folder of this machine, or of a disk that is mounted on it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder.absolute()
        self.url = str(self._folder)

    def __reduce__(self) -> tuple[object, ...]:
        return LocalPlace, (self._folder,)

    def read(self, name: str, sha256: str | None = None) -> bytes:
        """See :meth:`Place.read`."""
        path = self._folder / name
        try:
            data = path.read_bytes()
        except OSError as error:
            raise InputError(f"cannot be read ({error.strerror})", where=path) from None
        return _checked(data, str(path), sha256)

    def write(self, name: str, data: bytes, *, lasting: bool = True) -> None:
        """See :meth:`Place.write`."""
        write_bytes(self._folder / name, data, lasting=lasting)

    def sizes(self, folder: str) -> dict[str, int]:
        """See :meth:`Place.sizes`."""
        found = {}
        for root, _, names in os.walk(self._folder / folder):
            for name in names:
                path = Path(root, name)
                if _is_temporary(name):
                    continue
                try:
                    size = path.stat().st_size
                except OSError:
                    if not path.is_symlink():
                        continue  # removed meanwhile
                    size = 0  # a link to nowhere or to itself: who reads it is told
                found[path.relative_to(self._folder).as_posix()] = size
        return found

    def remove(self, name: str) -> None:
        """See :meth:`Place.remove`."""
        path = self._folder / name
        try:
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)
        except OSError as error:
            raise storage_error(error, path) from error

    def sweep(self, folder: str) -> None:
        """See :meth:`Place.sweep`."""
        for root, folders, _ in os.walk(self._folder / folder):
            if remove_leftovers(Path(root)):
                folders[:] = [name for name in folders if not _is_temporary(name)]


class FsspecPlace:
    """A folder that fsspec opens.

    Object stores show a file when all of it has arrived. Elsewhere (SFTP, SMB, HDFS ...) it is
    written under a temporary name and moved; how whole that is, is up to the server.
    """

    def __init__(self, url: str, files: Any, root: str) -> None:
        self.url = url
        self._files = files
        self._root = root.rstrip("/")
        protocol = files.protocol
        names = {protocol} if isinstance(protocol, str) else set(protocol)
        self._whole = bool(names & _OBJECT_STORES)

    def __reduce__(self) -> tuple[object, ...]:
        return open_place, (self.url,)

    def read(self, name: str, sha256: str | None = None) -> bytes:
        """See :meth:`Place.read`."""
        with self._reporting(InputError, name, "be read"):
            data = self._files.cat_file(self._path(name))
        return _checked(bytes(data), self._shown(name), sha256)

    def write(self, name: str, data: bytes, *, lasting: bool = True) -> None:  # noqa: ARG002
        """See :meth:`Place.write`; what a remote server has taken lasts."""
        path = self._path(name)
        with self._reporting(StorageError, name, "be written"):
            if self._whole:
                self._files.pipe_file(path, data)
                return
            folder, _, base = path.rpartition("/")
            self._files.makedirs(folder, exist_ok=True)
            temporary = f"{folder}/.{base}.{uuid.uuid4().hex[:8]}.part"
            try:
                self._files.pipe_file(temporary, data)
                self._files.mv(temporary, path)
            except BaseException:
                if self._files.exists(temporary):
                    self._files.rm_file(temporary)
                raise

    def sizes(self, folder: str) -> dict[str, int]:
        """See :meth:`Place.sizes`."""
        return {
            path: size
            for path, size in self._find(folder).items()
            if not _is_temporary(path.rpartition("/")[2])
        }

    def remove(self, name: str) -> None:
        """See :meth:`Place.remove`."""
        path = self._path(name)
        with self._reporting(StorageError, name, "be removed"):
            self._files.invalidate_cache()
            if self._files.exists(path):
                self._files.rm(path, recursive=True)

    def sweep(self, folder: str) -> None:
        """See :meth:`Place.sweep`."""
        for path in [] if self._whole else self._find(folder):
            if _is_temporary(path.rpartition("/")[2]):
                self.remove(path)

    def _find(self, folder: str) -> dict[str, int]:
        with self._reporting(InputError, folder, "be listed"):
            # Listings are cached, and other processes write here too.
            self._files.invalidate_cache()
            try:
                found = self._files.find(self._path(folder), detail=True)
            except FileNotFoundError:
                return {}
        root = self._files._strip_protocol(self._root) + "/"
        return {
            path.removeprefix(root): int(info["size"])
            for path, info in found.items()
            if info.get("type") == "file"
        }

    def _path(self, name: str) -> str:
        return f"{self._root}/{name}".rstrip("/")

    def _shown(self, name: str) -> str:
        return f"{_shown(self.url)}/{name}".rstrip("/")

    @contextmanager
    def _reporting(self, kind: type[IdfdError], name: str, what: str) -> Iterator[None]:
        try:
            yield
        except _remote_errors() as error:
            text = (str(error) or type(error).__name__).rstrip(".")
            raise kind(
                f"cannot {what} ({text})", where=self._shown(name), remedy=_remedy(error, kind)
            ) from error


@cache
def _open_remote(url: str) -> FsspecPlace:
    protocol = url.partition("://")[0]
    package = _PACKAGES.get(protocol)
    try:
        from fsspec.core import url_to_fs

        files, root = url_to_fs(url)
    except ImportError as error:
        raise MissingDependencyError(
            f"{protocol}:// needs a package that is not installed ({error})",
            where=_shown(url),
            remedy=f"Install it with 'pip install {package}'"
            if package
            else "Install fsspec and the package that it needs for this protocol",
        ) from None
    except ValueError as error:
        raise InputError(
            f"cannot be opened ({error})",
            where=_shown(url),
            limit="a folder, or a URL that fsspec knows, such as s3://bucket/folder",
        ) from None
    except _remote_errors() as error:  # some protocols connect at once
        raise InputError(
            f"cannot be opened ({error})", where=_shown(url), remedy=_remedy(error, InputError)
        ) from error
    if not root.strip("/") and protocol != "memory":
        raise InputError(
            "names no bucket or folder", where=url, limit=f"{protocol}://bucket/folder"
        )
    return FsspecPlace(url, files, root)


def _remote_errors() -> tuple[type[BaseException], ...]:
    # Asked when an error has been raised: the module that defines it is loaded then.
    foreign = (
        getattr(sys.modules[module], name)
        for module, name in _FOREIGN_ERRORS.items()
        if module in sys.modules
    )
    return (OSError, *foreign)


def _shown(url: str) -> str:
    return re.sub(r"//([^/@:]*):[^/@]*@", r"//\1:...@", url)  # a password is not shown


def _remedy(error: BaseException, kind: type[IdfdError]) -> str:
    if isinstance(error, PermissionError) or "redential" in type(error).__name__:
        return (
            "Give this user access, or give credentials in the environment as the service's own "
            "tools read them (for S3: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or ~/.aws)"
        )
    if isinstance(error, FileNotFoundError):
        return (
            "Check the name" if kind is InputError else "Create the bucket, or choose another one"
        )
    return (
        "Check the network and the service's address (for S3: AWS_ENDPOINT_URL), then run the "
        "command again"
    )


def _checked(data: bytes, where: str, sha256: str | None) -> bytes:
    if not data:
        raise InputError("the file is empty", where=where, remedy="Copy it again from its source")
    if sha256 is not None and (found := sha256_bytes(data)) != sha256:
        raise InputError(
            f"the content is not what was recorded (SHA-256 {found[:12]}…)",
            where=where,
            limit=f"SHA-256 {sha256[:12]}…",
            remedy="Restore the file, or run again the step that made it",
        )
    return data


def _is_temporary(name: str) -> bool:
    return name.startswith(".") and name.endswith((".part", ".old"))
