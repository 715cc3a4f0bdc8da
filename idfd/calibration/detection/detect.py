"""A calibration board in an image: which corners are where."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from idfd.calibration.detection.chessboard import find_chessboard
from idfd.calibration.detection.diagnose import (
    explain_chessboard,
    explain_markers,
    larger_chessboard,
)
from idfd.calibration.detection.layout import Layout, layout_of
from idfd.calibration.detection.light import shading
from idfd.calibration.detection.markers import Seen, find_markers
from idfd.calibration.detection.mismatch import check_marker_size, check_markers
from idfd.calibration.detection.saddle import approach, refine, saddle_score
from idfd.calibration.detection.warp import Warp
from idfd.calibration.views import Detection
from idfd.errors import InputError
from idfd.model.board import Board

Array = NDArray[np.float64]
FEWEST_CORNERS = 6
_LEAST_SIDE = 64
_WHOLE = 0.92
"""Share of a chessboard's corners that can be measured where it is seen whole."""
_LEAST_SCORE, _SURELY_A_CORNER = 0.7, 0.85
_RING = 0.6
"""Radius at which a corner is looked at, in clearances."""
_LARGEST_DEVIATION_PX = 1.0
_WORSE_THAN_MOST, _GOOD_PX = 5.0, 0.03
"""A corner that is so much worse than most of its board, and not good, is partly covered."""


def detect(image: NDArray[Any], board: Board, *, where: str | Path | None = None) -> Detection:
    """Find a board's corners.

    The board is found in a reduced image; corners are measured in the image itself, in windows
    round the places where the board's plane and a smooth lens put them.

    Args:
        image: (H, W) uint8 or uint16, grey, in any brightness.
        board: What it shows, or a part of it (chessboards must be seen whole).
        where: Names the image in errors.

    Returns:
        The corners that are surely those of the board and can be measured.

    Raises:
        InputError: There is no such board in the image; the message says what is wrong.
    """
    if image.ndim != 2 or image.dtype not in (np.uint8, np.uint16):
        raise InputError(
            f"the image is {image.dtype} of shape {image.shape}",
            where=where,
            limit="a grey image, (H, W) uint8 or uint16",
        )
    if min(image.shape) < _LEAST_SIDE:
        raise InputError(
            f"the image has {image.shape[1]}x{image.shape[0]} pixels",
            where=where,
            limit=f"{_LEAST_SIDE} pixels or more to each side",
        )
    layout = layout_of(board)
    if board.kind == "chessboard":
        corners = find_chessboard(image, board)
        if corners is None:
            raise explain_chessboard(image, board, where)
        side = float(np.median(np.linalg.norm(np.diff(corners, axis=0), axis=1)))
        warp = Warp(layout.corners, corners, limit_px=2 * side)
        if _goes_on(image, warp, board):
            raise larger_chessboard(board, where)
    else:
        found = find_markers(image, board, layout)
        if found.warp is None:
            raise explain_markers(image, board, found, where)
        check_markers(found, board, layout, where)
        warp = found.warp
    detection = _measure(image, layout, warp)
    if board.kind == "chessboard":
        # OpenCV may add a row that is not there, of corners that are none.
        if len(detection.ids) < _WHOLE * len(layout.corners):
            raise explain_chessboard(image, board, where)
    else:
        seen = found.markers if board.kind == "charuco" else _tags(detection, layout)
        check_marker_size(image, seen, board, layout, where)
    if len(detection.ids) < FEWEST_CORNERS or _on_a_line(layout.corners[detection.ids]):
        raise InputError(
            f"only {len(detection.ids)} corners of the board can be measured",
            where=where,
            limit=f"{FEWEST_CORNERS} corners that are not on a line",
            remedy="Show more of the board, nearer and sharper",
        )
    return detection


def _measure(image: NDArray[Any], layout: Layout, warp: Warp) -> Detection:
    """Measure all corners, those that were predicted badly once more with the help of the rest."""
    pixels = np.full_like(layout.corners, np.nan)
    deviation = np.full(len(layout.corners), np.nan)
    dark_first = 0.0
    for _ in range(2):
        left = np.flatnonzero(np.isnan(deviation))
        if not len(left):
            break
        expected = warp(layout.corners[left])
        around = warp.around(layout.corners[left], layout.clearance)
        limit = np.array(image.shape[::-1]) - 1
        usable = np.isfinite(around.axes).all(axis=(1, 2)) & np.isfinite(around.bend).all(
            axis=(1, 2)
        )
        usable &= ((expected >= 0) & (expected <= limit)).all(axis=1)
        kept = np.flatnonzero(usable)
        left, expected, around = left[kept], expected[kept], around.chosen(kept)
        if not len(left):
            break
        radius = np.linalg.norm(around.axes, ord=-2, axis=(1, 2)) * layout.clearance
        start = approach(image, expected, radius)
        light = shading(image, start, around, _RING * layout.clearance)
        refined = refine(image, start, around, light, layout.reach)
        moved = np.linalg.norm(refined.pixels - expected, axis=1)
        good = refined.deviation_px <= _LARGEST_DEVIATION_PX  # NaN is not
        good &= moved <= np.maximum(0.7 * radius, 1.5)
        at = np.where(good[:, None], refined.pixels, 0.0)
        score = saddle_score(image, at, around, _RING * layout.clearance)
        score[layout.dark[left]] *= -1
        # Which of the two colourings it is, all corners of a board tell alike.
        dark_first = dark_first or float(np.sign(score[good].sum()))
        good &= dark_first * score >= _LEAST_SCORE
        pixels[left[good]] = refined.pixels[good]
        deviation[left[good]] = refined.deviation_px[good]
        done = np.isfinite(deviation)
        if np.count_nonzero(done) < FEWEST_CORNERS:
            break
        warp = Warp(layout.corners[done], pixels[done], limit_px=np.inf)
        if not warp.kept.any():
            break
    done = np.isfinite(deviation)
    worst = max(_GOOD_PX, _WORSE_THAN_MOST * float(np.median(deviation[done]))) if done.any() else 0
    ids = np.flatnonzero(done & (deviation <= worst)).astype(np.int64)
    height, width = image.shape
    return Detection(ids, pixels[ids], deviation[ids], (width, height))


def _goes_on(image: NDArray[Any], warp: Warp, board: Board) -> bool:
    """Whether there are corners where a chessboard should end."""
    right, lower = board.columns * board.square_mm / 2, board.rows * board.square_mm / 2
    x = np.arange(1, board.columns) * board.square_mm - right
    y = np.arange(1, board.rows) * board.square_mm - lower
    edges = [np.column_stack([x, np.full_like(x, end)]) for end in (-lower, lower)]
    edges += [np.column_stack([np.full_like(y, end), y]) for end in (-right, right)]
    ring = board.square_mm / 4
    scores = [saddle_score(image, warp(edge), warp.around(edge, ring), ring) for edge in edges]
    return any(np.mean(np.abs(score) > _SURELY_A_CORNER) > 0.5 for score in scores)


def _tags(detection: Detection, layout: Layout) -> Seen:
    """Whole tags of an AprilGrid as they were measured."""
    corners = dict(zip(detection.ids.tolist(), detection.pixels, strict=True))
    tags = {number: range(4 * k, 4 * k + 4) for k, number in enumerate(layout.markers)}
    return {
        number: np.stack([corners[k] for k in four])
        for number, four in tags.items()
        if all(k in corners for k in four)
    }


def _on_a_line(points: Array) -> bool:
    return bool(np.linalg.matrix_rank(points - points.mean(axis=0), tol=1e-6) < 2)
