from __future__ import annotations

import msgspec
import numpy as np
import pytest
from board_views import APRILGRID, CAMERA, CHARUCO, CHESSBOARD, pose, view
from hypothesis import given, settings
from hypothesis import strategies as st

from idfd.calibration.detection.detect import detect
from idfd.errors import InputError
from idfd.model.board import Board
from idfd.model.camera import Intrinsics

INFRARED = Intrinsics(
    width=640,
    height=576,
    fx=505,
    fy=505,
    cx=322,
    cy=330,
    model="rational",
    distortion=(0.4, -2.5, 0, 0, 1.5, 0.3, -2.3, 1.4),
)
NEAR = pose((15, -20, 10), (0, 0, 700))


@pytest.mark.parametrize("board", [CHARUCO, CHESSBOARD, APRILGRID], ids=lambda b: b.kind)
def test_all_corners_of_a_board_are_found(board: Board) -> None:
    seen = view(board, *NEAR)
    found = detect(seen.image, board)
    assert np.array_equal(found.ids, np.arange(len(seen.corners)))
    assert np.abs(found.pixels - seen.corners).max() < 0.06
    assert found.pixels.dtype == found.deviation_px.dtype == np.float64


@settings(max_examples=10, deadline=None, derandomize=True)
@given(turn=st.floats(-180, 180), x=st.floats(-250, 250), y=st.floats(-170, 170))
def test_a_board_that_leaves_the_image_gives_what_is_left_of_it(
    turn: float, x: float, y: float
) -> None:
    seen = view(CHARUCO, *pose((10, 15, turn), (x, y, 600)))
    found = detect(seen.image, CHARUCO)
    size = np.array([CAMERA.width, CAMERA.height])
    well_inside = ((seen.corners > 16) & (seen.corners < size - 17)).all(axis=1)
    assert set(found.ids) >= set(np.flatnonzero(well_inside))
    assert np.abs(found.pixels - seen.corners[found.ids]).max() < 0.08


def test_covered_and_overexposed_corners_are_left_out() -> None:
    seen = view(CHARUCO, *NEAR)
    image = seen.image.copy()
    x, y = np.rint(seen.corners[20]).astype(int)
    image[y - 60 : y + 5, x - 60 : x + 60] = 180
    image[y + 5 :, : x - 100] = 255
    found = detect(image, CHARUCO)
    assert 12 < len(found.ids) < 36
    assert 20 not in found.ids
    assert np.abs(found.pixels - seen.corners[found.ids]).max() < 0.1


@pytest.mark.parametrize("far", [600, 1000, 1500])
def test_dark_infrared_images_of_small_boards_are_read(far: float) -> None:
    clean = view(CHARUCO, *pose((12, -15, 5), (0, 0, far)), camera=INFRARED, noise=0)
    x, y = np.meshgrid(np.arange(640), np.arange(576))
    lamp = np.clip(1 - ((x - 322) ** 2 + (y - 290) ** 2) / 340**2, 0.02, 1)
    counts = np.random.default_rng(0).normal(clean.image * lamp * 2, 2.0)
    found = detect(np.clip(counts, 0, None).astype(np.uint16), CHARUCO)
    error = found.pixels - clean.corners[found.ids]
    assert len(found.ids) == 40
    assert np.sqrt(np.mean(error**2)) < 0.04


@pytest.mark.parametrize("turn", [0, 70, 180, -110])
def test_the_colours_tell_which_way_up_a_chessboard_is(turn: float) -> None:
    seen = view(CHESSBOARD, *pose((10, 10, turn), (0, 0, 900)))
    found = detect(seen.image, CHESSBOARD)
    assert np.abs(found.pixels - seen.corners).max() < 0.1


@pytest.mark.parametrize(("columns", "rows"), [(9, 7), (8, 6), (7, 7), (6, 6)])
def test_boards_that_look_the_same_upside_down_begin_at_the_upper_left(
    columns: int, rows: int
) -> None:
    board = msgspec.structs.replace(CHESSBOARD, columns=columns, rows=rows)
    upright = view(board, *pose((10, 10, 15), (0, 0, 800)))
    found = detect(upright.image, board)
    assert np.abs(found.pixels - upright.corners).max() < 0.1
    turned = view(board, *pose((10, 10, 195), (0, 0, 800)))
    found = detect(turned.image, board)
    assert np.abs(found.pixels - turned.corners[::-1]).max() < 0.1


def test_the_dictionary_may_be_a_longer_one_of_its_family() -> None:
    longer = msgspec.structs.replace(CHARUCO, dictionary="DICT_4X4_250")
    assert len(detect(view(CHARUCO, *NEAR).image, longer).ids) == 40


def test_large_images_are_searched_in_small() -> None:
    camera = msgspec.structs.replace(
        CAMERA, width=1800, height=1200, fx=1360, fy=1360, cx=894.6, cy=604.2
    )
    seen = view(CHARUCO, *pose((20, 10, 5), (60, 20, 900)), camera=camera, blur_px=1.5)
    found = detect(seen.image, CHARUCO)
    assert len(found.ids) == 40
    assert np.abs(found.pixels - seen.corners).max() < 0.03
    # So far away that the first reduced picture does not show the bits.
    seen = view(CHARUCO, *pose((20, 10, 5), (60, 20, 2200)), camera=camera)
    found = detect(seen.image, CHARUCO)
    assert len(found.ids) == 40
    assert np.abs(found.pixels - seen.corners).max() < 0.15


@pytest.mark.parametrize(
    ("image", "words"),
    [
        (np.zeros((80, 90, 3), np.uint8), "uint8 of shape"),
        (np.zeros((80, 90), np.float32), "float32"),
        (np.zeros((80, 20), np.uint8), "20x80 pixels"),
    ],
)
def test_other_arrays_are_refused(image: np.ndarray, words: str) -> None:
    with pytest.raises(InputError, match=words):
        detect(image, CHARUCO, where="a.png")
