"""PNG files by libdeflate: about half the time that libpng takes at its fastest, and smaller.

libpng tries every filter on every row, or has zlib find matches in what was filtered plainly. Here
every row gets Paeth's filter, which suits photos and depth maps best, in one vectorised pass that
also puts bytes in the file's order; libdeflate does the rest.
"""

from __future__ import annotations

import struct
import zlib
from functools import cache
from typing import Any

import numpy as np
from deflate import zlib_compress
from numpy.typing import NDArray

_PAETH = 4
_COLOUR_TYPE = {1: 0, 3: 2}


def encode(array: NDArray[Any], level: int) -> bytes:
    """A PNG file; what it holds is the same at every level.

    Args:
        array: Grey, (H, W) uint8 or uint16, or RGB, (H, W, 3) uint8 or uint16.
        level: Of libdeflate, 1 (fast) to 12.
    """
    height, width = array.shape[:2]
    channels = 1 if array.ndim == 2 else array.shape[2]
    # The file holds the high byte first.
    rows = np.ascontiguousarray(array, array.dtype.newbyteorder(">")).view(np.uint8)
    pixel = channels * array.itemsize
    filtered = np.empty((height, 1 + width * pixel), np.uint8)
    _kernel()(rows.reshape(height, width * pixel), pixel, filtered)
    head = struct.pack(
        ">IIBBBBB", width, height, 8 * array.itemsize, _COLOUR_TYPE[channels], 0, 0, 0
    )
    data = zlib_compress(filtered, level)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        (_chunk(b"IHDR", head), _chunk(b"IDAT", data), _chunk(b"IEND", b""))
    )


def _chunk(kind: bytes, data: bytes | bytearray) -> bytes:
    check = zlib.crc32(data, zlib.crc32(kind))
    return b"".join((struct.pack(">I", len(data)), kind, data, struct.pack(">I", check)))


@cache
def _kernel() -> Any:
    import numba

    @numba.njit(cache=True)
    def paeth(rows: Any, pixel: int, filtered: Any) -> None:
        """PNG specification (third edition), section 9.4; what lies outside is 0."""
        height, length = rows.shape
        for row in range(height):
            filtered[row, 0] = _PAETH
            here, out = rows[row], filtered[row, 1:]
            if row == 0:
                out[:pixel] = here[:pixel]
                for k in range(pixel, length):
                    out[k] = here[k] - here[k - pixel]
                continue
            above = rows[row - 1]
            for k in range(pixel):
                out[k] = here[k] - above[k]
            for k in range(pixel, length):
                a, b, c = np.int16(here[k - pixel]), np.int16(above[k]), np.int16(above[k - pixel])
                # Distances of a + b - c to a, b and c.
                to_a, to_b = np.int16(b - c), np.int16(a - c)
                to_c = np.int16(abs(np.int16(to_a + to_b)))
                to_a, to_b = np.int16(abs(to_a)), np.int16(abs(to_b))
                nearest = b if to_b <= to_c else c
                nearest = a if to_a <= to_b and to_a <= to_c else nearest
                out[k] = np.uint8(np.int16(here[k]) - nearest)

    return paeth
