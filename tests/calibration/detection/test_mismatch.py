from __future__ import annotations

import functools
from typing import Any

import msgspec
import numpy as np
import pytest
from board_views import APRILGRID, CHARUCO, CHESSBOARD, pose, view
from numpy.typing import NDArray

from idfd.calibration.detection.detect import detect
from idfd.errors import InputError
from idfd.model.board import Board

TILTED = ((15.0, -20.0, 8.0), (10.0, -5.0, 700.0))


@functools.cache
def image_of(board: Board) -> NDArray[np.uint8]:
    return np.asarray(view(board, *pose(*TILTED)).image, np.uint8)


def changed(board: Board, **values: Any) -> Board:
    return msgspec.structs.replace(board, **values)


@pytest.mark.parametrize(
    ("shown", "described", "words"),
    [
        (CHARUCO, changed(CHARUCO, dictionary="DICT_5X5_250"), "27 markers of DICT_4X4_50"),
        (CHARUCO, changed(CHARUCO, columns=10), "as on a board 9 squares wide. Expected 10 x 6"),
        (CHARUCO, changed(CHARUCO, columns=8), "as on a board 9 squares wide. Expected 8 x 6"),
        (CHARUCO, changed(CHARUCO, rows=4), "markers 18 to 26 .* Expected markers 0 to 17"),
        (CHARUCO, changed(CHARUCO, legacy=True), "with 'legacy' false. Expected true"),
        (CHARUCO, changed(CHARUCO, first_id=6), "markers 0 to 5 are seen beside"),
        (CHARUCO, APRILGRID, "27 markers of DICT_4X4_50"),
        (APRILGRID, changed(APRILGRID, gap_ratio=0.25), "Expected gaps of 0.25"),
        (APRILGRID, changed(APRILGRID, columns=5), "24 markers .* not as they lie on the board"),
        (APRILGRID, CHARUCO, "markers of DICT_APRILTAG_36h11"),
        (CHESSBOARD, CHARUCO, "no board is seen"),
        (CHESSBOARD, changed(CHESSBOARD, columns=9), "about .* squares|more squares"),
        (CHESSBOARD, changed(CHESSBOARD, columns=11), "about .* squares"),
    ],
)
def test_another_board_is_named(shown: Board, described: Board, words: str) -> None:
    with pytest.raises(InputError, match=words) as caught:
        detect(image_of(shown), described, where="a.jpg")
    assert str(caught.value).startswith("a.jpg: ")
    assert caught.value.remedy is not None


@pytest.mark.parametrize("board", [CHARUCO, APRILGRID], ids=lambda b: b.kind)
def test_a_mirrored_board_is_named(board: Board) -> None:
    with pytest.raises(InputError, match="the board is mirrored"):
        detect(np.ascontiguousarray(image_of(board)[:, ::-1]), board)


@pytest.mark.parametrize("described", [28.0, 32.0])
def test_markers_of_another_size_are_named(described: float) -> None:
    near = view(CHARUCO, *pose((15, -10, 8), (0, 0, 430)))
    assert len(detect(near.image, CHARUCO).ids) == 40
    with pytest.raises(InputError, match=rf"measure (29|30).* mm where .* {described:g} mm"):
        detect(near.image, changed(CHARUCO, marker_mm=described))


def test_blurred_markers_are_not_taken_for_smaller_ones() -> None:
    seen = view(CHARUCO, *pose((10, 10, 0), (0, 0, 520)), disk_px=9)
    assert len(detect(seen.image, CHARUCO).ids) == 40


FLAT = np.full((600, 900), 100, np.uint8)
NOISE = np.random.default_rng(0).integers(0, 255, (600, 900), np.uint8)


@pytest.mark.parametrize(
    ("image", "board", "words"),
    [
        (FLAT, CHARUCO, "differ by 0.0 % only"),
        (FLAT, CHESSBOARD, "differ by 0.0 % only"),
        (view(CHARUCO, *pose(*TILTED), disk_px=30).image, CHARUCO, "sharpest edges are about"),
        (view(CHARUCO, *pose((0, 0, 0), (0, 0, 2500))).image, CHARUCO, "pixels wide|can be read"),
        (NOISE, CHARUCO, "no board is seen"),
    ],
    ids=["flat", "flat-chessboard", "blurred", "small", "noise"],
)
def test_pictures_that_show_too_little_say_so(
    image: NDArray[np.uint8], board: Board, words: str
) -> None:
    with pytest.raises(InputError, match=words):
        detect(image, board)


def test_part_of_a_larger_chessboard_is_refused() -> None:
    seen = image_of(CHESSBOARD).copy()
    described = changed(CHESSBOARD, columns=8, rows=5)
    with pytest.raises(InputError, match="squares"):
        detect(seen, described)
