"""Safetensors files from anywhere, read with care: numbers and a JSON header, nothing that runs.

Format: https://github.com/huggingface/safetensors, "Format": eight bytes with the length of the
header, the header, and the numbers of all tensors, without gaps.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
from torch import Tensor

from idfd.benchmark.optional import require
from idfd.errors import InputError

HEADER_LIMIT = 100_000_000
"""Bytes of the longest header; the limit of the safetensors library."""
_METADATA = "__metadata__"


class _Entry(msgspec.Struct, frozen=True):
    """Where the numbers of one tensor lie; safetensors itself checks type and shape."""

    data_offsets: tuple[int, int]


def read_metadata(path: Path, expected: str) -> dict[str, str]:
    """Read the texts in the header of a safetensors file, and check that the file is whole.

    Args:
        path: The file.
        expected: What the caller wants, for messages: "a checkpoint of 'idfd benchmark train'".

    Raises:
        InputError: No such file, a pickle, no safetensors file, or a damaged one.
    """
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            start = file.read(16)
            length = int.from_bytes(start[:8], "little")
            if not 2 <= length <= min(size - 8, HEADER_LIMIT) or start[8:9] != b"{":
                raise _refusal(path, start, size, expected)
            file.seek(8)
            text = file.read(length)
    except FileNotFoundError:
        raise InputError("no such file", where=path, limit=expected) from None
    except OSError as error:
        raise InputError(f"cannot be read ({error.strerror})", where=path, limit=expected) from None
    try:
        header = msgspec.json.decode(text, type=dict[str, msgspec.Raw])
        metadata = msgspec.json.decode(header.pop(_METADATA, b"{}"), type=dict[str, str])
        entries = {name: msgspec.json.decode(raw, type=_Entry) for name, raw in header.items()}
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise damaged(path, size, f"its header cannot be understood ({error})") from None
    promised = 8 + length + max((entry.data_offsets[1] for entry in entries.values()), default=0)
    if promised != size:
        raise damaged(path, size, f"its header promises {promised}")
    return metadata


def read_tensors(
    path: Path,
    expected: str,
    wanted: Callable[[str], bool] = lambda name: True,  # noqa: ARG005
) -> dict[str, Tensor]:
    """Read the tensors of a safetensors file by name.

    Args:
        path: The file.
        expected: What the caller wants, for messages.
        wanted: Says by its name whether a tensor is read.

    Raises:
        InputError: As for :func:`read_metadata`.
        MissingDependencyError: safetensors is not installed.
    """
    library = safetensors()
    read_metadata(path, expected)
    try:
        with library.safe_open(path, framework="pt") as file:
            return {name: file.get_tensor(name) for name in file.keys() if wanted(name)}  # noqa: SIM118
    except library.SafetensorError as error:
        raise damaged(path, path.stat().st_size, f"safetensors refuses it ({error})") from None


def safetensors() -> Any:
    """The package safetensors, with its part for torch.

    Raises:
        MissingDependencyError: It is not installed.
    """
    require("safetensors")
    import safetensors.torch

    return safetensors


def is_pickle(start: bytes) -> bool:
    """Whether a file that begins so is one of torch.save: a zip archive, or a bare pickle."""
    return start.startswith((b"PK\x03\x04", b"\x80"))


def damaged(path: Path, size: int, what: str) -> InputError:
    """The error for a file that was whole once."""
    return InputError(
        f"the file has {size} bytes, and {what}",
        where=path,
        limit="a whole safetensors file",
        remedy="Copy it again from where it came from",
    )


def _refusal(path: Path, start: bytes, size: int, expected: str) -> InputError:
    """Say why a file with this start is no safetensors file."""
    length = int.from_bytes(start[:8], "little")
    if size <= 8 or (start[8:9] == b"{" and length <= HEADER_LIMIT):
        return damaged(path, size, "its header is cut off")
    # Only now: a good file begins with 0x80 too where its header has such a length.
    if is_pickle(start):
        return InputError(
            "the file is a pickle (as torch.save writes it), which could run any program",
            where=path,
            limit=expected,
            remedy="Save the state dict with safetensors.torch.save_file",
        )
    return InputError(
        f"not a safetensors file (it begins with {start!r})", where=path, limit=expected
    )
