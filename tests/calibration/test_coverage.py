from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from idfd.calibration.boards.geometry import corners_mm
from idfd.calibration.coverage import ADVISED, GRID, REQUIRED, coverage, rough_pose
from idfd.calibration.views import Detection
from idfd.model.board import Board

BOARD = Board(columns=9, rows=6)
WIDTH, HEIGHT, FOCAL = 1200, 800, 600.0
EDGES = ("left edge", "right edge", "upper edge", "lower edge")


def rotation(upper_away_deg: float, left_away_deg: float, roll_deg: float = 0.0) -> np.ndarray:
    """Of a board that is tilted as said, from its frame to the camera's."""
    turns = np.radians([upper_away_deg, left_away_deg, roll_deg])
    about_x, about_y, about_z = (
        cv2.Rodrigues(turn * axis)[0] for turn, axis in zip(turns, np.eye(3), strict=True)
    )
    # About x (y down, z forward) a positive turn brings the lower edge, +y, forward: away.
    return about_x.T @ about_y @ about_z


def seen(
    upper_away: float = 0.0,
    left_away: float = 0.0,
    middle: tuple[float, float] = (0.0, 0.0),
    distance_mm: float = 800.0,
    roll: float = 0.0,
) -> Detection:
    """A board whose middle is at a place of the picture, from -1 to 1 in both directions."""
    x = middle[0] * WIDTH / 2 / FOCAL * distance_mm
    y = middle[1] * HEIGHT / 2 / FOCAL * distance_mm
    points = corners_mm(BOARD) @ rotation(upper_away, left_away, roll).T + (x, y, distance_mm)
    pixels = points[:, :2] / points[:, 2:] * FOCAL + ((WIDTH - 1) / 2, (HEIGHT - 1) / 2)
    inside = ((pixels >= 0) & (pixels <= (WIDTH - 1, HEIGHT - 1))).all(axis=1)
    ids = np.flatnonzero(inside).astype(np.int64)
    return Detection(ids, pixels[inside], np.full(len(ids), 0.05), (WIDTH, HEIGHT))


def good_views() -> list[Detection]:
    """What the guide asks for."""
    places = [(x, y) for x in (-0.6, 0.0, 0.6) for y in (-0.5, 0.0, 0.5)]
    tilts = [(25, 0), (-25, 0), (0, 25), (0, -25)]
    return [
        seen(*tilts[k % 4], middle=places[k % 9], distance_mm=450 if k % 3 else 1200)
        for k in range(16)
    ]


@settings(max_examples=60, deadline=None)
@given(
    st.floats(-40, 40), st.floats(-40, 40), st.floats(-180, 180), st.floats(400, 3000),
    st.tuples(st.floats(-0.3, 0.3), st.floats(-0.3, 0.3)),
)  # fmt: skip
def test_the_rough_pose_of_exact_corners_is_exact(
    upper: float, left: float, roll: float, distance: float, middle: tuple[float, float]
) -> None:
    view = seen(upper, left, middle, distance, roll)
    if len(view.ids) < 12:
        return
    pose = rough_pose(corners_mm(BOARD)[view.ids, :2], view, FOCAL)
    assert pose is not None
    x, y = middle
    place = (x * WIDTH / 2 / FOCAL, y * HEIGHT / 2 / FOCAL, 1)
    np.testing.assert_allclose(pose.place_mm, distance * np.array(place), rtol=1e-4, atol=0.05)
    normal = rotation(upper, left, roll)[:, 2]
    expected = np.degrees(np.arctan2(normal[[1, 0]], normal[2]))
    np.testing.assert_allclose(pose.tilt_deg, expected, atol=0.02)


def test_a_wrong_focal_length_changes_the_advice_little() -> None:
    views = good_views()
    for factor in (0.8, 1.25):
        found = coverage(views, BOARD, factor * FOCAL)
        truth = coverage(views, BOARD, FOCAL)
        assert np.abs(found.tilts_deg - truth.tilts_deg).max() < 8
        assert found.enough


def test_what_the_guide_asks_for_is_enough() -> None:
    found = coverage(good_views(), BOARD, FOCAL)
    assert found.missing == ()
    assert found.enough
    assert found.next_step == "That is enough."
    assert found.views == 16
    assert found.share == 1
    assert found.cells.shape == GRID


