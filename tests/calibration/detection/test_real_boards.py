"""Real photographs: the Azure Kinect's board in colour and infrared, and OpenCV's stereo set."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from idfd.calibration.boards.geometry import corners_mm, opencv_board
from idfd.calibration.detection.detect import detect
from idfd.calibration.views import Detection
from idfd.model.board import Board
from idfd.storage.images import decode_image

CHESSBOARD = Board(
    kind="chessboard", columns=10, rows=7, square_mm=1, marker_mm=None, dictionary=None
)


def read(path: Path) -> NDArray[Any]:
    return decode_image(path.read_bytes(), path, cv2.IMREAD_GRAYSCALE | cv2.IMREAD_ANYDEPTH)


def rms(found: list[Detection], board: Board, flags: int) -> tuple[float, np.ndarray]:
    """Residual and camera matrix of OpenCV's calibration on these corners."""
    corners = corners_mm(board).astype(np.float32)
    objects = [corners[one.ids] for one in found]
    pixels = [one.pixels.astype(np.float32) for one in found]
    error, matrix, *_ = cv2.calibrateCamera(
        objects, pixels, found[0].size, np.eye(3), np.zeros(14 if flags else 5), flags=flags
    )
    return error, np.asarray(matrix)


@pytest.mark.real
def test_azure_kinect_colour(real_data: Path) -> None:
    board = Board()
    folder = real_data / "calib" / "azure_kinect_charuco" / "example_files" / "calibration"
    peer = cv2.aruco.CharucoDetector(opencv_board(board))
    found, shared = [], []
    for path in sorted(folder.glob("color-*.jpg")):
        image = read(path)
        one = detect(image, board, where=path)
        theirs = set(np.ravel(peer.detectBoard(image)[1]).tolist())
        assert set(one.ids.tolist()) >= theirs
        both = np.isin(one.ids, list(theirs))
        shared.append(Detection(one.ids[both], one.pixels[both], one.deviation_px[both], one.size))
        found.append(one)
    assert sum(len(one.ids) for one in found) > 960
    # OpenCV's own corners leave 0.401 px.
    error, matrix = rms(shared, board, cv2.CALIB_RATIONAL_MODEL)
    assert error < 0.38
    assert matrix[0, 0] == pytest.approx(1960.95, rel=1e-3)
    assert matrix[1, 1] == pytest.approx(1960.94, rel=1e-3)
    assert np.abs(matrix[:2, 2] - (2053.05, 1556.20)).max() < 5
    # The rest lies so far out that the lens model is strained: no reason to leave it out.
    assert rms(found, board, cv2.CALIB_RATIONAL_MODEL)[0] < 0.45


@pytest.mark.real
def test_passive_infrared(real_data: Path) -> None:
    path = real_data / "calib/azure_kinect_charuco/example_files/registration/ir-0.png"
    found = detect(read(path), Board(), where=path)
    assert len(found.ids) == 104
    assert np.median(found.deviation_px) < 0.05


@pytest.mark.real
def test_stereo_chessboard(real_data: Path) -> None:
    # The manifest's 0.408 and 0.458 px are those of OpenCV's corners.
    for side, limit in (("left", 0.18), ("right", 0.18)):
        paths = sorted((real_data / "calib" / "opencv_stereo").glob(f"{side}[0-9]*.jpg"))
        assert len(paths) == 13
        found = [detect(read(path), CHESSBOARD, where=path) for path in paths]
        assert all(len(one.ids) == 54 for one in found)
        assert rms(found, CHESSBOARD, 0)[0] < limit
