from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scene_views import View

from idfd.calibration.boards.files import PRESETS
from idfd.calibration.boards.geometry import corners_mm
from idfd.capture.simulated.scene.boards import (
    BLACK,
    WHITE,
    BoardPose,
    board_scene,
    plane_scene,
    point_grid,
)
from idfd.capture.simulated.scene.model import SceneModel, Surface
from idfd.model.board import Board

CHESS = Board(
    kind="chessboard", columns=10, rows=7, square_mm=25.0, marker_mm=None, dictionary=None,
    margin_mm=12.5,
)  # fmt: skip
CORNERS_M = corners_mm(CHESS) / 1000
degrees = st.floats(-40, 40)


def in_camera(scene: SceneModel, points: np.ndarray) -> np.ndarray:
    return np.asarray(points, np.float64) @ scene.pose.rotation.T + scene.pose.translation


def texel(surface: Surface, place: np.ndarray) -> np.ndarray:
    """Texture coordinates of a point on a flat surface, in texels."""
    corner = surface.vertices[surface.triangles[0]].astype(np.float64)
    edges = np.stack([corner[1] - corner[0], corner[2] - corner[0]], 1)
    share, *_ = np.linalg.lstsq(edges, place - corner[0], rcond=None)
    uv = surface.uv[0].astype(np.float64)
    height, width = surface.texture.shape[:2]
    return (uv[0] + share @ (uv[1:] - uv[0])) * [width, height]


@settings(max_examples=25, deadline=None)
@given(degrees, degrees, st.floats(-180, 180), st.floats(0.3, 3), st.floats(-0.3, 0.3))
def test_the_board_lies_where_its_pose_says(
    tilt: float, turn: float, roll: float, distance: float, right: float
) -> None:
    pose = BoardPose(distance, right, -0.1, tilt, turn, roll)
    scene = board_scene(CHESS, pose, wall_m=5)
    board = scene.surfaces[0]
    assert board.name == "board"
    square = CHESS.square_mm / 1000
    margin = CHESS.margin_mm / 1000
    half = np.array([CHESS.columns, CHESS.rows]) * square / 2 + margin
    outline = np.array([(x, y, 0) for y in (-half[1], half[1]) for x in (-half[0], half[0])])
    np.testing.assert_allclose(in_camera(scene, board.vertices), pose.to_camera(outline), atol=1e-6)
    # Straight lines between neighbouring corners keep the true scale.
    corners = pose.to_camera(CORNERS_M).reshape(CHESS.rows - 1, CHESS.columns - 1, 3)
    np.testing.assert_allclose(np.linalg.norm(np.diff(corners, axis=1), axis=2), square, atol=1e-12)


def test_the_wall_is_behind_a_tilted_board_and_toner_is_dark_in_the_infrared() -> None:
    pose = BoardPose(2.5, tilt_deg=40, turn_deg=-40)
    board, wall = board_scene(CHESS, pose).surfaces
    assert board.toner
    assert not wall.toner
    scene = board_scene(CHESS, pose)
    assert (
        in_camera(scene, wall.vertices)[:, 2].min() > in_camera(scene, board.vertices)[:, 2].max()
    )


@pytest.mark.parametrize("kind", ["charuco", "aprilgrid"])
def test_margins_that_are_no_whole_pixels_keep_the_scale(kind: str) -> None:
    board = Board(margin_mm=7.77)
    if kind == "aprilgrid":
        board = PRESETS["kalibr"]
    scene = board_scene(board, BoardPose(1.0))
    surface = scene.surfaces[0]
    corner = BoardPose(1.0).to_camera(corners_mm(board)[0] / 1000)
    u, v = texel(surface, (corner - scene.pose.translation) @ scene.pose.rotation)
    assert u == pytest.approx(round(u), abs=0.01)
    assert v == pytest.approx(round(v), abs=0.01)


def test_corners_lie_between_the_squares_of_the_texture() -> None:
    pose = BoardPose(0.7, 0.1, 0.05, 20, -30, 15)
    scene = board_scene(CHESS, pose)
    board = scene.surfaces[0]
    for corner in CORNERS_M[::11]:
        camera = pose.to_camera(corner)
        world = (camera - scene.pose.translation) @ scene.pose.rotation
        u, v = texel(board, world)
        assert u == pytest.approx(round(u), abs=0.01)
        assert v == pytest.approx(round(v), abs=0.01)
        x, y = round(u), round(v)
        around = board.texture[y - 9 : y + 9, x - 9 : x + 9, 0]
        assert around[0, 0] == around[-1, -1] != around[0, -1]
        assert set(np.unique(around)) == {np.float32(BLACK), np.float32(WHITE)}


def test_turns_go_the_way_they_are_described() -> None:
    up, right = np.array([0, -0.1, 0]), np.array([0.1, 0, 0])
    assert BoardPose(1.0, tilt_deg=20).to_camera(up)[2] < 1
    assert BoardPose(1.0, turn_deg=20).to_camera(right)[2] > 1
    assert BoardPose(1.0, roll_deg=20).to_camera(right)[1] > 0


@pytest.mark.parametrize("distance", [0.4, 1.0, 3.7])
def test_a_plane_lies_at_its_depth_and_fills_the_view(distance: float) -> None:
    depth, _ = View(plane_scene(distance)).picture(90)
    np.testing.assert_allclose(depth, distance, atol=1e-6)


def test_the_board_hides_the_wall() -> None:
    depth, surface = View(board_scene(Board(), BoardPose(0.5), wall_m=2.5)).picture(240)
    assert np.allclose(depth[surface == 0], 0.5, atol=1e-6)
    assert np.allclose(depth[surface == 1], 2.5, atol=1e-6)
    # 0.6 m by 0.4 m at 0.5 m before a 14 mm lens.
    assert (surface == 0).mean() == pytest.approx(0.6 * 0.4 / (36 / 28 * 24 / 28), rel=0.03)


@pytest.mark.parametrize(("distance", "diameter"), [(0.4, 1e-3), (0.4, 2e-4), (6.0, 2e-4)])
def test_points_of_light_lie_on_their_grid(distance: float, diameter: float) -> None:
    scene = point_grid(distance, columns=3, rows=2, spacing=0.2, diameter=diameter)
    glow = scene.surfaces[0]
    assert glow.emission > 0
    assert max(scene.ambient) == 0
    assert len(scene.lights) == 0
    seen = in_camera(scene, glow.vertices[glow.triangles])
    np.testing.assert_allclose(seen[..., 2], distance, atol=1e-6)
    middles = seen.reshape(6, -1, 3).mean(1)[:, :2] / distance
    grid = [(x, y) for y in (-0.1, 0.1) for x in (-0.2, 0.0, 0.2)]
    np.testing.assert_allclose(middles, grid, atol=2e-6)
    edges = seen[:, 1:] - seen[:, :1]
    area = np.linalg.norm(np.cross(edges[:, 0], edges[:, 1]), axis=1).sum() / 2 / 6
    assert area == pytest.approx(np.pi / 4 * (diameter * distance) ** 2, rel=5e-3)
    assert (np.cross(edges[:, 0], edges[:, 1])[:, 2] < 0).all()
