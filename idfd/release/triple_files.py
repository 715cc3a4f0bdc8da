"""The files of one curated triple: one for each array, and the record, which is written last."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import cv2
import msgspec
import numpy as np
from numpy.typing import NDArray

from idfd.errors import InputError
from idfd.model import schema
from idfd.model.curation import RECORD
from idfd.model.triple import DepthKind, Triple, TripleRecord, measured_pixels
from idfd.release.layout import ARRAYS, DEPTH_ARRAYS
from idfd.storage.durable import remove_leftovers, write_bytes
from idfd.storage.images import decode_image, depth_to_millimetres, encode_png, read_bytes

Arrays = Mapping[str, NDArray[Any]]


def stored_arrays(
    triple: Triple, kinds: tuple[DepthKind, ...], raw: NDArray[np.uint16] | None = None
) -> dict[str, NDArray[Any]]:
    """The arrays of a triple that are stored, by name; maps that follow from others are not.

    Args:
        triple: The triple; its depth is the most complete there is.
        kinds: Kinds of depth to store. Beside in-painted depth, raw depth is ``raw``, or what of
            the triple's depth was measured.
        raw: Depth as measured, (H, W) uint16 mm, where filling changed measured pixels too.
    """
    if raw is None and "inpainted" in kinds:
        raw = np.where(measured_pixels(triple.source), triple.depth, np.uint16(0))
    elif raw is None:
        raw = triple.depth
    depth = {"raw": raw, "inpainted": triple.depth}
    arrays: dict[str, NDArray[Any]] = {
        "all_in_focus": triple.all_in_focus,
        "defocused": triple.defocused,
        "source": triple.source,
        **{DEPTH_ARRAYS[kind]: depth[kind] for kind in kinds},
    }
    if triple.uncertainty is not None:
        arrays["uncertainty"] = triple.uncertainty
    if triple.record.given_defocus is not None and triple.defocus is not None:
        arrays["defocus"] = triple.defocus
    return arrays


def write_triple(folder: Path, record: TripleRecord, arrays: Arrays) -> None:
    """Write the files of a triple; without its record, which comes last, a triple is none.

    Raises:
        StorageError: They cannot be written.
    """
    (folder / RECORD).unlink(missing_ok=True)
    remove_leftovers(folder)
    for path in array_files(folder):
        path.unlink()
    for name, array in arrays.items():
        if array.dtype == np.float16:
            buffer = io.BytesIO()
            np.save(buffer, array, allow_pickle=False)
            write_bytes(folder / f"{name}.npy", buffer.getvalue(), lasting=False)
        else:
            write_bytes(folder / f"{name}.png", encode_png(array), lasting=False)
    write_bytes(folder / RECORD, schema.encode(record))


def array_files(folder: Path) -> list[Path]:
    """The files of a triple's arrays, in the order of their names."""
    return sorted(path for path in folder.glob("[!.]*.*") if path.stem in ARRAYS)


def load_arrays(folder: Path, record: TripleRecord) -> dict[str, NDArray[Any]]:
    """All stored arrays of a triple, by name.

    Raises:
        InputError: An array is missing, damaged, or of another type or size.
    """
    return {path.stem: load_array(path, record) for path in complete_files(folder, record)}


def complete_files(folder: Path, record: TripleRecord) -> list[Path]:
    """The files of the arrays that a release stores or is computed from, none missing.

    Raises:
        InputError: An array that the triple needs is missing.
    """
    given = record.given_defocus is not None
    needed = {name for name, spec in ARRAYS.items() if spec.required}
    if given:
        needed.add("defocus")
    files = [
        path for path in array_files(folder)
        if not ARRAYS[path.stem].computed or (given and path.stem == "defocus")
    ]  # fmt: skip
    missing = sorted(needed - {path.stem for path in files})
    if missing:
        raise InputError(
            f"the triple lacks {', '.join(missing)}",
            where=folder,
            remedy="Run the command that made the folder again",
        )
    return files


def load_array(path: Path, record: TripleRecord) -> NDArray[Any]:
    """Read an array of a triple.

    Raises:
        InputError: Damaged file, or an array of another type or size than the triple's.
    """
    spec = ARRAYS[path.stem]
    array = _read_array(path)
    size = (record.crop.height, record.crop.width)
    shape = (*size, spec.channels) if spec.channels > 1 else size
    if array.dtype.newbyteorder("=") != spec.dtype or array.shape != shape:
        raise InputError(
            f"{path.stem} is {array.dtype} of shape {array.shape}",
            where=path,
            limit=f"{np.dtype(spec.dtype)} of shape {shape}",
        )
    return array


def as_triple(record: TripleRecord, arrays: Arrays, kind: DepthKind) -> Triple:
    """A triple of its arrays by name, with one kind of depth."""
    return Triple(
        all_in_focus=arrays["all_in_focus"],
        defocused=arrays["defocused"],
        depth=arrays[DEPTH_ARRAYS[kind]],
        source=arrays["source"],
        uncertainty=arrays.get("uncertainty"),
        record=record,
        defocus=arrays.get("defocus"),
        defocus_uncertainty=arrays.get("defocus_uncertainty"),
    )


def with_stage(record: TripleRecord, stage: str, key: str) -> TripleRecord:
    """The record with the key of one more step that the triple went through."""
    return msgspec.structs.replace(record, stages={**record.stages, stage: key})


def _read_array(path: Path) -> NDArray[Any]:
    data = read_bytes(path)
    if path.suffix == ".npy":
        try:
            return np.asarray(np.load(io.BytesIO(data), allow_pickle=False))
        except (ValueError, EOFError, OSError) as error:
            raise InputError(f"not a NumPy array file ({error})", where=path) from None
    image = decode_image(data, path, cv2.IMREAD_UNCHANGED)
    if image.ndim == 3:
        return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB))
    return depth_to_millimetres(image, path) if path.stem in DEPTH_ARRAYS.values() else image
