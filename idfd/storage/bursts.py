"""Depth bursts as HDF5 files that any HDF5 reader (1.10 or later) opens.

::

    /                 schema, schema_version, mode, frames_per_s, warm_up_s (where known)
    /depth            (N, H, W) uint16, millimetres, 0 = no depth
    /infrared         (N, H, W) uint16
    /timestamps       (N,) int64, microseconds, device clock
    /system_time      (N,) int64, nanoseconds, host's UNIX time
    /temperature      (N,) float32, degrees Celsius, NaN = not known
    /calibration      (B,) uint8, the factory calibration file, verbatim
    /colour           (C,) uint8, the JPEG files one after the other; absent without colour
    /colour_offsets   (N + 1,) int64, where each JPEG file begins, and the end of the last
    /device           one attribute per property, such as serial and firmware

Images are compressed frame by frame with shuffle and gzip. libdeflate writes the same bytes format
as HDF5's own filter in half the time, on two threads; level 1 halves the file, and a smaller file
is also flushed and hashed sooner. All other arrays and the structure of the file carry HDF5's
checksums, so that damage is noticed when the file is read.
"""

from __future__ import annotations

import io
import itertools
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import h5py
import numpy as np
from numpy.typing import NDArray

from idfd.errors import InputError, SchemaError
from idfd.model import schema
from idfd.model.burst import Burst
from idfd.model.provenance import FileReference
from idfd.storage.chunks import deflated
from idfd.storage.durable import atomic_file
from idfd.storage.hashing import sha256_file

FORMAT, FORMAT_VERSION = "idfd/burst", "1.0.0"
_LEVEL = 1
_THREADS = 2
_LIBRARY = ("v110", "v110")  # object headers with checksums, readable by HDF5 1.10
_BYTES_PER_CHUNK = 1 << 20


def write_burst(path: Path, burst: Burst) -> FileReference:
    """Write a burst durably; ``path`` is the whole file or as it was before.

    Returns:
        Name, content hash and size of the file.

    Raises:
        StorageError: The disk is full, read-only or otherwise refuses.
    """
    with atomic_file(path) as temporary:
        with ThreadPoolExecutor(_THREADS) as pool, _opened(temporary, "w") as file:
            # Both stacks are handed over before the first is written: threads never wait.
            stacks = {
                name: [
                    pool.submit(deflated, frame.astype("<u2", copy=False), _LEVEL)
                    for frame in stack
                ]
                for name, stack in (("depth", burst.depth), ("infrared", burst.infrared))
            }
            _write_header(file, burst)
            for name, frames in stacks.items():
                _write_stack(file, name, burst.depth.shape, frames)
        return FileReference(
            path=path.name, sha256=sha256_file(temporary), bytes=temporary.stat().st_size
        )


@contextmanager
def _opened(file_or_path: Path | io.BytesIO, mode: str) -> Iterator[h5py.File]:
    """Open a file; where the disk fails while it is closed, h5py says RuntimeError."""
    try:
        with h5py.File(file_or_path, mode, libver=_LIBRARY) as file:
            yield file
    except RuntimeError as error:
        raise OSError(str(error)) from error


def _write_header(file: h5py.File, burst: Burst) -> None:
    _write_texts(file, {"schema": FORMAT, "schema_version": FORMAT_VERSION, "mode": burst.mode})
    file.attrs["frames_per_s"] = burst.frames_per_s
    if burst.warm_up_s is not None:
        file.attrs["warm_up_s"] = burst.warm_up_s
    _write_texts(file.create_group("device"), burst.device)
    _write_array(file, "timestamps", burst.timestamps_us, "us")
    _write_array(file, "system_time", burst.system_ns, "ns")
    _write_array(file, "temperature", burst.temperature_c, "degC")
    _write_array(file, "calibration", np.frombuffer(burst.calibration, np.uint8))
    if burst.colour:
        sizes = [len(data) for data in burst.colour]
        _write_array(file, "colour", np.frombuffer(b"".join(burst.colour), np.uint8))
        _write_array(file, "colour_offsets", np.cumsum([0, *sizes], dtype=np.int64), "byte")


def _write_texts(group: h5py.Group, texts: dict[str, str]) -> None:
    # Strings of fixed length lie in the object header, which has a checksum; others do not.
    for name, text in texts.items():
        data = text.encode()
        dtype = h5py.string_dtype("utf-8", max(len(data), 1))
        group.attrs.create(name, np.array(data, dtype), dtype=dtype)


def _read_texts(group: h5py.Group, names: Iterable[str]) -> dict[str, str]:
    return {str(name): group.attrs[name].decode() for name in names}


