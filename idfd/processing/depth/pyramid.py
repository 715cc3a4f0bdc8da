"""A depth map with its guide at half, a quarter, ... of its size, and the way back up."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

EMPTY, KNOWN, WANTED, HIDDEN = 0, 1, 2, 3
"""What a pixel of a level is: left empty, given, or to be filled; ``HIDDEN`` is also to be filled,
but only from others of its kind and from depth beyond its bound."""


@dataclass(frozen=True)
class Level:
    """One size. All arrays carry a frame of one empty pixel, so that every pixel has neighbours.

    Attributes:
        depth: (H + 2, W + 2) float32 millimetres; of wanted pixels the current estimate.
        guide: Luminance in [0, 1], (H + 2, W + 2) float32.
        state: ``EMPTY``, ``KNOWN``, ``WANTED`` or ``HIDDEN``, (H + 2, W + 2) uint8.
        least: Bound of the depth of wanted pixels, 0 = none, (H + 2, W + 2) float32 millimetres;
            empty where no pixel has one.
        wanted: Flat indices of the wanted pixels, ascending, (N,) int32.
    """

    depth: NDArray[np.float32]
    guide: NDArray[np.float32]
    state: NDArray[np.uint8]
    least: NDArray[np.float32]
    wanted: NDArray[np.int32]

    @property
    def side(self) -> int:
        """Longer side without the frame, pixels."""
        return max(self.depth.shape) - 2

    @property
    def columns(self) -> int:
        """Flat distance of a pixel to the one below it."""
        return self.depth.shape[1]


def full_level(
    depth: NDArray[np.float32],
    guide: NDArray[np.float32],
    fill: NDArray[np.bool_],
    at_least: NDArray[np.float32] | None = None,
) -> Level:
    """The level of the image itself.

    Args:
        depth: (H, W) float32 millimetres, 0 = no depth.
        guide: Luminance in [0, 1], (H, W) float32.
        fill: Pixels without depth that are to get one, (H, W) bool.
        at_least: Bound of the depth of those, (H, W) float32 millimetres, 0 = none.
    """
    known = depth > 0
    state = np.pad(known.view(np.uint8) + fill.view(np.uint8) * np.uint8(WANTED), 1)
    depth = np.pad(np.where(known, depth, np.float32(0)), 1)
    least = np.zeros((0, 0), np.float32)
    if at_least is not None:
        least = np.pad(np.where(fill, at_least, np.float32(0)), 1)
    return _level(depth, np.pad(guide, 1), state, least)


def _level(
    depth: NDArray[np.float32],
    guide: NDArray[np.float32],
    state: NDArray[np.uint8],
    least: NDArray[np.float32],
) -> Level:
    """The level, after wanted pixels with a bound and far enough depth became ``HIDDEN``."""
    if least.any():
        bounded = least > 0
        count, label = cv2.connectedComponents(bounded.view(np.uint8), connectivity=8)
        fed = np.zeros(count, np.bool_)
        place = np.flatnonzero(bounded)
        _feed()(
            depth.shape[1], depth.reshape(-1), state.reshape(-1), least.reshape(-1), place,
            label.reshape(-1), fed,
        )  # fmt: skip
        state[fed[label]] = HIDDEN
    else:
        least = np.zeros((0, 0), np.float32)
    return Level(depth, guide, state, least, _wanted(state))


def _wanted(state: NDArray[np.uint8]) -> NDArray[np.int32]:
    return np.flatnonzero(state >= WANTED).astype(np.int32)


def halved(level: Level) -> Level:
    """The next coarser level.

    A cell of two by two pixels is known where one of them is, wanted where none is known and one
    is wanted. Its depth is the known value nearest to their mean, never a blend of two surfaces,
    and its guide the mean over the same pixels, so that the two belong together. Its bound is the
    least of theirs.
    """
    rows, columns = ((n - 1) // 2 for n in level.depth.shape)
    shape = (rows + 2, columns + 2)
    depth, guide = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
    state = np.zeros(shape, np.uint8)
    least = np.zeros(shape if level.least.size else (0, 0), np.float32)
    _halve()(level.depth, level.guide, level.state, level.least, depth, guide, state, least)
    return _level(depth, guide, state, least)


def in_turn(level: Level) -> list[Level]:
    """The level with its hidden pixels alone, then with the others, to which those are given.

    Both share the depth of ``level``. Hidden pixels do not depend on others, but to solve for all
    at once takes longer: coarser systems would tie the two together.
    """
    hidden = level.state == HIDDEN
    parts = [level]
    if hidden.any():
        alone = np.where(level.state == WANTED, np.uint8(EMPTY), level.state)
        given = np.where(hidden, np.uint8(KNOWN), level.state)
        parts = [replace(level, state=s, wanted=_wanted(s)) for s in (alone, given)]
    return [part for part in parts if len(part.wanted)]


def raise_estimate(coarse: Level, fine: Level) -> None:
    """Start the wanted pixels of ``fine`` from the cells of ``coarse``, bilinearly."""
    least = fine.least.reshape(-1)
    _raise()(coarse.depth, coarse.state, fine.depth, least, fine.wanted)


def surroundings(level: Level) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Smallest and largest known depth that touches the hole of each wanted pixel, (N,) each."""
    count, label = cv2.connectedComponents((level.state >= WANTED).view(np.uint8), connectivity=8)
    low = np.full(count, np.inf, np.float32)
    high = np.full(count, -np.inf, np.float32)
    hole = label.ravel()[level.wanted]
    depth, state = level.depth.reshape(-1), level.state.reshape(-1)
    _touching()(level.columns, depth, state, level.wanted, hole, low, high)
    return low[hole], high[hole]


