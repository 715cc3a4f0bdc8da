"""Read arrays out of MATLAB files: versions 5 to 7 by scipy, and 7.3, which is HDF5."""

from __future__ import annotations

import io
import zlib
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from idfd.errors import InputError

_V73 = b"MATLAB 7.3"


def matlab_array(data: bytes, name: str, where: Path | str) -> NDArray[Any]:
    """Read one array of numbers out of a MATLAB file.

    Args:
        data: Content of the file.
        name: Of the array.
        where: Name of the file, for errors.

    Returns:
        The array with the axes as MATLAB has them; version 7.3 stores them turned around.

    Raises:
        InputError: Not a MATLAB file, damaged, or without numbers of that name.
    """
    from scipy.io import loadmat
    from scipy.io.matlab import MatReadError

    try:
        if data.startswith(_V73):
            with h5py.File(io.BytesIO(data), "r") as file:
                found: Any = np.asarray(file[name]).T if name in file else None
        else:
            found = loadmat(io.BytesIO(data), variable_names=[name]).get(name)
    except (
        MatReadError, zlib.error, OSError, ValueError, TypeError, LookupError,
        AttributeError, RuntimeError, OverflowError, MemoryError,
    ) as error:  # fmt: skip
        # Both readers trust what they read, and fail on damage in many ways.
        raise InputError(
            f"cannot be read ({error})",
            where=where,
            limit=f"a MATLAB file with {name}",
            remedy="Get the file again from where it came",
        ) from None
    if not isinstance(found, np.ndarray) or not np.issubdtype(found.dtype, np.number):
        kind = "nothing" if found is None else f"{getattr(found, 'dtype', type(found).__name__)}"
        raise InputError(f"holds {kind} as {name}", where=where, limit="an array of numbers")
    return found
