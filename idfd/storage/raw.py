"""Develop a camera's raw files: sensor values to sRGB-encoded RGB, the same way for every photo.

Nothing depends on the picture's content (no automatic brightness, no maximum taken from the data),
so that two photos of a pair differ by their light alone.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from idfd.errors import InputError, MissingDependencyError

RAW_SUFFIXES = frozenset(
    {".arw", ".cr2", ".cr3", ".dng", ".nef", ".nrw", ".orf", ".pef", ".raf", ".rw2"}
)

Multipliers = tuple[float, float, float, float]
"""White balance: factors of red, green, blue and the second green (0: as the first)."""


def is_raw(where: Path | str) -> bool:
    """Whether a file is a raw file, by its name."""
    return Path(where).suffix.lower() in RAW_SUFFIXES


def develop(
    data: bytes, where: Path | str, white_balance: Multipliers | None = None
) -> tuple[NDArray[np.uint16], Multipliers]:
    """Develop a raw file.

    AHD demosaicking (Hirakawa and Parks 2005), clipped highlights, sRGB primaries and curve, turned
    as the file's orientation says, like a JPEG when it is read.

    Args:
        data: Content of the file.
        where: Its name, for errors.
        white_balance: That of another photo, to which this one is to be compared; the camera's
            own choice where there is none.

    Returns:
        RGB, (H, W, 3) uint16, and the white balance that was used.

    Raises:
        InputError: It cannot be decoded, is truncated, or holds no picture.
        MissingDependencyError: rawpy is not installed.
    """
    with _opened(data, where) as raw:
        import rawpy

        used = white_balance or _chosen(raw)
        rgb = raw.postprocess(
            demosaic_algorithm=rawpy.DemosaicAlgorithm.AHD,
            user_wb=list(used),
            output_color=rawpy.ColorSpace.sRGB,
            output_bps=16,
            gamma=(2.4, 12.92),
            no_auto_bright=True,
            # LibRaw would lower the white level to the brightest value of the picture.
            adjust_maximum_thr=0.0,
            highlight_mode=rawpy.HighlightMode.Clip,
        )
    return np.asarray(rgb, np.uint16), used


def camera_white_balance(data: bytes, where: Path | str) -> Multipliers:
    """White balance that the camera chose for a raw file; its pixels are not developed.

    Raises:
        InputError: It is no raw file that can be read.
        MissingDependencyError: rawpy is not installed.
    """
    with _opened(data, where) as raw:
        return _chosen(raw)


@contextmanager
def _opened(data: bytes, where: Path | str) -> Iterator[Any]:
    try:
        import rawpy
    except ImportError:
        raise MissingDependencyError(
            "developing raw files needs the package rawpy",
            where=where,
            remedy="Install it with 'pip install idfd[raw]', or give JPEG or TIFF files",
        ) from None
    if (end := _tiff_end(data)) > len(data):
        raise InputError(
            f"the raw file is truncated ({len(data)} bytes)",
            where=where,
            limit=f"{end} bytes, as its own directory says",
            remedy="Copy the file again from the camera",
        )
    try:
        with rawpy.imread(io.BytesIO(data)) as raw:
            yield raw
    except rawpy.LibRawError as error:
        text = error.args[0] if error.args else error
        raise InputError(
            f"the raw file cannot be developed "
            f"({text.decode() if isinstance(text, bytes) else text})",
            where=where,
            limit="a whole raw file of a camera that LibRaw knows",
            remedy="Copy the file again from the camera, or give JPEG or TIFF files",
        ) from None


def _tiff_end(data: bytes) -> int:
    """Where the last picture of a file ends by its TIFF directories; 0 where it has none.

    LibRaw takes what is missing at the end of an uncompressed file for black and says nothing.
    """
    order = {b"II": "<", b"MM": ">"}.get(data[:2])
    if order is None or len(data) < 8 or data[2:4] not in (b"*\0", b"\0*"):
        return 0
    end, seen = 0, set()
    waiting = [int(struct.unpack_from(order + "I", data, 4)[0])]
    while waiting:
        at = waiting.pop()
        if at == 0 or at in seen or at + 2 > len(data):
            end = max(end, at)
            continue
        seen.add(at)
        count = int(struct.unpack_from(order + "H", data, at)[0])
        after = at + 2 + 12 * count
        if after + 4 > len(data):
            return after + 4
        tags = {}
        for entry in range(at + 2, after, 12):
            tag, values = _tiff_values(data, order, entry)
            tags[tag] = values
        # Strips, tiles and the embedded JPEG: where they begin, and how long they are.
        for begin, length in ((0x0111, 0x0117), (0x0144, 0x0145), (0x0201, 0x0202)):
            pairs = zip(tags.get(begin, ()), tags.get(length, ()), strict=False)
            end = max([end, *(sum(pair) for pair in pairs)])
        waiting += [*tags.get(0x014A, ()), int(struct.unpack_from(order + "I", data, after)[0])]
    return end


def _tiff_values(data: bytes, order: str, entry: int) -> tuple[int, tuple[int, ...]]:
    """Tag and values of a directory's entry; no values where they are not SHORT or LONG."""
    tag, kind, count = struct.unpack_from(order + "HHI", data, entry)
    letter = {3: "H", 4: "I", 13: "I"}.get(kind)
    if letter is None:
        return tag, ()
    form = f"{order}{count}{letter}"
    size = struct.calcsize(form)
    at = entry + 8 if size <= 4 else int(struct.unpack_from(order + "I", data, entry + 8)[0])
    return tag, struct.unpack_from(form, data, at) if at + size <= len(data) else ()


def _chosen(raw: Any) -> Multipliers:
    red, green, blue, second = (float(value) for value in raw.camera_whitebalance)
    # A file that does not say has zeros or minus one.
    if min(red, green, blue) <= 0:
        red, green, blue, second = (float(value) for value in raw.daylight_whitebalance)
    return red, green, blue, max(second, 0.0)
