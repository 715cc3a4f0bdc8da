"""Prints turned back into pictures by a PDF reader, and OpenCV's detectors on them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from idfd.calibration.boards import geometry
from idfd.model.board import Board

Image = NDArray[np.uint8]
Found = tuple[NDArray[Any], NDArray[Any]]

BOARDS = {
    "charuco, odd rows": Board(columns=6, rows=5, square_mm=30.0, marker_mm=21.0),
    "charuco, even rows": Board(columns=7, rows=6, square_mm=25.0, marker_mm=15.0, first_id=5),
    "charuco, legacy": Board(
        columns=7, rows=6, square_mm=25.0, marker_mm=15.0, first_id=5, legacy=True
    ),
    "chessboard": Board(
        kind="chessboard", columns=8, rows=5, square_mm=22.5, marker_mm=None, dictionary=None
    ),
    "aprilgrid": Board(
        kind="aprilgrid",
        columns=4,
        rows=3,
        square_mm=40.0,
        marker_mm=None,
        gap_ratio=0.3,
        dictionary="DICT_APRILTAG_36h11",
        first_id=2,
    ),
}


def render(pdf: bytes | Path, px_per_mm: float) -> tuple[Image, NDArray[np.float64]]:
    """The first page of a PDF and the mm that a pixel covers across and down."""
    page = pytest.importorskip("pypdfium2").PdfDocument(pdf)[0]
    drawn = page.render(scale=px_per_mm * 25.4 / 72, grayscale=True).to_numpy().squeeze()
    # The reader rounds the picture up to whole pixels and stretches the page to it.
    return drawn, np.array(page.get_size()) / 72 * 25.4 / drawn.shape[::-1]


def detect(image: Image, board: Board) -> dict[int, NDArray[np.float64]]:
    """Corners by their index in ``corners_mm``, found by OpenCV alone, pixels."""
    pixels, ids = {"chessboard": _chessboard, "charuco": _charuco, "aprilgrid": _aprilgrid}[
        board.kind
    ](image, board)
    if len(ids) == 0:
        return {}
    refined = cv2.cornerSubPix(
        cv2.GaussianBlur(image, (0, 0), 1.0),
        pixels.astype(np.float32).reshape(-1, 1, 2).copy(),
        (5, 5),
        (-1, -1),
        (cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_MAX_ITER, 50, 1e-4),
    ).reshape(-1, 2)
    order = np.argsort(ids)
    return {int(ids[i]): refined[i].astype(np.float64) for i in order}


def _chessboard(image: Image, board: Board) -> Found:
    size = (board.columns - 1, board.rows - 1)
    found, corners = cv2.findChessboardCorners(image, size)
    assert found
    pixels = np.asarray(corners).reshape(-1, 2)
    # It may begin at either end; the upper left square is black.
    x, y = (pixels[0] - (pixels[size[0] + 1] - pixels[0]) / 2).astype(int)
    return pixels if image[y, x] < 128 else pixels[::-1], np.arange(len(pixels))


def _charuco(image: Image, board: Board) -> Found:
    words = cv2.aruco.getPredefinedDictionary(getattr(cv2.aruco, str(board.dictionary)))
    numbers = np.arange(board.first_id, board.first_id + board.columns * board.rows // 2)
    known = cv2.aruco.CharucoBoard(
        (board.columns, board.rows),
        board.square_mm,
        float(board.marker_mm or 0),
        words,
        numbers.astype(np.int32),
    )
    known.setLegacyPattern(board.legacy)
    corners, ids, _, _ = cv2.aruco.CharucoDetector(known).detectBoard(image)
    found: Any = ids  # OpenCV's types do not know that it is None where there is no corner
    if found is None:
        return np.empty((0, 2)), np.empty(0, np.int64)
    return np.reshape(corners, (-1, 2)), np.ravel(ids)


def _aprilgrid(image: Image, board: Board) -> Found:
    options = cv2.aruco.DetectorParameters()
    options.markerBorderBits = 2
    words = cv2.aruco.getPredefinedDictionary(cv2.aruco.DICT_APRILTAG_36h11)
    tags, numbers, _ = cv2.aruco.ArucoDetector(words, options).detectMarkers(image)
    assert len(tags)
    first = 4 * (np.ravel(numbers) - board.first_id)
    return np.reshape(tags, (-1, 2)), (first[:, None] + np.arange(4)).ravel()


def measured_mm(image: Image, mm_per_px: NDArray[np.float64], board: Board) -> NDArray[np.float64]:
    """All corners of a board in a picture, in mm from the picture's upper left corner, (N, 2)."""
    found = detect(image, board)
    assert list(found) == list(range(len(geometry.corners_mm(board))))
    return (np.stack(list(found.values())) + 0.5) * mm_per_px
