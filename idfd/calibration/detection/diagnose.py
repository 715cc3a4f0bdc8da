"""Why no board was found: another board, a mirrored one, or a picture that shows too little."""

from __future__ import annotations

from itertools import islice
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from idfd.calibration.boards.geometry import border_bits, dictionary
from idfd.calibration.detection.levels import FIRST, edge_width, level, levels
from idfd.calibration.detection.markers import Found, Seen, detect_markers, marker_detector
from idfd.calibration.detection.mismatch import (
    FAMILIES,
    REMEDY,
    Where,
    likeliest,
    mean_sides,
    misfit,
)
from idfd.errors import InputError
from idfd.model.board import Board

_FEWEST_MARKERS = 4
_PIXELS_PER_BIT = 2.5
_BLURRED_EDGE_PX = 8.0
_LEAST_CONTRAST = 0.06


def explain_markers(image: NDArray[Any], board: Board, found: Found, where: Where) -> InputError:
    """The error for an image in which no board was recognised."""
    if len(found.others) >= _FEWEST_MARKERS:
        return _other_arrangement(board, found.others, where)
    words = dictionary(board)
    if len(_search(image[:, ::-1], words, border_bits(board))) >= _FEWEST_MARKERS:
        return InputError(
            "the board is mirrored",
            where=where,
            remedy="Use images as the camera takes them, and a print that is not reversed",
        )
    if (other := _other_dictionary(image, board)) is not None:
        name, count = other
        return InputError(
            f"{count} markers of {name} are seen, and none of the board's {board.dictionary}",
            where=where,
            remedy=REMEDY,
        )
    if found.others:
        return InputError(
            f"only {len(found.others)} of the board's {board.dictionary} markers can be read",
            where=where,
            limit=f"at least {_FEWEST_MARKERS} markers",
            remedy="Show more of the board, nearer and sharper",
        )
    return _nothing(image, words.markerSize + 2 * border_bits(board), where)


def explain_chessboard(image: NDArray[Any], board: Board, where: Where) -> InputError:
    """The error for an image without the chessboard that was looked for."""
    size = _other_chessboard(image)
    if size is not None:
        return InputError(
            f"a part of a chessboard or another is seen, of about {size[0]} x {size[1]} squares",
            where=where,
            limit=f"a whole board of {board.columns} x {board.rows} squares",
            remedy=f"Show the whole board. {REMEDY}",
        )
    return _nothing(image, None, where)


def larger_chessboard(board: Board, where: Where) -> InputError:
    """The error for a chessboard that goes on where the described one ends."""
    return InputError(
        "the chessboard in the image has more squares than the board",
        where=where,
        limit=f"{board.columns} x {board.rows} squares",
        remedy=REMEDY,
    )


def _search(image: NDArray[Any], words: cv2.aruco.Dictionary, border: int) -> Seen:
    seen: Seen = {}
    for scale in islice(levels(image), 2):
        picture = level(np.ascontiguousarray(image), scale)
        seen = detect_markers(picture, words, border, thorough=False)
        if len(seen) >= _FEWEST_MARKERS:
            break
    return seen


def _other_arrangement(board: Board, seen: Seen, where: Where) -> InputError:
    """The error for markers of the right kind that do not lie as on the board."""
    other, count = likeliest(board, seen)
    if count >= max(_FEWEST_MARKERS, 0.7 * len(seen)):
        return misfit(board, other, where)
    return InputError(
        f"{len(seen)} markers are seen, but not as they lie on the board",
        where=where,
        limit=f"one flat board of {board.columns} x {board.rows} "
        f"{'tags' if board.kind == 'aprilgrid' else 'squares'}",
        remedy=REMEDY,
    )


def _other_dictionary(image: NDArray[Any], board: Board) -> tuple[str, int] | None:
    """The dictionary most of whose markers are seen, and how many."""
    best: tuple[str, int] | None = None
    for family in FAMILIES:
        if board.dictionary in family:
            continue
        words = cv2.aruco.getPredefinedDictionary(getattr(cv2.aruco, family[-1]))
        for border in (1, 2) if "APRILTAG" in family[0] else (1,):
            seen = _search(image, words, border)
            if len(seen) >= _FEWEST_MARKERS and len(seen) > (best[1] if best else 0):
                sizes = {n: int(n.rsplit("_", 1)[1]) for n in family[:-1]}
                smallest = [name for name, size in sizes.items() if max(seen) < size]
                best = (smallest or [family[-1]])[0], len(seen)
    return best


def _other_chessboard(image: NDArray[Any]) -> tuple[int, int] | None:
    """Squares across and down of the largest chessboard that is seen."""
    picture = level(image, next(iter(levels(image)))).picture
    # Without ACCURACY some boards are not grown beyond the least size.
    flags = cv2.CALIB_CB_LARGER | cv2.CALIB_CB_ACCURACY
    found, _, meta = cv2.findChessboardCornersSBWithMeta(picture, (3, 3), flags)
    return (meta.shape[1] + 1, meta.shape[0] + 1) if found else None


def _nothing(image: NDArray[Any], bits: int | None, where: Where) -> InputError:
    low, high = _range(image)
    span = (high - low) / (255 if image.dtype == np.uint8 else max(high, 1.0))
    limit = "a sharp, evenly lit image of the whole board"
    if span < _LEAST_CONTRAST:
        what = f"no board is seen: bright and dark differ by {100 * span:.1f} % only"
        return InputError(what, where=where, limit=limit, remedy="Give the board more light")
    width = edge_width(image)
    if width > _BLURRED_EDGE_PX * max(1.0, max(image.shape) / FIRST):
        what = f"no board is seen: the sharpest edges are about {width:.0f} pixels wide"
        return InputError(
            what, where=where, limit=limit, remedy="Move the board into focus, or hold it still"
        )
    side = _quad_side(image)
    if bits is not None and side is not None and side < bits * _PIXELS_PER_BIT:
        return InputError(
            f"no marker can be read: the squares seen are about {side:.0f} pixels wide",
            where=where,
            limit=f"markers of {bits * _PIXELS_PER_BIT:.0f} pixels or more",
            remedy="Move the board nearer",
        )
    return InputError(
        "no board is seen",
        where=where,
        limit=limit,
        remedy="Leave the image out, or shoot it again",
    )


def _range(image: NDArray[Any]) -> tuple[float, float]:
    """Darkest and brightest spot that is not noise."""
    smooth = cv2.GaussianBlur(image, (0, 0), 3.0)
    return float(smooth.min()), float(smooth.max())


def _quad_side(image: NDArray[Any]) -> float | None:
    """Typical side of what could be markers, in pixels of the image."""
    words = cv2.aruco.getPredefinedDictionary(cv2.aruco.DICT_4X4_50)
    for scale in reversed(list(levels(image))):
        picture = level(image, scale).picture
        rejected = marker_detector(picture, words, 1, thorough=True).detectMarkers(picture)[2]
        if len(rejected) >= _FEWEST_MARKERS:
            return float(np.median(mean_sides(np.reshape(rejected, (-1, 4, 2))))) / scale
    return None
