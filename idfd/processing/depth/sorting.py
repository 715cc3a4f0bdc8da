"""The inner loop of fusion: every pixel's values sorted by one network, then read off by rank.

A sorting network compares the same pairs whatever the values are, so that whole rows of pixels
go through one comparison at a time, in vector registers. Importing this module imports numba.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

MEDIAN, CLIPPED_MEAN, MODE = 0, 1, 2

_BLOCK = 1024
"""Pixels sorted at a time: 30 frames of them stay in the second-level cache."""
_STRIDE = _BLOCK + 64
"""Between rows. At a power of two, a pixel's values would compete for one line of cache."""


@cache
def network(count: int) -> NDArray[np.int64]:
    """Pairs to put in order, one after the other, so that ``count`` values are sorted.

    Batcher's merge exchange, which needs no power of two: Knuth, The Art of Computer Programming,
    volume 3, 5.2.2, algorithm M.

    Returns:
        (K, 2) int64; the smaller value goes to the first of each pair.
    """
    pairs = []
    top = (1 << (count - 1).bit_length()) >> 1
    p = top
    while p > 0:
        q, r, d = top, 0, p
        while True:
            pairs += [(i, i + d) for i in range(count - d) if i & p == r]
            if q == p:
                break
            q, r, d = q >> 1, p, q - p
        p >>= 1
    found = np.array(pairs, np.int64).reshape(-1, 2)
    found.flags.writeable = False
    return found


@njit(cache=True, nogil=True, error_model="numpy")
def fuse_pixels(
    burst: Any,
    pairs: Any,
    method: int,
    least: int,
    first: int,
    last: int,
    fused: Any,
    count: Any,
    variance: Any,
) -> None:
    """Fuse each column of ``burst`` and say how far its values spread.

    Args:
        burst: (N, P) uint16, 0 = no value.
        pairs: :func:`network` of N.
        method: ``MEDIAN``, ``CLIPPED_MEAN`` or ``MODE``.
        least: A pixel with this many values or fewer stays 0.
        first: The first pixel to fuse.
        last: The pixel after the last one.
        fused: Receives the fused values, (P,) float32.
        count: Receives the number of values of each pixel, (P,) uint16.
        variance: Receives the variance of the values after a quarter of them at either end was
            drawn in to the last one kept (Winsorised), (P,) float32.
    """
    frames = len(burst)
    rows = np.empty((frames, _STRIDE), np.uint16)
    total = np.empty(_BLOCK, np.float32)
    squares = np.empty(_BLOCK, np.float32)
    cut = frames // 4
    kept = frames - 2 * cut
    for start in range(first, last, _BLOCK):
        size = min(_BLOCK, last - start)
        n = count[start : start + size]
        n[:] = 0
        for i in range(frames):
            source, row = burst[i, start : start + size], rows[i]
            for x in range(size):
                # Zeros wrap to the largest value, so the valid ones come first when sorted.
                row[x] = source[x] - np.uint16(1)
                n[x] += np.uint16(source[x] != 0)
        fewest, most = np.uint16(65535), np.uint16(0)
        for x in range(size):
            fewest, most = min(fewest, n[x]), max(most, n[x])
        out, spread = fused[start : start + size], variance[start : start + size]
        if most <= least:
            out[:] = 0
            spread[:] = 0
            continue
        for k in range(len(pairs)):
            low, high = rows[pairs[k, 0]], rows[pairs[k, 1]]
            for x in range(size):
                a, b = low[x], high[x]
                low[x] = min(a, b)
                high[x] = max(a, b)
        if most == frames:
            # As if every pixel of the block had all its values: one pass over whole rows.
            low, high = rows[cut], rows[frames - 1 - cut]
            total[:] = 0
            squares[:] = 0
            for i in range(cut, frames - cut):
                row = rows[i]
                for x in range(size):
                    d = np.float32(row[x]) - np.float32(low[x])
                    total[x] += d
                    squares[x] += d * d
            a, b = rows[(frames - 1) // 2], rows[frames // 2]
            for x in range(size):
                d = np.float32(high[x]) - np.float32(low[x])
                one = total[x] + np.float32(cut) * d
                two = squares[x] + np.float32(cut) * d * d
                spread[x] = (two - one * one / np.float32(frames)) / np.float32(max(frames - 1, 1))
                if method == CLIPPED_MEAN:
                    out[x] = np.float32(low[x]) + total[x] / np.float32(kept) + np.float32(1)
                else:
                    out[x] = (np.float32(a[x]) + np.float32(b[x])) / np.float32(2) + np.float32(1)
        if fewest == frames and method != MODE:
            continue
        for x in range(size):
            if n[x] <= least:
                out[x] = 0
                spread[x] = 0
            elif n[x] < frames or method == MODE:
                _one_pixel(rows[:, x], int(n[x]), method, out, spread, x)


@njit(cache=True, nogil=True, error_model="numpy")
def _one_pixel(values: Any, n: int, method: int, fused: Any, variance: Any, x: int) -> None:
    """The same for one pixel, of which the first ``n`` values are valid."""
    cut = n // 4
    low = np.float32(values[cut])
    total, squares = np.float32(0), np.float32(0)
    for i in range(cut, n - cut):
        d = np.float32(values[i]) - low
        total += d
        squares += d * d
    d = np.float32(values[n - 1 - cut]) - low
    one = total + np.float32(cut) * d
    two = squares + np.float32(cut) * d * d
    variance[x] = (two - one * one / np.float32(n)) / np.float32(max(n - 1, 1))
    if method == CLIPPED_MEAN:
        fused[x] = low + total / np.float32(n - 2 * cut) + np.float32(1)
    elif method == MEDIAN:
        a, b = np.float32(values[(n - 1) // 2]), np.float32(values[n // 2])
        fused[x] = (a + b) / np.float32(2) + np.float32(1)
    else:
        best, longest, run = values[0], 0, 0
        for i in range(n):
            run = run + 1 if i > 0 and values[i] == values[i - 1] else 1
            if run > longest:
                best, longest = values[i], run
        fused[x] = np.float32(best) + np.float32(1)