@cache
def _feed() -> Any:
    import numba

    @numba.njit(cache=True)
    def feed(
        columns: int, depth: Any, state: Any, least: Any, place: Any, label: Any, fed: Any
    ) -> None:
        for p in place:
            for y in range(-1, 2):
                for x in range(-1, 2):
                    q = p + y * columns + x
                    if state[q] == 1 and depth[q] >= least[p]:
                        fed[label[p]] = True

    return feed


@cache
def _halve() -> Any:
    import numba

    @numba.njit(cache=True)
    def halve(
        depth: Any, guide: Any, state: Any, least: Any,
        half: Any, light: Any, kind: Any, bound: Any,
    ) -> None:  # fmt: skip
        rows, columns = depth.shape
        for i in range(1, half.shape[0] - 1):
            for j in range(1, half.shape[1] - 1):
                top, left = 2 * i - 1, 2 * j - 1
                bottom, right = min(top + 2, rows - 1), min(left + 2, columns - 1)
                cell = 0
                for y in range(top, bottom):
                    for x in range(left, right):
                        s = min(state[y, x], 2)
                        if s == 1 or (s == 2 and cell == 0):
                            cell = s
                if cell == 0:
                    continue
                kind[i, j] = cell
                count, brightness, mean = 0, 0.0, 0.0
                for y in range(top, bottom):
                    for x in range(left, right):
                        if min(state[y, x], 2) == cell:
                            count += 1
                            brightness += guide[y, x]
                            mean += depth[y, x]
                light[i, j] = brightness / count
                if cell == 2 and least.size > 0:
                    bound[i, j] = np.inf
                    for y in range(top, bottom):
                        for x in range(left, right):
                            if state[y, x] >= 2:
                                bound[i, j] = min(bound[i, j], least[y, x])
                if cell == 1:
                    mean /= count
                    best = np.inf
                    for y in range(top, bottom):
                        for x in range(left, right):
                            gap = abs(depth[y, x] - mean)
                            if state[y, x] == cell and gap < best:
                                best = gap
                                half[i, j] = depth[y, x]

    return halve


@cache
def _raise() -> Any:
    import numba

    @numba.njit(cache=True)
    def raise_(half: Any, kind: Any, depth: Any, least: Any, wanted: Any) -> None:
        columns = depth.shape[1]
        for p in wanted:
            y, x = p // columns, p % columns
            i, j = (y + 1) // 2, (x + 1) // 2
            # The second pixel of a cell (even index, with the frame) leans towards the next cell.
            di = 1 if y % 2 == 0 else -1
            dj = 1 if x % 2 == 0 else -1
            bound = least[p] if least.size > 0 else np.float32(0)
            total, weight = 0.0, 0.0
            for part in range(4):
                k, m = i + di * (part // 2), j + dj * (part % 2)
                if kind[k, m] != 0 and half[k, m] >= bound:
                    share = (3 - 2 * (part // 2)) * (3 - 2 * (part % 2))
                    total += share * half[k, m]
                    weight += share
            depth[y, x] = total / weight if weight > 0 else bound

    return raise_


@cache
def _touching() -> Any:
    import numba

    @numba.njit(cache=True)
    def touching(
        columns: int, depth: Any, state: Any, wanted: Any, hole: Any, low: Any, high: Any
    ) -> None:
        for n in range(len(wanted)):
            for y in range(-1, 2):
                for x in range(-1, 2):
                    q = wanted[n] + y * columns + x
                    if state[q] == 1:
                        low[hole[n]] = min(low[hole[n]], depth[q])
                        high[hole[n]] = max(high[hole[n]], depth[q])

    return touching
