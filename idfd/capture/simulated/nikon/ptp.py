"""Packing and unpacking of the Picture Transfer Protocol's values, datasets and PTP/IP packets.

Everything is little-endian; strings are UTF-16LE, counted in characters with their end mark.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum

from idfd.capture.simulated.nikon.codes import Packet, Response

MAX_STRING = 254
"""Characters of the longest string, without its end mark."""

_THUMBNAIL_FORMAT = 0x3808


class Refusal(Exception):  # noqa: N818
    """The body will not do what it was asked to."""

    def __init__(self, response: Response) -> None:
        super().__init__(response.name)
        self.response = response


class DataType(IntEnum):
    """Types of property values."""

    INT8 = 0x0001
    UINT8 = 0x0002
    INT16 = 0x0003
    UINT16 = 0x0004
    UINT32 = 0x0006
    UINT64 = 0x0008
    STRING = 0xFFFF


_LAYOUTS = {
    DataType.INT8: "<b",
    DataType.UINT8: "<B",
    DataType.INT16: "<h",
    DataType.UINT16: "<H",
    DataType.UINT32: "<I",
    DataType.UINT64: "<Q",
}


def pack_string(text: str) -> bytes:
    """A counted string; the empty one is a single zero.

    Raises:
        ValueError: More than :data:`MAX_STRING` UTF-16 code units.
    """
    if not text:
        return b"\0"
    data = text.encode("utf-16-le")
    if len(data) // 2 > MAX_STRING:
        raise ValueError(f"{len(data) // 2} characters, at most {MAX_STRING} fit")
    return bytes([len(data) // 2 + 1]) + data + b"\0\0"


def unpack_string(data: bytes) -> str:
    """The text of a counted string."""
    return data[1 : 1 + 2 * data[0]].decode("utf-16-le").removesuffix("\0")


def pack_array(kind: DataType, values: Iterable[int]) -> bytes:
    """A counted array of numbers."""
    packed = [struct.pack(_LAYOUTS[kind], value) for value in values]
    return struct.pack("<I", len(packed)) + b"".join(packed)


def pack_value(kind: DataType, value: int | str) -> bytes:
    """One property value."""
    return pack_string(value) if isinstance(value, str) else struct.pack(_LAYOUTS[kind], value)


def unpack_value(kind: DataType, data: bytes) -> int | str:
    """Inverse of :func:`pack_value`.

    Raises:
        struct.error: The data are too short.
    """
    if kind is DataType.STRING:
        return unpack_string(data)
    layout = _LAYOUTS[kind]
    (value,) = struct.unpack_from(layout, data)
    return int(value)


@dataclass(frozen=True)
class DeviceInfo:
    """What the body says about itself first."""

    model: str
    version: str
    serial: str
    operations: Sequence[int]
    events: Sequence[int]
    properties: Sequence[int]
    formats: Sequence[int]

    def pack(self) -> bytes:
        """The dataset, with Nikon's vendor extension (10)."""
        codes = DataType.UINT16
        return b"".join(
            (
                struct.pack("<HIH", 100, 10, 100),
                pack_string("Microsoft.com/DeviceServices: 1.0;"),
                struct.pack("<H", 0),
                pack_array(codes, self.operations),
                pack_array(codes, self.events),
                pack_array(codes, self.properties),
                pack_array(codes, self.formats),
                pack_array(codes, self.formats),
                pack_string("Nikon Corporation"),
                pack_string(self.model),
                pack_string(self.version),
                pack_string(self.serial),
            )
        )


@dataclass(frozen=True)
class StorageInfo:
    """A memory card; sizes in bytes."""

    label: str
    capacity: int
    free: int
    shots_left: int

    def pack(self) -> bytes:
        """The dataset: removable RAM (4), DCF file system (3), readable and erasable (2)."""
        return (
            struct.pack("<HHHQQI", 4, 3, 2, self.capacity, self.free, self.shots_left)
            + pack_string("")
            + pack_string(self.label)
        )


@dataclass(frozen=True)
class ObjectInfo:
    """A file or folder; ``time`` is ``YYYYMMDDThhmmss``, ``parent`` 0 the root."""

    storage: int
    format: int
    size: int
    width: int
    height: int
    parent: int
    name: str
    time: str
    is_folder: bool = False

    def pack(self) -> bytes:
        """The dataset."""
        return (
            struct.pack("<IHHI", self.storage, self.format, 0, self.size)
            # libgphoto2 downloads raw files only where a kind of thumbnail is named.
            + struct.pack("<HIII", _THUMBNAIL_FORMAT, 0, 0, 0)
            + struct.pack("<III", self.width, self.height, 24)
            + struct.pack("<IHII", self.parent, int(self.is_folder), 0, 0)
            + pack_string(self.name)
            + pack_string(self.time) * 2
            + pack_string("")
        )


def pack_events(events: Sequence[tuple[int, int]]) -> bytes:
    """Nikon's list of events: pairs of a code and a parameter."""
    return struct.pack("<H", len(events)) + b"".join(struct.pack("<HI", *e) for e in events)


def pack_packet(kind: Packet, body: bytes) -> bytes:
    """A PTP/IP packet: length with this header, type, body."""
    return struct.pack("<II", len(body) + 8, kind) + body


@dataclass(frozen=True)
class Request:
    """An operation asked for by the host."""

    operation: int
    transaction: int
    parameters: tuple[int, ...]
    sends_data: bool

    @classmethod
    def unpack(cls, body: bytes) -> Request:
        """Read the body of an operation packet.

        Raises:
            struct.error: It is too short.
        """
        phase, operation, transaction = struct.unpack_from("<IHI", body)
        parameters = struct.unpack_from(f"<{(len(body) - 10) // 4}I", body, 10)
        return cls(operation, transaction, parameters, phase == 2)

    def parameter(self, index: int, default: int = 0) -> int:
        """A parameter, or its default where the host left it out."""
        return self.parameters[index] if index < len(self.parameters) else default
