"""Read a release file: its description, its splits, and triples or windows of them."""

from __future__ import annotations

import os
from functools import cached_property
from pathlib import Path
from typing import Any

import h5py
from numpy.typing import NDArray

from idfd.errors import InputError, ReleaseError, SchemaError
from idfd.model import schema
from idfd.model.triple import TripleRecord
from idfd.release.chunks import read_window
from idfd.release.layout import ARRAYS, FORMAT, SCHEMA_VERSION, ReleaseInfo
from idfd.release.manifest import Manifest, read_manifest

# HDF5 keeps this much for each open array. A window reads each chunk once, so a cache would only
# fill the memory of every worker with the whole set.
_CHUNK_CACHE_BYTES = 0


class ReleaseFile:
    """A release, opened when first used and once in each process.

    HDF5 handles must not cross a fork and cannot be pickled; this class can do both, so it works
    in data loader workers of any start method.

    Args:
        path: The release file.

    Raises:
        InputError: No such file.
        ReleaseError: Not a release, or damaged so that HDF5 cannot open it.
        SchemaError: Written in a newer or older schema.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        if not self.path.is_file():
            raise InputError("no such release", where=self.path, limit="an HDF5 release file")
        self._handle: h5py.File | None = None
        self._pid = 0
        self._datasets: dict[str, h5py.Dataset] = {}
        self._records: dict[str, TripleRecord] = {}
        self._present: dict[str, bool] = {}
        # Opened here once, so that a bad file is refused before any work starts.
        _ = self.file

    @property
    def file(self) -> h5py.File:
        """The open HDF5 file of this process."""
        if self._handle is None or self._pid != os.getpid():
            self._handle = self._open()
            self._pid = os.getpid()
            self._datasets = {}
        return self._handle

    def _open(self) -> h5py.File:
        try:
            file = h5py.File(self.path, "r", rdcc_nbytes=_CHUNK_CACHE_BYTES)
        except OSError as error:
            raise ReleaseError(
                f"HDF5 cannot open the file ({error})",
                where=self.path,
                remedy=f"Run 'idfd release verify {self.path.name}' to see what is lost",
            ) from None
        if file.attrs.get("format") != FORMAT:
            file.close()
            raise ReleaseError(
                "an HDF5 file, but not a release",
                where=self.path,
                limit=f"the attribute format = '{FORMAT}'",
            )
        try:
            found = str(file.attrs.get("schema_version"))
            schema.check_version(FORMAT, found, SCHEMA_VERSION, self.path)
        except SchemaError:
            file.close()
            raise
        return file

    def __getstate__(self) -> dict[str, Any]:
        state = self.__dict__.copy()
        state.update(_handle=None, _pid=0, _datasets={})
        return state

    def close(self) -> None:
        """Close the file; it opens again when it is used again."""
        if self._handle is not None and self._pid == os.getpid():
            self._handle.close()
        self._handle, self._datasets = None, {}

    def __enter__(self) -> ReleaseFile:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @cached_property
    def info(self) -> ReleaseInfo:
        """What the release is."""
        return schema.decode(ReleaseInfo, self._attribute("/", "release").encode(), self.path)

    @cached_property
    def manifest(self) -> Manifest:
        """The manifest of the user block."""
        return read_manifest(self.path)[0]

    @cached_property
    def ids(self) -> tuple[str, ...]:
        """Ids of all triples, sorted."""
        return tuple(sorted(self.file["triples"]))

    @cached_property
    def splits(self) -> dict[str, tuple[str, ...]]:
        """Ids of the triples of each split."""
        return {
            name: tuple(take.decode() for take in item[()])
            for name, item in self.file["splits"].items()
        }

    def record(self, take: str) -> TripleRecord:
        """The record of a triple."""
        if take not in self._records:
            text = self._attribute(f"triples/{take}", "record")
            where = f"{self.path}:/triples/{take}"
            self._records[take] = schema.decode(TripleRecord, text.encode(), where)
        return self._records[take]

    def has(self, take: str, array: str) -> bool:
        """Whether a triple has an optional array."""
        name = f"{take}/{array}"
        if name not in self._present:
            self._present[name] = f"triples/{name}" in self.file
        return self._present[name]

    def shape(self, take: str) -> tuple[int, int]:
        """Height and width of a triple."""
        shape = self._dataset(take, "all_in_focus").shape
        return int(shape[0]), int(shape[1])

    def read(
        self, take: str, array: str, window: tuple[slice, slice] = (slice(None), slice(None))
    ) -> NDArray[Any]:
        """Read a window of an array of a triple.

        Raises:
            ReleaseError: The triple has no such array, or its data are damaged.
        """
        try:
            return read_window(self._dataset(take, array), window)
        except (OSError, RuntimeError, ValueError) as error:
            raise ReleaseError(
                f"/triples/{take}/{array} cannot be read ({error})",
                where=self.path,
                remedy="The file is damaged: download or copy the release again",
            ) from None

    def _dataset(self, take: str, array: str) -> h5py.Dataset:
        _ = self.file  # drops the cached datasets of another process
        name = f"triples/{take}/{array}"
        if name not in self._datasets:
            try:
                self._datasets[name] = self.file[name]
            except KeyError:
                raise ReleaseError(
                    f"no array /{name}",
                    where=self.path,
                    limit=f"an array of a triple, one of {', '.join(ARRAYS)}",
                ) from None
        return self._datasets[name]

    def _attribute(self, name: str, key: str) -> str:
        try:
            return str(self.file[name].attrs[key])
        except (KeyError, OSError):
            raise ReleaseError(
                f"{name}: the attribute '{key}' is missing",
                where=self.path,
                remedy="The file is damaged: download or copy the release again",
            ) from None