def _write_array(file: h5py.File, name: str, array: NDArray[Any], unit: str | None = None) -> None:
    # An empty array has no chunks, and so no checksum.
    chunks = (min(len(array), _BYTES_PER_CHUNK),) if len(array) else None
    item = file.create_dataset(name, data=array, chunks=chunks, fletcher32=bool(chunks))
    if unit is not None:
        item.attrs["unit"] = unit


def _write_stack(
    file: h5py.File, name: str, shape: tuple[int, ...], frames: list[Future[bytes]]
) -> None:
    item = file.create_dataset(
        name, shape, "<u2", chunks=(1, *shape[1:]), shuffle=True, compression="gzip",
        compression_opts=_LEVEL,
    )  # fmt: skip
    if name == "depth":
        item.attrs["unit"] = "mm"
    for number, data in enumerate(frames):
        item.id.write_direct_chunk((number, 0, 0), data.result())


def read_burst(path: Path) -> Burst:
    """Read a burst.

    Raises:
        InputError: No such file.
        SchemaError: Not a burst, of a version that cannot be read, or damaged; the message names
            the dataset.
    """
    if not path.is_file():
        raise InputError("no such file", where=path, limit="a depth burst (HDF5)")
    return _decode(path, path, _read)


def decode_burst(data: bytes, where: str | Path) -> Burst:
    """A burst from the content of its file; see :func:`read_burst` for the errors."""
    return _decode(io.BytesIO(data), where, _read)


def decode_depth_frames(data: bytes, where: str | Path) -> NDArray[np.uint16]:
    """Depth alone, (N, H, W) uint16 mm, in half the time; see :func:`read_burst` for the errors."""

    def depth(file: h5py.File, where: str | Path) -> NDArray[np.uint16]:
        _check_format(file, where)
        frames = _array(file, "depth", where, np.uint16)
        if frames.ndim != 3 or len(frames) == 0:
            raise SchemaError(
                f"depth has shape {frames.shape}", where=where, limit="(N, H, W), N at least 1"
            )
        return frames

    return _decode(io.BytesIO(data), where, depth)


T = TypeVar("T")


def _decode(
    source: Path | io.BytesIO, where: str | Path, read: Callable[[h5py.File, str | Path], T]
) -> T:
    try:
        with _opened(source, "r") as file:
            return read(file, where)
    except (OSError, KeyError, ValueError, TypeError, AttributeError) as error:
        raise _damaged(where, f"HDF5 cannot read the file ({error})") from None


def _check_format(file: h5py.File, path: str | Path) -> None:
    if "schema" not in file.attrs or file.attrs["schema"] != FORMAT.encode():
        raise SchemaError(
            "an HDF5 file, but not a depth burst",
            where=path,
            limit=f"the attribute schema = '{FORMAT}'",
        )
    version = _read_texts(file, ("schema_version",))["schema_version"]
    schema.check_version(FORMAT, version, FORMAT_VERSION, path)


def _read(file: h5py.File, path: str | Path) -> Burst:
    _check_format(file, path)
    colour: tuple[bytes, ...] = ()
    if "colour" in file:
        data = _array(file, "colour", path, np.uint8).tobytes()
        ends = _array(file, "colour_offsets", path, np.int64).tolist()
        if ends[:1] != [0] or ends[-1] != len(data) or ends != sorted(ends):
            raise _damaged(path, "dataset 'colour_offsets' does not fit 'colour'")
        colour = tuple(data[a:b] for a, b in itertools.pairwise(ends))
    warm_up = file.attrs.get("warm_up_s")
    try:
        return Burst(
            depth=_array(file, "depth", path, np.uint16),
            infrared=_array(file, "infrared", path, np.uint16),
            colour=colour,
            timestamps_us=_array(file, "timestamps", path, np.int64),
            system_ns=_array(file, "system_time", path, np.int64),
            temperature_c=_array(file, "temperature", path, np.float32),
            calibration=_array(file, "calibration", path, np.uint8).tobytes(),
            mode=_read_texts(file, ("mode",))["mode"],
            frames_per_s=float(file.attrs["frames_per_s"]),
            device=_read_texts(file["device"], file["device"].attrs),
            warm_up_s=None if warm_up is None else float(warm_up),
        )
    except InputError as error:
        raise SchemaError(error.what, where=path, limit=error.limit) from None


def _array(file: h5py.File, name: str, path: str | Path, dtype: type) -> NDArray[Any]:
    try:
        item = file[name]
        if not isinstance(item, h5py.Dataset) or item.dtype != dtype:
            raise _damaged(path, f"'{name}' is not a dataset of {np.dtype(dtype)}")
        return np.asarray(item[()])
    except (OSError, KeyError) as error:
        raise _damaged(path, f"dataset '{name}' is damaged ({error})") from None


def _damaged(path: str | Path, what: str) -> SchemaError:
    return SchemaError(what, where=path, remedy="Restore the file from its second copy")
