"""Write and read gzip chunks faster than HDF5 does.

HDF5 compresses with zlib, one chunk after the other; libdeflate writes and reads the same format in
half the time, on as many threads as there are. Training spends nearly all of its reading time
inflating. Any HDF5 reads the files with its own filters.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import h5py
import numpy as np
from deflate import DeflateError, zlib_decompress
from numpy.typing import NDArray

from idfd.release.layout import CHUNK, GZIP_LEVEL
from idfd.storage.chunks import deflated

SHUFFLE, DEFLATE = 2, 1


@dataclass(frozen=True)
class Chunked:
    """A compressed array: its type, shape and chunk shape, and its chunks by their origin."""

    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    chunks: tuple[int, ...]
    data: dict[tuple[int, ...], bytes]


def compress(array: NDArray[Any]) -> Chunked:
    """Compress an array of shape (H, W) or (H, W, C) in chunks of 128 by 128 pixels."""
    dtype = array.dtype.newbyteorder("<")
    tile = (min(CHUNK, array.shape[0]), min(CHUNK, array.shape[1]))
    chunks = tile + array.shape[2:]
    rest = (0,) * (array.ndim - 2)
    data = {}
    for y in range(0, array.shape[0], tile[0]):
        for x in range(0, array.shape[1], tile[1]):
            part = array[y : y + tile[0], x : x + tile[1]]
            full = np.zeros(chunks, dtype)
            full[: part.shape[0], : part.shape[1]] = part
            origin = (y, x, *rest)
            data[origin] = deflated(full, GZIP_LEVEL)
    return Chunked(dtype, array.shape, chunks, data)


def write_chunked(group: h5py.Group, name: str, array: Chunked) -> h5py.Dataset:
    """Write a compressed array as a dataset with HDF5's shuffle and gzip filters."""
    item = group.create_dataset(
        name,
        shape=array.shape,
        dtype=array.dtype,
        chunks=array.chunks,
        compression="gzip",
        compression_opts=GZIP_LEVEL,
        shuffle=array.dtype.itemsize > 1,
    )
    for origin, data in array.data.items():
        item.id.write_direct_chunk(origin, data)
    return item


def read_window(item: h5py.Dataset, window: tuple[slice, slice]) -> NDArray[Any]:
    """Read a window of a dataset whose chunks tile its first two axes.

    Args:
        item: A dataset of shape (H, W) or (H, W, C).
        window: Row and column slices, without steps.

    Returns:
        The window, of the dataset's dtype. A dataset that is stored in another way is read by HDF5.

    Raises:
        OSError: The data cannot be read or inflated.
    """
    filters = _filters(item)
    if filters not in ((DEFLATE,), (SHUFFLE, DEFLATE)) or item.chunks is None:
        return np.asarray(item[window])
    rows, columns = (range(*part.indices(n)) for part, n in zip(window, item.shape, strict=False))
    result = np.zeros((len(rows), len(columns), *item.shape[2:]), item.dtype)
    if result.size == 0:
        return result
    # h5py makes these anew at each use, which costs as much as inflating a small chunk.
    shape, dtype, rest = item.chunks, item.dtype, (0,) * (item.ndim - 2)
    tall, wide = shape[:2]
    size = math.prod(shape) * dtype.itemsize
    for y in range(rows.start // tall * tall, rows.stop, tall):
        for x in range(columns.start // wide * wide, columns.stop, wide):
            data = _inflated(item.id, (y, x, *rest), size)
            values = _unshuffled(data, dtype.itemsize) if SHUFFLE in filters else data
            chunk = np.frombuffer(values, dtype).reshape(shape)
            top, bottom = max(y, rows.start), min(y + tall, rows.stop)
            left, right = max(x, columns.start), min(x + wide, columns.stop)
            result[
                top - rows.start : bottom - rows.start,
                left - columns.start : right - columns.start,
            ] = chunk[top - y : bottom - y, left - x : right - x]
    return result


def _filters(item: h5py.Dataset) -> tuple[int, ...]:
    plist = item.id.get_create_plist()
    return tuple(plist.get_filter(i)[0] for i in range(plist.get_nfilters()))


def _inflated(dataset: h5py.h5d.DatasetID, origin: tuple[int, ...], size: int) -> bytearray:
    mask, data = dataset.read_direct_chunk(origin)
    if mask:
        raise OSError(f"chunk {origin} was stored without its filters")
    try:
        inflated = zlib_decompress(data, size)
    except DeflateError as error:
        raise OSError(f"chunk {origin} cannot be inflated: {error}") from None
    if len(inflated) != size:
        raise OSError(f"chunk {origin} holds {len(inflated)} of {size} bytes")
    return inflated


def _unshuffled(data: bytearray, size: int) -> NDArray[np.uint8]:
    """Undo HDF5's shuffle, which stores the first bytes of all values, then the second bytes."""
    planes = np.frombuffer(data, np.uint8).reshape(size, -1)
    values = np.empty((planes.shape[1], size), np.uint8)
    for place, plane in enumerate(planes):
        values[:, place] = plane
    return values
