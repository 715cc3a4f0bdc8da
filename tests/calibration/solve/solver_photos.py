"""Corners of boards in real photographs, by OpenCV alone; deviations are all alike."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from idfd.calibration.boards.geometry import opencv_board
from idfd.calibration.views import Detection
from idfd.model.board import Board
from idfd.model.camera import Intrinsics

KINECT_BOARD = Board()
CHESSBOARD = Board(
    kind="chessboard", columns=10, rows=7, square_mm=1.0, marker_mm=None, dictionary=None
)


def charuco(path: Path, board: Board = KINECT_BOARD, window: int = 5) -> Detection:
    """Corners of a ChArUco board; ``window`` is half the side of the refinement's window."""
    grey = read_grey(path)
    detector = cv2.aruco.CharucoDetector(opencv_board(board))
    corners, ids, _, _ = detector.detectBoard(grey)
    criteria = (cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_COUNT, 40, 1e-3)
    corners = cv2.cornerSubPix(grey, corners, (window, window), (-1, -1), criteria)
    return _detection(ids.ravel(), corners.reshape(-1, 2), grey)


def chessboard(path: Path) -> Detection:
    """Corners of OpenCV's sample chessboard, as its calibration sample finds them."""
    grey = read_grey(path)
    found, corners = cv2.findChessboardCorners(grey, (9, 6))
    assert found, path
    criteria = (cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_COUNT, 30, 0.01)
    corners = cv2.cornerSubPix(grey, corners, (11, 11), (-1, -1), criteria)
    return _detection(np.arange(54), corners.reshape(-1, 2), grey)


def read_grey(path: Path) -> np.ndarray:
    """A picture in grey, as it was taken."""
    picture = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    assert picture is not None, path
    return picture


def _detection(ids: np.ndarray, pixels: np.ndarray, grey: np.ndarray) -> Detection:
    order = np.argsort(ids)
    return Detection(
        ids=ids[order].astype(np.int64),
        pixels=pixels[order].astype(np.float64),
        deviation_px=np.full(len(ids), 0.2),
        size=(grey.shape[1], grey.shape[0]),
    )


def microsoft(path: Path) -> Intrinsics:
    """Intrinsics from the YAML of Microsoft's example."""
    file = cv2.FileStorage(str(path), cv2.FILE_STORAGE_READ)
    matrix, lens, size = (file.getNode(name).mat() for name in ("K", "dist", "img_size"))
    file.release()
    assert matrix is not None
    return Intrinsics(
        width=int(np.ravel(size)[0]),
        height=int(np.ravel(size)[1]),
        fx=float(matrix[0, 0]),
        fy=float(matrix[1, 1]),
        cx=float(matrix[0, 2]),
        cy=float(matrix[1, 2]),
        model="rational",
        distortion=tuple(float(value) for value in np.ravel(lens)),
    )
