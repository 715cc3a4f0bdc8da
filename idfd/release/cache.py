"""An uncompressed copy of a release for training: random windows straight from memory maps.

The cache is keyed by the content of the release, built once into a temporary folder and renamed,
and safe to delete at any time.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from idfd.errors import ReleaseError
from idfd.progress import track
from idfd.release.store import ReleaseFile
from idfd.storage.durable import atomic_folder, make_folder

_INDEX = "index.json"


class TrainingCache:
    """Memory-mapped arrays of a release; reads what :class:`ReleaseFile` reads, uncompressed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._index: dict[str, dict[str, Any]] = json.loads((folder / _INDEX).read_text())
        self._maps: dict[str, NDArray[Any]] = {}

    @classmethod
    def open(cls, release: ReleaseFile, parent: Path) -> TrainingCache:
        """Open the cache of a release under ``parent``, and build it where it is missing.

        Raises:
            StorageError: It cannot be written; nothing partial is left.
        """
        folder = parent / release.manifest.digest[:32]
        if not (folder / _INDEX).exists():
            make_folder(parent)
            with _locked(parent):
                # Processes that train together ask together; the first one builds.
                if not (folder / _INDEX).exists():
                    for left in parent.glob(f".{folder.name}.*"):
                        shutil.rmtree(left, ignore_errors=True)  # of a build that was killed
                    _build(release, folder)
        return cls(folder)

    def __getstate__(self) -> dict[str, Any]:
        return {"folder": self.folder, "_index": self._index, "_maps": {}}

    def read(
        self, take: str, array: str, window: tuple[slice, slice] = (slice(None), slice(None))
    ) -> NDArray[Any]:
        """Read a window of an array of a triple, copied out of the map."""
        name = f"{take}/{array}"
        if name not in self._maps:
            try:
                entry = self._index[name]
            except KeyError:
                raise ReleaseError(f"no array {name}", where=self.folder) from None
            try:
                self._maps[name] = np.memmap(
                    self.folder / f"{array}.bin",
                    dtype=np.dtype(entry["dtype"]),
                    mode="r",
                    offset=entry["offset"],
                    shape=tuple(entry["shape"]),
                )
            except (OSError, ValueError) as error:
                raise ReleaseError(
                    f"the cache is damaged ({error})",
                    where=self.folder,
                    remedy="Delete the folder; it is built again",
                ) from None
        return np.array(self._maps[name][window])


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Let one process at a time work in a folder; a killed one lets go."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        # Some network file systems cannot lock; then processes may build the same cache twice.
        with suppress(OSError):
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _build(release: ReleaseFile, folder: Path) -> None:
    index: dict[str, dict[str, Any]] = {}
    with atomic_folder(folder) as temporary:
        for take in track(release.ids, len(release.ids), "cache"):
            for array in release.file[f"triples/{take}"]:
                data = release.read(take, array)
                with (temporary / f"{array}.bin").open("ab") as file:
                    index[f"{take}/{array}"] = {
                        "dtype": data.dtype.str,
                        "shape": data.shape,
                        "offset": file.tell(),
                    }
                    file.write(np.ascontiguousarray(data).data)
        (temporary / _INDEX).write_text(json.dumps(index, sort_keys=True))
