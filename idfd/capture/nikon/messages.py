"""What the driver and the process that talks to the camera say to each other.

Each message is its length (four bytes, big-endian) and a msgpack body; every request gets one
reply. The same types serve both sides, and nothing else crosses the pipes.
"""

from __future__ import annotations

import struct
from typing import IO, Any, Literal

import msgspec

_LENGTH = struct.Struct(">I")

FailureKind = Literal[
    "gphoto", "lost", "missing", "refused", "read_only", "mismatch", "storage", "driver"
]


class Message(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """A request."""


class Open(Message, frozen=True):
    """Open a camera; reply: None.

    ``command_s`` is the longest that busy answers are retried, ``originals`` are values to
    restore that an earlier process found.
    """

    port: str | None
    command_s: float
    originals: dict[str, str]


class Read(Message, frozen=True):
    """Read those of the named widgets that the body has; reply: list of widgets."""

    names: tuple[str, ...]


class Write(Message, frozen=True):
    """Set widgets in order and read each back; reply: :class:`Written`.

    With ``strict`` the first refusal fails the request, after nothing but earlier values was
    set; without it refusals are skipped and listed.
    """

    values: dict[str, str]
    strict: bool = True


class Release(Message, frozen=True):
    """Release the shutter and download the files; reply: list of :class:`Downloaded`.

    ``files`` says how many come of one release; 0 takes what comes until the body is done. They
    are written as ``folder/.<stem><suffix>.part``, flushed to the disk and hashed.
    """

    folder: str
    stem: str
    files: int
    release_s: float
    download_s: float


class Preview(Message, frozen=True):
    """Take a live frame; reply: JPEG bytes."""


class Detect(Message, frozen=True):
    """Look for cameras; reply: list of (model, port)."""


class Close(Message, frozen=True):
    """Give the camera back, with the original values if ``restore``; reply: None."""

    restore: bool


Request = Open | Read | Write | Release | Preview | Detect | Close


class Written(msgspec.Struct, frozen=True, kw_only=True):
    """Values read back, what was refused and why, and all values from before the first change."""

    values: dict[str, str]
    refused: dict[str, str]
    originals: dict[str, str]


class Downloaded(msgspec.Struct, frozen=True, kw_only=True):
    """A file on this disk, under a temporary name."""

    path: str
    camera_name: str
    sha256: str
    bytes: int


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """Why a request failed.

    Attributes:
        kind: ``gphoto`` for an error of libgphoto2, else what was wrong with the request.
        doing: What was being done, such as ``setting f-number to f/10``.
        code: libgphoto2's result, or the number of the operating system's error.
        text: libgphoto2's text of the code, or the value found.
        context: Reasons that libgphoto2 reported on the way; the only place where it tells them.
    """

    kind: FailureKind
    doing: str
    code: int = 0
    text: str = ""
    context: str = ""


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """Answer to a request: a value, or a failure."""

    value: Any = None
    failure: Failure | None = None


def send(pipe: IO[bytes], message: Message | Reply) -> None:
    """Write a message and flush."""
    body = msgspec.msgpack.encode(message)
    pipe.write(_LENGTH.pack(len(body)) + body)
    pipe.flush()


def receive_request(pipe: IO[bytes]) -> Request | None:
    """The next request, or None at the end of the pipe."""
    head = pipe.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        return None
    body = pipe.read(*_LENGTH.unpack(head))
    return msgspec.msgpack.decode(body, type=Request)
