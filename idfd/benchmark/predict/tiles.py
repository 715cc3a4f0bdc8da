"""Cut a large picture into overlapping tiles and blend what was made of them.

Tiles begin at multiples of the network's stride, so that its grid lies in every tile as it lies
in the whole picture. The outer part of an overlap is not used at all, because a network sees
padding there; in the middle part one tile fades into the next.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain, pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from idfd.benchmark.network.twohead import STRIDE
from idfd.errors import InputError

Span = range
"""Pixels of a tile along one side of the picture."""


@dataclass(frozen=True)
class Tiling:
    """How a picture is cut.

    Attributes:
        side: Height and width of a tile, a multiple of 32. A picture of no more pixels than a
            tile is not cut.
        overlap: Pixels that neighbours share at least, a multiple of 32. A quarter of it, in the
            middle, is faded; the rest, at either end, is left out.

    Raises:
        InputError: No multiple of 32, or tiles that overlap by more than half.
    """

    side: int = 896
    overlap: int = 256

    def __post_init__(self) -> None:
        if self.side % STRIDE or self.overlap % STRIDE or not 0 < 2 * self.overlap <= self.side:
            raise InputError(
                f"tiles of {self.side} pixels that overlap by {self.overlap}",
                limit=f"multiples of {STRIDE}, and tiles of at least {2 * self.overlap} pixels",
            )

    def spans(self, height: int, width: int) -> tuple[list[Span], list[Span]]:
        """Rows and columns of tiles that cover a picture.

        Example:
            >>> Tiling(64, 32).spans(64, 100)
            ([range(0, 64)], [range(0, 64), range(32, 96), range(64, 100)])
        """
        if height * width <= self.side**2:
            return [range(height)], [range(width)]
        return self.along(height), self.along(width)

    def along(self, length: int) -> list[Span]:
        """Tiles that cover one side of a picture, spread evenly; one where it is short."""
        # In units of the stride: the first pixel of the last tile, and the largest step.
        last = max(0, -(-(length - self.side) // STRIDE))
        step = (self.side - self.overlap) // STRIDE
        count = -(-last // step)
        starts = [k * last // max(count, 1) * STRIDE for k in range(count + 1)]
        return [range(start, min(start + self.side, length)) for start in starts]

    def shares(self, spans: list[Span]) -> list[NDArray[np.float32]]:
        """Weights of the pixels of each tile along one side; for each pixel they add up to 1."""
        # A tile's weight is the rise at its beginning less the rise at the beginning of the next.
        rises = [self._rise(*pair) for pair in pairwise(spans)]
        shares = []
        for k, span in enumerate(spans):
            place = np.arange(span.start, span.stop) + 0.5
            share = rises[k - 1](place) if k > 0 else np.ones(len(span))
            if k < len(rises):
                share = share - rises[k](place)
            shares.append(share.astype(np.float32))
        return shares

    def _rise(self, left: Span, right: Span) -> Callable[[NDArray[Any]], NDArray[Any]]:
        """Half a cosine from 0 to 1 in the middle of what two tiles share."""
        begin = (left.stop + right.start) / 2 - self.overlap / 8
        width = self.overlap / 4
        return lambda place: 0.5 - 0.5 * np.cos(np.pi * np.clip((place - begin) / width, 0, 1))

    def blend(
        self, rows: list[Span], columns: list[Span], maps: Iterator[NDArray[np.float32]]
    ) -> Iterator[tuple[int, NDArray[np.float32]]]:
        """Blend the maps of tiles, and give out the picture from top to bottom.

        No more than one row of tiles is held at a time.

        Args:
            rows: Of tiles, as :meth:`spans` gives them.
            columns: Of tiles.
            maps: What was made of each tile, row by row, (C, height, width) float32.

        Yields:
            First row, and finished rows (C, n, W) float32.
        """
        across = self.shares(columns)
        carried: NDArray[np.float32] | None = None
        for k, (row, down) in enumerate(zip(rows, self.shares(rows), strict=True)):
            band = _join(columns, across, maps)
            band *= down[:, None]
            if carried is not None:
                band[:, : carried.shape[1]] += carried
            finished = (rows[k + 1].start if k + 1 < len(rows) else row.stop) - row.start
            yield row.start, band[:, :finished]
            carried = band[:, finished:].copy()


def _join(
    columns: list[Span], across: list[NDArray[np.float32]], maps: Iterator[NDArray[np.float32]]
) -> NDArray[np.float32]:
    """One row of tiles, (C, height, W)."""
    first = next(maps)
    band = np.zeros((*first.shape[:2], columns[-1].stop), np.float32)
    for column, share, part in zip(columns, across, chain([first], maps), strict=False):
        band[..., column.start : column.stop] += part * share
    return band
