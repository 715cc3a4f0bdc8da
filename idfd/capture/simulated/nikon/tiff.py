"""A writer of TIFF directories: the frame of EXIF blocks and of raw files (TIFF 6.0).

Little-endian; image data follow the directories in one strip.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction

_ALIGNMENT = 16


class ImageData:
    """Value of a tag that points at the image data."""


@dataclass
class Directory:
    """Tags and their values: a ``Directory`` or ``ImageData`` becomes its offset in the file."""

    entries: dict[int, Value] = field(default_factory=dict)


@dataclass(frozen=True)
class Short:
    """Unsigned 16-bit numbers."""

    values: tuple[int, ...]


@dataclass(frozen=True)
class Raw:
    """Bytes of type BYTE (1) or UNDEFINED (7)."""

    data: bytes
    kind: int = 7


@dataclass(frozen=True)
class Rationals:
    """Fractions, signed where one of them is negative."""

    values: tuple[Fraction, ...]

    @property
    def kind(self) -> int:
        """TIFF's type."""
        return 10 if any(value < 0 for value in self.values) else 5


Value = int | str | Short | Raw | Rationals | Directory | ImageData


def pack_tiff(root: Directory) -> bytes:
    """The file up to the image data, which begin at its end.

    Args:
        root: First directory; others hang on its values.
    """
    offsets: dict[int, int] = {}
    position = 8
    for directory in _walk(root):
        offsets[id(directory)] = position
        position += len(_pack(directory, position, {}, 0))
    end = -(-position // _ALIGNMENT) * _ALIGNMENT
    body = b"".join(_pack(d, offsets[id(d)], offsets, end) for d in _walk(root))
    return (b"II*\0" + struct.pack("<I", 8) + body).ljust(end, b"\0")


def _walk(directory: Directory) -> Iterator[Directory]:
    yield directory
    for value in directory.entries.values():
        if isinstance(value, Directory):
            yield from _walk(value)


def _pack(directory: Directory, position: int, offsets: dict[int, int], end: int) -> bytes:
    """One directory at a position; sizes do not depend on the offsets that it holds."""
    entries, extra = b"", b""
    free = position + 2 + 12 * len(directory.entries) + 4
    # Readers look tags up in order.
    for tag, value in sorted(directory.entries.items()):
        if isinstance(value, Directory):
            value = offsets.get(id(value), 0)
        elif isinstance(value, ImageData):
            value = end
        kind, count, data = _encode(value)
        if len(data) > 4:
            pointer = struct.pack("<I", free + len(extra))
            extra += data + b"\0" * (len(data) % 2)
            data = pointer
        entries += struct.pack("<HHI", tag, kind, count) + data.ljust(4, b"\0")
    return struct.pack("<H", len(directory.entries)) + entries + b"\0" * 4 + extra


def _encode(value: int | str | Short | Raw | Rationals) -> tuple[int, int, bytes]:
    """Type, count and bytes of a value."""
    if isinstance(value, int):
        return 4, 1, struct.pack("<I", value)
    if isinstance(value, str):
        data = value.encode("ascii") + b"\0"
        return 2, len(data), data
    if isinstance(value, Short):
        return 3, len(value.values), struct.pack(f"<{len(value.values)}H", *value.values)
    if isinstance(value, Raw):
        return value.kind, len(value.data), value.data
    letter = "i" if value.kind == 10 else "I"
    pairs = [n for v in value.values for n in (v.numerator, v.denominator)]
    return value.kind, len(value.values), struct.pack(f"<{len(pairs)}{letter}", *pairs)
