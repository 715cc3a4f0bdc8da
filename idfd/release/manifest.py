"""The manifest in the user block: what the file must hold, byte for byte.

HDF5 leaves the user block at the start of a file alone. Ours holds the hash and the place of every
array, so that a truncated or damaged file can be checked, and the loss named, even where the HDF5
library cannot open it any more. One file stays one file.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, BinaryIO, ClassVar

import h5py
import msgspec
import numpy as np

from idfd.errors import ReleaseError
from idfd.model import schema
from idfd.model.provenance import Sha256
from idfd.model.schema import Document, Record
from idfd.storage.hashing import sha256_array, sha256_bytes, sha256_file

_HEAD = re.compile(rb"IDFD-MANIFEST 1 (\d+) (\d+) ([0-9a-f]{64})\n")
_HEAD_BYTES = 128
_NOT_A_RELEASE = "Give an HDF5 file that 'idfd release build' made"


class ArrayEntry(Record, frozen=True, kw_only=True):
    """An array: its content hash, and the bytes of the file [start, end) that hold its chunks.

    ``stored_sha256`` covers those bytes as they lie in the file, so that damage can be placed
    without HDF5, which may crash on a damaged file.
    """

    sha256: Sha256
    dtype: str
    shape: tuple[int, ...]
    start: int
    end: int
    stored_sha256: Sha256


class Manifest(Document, frozen=True, kw_only=True):
    """Everything a release file must hold.

    ``body_sha256`` covers all bytes after the user block, ``attributes`` the hash of each
    attribute of each object, and :attr:`digest` identifies the content of the release.
    """

    SCHEMA: ClassVar[str] = "idfd/manifest"
    VERSION: ClassVar[str] = "1.0.0"

    body_bytes: int
    body_sha256: Sha256
    arrays: dict[str, ArrayEntry]
    attributes: dict[str, dict[str, Sha256]]

    @property
    def digest(self) -> str:
        """SHA-256 over all array hashes and attributes, independent of how they are stored."""
        content = {name: entry.sha256 for name, entry in self.arrays.items()}
        return sha256_bytes(msgspec.json.encode([content, self.attributes], order="sorted"))


def block_size(arrays: int, groups: int) -> int:
    """Bytes to reserve for a manifest; HDF5 demands a power of two of at least 512."""
    needed = 4096 + 512 * arrays + 1024 * (arrays + groups)
    size = 512
    while size < needed:
        size *= 2
    return size


def attribute_hash(value: Any) -> str:
    """Hash of an attribute's value as h5py returns it."""
    if isinstance(value, str | bytes):
        return sha256_bytes(value.encode() if isinstance(value, str) else value)
    return sha256_array(np.asarray(value))


def describe(path: Path) -> Manifest:
    """Read a finished file and describe what it holds (its user block is not looked at)."""
    arrays: dict[str, ArrayEntry] = {}
    attributes: dict[str, dict[str, str]] = {}

    def visit(name: str, item: h5py.Group | h5py.Dataset) -> None:
        attributes[name] = {key: attribute_hash(value) for key, value in item.attrs.items()}
        if isinstance(item, h5py.Dataset):
            start, end = _extent(raw, item, block)
            arrays[name] = ArrayEntry(
                sha256=sha256_array(item[()]),
                dtype=item.dtype.str,
                shape=item.shape,
                start=start,
                end=end,
                stored_sha256=sha256_bytes(bytes_between(raw, start, end)),
            )

    with h5py.File(path, "r") as file, path.open("rb") as raw:
        block = file.userblock_size
        visit("/", file)
        file.visititems(visit)
    return Manifest(
        body_bytes=path.stat().st_size - block,
        body_sha256=sha256_file(path, start=block),
        arrays=arrays,
        attributes=attributes,
    )


def bytes_between(raw: BinaryIO, start: int, end: int) -> bytes:
    """The bytes [start, end) of a file, fewer where it is shorter."""
    raw.seek(start)
    return raw.read(end - start)


def _extent(raw: BinaryIO, item: h5py.Dataset, block: int) -> tuple[int, int]:
    """First byte, and byte after the last one, of what a dataset stores."""
    if item.chunks is None:
        start = item.id.get_offset() or 0
        return start, start + item.id.get_storage_size()
    places = [item.id.get_chunk_info(i) for i in range(item.id.get_num_chunks())]
    if not places:
        return 0, 0
    first = places[0]
    stored = item.id.read_direct_chunk(first.chunk_offset)[1]
    found = bytes_between(raw, first.byte_offset, first.byte_offset + first.size)
    # HDF5 1.14.2 and older count the places of chunks from the end of the user block.
    shift = 0 if found == stored else block
    return (
        shift + min(place.byte_offset for place in places),
        shift + max(place.byte_offset + place.size for place in places),
    )


def write_manifest(path: Path, manifest: Manifest) -> None:
    """Write a manifest into the user block of a closed file."""
    with h5py.File(path, "r") as file:
        block = file.userblock_size
    body = msgspec.json.encode(
        {"schema": manifest.SCHEMA, "schema_version": manifest.VERSION}
        | msgspec.to_builtins(manifest)
    )
    head = b"IDFD-MANIFEST 1 %d %d %s\n" % (block, len(body), sha256_bytes(body).encode())
    if len(head) + len(body) > block:
        raise ReleaseError(
            f"the manifest takes {len(head) + len(body)} bytes",
            where=path,
            limit=f"{block} bytes in the user block",
        )
    with path.open("r+b") as raw:
        raw.write(head + body)


def read_manifest(path: Path) -> tuple[Manifest, int]:
    """Read the manifest of a release and the size of its user block, without opening the HDF5.

    Raises:
        ReleaseError: Not a release, or the user block itself is damaged or cut off.
    """
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD_BYTES)
            match = _HEAD.match(head)
            if match is None:
                raise ReleaseError(
                    "no manifest at the start of the file", where=path, remedy=_NOT_A_RELEASE
                )
            size = path.stat().st_size
            block, length = int(match[1]), int(match[2])
            file.seek(match.end())
            body = file.read(min(length, size))
            padding = file.read(max(0, min(block, size) - file.tell()))
    except OSError as error:
        raise ReleaseError(
            f"cannot be read ({error.strerror})", where=path, remedy=_NOT_A_RELEASE
        ) from None
    if len(body) < length:
        raise ReleaseError(
            f"truncated after {size} bytes, inside the manifest; every array is lost",
            where=path,
            remedy="Download or copy the release again",
        )
    if sha256_bytes(body).encode() != match[3] or padding.strip(b"\0"):
        raise ReleaseError(
            "the manifest in the user block is damaged (its hash does not match)",
            where=path,
            remedy="Download or copy the release again",
        )
    return schema.decode(Manifest, body, path), block
