"""What the finders need to know of a board, in its own plane."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from idfd.calibration.boards.geometry import (
    border_bits,
    corners_mm,
    dictionary,
    marker_ids,
    opencv_board,
)
from idfd.model.board import Board

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Layout:
    """Corners and markers of a board, millimetres in its frame.

    Attributes:
        corners: (N, 2).
        clearance: Radius round a corner in which nothing but its four squares is to be seen.
        reach: Radius in which the board looks the same turned by half a turn about the corner: that
            far reach the borders of the markers, before their bits begin.
        dark: For each corner, whether the quadrant to the lower right and its opposite are black;
            or all of them the other way round.
        markers: Corners of each marker by its number, (4, 2), in the order in which OpenCV returns
            them.
        marker_mm: Side of a marker.
    """

    corners: Array
    clearance: float
    reach: float
    dark: NDArray[np.bool_]
    markers: dict[int, Array]
    marker_mm: float


def layout_of(board: Board) -> Layout:
    """The layout of a board.

    Raises:
        InputError: OpenCV has no such marker dictionary, or it has too few markers.
    """
    corners = corners_mm(board)[:, :2]
    ids = marker_ids(board).tolist()
    if board.kind == "aprilgrid":
        border = border_bits(board)
        bits = dictionary(board).markerSize + 2 * border
        gap = board.square_mm * (board.gap_ratio or 0)
        # Half a turn takes a tag's black border to the black square between the tags.
        clearance = min(gap, board.square_mm * sqrt(2) * border / bits)
        return Layout(
            corners,
            clearance,
            clearance,
            np.tile([True, False, True, False], len(ids)),
            dict(zip(ids, corners.reshape(-1, 4, 2), strict=True)),
            board.square_mm,
        )
    number = np.arange(len(corners))
    dark = (number // (board.columns - 1) + number % (board.columns - 1)) % 2 == 0
    if board.kind == "chessboard":
        return Layout(corners, 0.5 * board.square_mm, 0.7 * board.square_mm, dark, {}, 0.0)
    assert board.marker_mm is not None
    shift = np.array([board.columns, board.rows]) * board.square_mm / 2
    points = [np.asarray(p, np.float64)[:, :2] - shift for p in opencv_board(board).getObjPoints()]
    gap = (board.square_mm - board.marker_mm) / 2
    bit = board.marker_mm / (dictionary(board).markerSize + 2 * border_bits(board))
    return Layout(
        corners,
        min(0.5 * board.square_mm, sqrt(2) * gap),
        min(0.7 * board.square_mm, sqrt(2) * (gap + bit)),
        dark,
        dict(zip(ids, points, strict=True)),
        board.marker_mm,
    )
