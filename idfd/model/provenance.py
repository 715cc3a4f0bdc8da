"""Where a result came from: files by hash, tool versions, configuration."""

from __future__ import annotations

import platform
from functools import cache
from importlib import metadata
from typing import Annotated, Any

import msgspec

from idfd.model.schema import Record
from idfd.version import __version__

Sha256 = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}$")]


class FileReference(Record, frozen=True, kw_only=True):
    """A file by path (relative to the collection's root), content hash and size."""

    path: str
    sha256: Sha256
    bytes: Annotated[int, msgspec.Meta(ge=0)]


class Provenance(Record, frozen=True, kw_only=True):
    """The code and configuration that made a result.

    There is no time stamp in it, so that the same inputs give the same bytes.
    """

    tool: str
    packages: dict[str, str] = msgspec.field(default_factory=dict)
    config: dict[str, Any] = msgspec.field(default_factory=dict)


PACKAGES_THAT_SHAPE_RESULTS = (
    "numpy",
    "numba",
    "scipy",
    "opencv-python",
    "opencv-python-headless",
    "h5py",
    "deflate",
    "rawpy",
)


def provenance(config: dict[str, Any] | None = None) -> Provenance:
    """Provenance of a result made by this process with ``config``."""
    return Provenance(tool=f"idfd {__version__}", packages=dict(_versions()), config=config or {})


@cache
def _versions() -> dict[str, str]:
    versions = {"python": platform.python_version()}
    for package in PACKAGES_THAT_SHAPE_RESULTS:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return versions
