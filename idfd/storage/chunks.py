"""Chunks as HDF5's shuffle and gzip filters write them, made by libdeflate in half the time."""

from __future__ import annotations

from typing import Any

import numpy as np
from deflate import zlib_compress
from numpy.typing import NDArray


def deflated(chunk: NDArray[Any], level: int) -> bytes:
    """A chunk for ``write_direct_chunk`` of a dataset with the gzip filter.

    Args:
        chunk: The whole chunk, little-endian, of any shape. Values of several bytes are shuffled
            first, so the dataset needs ``shuffle=True`` for them.
        level: Level of compression, as given to the dataset.
    """
    values = np.ascontiguousarray(chunk).reshape(-1).view(np.uint8)
    if chunk.itemsize > 1:  # HDF5's shuffle: all first bytes, then all second bytes
        values = np.ascontiguousarray(values.reshape(-1, chunk.itemsize).T)
    return bytes(zlib_compress(values, level))
