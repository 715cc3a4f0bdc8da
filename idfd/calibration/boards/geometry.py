"""Where the corners and the ink of a calibration board are.

Board frame: origin at the middle of the pattern, x to the right, y down, z away from a viewer who
looks at the print; millimetres.
"""

from __future__ import annotations

import difflib
from fractions import Fraction
from math import ceil, gcd, lcm
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from idfd.errors import InputError
from idfd.model.board import Board

if TYPE_CHECKING:
    import cv2

APRILGRID_DICTIONARY = "DICT_APRILTAG_36h11"
MOST_PIXELS = 1 << 28


def size_mm(board: Board) -> tuple[float, float]:
    """Width and height of the pattern without its margin.

    An AprilGrid ends with the black squares that touch the outer corners of its outermost tags.
    """
    if board.kind != "aprilgrid":
        return board.columns * board.square_mm, board.rows * board.square_mm
    gap = _gap_mm(board)
    pitch = board.square_mm + gap
    return board.columns * pitch + gap, board.rows * pitch + gap


def corners_mm(board: Board) -> NDArray[np.float64]:
    """The corners that detectors find, in the board frame.

    ChArUco and chessboard: the inner corners, row by row from the upper left one, as OpenCV numbers
    them. AprilGrid: the four outer corners of the black border of each tag, tag by tag in the order
    of their numbers (from the lower left tag, row by row upwards), and in each tag lower right,
    lower left, upper left, upper right: the order in which OpenCV's detector returns them, because
    Kalibr prints the tags turned by half a turn against OpenCV's pictures of them. Corner ``k`` of
    the tag numbered ``id`` has the index ``4 * (id - board.first_id) + k``.

    Returns:
        (N, 3) float64 mm, z = 0.
    """
    if board.kind == "aprilgrid":
        half = board.square_mm / 2
        around = half * np.array([(1, 1), (-1, 1), (-1, -1), (1, -1)])
        flat = (_marker_centres_mm(board)[:, None] + around).reshape(-1, 2)
    else:
        x = (np.arange(1, board.columns) - board.columns / 2) * board.square_mm
        y = (np.arange(1, board.rows) - board.rows / 2) * board.square_mm
        flat = np.stack(np.meshgrid(x, y), -1).reshape(-1, 2)
    return np.pad(flat, ((0, 0), (0, 1)))


def marker_ids(board: Board) -> NDArray[np.int64]:
    """Numbers of the markers on a board, ascending, (M,) int64; none on a chessboard."""
    per_square = {"charuco": Fraction(1, 2), "aprilgrid": Fraction(1), "chessboard": Fraction(0)}
    count = int(board.columns * board.rows * per_square[board.kind])
    return np.arange(board.first_id, board.first_id + count)


def border_bits(board: Board) -> int:
    """Width of the black border of the markers in bits; Kalibr's tags have two.

    What ``cv2.aruco.DetectorParameters.markerBorderBits`` has to be.
    """
    return 2 if board.kind == "aprilgrid" else 1


def dictionary(board: Board) -> cv2.aruco.Dictionary:
    """The marker dictionary of a ChArUco board or an AprilGrid.

    Raises:
        InputError: OpenCV has no dictionary of that name, it has too few markers for the board, or
            it is not the one of Kalibr's AprilGrids.
    """
    import cv2

    name = board.dictionary or ""
    names = [n for n in dir(cv2.aruco) if n.startswith("DICT_")]
    if name not in names:
        near = difflib.get_close_matches(name, names, n=1)
        raise InputError(
            f"OpenCV has no marker dictionary '{name}'",
            where="dictionary",
            limit="a name such as DICT_5X5_250",
            remedy=f"Did you mean '{near[0]}'?" if near else None,
        )
    if board.kind == "aprilgrid" and name != APRILGRID_DICTIONARY:
        raise InputError(
            f"an AprilGrid cannot use '{name}'", where="dictionary", limit=APRILGRID_DICTIONARY
        )
    found = cv2.aruco.getPredefinedDictionary(getattr(cv2.aruco, name))
    needed, known = board.first_id + len(marker_ids(board)), len(found.bytesList)
    if needed > known:
        raise InputError(
            f"the board needs markers {board.first_id} to {needed - 1}, {name} has {known}",
            where="dictionary",
            limit=f"a number below {known} for the last marker",
            remedy="Choose a larger dictionary, fewer squares or a lower first number",
        )
    return found


def opencv_board(board: Board) -> cv2.aruco.CharucoBoard:
    """A ChArUco board as OpenCV's detector knows it, in mm from its upper left corner.

    Raises:
        InputError: As for :func:`dictionary`.
    """
    import cv2

    assert board.marker_mm is not None
    made = cv2.aruco.CharucoBoard(
        (board.columns, board.rows),
        board.square_mm,
        board.marker_mm,
        dictionary(board),
        marker_ids(board).astype(np.int32),
    )
    made.setLegacyPattern(board.legacy)
    return made


def ink_mm(board: Board) -> NDArray[np.float64]:
    """The printed parts as rectangles that touch and do not overlap.

    Returns:
        (N, 4) float64 mm in the board frame: left, upper, right and lower edge.

    Raises:
        InputError: As for :func:`dictionary`.
    """
    if board.kind == "aprilgrid":
        return np.concatenate([_markers_mm(board), _gap_squares_mm(board)])
    row, column = np.nonzero(_black(board))
    place = np.stack([column, row], -1) * board.square_mm - np.array(size_mm(board)) / 2
    squares = np.concatenate([place, place + board.square_mm], axis=1)
    if board.kind == "chessboard":
        return squares
    return np.concatenate([squares, _markers_mm(board)])


