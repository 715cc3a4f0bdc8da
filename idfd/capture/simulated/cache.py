"""Rendered light on disk, so that a scene is traced once and photographed often."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

Half = NDArray[np.float16]
LIMIT_BYTES = 4 << 30


def default_folder() -> Path:
    """``$XDG_CACHE_HOME/idfd/render``."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "idfd" / "render"


class RenderCache:
    """Images of radiance by key, as NumPy files; the longest unused go first.

    Half precision errs by less than 0.05 %, far less than the noise of a photo.

    Args:
        folder: Where they are kept; several processes may share it.
        limit_bytes: Largest size of the folder.
    """

    def __init__(self, folder: Path, limit_bytes: int = LIMIT_BYTES) -> None:
        self._folder = folder
        self._limit = limit_bytes

    def get(self, key: str) -> Half | None:
        """The image, or None where there is none or it is damaged."""
        path = self._path(key)
        try:
            with np.load(path, allow_pickle=False) as file:
                image = file["radiance"]
            os.utime(path)
        except (OSError, ValueError, EOFError, KeyError, BadZipFile):
            return None
        return np.asarray(image, np.float16)

    def put(self, key: str, image: Half) -> None:
        """Keep an image, and make room for it; without room on the disk it is not kept."""
        temporary = self._folder / f".{key}.{os.getpid()}.part"
        # Not durable on purpose: flushing takes longer than tracing a small photo, and what a
        # power cut leaves behind fails its checksum and is rendered again.
        with suppress(OSError):
            self._folder.mkdir(parents=True, exist_ok=True)
            self._make_room(image.nbytes)
            try:
                with temporary.open("wb") as file:
                    np.savez(file, radiance=image)
                os.replace(temporary, self._path(key))
            finally:
                temporary.unlink(missing_ok=True)

    def _path(self, key: str) -> Path:
        return self._folder / f"{key}.npz"

    def _make_room(self, needed: int) -> None:
        found = []
        for path in self._folder.glob("*.npz"):
            try:
                found.append((path.stat().st_mtime, path.stat().st_size, path))
            except FileNotFoundError:
                continue  # another process was quicker
        size = needed + sum(entry[1] for entry in found)
        for _, bytes_, path in sorted(found):
            if size <= self._limit:
                break
            path.unlink(missing_ok=True)
            size -= bytes_
