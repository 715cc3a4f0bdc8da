"""A board that was found, but is not quite the one described."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import msgspec
import numpy as np
from numpy.typing import NDArray

from idfd.calibration.detection.layout import Layout, layout_of
from idfd.calibration.detection.levels import edge_width
from idfd.calibration.detection.markers import Found, Seen, agree
from idfd.errors import InputError
from idfd.model.board import Board

Where = str | Path | None
REMEDY = "Give the file of the board that was shown (--board)"
FAMILIES = (
    ("DICT_4X4_50", "DICT_4X4_100", "DICT_4X4_250", "DICT_4X4_1000"),
    ("DICT_5X5_50", "DICT_5X5_100", "DICT_5X5_250", "DICT_5X5_1000"),
    ("DICT_6X6_50", "DICT_6X6_100", "DICT_6X6_250", "DICT_6X6_1000"),
    ("DICT_7X7_50", "DICT_7X7_100", "DICT_7X7_250", "DICT_7X7_1000"),
    ("DICT_ARUCO_ORIGINAL",),
    ("DICT_APRILTAG_36h11",),
)
"""Dictionaries by size; within a family a smaller one is the beginning of the larger ones."""
_FEWEST_BEYOND = 4
_WIDEST_BOARD, _MOST_MARKERS = 24, 200
_RATIO_TOLERANCE = 0.03
"""Sharp markers measure within this of what they are."""
_BLURRED_RATIO_TOLERANCE = 0.05
_EDGES_IN_A_SIDE = {"blurred": 14, "useless": 10}
"""Blur rounds the corners of markers, which shrinks them: how many edges fit in a side then."""


def check_markers(found: Found, board: Board, layout: Layout, where: Where) -> None:
    """Refuse a board with other numbers in other places.

    Raises:
        InputError: Many markers lie where they should not, or are not on the board at all.
    """
    # Another number of columns may agree with many markers, but not with all of them.
    if len(found.others.keys() & layout.markers.keys()) >= 2:
        other, count = likeliest(board, found.markers | found.others)
        changed = (other.columns, other.legacy) != (board.columns, board.legacy)
        if changed and count >= len(found.markers) + 2:
            raise misfit(board, other, where)
    beyond = sorted(number for number in found.others if number not in layout.markers)
    if len(beyond) >= max(_FEWEST_BEYOND, 0.12 * len(found.markers)):
        raise InputError(
            f"markers {beyond[0]} to {beyond[-1]} are seen beside those of the board",
            where=where,
            limit=f"markers {min(layout.markers)} to {max(layout.markers)}",
            remedy=REMEDY,
        )


def check_marker_size(
    image: NDArray[Any], seen: Seen, board: Board, layout: Layout, where: Where
) -> None:
    """Refuse a board whose markers are smaller or larger than described.

    Args:
        image: Where they are seen.
        seen: Corners of markers; of an AprilGrid as they were measured.
        board: What is described.
        layout: Its layout.
        where: Names the image.

    Raises:
        InputError: They are.
    """
    if len(seen) < 4:
        return
    inside = np.stack([layout.markers[number] for number in seen])
    quads = np.stack(list(seen.values()))
    ratio = _size_ratio(inside, quads)
    if board.kind == "charuco" and abs(ratio - 1) > _RATIO_TOLERANCE:
        quads = _sharpened(image, quads)  # they come from a reduced picture
        ratio = _size_ratio(inside, quads)
    tolerance = _RATIO_TOLERANCE
    if board.kind == "charuco" and abs(ratio - 1) > tolerance:
        low, high = np.maximum(quads.min(axis=(0, 1)), 0).astype(int), quads.max(axis=(0, 1))
        width = edge_width(image[low[1] : int(high[1]), low[0] : int(high[0])])
        edges = float(np.median(mean_sides(quads))) / max(width, 1e-6)
        if edges < _EDGES_IN_A_SIDE["useless"]:
            return
        if edges < _EDGES_IN_A_SIDE["blurred"]:
            tolerance = _BLURRED_RATIO_TOLERANCE
    if abs(ratio - 1) > tolerance:
        raise InputError(
            f"the markers measure {ratio * layout.marker_mm:.3g} mm where the board has "
            f"{layout.marker_mm:g} mm",
            where=where,
            limit=f"markers of {layout.marker_mm:g} mm to squares of {board.square_mm:g} mm"
            if board.kind == "charuco"
            else f"gaps of {board.gap_ratio:g} of a tag",
            remedy=REMEDY,
        )


def _size_ratio(inside: NDArray[Any], quads: NDArray[Any]) -> float:
    """Size of markers over that on the board; 1 where their middles do not tell."""
    # Where the middles lie does not depend on the size of the markers.
    matrix = np.asarray(cv2.findHomography(inside.mean(axis=1), quads.mean(axis=1))[0])
    if matrix.shape != (3, 3):  # they lie on a line
        return 1.0
    return float(
        np.median(mean_sides(quads) / mean_sides(cv2.perspectiveTransform(inside, matrix)))
    )


def _sharpened(image: NDArray[Any], quads: NDArray[Any]) -> NDArray[np.float64]:
    """Corners of markers moved to where their edges meet in the image itself."""
    window = max(2, int(0.1 * np.median(mean_sides(quads))))
    limit = np.array(image.shape[::-1]) - 2 * window - 4
    start = np.clip(quads, 2 * window + 3, limit).reshape(-1, 1, 2).astype(np.float32)
    stop = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 30, 0.05)
    source = image if image.dtype == np.uint8 else image.astype(np.float32)
    moved = cv2.cornerSubPix(source, start, (window, window), (-1, -1), stop)
    return np.asarray(moved, np.float64).reshape(quads.shape)


def mean_sides(quads: NDArray[Any]) -> NDArray[np.float64]:
    """Mean side of quadrilaterals (N, 4, 2), pixels."""
    around = np.linalg.norm(quads - np.roll(quads, 1, axis=1), axis=2)
    return np.asarray(around.mean(axis=1), np.float64)


def likeliest(board: Board, seen: Seen) -> tuple[Board, int]:
    """The board of any width that most markers agree with, and how many do."""
    if board.kind != "charuco":
        return board, 0
    boards = [board]
    for columns in range(2, _WIDEST_BOARD + 1):
        rows = max(2, 2 * (max(seen) + 1 - board.first_id) // columns + 1)
        # The parity of the rows decides whether 'legacy' changes anything.
        rows += (rows + board.rows) % 2
        boards += [
            msgspec.structs.replace(
                board, columns=columns, rows=rows, legacy=legacy, dictionary=_longest(board)
            )
            for legacy in (False, True)
            if (rows % 2 == 0 or not legacy) and rows * columns // 2 <= _MOST_MARKERS
        ]
    counts = [len(agree(seen, layout_of(other)).markers) for other in boards]
    best = int(np.argmax(counts))
    return boards[best], counts[best]


def misfit(board: Board, other: Board, where: Where) -> InputError:
    """The error for a board that is like another one than the one described."""
    if other.columns != board.columns:
        what = f"the markers lie as on a board {other.columns} squares wide"
        limit = f"{board.columns} x {board.rows} squares"
    else:
        what = f"the markers lie as on a board with 'legacy' {str(other.legacy).lower()}"
        limit = f"{str(board.legacy).lower()}, as the board's file says"
    return InputError(what, where=where, limit=limit, remedy=REMEDY)


def _longest(board: Board) -> str | None:
    for family in FAMILIES:
        if board.dictionary in family:
            return family[-1]
    return board.dictionary