def pixels_per_mm(board: Board, least: float = 5.0) -> float:
    """The lowest resolution from ``least`` on at which all edges lie between pixels.

    Raises:
        InputError: The sizes have no simple ratio, and a picture would be too large.
    """
    square = _exact(board.square_mm)
    lengths = [square]
    if board.kind == "charuco":
        marker = _exact(board.marker_mm)
        bits = dictionary(board).markerSize + 2 * border_bits(board)
        lengths = [square, (square - marker) / 2, marker / bits]
    elif board.kind == "aprilgrid":
        bits = dictionary(board).markerSize + 2 * border_bits(board)
        lengths = [square / bits, square * _exact(board.gap_ratio)]
    denominator = lcm(*(length.denominator for length in lengths))
    lowest = Fraction(denominator, gcd(*(int(length * denominator) for length in lengths)))
    rate = float(lowest * ceil(Fraction(least) / lowest))
    width, height = (round((side + 2 * board.margin_mm) * rate) for side in size_mm(board))
    if width * height > MOST_PIXELS:
        raise InputError(
            f"a picture of the board would have {width} x {height} pixels",
            limit=f"at most {MOST_PIXELS} pixels, and sizes in a simple ratio, such as 3 to 4",
        )
    return rate


def picture(board: Board, least_px_per_mm: float = 5.0) -> NDArray[np.uint8]:
    """The print with its margin, all edges exactly between pixels.

    Args:
        board: What is printed.
        least_px_per_mm: The resolution is the next possible one, see :func:`pixels_per_mm`.

    Returns:
        (H, W) uint8, 255 for paper and 0 for ink; the margin is rounded to a pixel.

    Raises:
        InputError: As for :func:`dictionary` and :func:`pixels_per_mm`.
    """
    rate = pixels_per_mm(board, least_px_per_mm)
    width, height = (round(side * rate) for side in size_mm(board))
    edges = np.rint((ink_mm(board) + np.tile(size_mm(board), 2) / 2) * rate).astype(np.int64)
    drawn = np.full((height, width), 255, np.uint8)
    for left, upper, right, lower in edges:
        drawn[upper:lower, left:right] = 0
    return np.pad(drawn, round(board.margin_mm * rate), constant_values=255)


def _exact(value: float | None) -> Fraction:
    """The decimal number that a float was written as: 0.3 is 3/10."""
    assert value is not None
    return Fraction(repr(float(value)))


def _gap_mm(board: Board) -> float:
    return float(_exact(board.square_mm) * _exact(board.gap_ratio))


def _black(board: Board) -> NDArray[np.bool_]:
    """Which squares of a ChArUco board or a chessboard are black, (rows, columns)."""
    row, column = np.mgrid[: board.rows, : board.columns]
    first_is_white = board.kind == "charuco" and board.legacy and board.rows % 2 == 0
    return (row + column + first_is_white) % 2 == 0


def _marker_centres_mm(board: Board) -> NDArray[np.float64]:
    """Middles of the markers in the order of their numbers, (M, 2)."""
    if board.kind == "charuco":
        row, column = np.nonzero(~_black(board))
        pitch = board.square_mm
    else:
        row, column = np.mgrid[: board.rows, : board.columns].reshape(2, -1)
        row = board.rows - 1 - row  # Kalibr counts from below
        pitch = board.square_mm + _gap_mm(board)
    grid = np.stack([column, row], -1)
    return (grid - (np.array([board.columns, board.rows]) - 1) / 2) * pitch


def _markers_mm(board: Board) -> NDArray[np.float64]:
    """Black bits of all markers, those beside each other in one rectangle, (N, 4)."""
    import cv2

    words = dictionary(board)
    border = border_bits(board)
    bits = words.markerSize + 2 * border
    side = board.square_mm if board.kind == "aprilgrid" else board.marker_mm
    assert side is not None
    parts = []
    for number, centre in zip(marker_ids(board), _marker_centres_mm(board), strict=True):
        black = cv2.aruco.generateImageMarker(words, int(number), bits, borderBits=border) == 0
        if board.kind == "aprilgrid":
            black = black[::-1, ::-1]  # see corners_mm
        change = np.diff(black.astype(np.int8), axis=1, prepend=0, append=0)
        (row, left), (_, right) = np.nonzero(change == 1), np.nonzero(change == -1)
        runs = np.stack([left, row, right, row + 1], -1) / bits - 0.5
        parts.append(runs * side + np.tile(centre, 2))
    return np.concatenate(parts)


def _gap_squares_mm(board: Board) -> NDArray[np.float64]:
    """The squares between the corners of an AprilGrid's tags, (N, 4).

    They make each corner of a tag a saddle, which is found without bias under blur.
    """
    gap = _gap_mm(board)
    row, column = np.mgrid[: board.rows + 1, : board.columns + 1].reshape(2, -1)
    place = np.stack([column, row], -1) * (board.square_mm + gap) - np.array(size_mm(board)) / 2
    return np.concatenate([place, place + gap], axis=1)