def test_edges_are_named_as_the_operator_sees_them() -> None:
    # The left edge is away, so its corners are farther.
    view = seen(left_away=30)
    board = corners_mm(BOARD) @ rotation(0, 30).T
    assert board[0, 2] > board[BOARD.columns - 2, 2]
    found = coverage([view] * 2, BOARD, FOCAL)
    assert found.tilts_deg[0] == pytest.approx([0, 30], abs=0.01)
    missing = " ".join(found.missing)
    assert "left edge" not in missing
    assert any(edge in missing for edge in EDGES[1:])
    upper = coverage([seen(upper_away=30)], BOARD, FOCAL).tilts_deg[0]
    assert upper == pytest.approx([30, 0], abs=0.01)
    far = corners_mm(BOARD) @ rotation(30, 0).T
    assert far[0, 2] > far[-1, 2]


@pytest.mark.parametrize(
    ("views", "said"),
    [
        ([seen(0, 0, (x, y), d) for x in (-0.5, 0.5) for y in (-0.5, 0.5) for d in (500, 900)],
         "tilted 20 to 45 degrees away"),
        ([seen(20, 20, (x, 0)) for x in (-0.5, -0.2, 0, 0.3, 0.5, 0.6)], "views nearer"),
        ([seen(20, 20, (0.1, y), 350) for y in (-0.5, -0.2, 0, 0.3, 0.5, 0.6)], "views farther"),
        ([seen(20, 20, (-0.5, -0.5), d) for d in (900, 1200, 1500, 2000, 2500)], "corner"),
        (good_views()[:3], "2 more views"),
        ([], "5 more views"),
    ],
    ids=["frontal", "one distance", "one short distance", "one corner", "too few", "none"],
)  # fmt: skip
def test_degenerate_sets_are_refused_with_what_to_add(views: list[Detection], said: str) -> None:
    found = coverage(views, BOARD, FOCAL, REQUIRED)
    assert not found.enough
    assert any(said in text for text in found.missing), found.missing
    assert found.next_step.startswith("Hold the board")


def test_the_empty_corner_is_asked_for() -> None:
    places = [(x, y) for x in (-0.6, 0.0, 0.6) for y in (-0.6, 0.0, 0.6) if (x, y) != (0.6, -0.6)]
    found = coverage([seen(20, 20, place, 1600) for place in places], BOARD, FOCAL)
    assert found.share < ADVISED.cells
    assert "upper right corner of the picture" in found.next_step


def test_a_set_tilted_one_way_only_is_enough_to_solve_but_not_to_stop() -> None:
    views = [seen(20, 20, (x, y), d) for x in (-0.4, 0.4) for y in (-0.3, 0.3) for d in (600, 900)]
    assert coverage(views, BOARD, FOCAL, REQUIRED).enough
    assert not coverage(views, BOARD, FOCAL, ADVISED).enough


def test_corners_on_a_line_give_no_pose() -> None:
    view = seen()
    row = view.ids < BOARD.columns - 1
    line = Detection(view.ids[row], view.pixels[row], view.deviation_px[row], view.size)
    found = coverage([line], BOARD, FOCAL)
    assert found.views == 0
    assert found.cells.sum() > 0
    few = Detection(view.ids[:5], view.pixels[:5], view.deviation_px[:5], view.size)
    assert coverage([few], BOARD, FOCAL).views == 0


@pytest.mark.real
@pytest.mark.parametrize("side", ["left", "right"])
def test_a_set_of_real_photos_that_is_known_to_calibrate_is_not_refused(
    real_data: Path, side: str
) -> None:
    columns, rows = 9, 6
    board = Board(
        kind="chessboard", columns=10, rows=7, square_mm=25, marker_mm=None, dictionary=None
    )
    views = []
    for path in sorted((real_data / "calib/opencv_stereo").glob(f"{side}[0-9]*.jpg")):
        image = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
        assert image is not None
        ok, corners = cv2.findChessboardCorners(image, (columns, rows))
        assert ok
        pixels = np.asarray(corners, np.float64).reshape(-1, 2)
        ids = np.arange(len(pixels), dtype=np.int64)
        views.append(Detection(ids, pixels, np.full(len(ids), 0.2), (640, 480)))
    found = coverage(views, board, 536, REQUIRED)
    assert found.views == 13
    assert found.enough, found.missing
