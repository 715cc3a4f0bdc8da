"""Corners and ink of boards against OpenCV's own boards and Kalibr's rules."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rendered_boards import BOARDS, detect, measured_mm

from idfd.calibration.boards import geometry
from idfd.calibration.boards.files import PRESETS
from idfd.errors import InputError
from idfd.model.board import Board

CHARUCO = [name for name in BOARDS if name.startswith("charuco")]


@pytest.mark.parametrize("name", CHARUCO)
def test_charuco_corners_are_those_of_opencv(name: str) -> None:
    board = BOARDS[name]
    theirs = np.array(geometry.opencv_board(board).getChessboardCorners(), np.float64)
    width, height = geometry.size_mm(board)
    assert np.allclose(theirs - (width / 2, height / 2, 0), geometry.corners_mm(board), atol=1e-5)


@pytest.mark.parametrize("name", CHARUCO)
def test_charuco_print_is_that_of_opencv(name: str) -> None:
    board = BOARDS[name]
    picture = geometry.picture(board)
    margin = round(board.margin_mm * geometry.pixels_per_mm(board))
    inner = picture[margin:-margin, margin:-margin]
    theirs = geometry.opencv_board(board).generateImage(inner.shape[::-1], marginSize=0)
    assert np.array_equal(inner, theirs)
    edge = picture.copy()
    edge[margin:-margin, margin:-margin] = 255
    assert edge.min() == 255


def test_a_chessboard_begins_black_at_the_upper_left() -> None:
    board = BOARDS["chessboard"]
    picture = geometry.picture(board)
    rate = geometry.pixels_per_mm(board)
    middle = np.array(picture.shape) / 2
    row, column = np.mgrid[: board.rows, : board.columns]
    place = (np.stack([row, column], -1) + 0.5) * board.square_mm
    at = place - np.array(geometry.size_mm(board))[::-1] / 2
    y, x = np.moveaxis((at * rate + middle).astype(int), -1, 0)
    assert np.array_equal(picture[y, x], np.where((row + column) % 2, 255, 0))


@settings(max_examples=25, deadline=None)
@given(
    name=st.sampled_from([name for name in BOARDS if name != "aprilgrid"]),
    columns=st.integers(3, 7),
    rows=st.integers(3, 7),
    square=st.sampled_from([10.0, 17.5, 40.0]),
)
def test_every_inner_corner_is_a_crossing_between_four_pixels(
    name: str, columns: int, rows: int, square: float
) -> None:
    kind = BOARDS[name]
    board = Board(
        kind=kind.kind,
        columns=columns,
        rows=rows,
        square_mm=square,
        marker_mm=None if kind.marker_mm is None else square * 0.6,
        dictionary=kind.dictionary,
        legacy=kind.legacy,
    )
    picture = geometry.picture(board, 1.0)
    corners = geometry.corners_mm(board)
    assert corners.shape == ((columns - 1) * (rows - 1), 3)
    assert np.abs(corners.mean(0)).max() < 1e-9
    at = corners[:, :2] * geometry.pixels_per_mm(board, 1.0) + np.array(picture.shape[::-1]) / 2
    assert np.abs(at - at.round()).max() < 1e-6
    x, y = at.round().astype(int).T
    around = np.stack([picture[y - 1, x - 1], picture[y - 1, x], picture[y, x - 1], picture[y, x]])
    assert np.array_equal(around[0], around[3])
    assert np.array_equal(around[1], around[2])
    assert np.array_equal(around[0], 255 - around[1])


@settings(max_examples=20, deadline=None)
@given(st.integers(2, 5), st.integers(2, 5), st.sampled_from([0.2, 0.25, 0.3, 0.5]))
def test_aprilgrid_corners_are_kalibrs(columns: int, rows: int, gap: float) -> None:
    """Kalibr numbers corners as a grid from the lower left, y up, from the first tag's corner."""
    board = Board(
        kind="aprilgrid",
        columns=columns,
        rows=rows,
        square_mm=40.0,
        marker_mm=None,
        gap_ratio=gap,
        dictionary="DICT_APRILTAG_36h11",
    )
    r, c = np.mgrid[: 2 * rows, : 2 * columns]
    theirs = np.stack(
        [
            (c // 2) * (1 + gap) * 40.0 + (c % 2) * 40.0,
            -((r // 2) * (1 + gap) * 40.0 + (r % 2) * 40.0),
        ],
        -1,
    ).reshape(-1, 2)
    theirs -= theirs.mean(0)
    ours = geometry.corners_mm(board)[:, :2]
    tag = np.arange(columns * rows)
    # Kalibr's number of the lower left corner of each tag.
    base = tag // columns * columns * 4 + tag % columns * 2
    for k, kalibr in enumerate([base + 1, base, base + 2 * columns, base + 2 * columns + 1]):
        assert np.allclose(ours[k::4], theirs[kalibr])


def test_aprilgrid_prints_the_code_words_upright() -> None:
    """The first code of tag36h11, 0xd5d628584, row by row from its highest bit, white for 1."""
    board = PRESETS["kalibr"]
    picture = geometry.picture(board)
    rate = geometry.pixels_per_mm(board)
    corners = geometry.corners_mm(board)[:4, :2] * rate + np.array(picture.shape[::-1]) / 2
    left, upper = corners.min(0)
    bit = board.square_mm / 10 * rate
    centre = (np.arange(10) + 0.5) * bit
    tag = picture[np.ix_((upper + centre).astype(int), (left + centre).astype(int))] > 0
    word = [0xD5D628584 >> (35 - i) & 1 for i in range(36)]
    expected = np.pad(np.array(word, bool).reshape(6, 6), 2)
    assert np.array_equal(tag, expected)
    # The squares that touch the tag's corners.
    around = picture[np.ix_((int(upper - bit), int(upper + 11 * bit)), (int(left - bit),))]
    assert around.max() == 0


@pytest.mark.parametrize("name", BOARDS)
def test_opencv_finds_every_corner_of_the_picture_where_it_is(name: str) -> None:
    board = BOARDS[name]
    picture = geometry.picture(board)
    mm = np.full(2, 1 / geometry.pixels_per_mm(board))
    found = measured_mm(picture, mm, board) - np.array(picture.shape[::-1]) * mm / 2
    assert np.abs(found - geometry.corners_mm(board)[:, :2]).max() < 0.02


def test_a_legacy_board_of_even_rows_is_another_board() -> None:
    drawn = geometry.picture(BOARDS["charuco, legacy"])
    assert len(detect(drawn, BOARDS["charuco, legacy"])) == 30
    assert len(detect(drawn, BOARDS["charuco, even rows"])) == 0


def test_markers_are_numbered_from_the_first() -> None:
    assert geometry.marker_ids(BOARDS["charuco, even rows"]).tolist() == list(range(5, 26))
    assert geometry.marker_ids(BOARDS["aprilgrid"]).tolist() == list(range(2, 14))
    assert geometry.marker_ids(BOARDS["chessboard"]).size == 0
    assert geometry.border_bits(BOARDS["aprilgrid"]) == 2
    assert geometry.border_bits(BOARDS["charuco, even rows"]) == 1


@pytest.mark.parametrize("name", BOARDS)
def test_ink_does_not_overlap(name: str) -> None:
    board = BOARDS[name]
    left, upper, right, lower = geometry.ink_mm(board).T
    rate = geometry.pixels_per_mm(board)
    margin = 2 * round(board.margin_mm * rate)
    picture = geometry.picture(board)
    assert (
        picture.shape
        == tuple(round(side * rate) + margin for side in geometry.size_mm(board))[::-1]
    )
    area = ((right - left) * (lower - upper)).sum() * rate**2
    assert area == pytest.approx(np.count_nonzero(picture == 0), rel=1e-9)


@pytest.mark.parametrize(
    ("board", "words"),
    [
        (Board(dictionary="DICT_5x5_250"), "Did you mean 'DICT_5X5_250'"),
        (Board(dictionary="getPredefinedDictionary"), "no marker dictionary"),
        (Board(dictionary="DICT_4X4_50"), "markers 0 to 62, DICT_4X4_50 has 50"),
        (Board(first_id=200), "markers 200 to 262, DICT_5X5_250 has 250"),
        (
            Board(kind="aprilgrid", gap_ratio=0.3, marker_mm=None),
            "Expected DICT_APRILTAG_36h11",
        ),
        (Board(square_mm=40.0, marker_mm=29.9999), "in a simple ratio"),
    ],
)
def test_a_board_that_cannot_be_drawn(board: Board, words: str) -> None:
    with pytest.raises(InputError, match=words):
        geometry.picture(board)


def test_the_dictionary_has_the_words_that_opencv_draws() -> None:
    board = Board(dictionary="DICT_APRILTAG_36h11")
    assert geometry.dictionary(board).markerSize == 6
    assert cv2.aruco.generateImageMarker(geometry.dictionary(board), 0, 8).shape == (8, 8)
