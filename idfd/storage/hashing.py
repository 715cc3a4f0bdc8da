"""Content hashes of files and arrays."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from idfd.errors import InputError


def sha256_bytes(data: bytes) -> str:
    """SHA-256 of bytes, as 64 hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def sha256_array(array: NDArray[Any]) -> str:
    """SHA-256 of an array's dtype, shape and C-order little-endian bytes.

    The header keeps a reshaped or reinterpreted array from passing as the original.
    """
    array = np.ascontiguousarray(array)
    digest = hashlib.sha256(f"{array.dtype.newbyteorder('<').str}{array.shape}".encode())
    digest.update(array.astype(array.dtype.newbyteorder("<"), copy=False).data)
    return digest.hexdigest()


def sha256_file(path: Path, start: int = 0) -> str:
    """SHA-256 of a file from byte ``start`` to its end.

    Raises:
        InputError: The file cannot be read.
    """
    try:
        with path.open("rb") as file:
            file.seek(start)
            return (
                hashlib.file_digest(file, "sha256").hexdigest()
                if hasattr(hashlib, "file_digest")
                else _digest(file)
            )
    except OSError as error:
        raise InputError(f"cannot be read ({error.strerror})", where=path) from None


def _digest(file: Any) -> str:
    # Python 3.10 has no hashlib.file_digest.
    digest = hashlib.sha256()
    while block := file.read(1 << 20):
        digest.update(block)
    return digest.hexdigest()
