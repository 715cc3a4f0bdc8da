"""Patches: the ideal print against formulas, depth, places, and what is left out."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from blurred_views import BOARD, CAMERA, FINE, TrueLens, board_light, board_photos, pose_at
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from idfd.calibration.boards import geometry
from idfd.calibration.defocus.patches import (
    Photo,
    board_depth_m,
    board_patches,
    patch_side,
    plane_patches,
)
from idfd.calibration.defocus.prints import (
    SOFTNESS_PX,
    Print,
    draw_print,
    on_board_mm,
    plane_depth_mm,
)
from idfd.calibration.projection import project, unproject
from idfd.calibration.solve.poses import Pose, turn
from idfd.errors import InputError
from idfd.model.board import Board

PRINTED = Print.of(BOARD)
CORNERS = geometry.corners_mm(BOARD)
LENS = TrueLens()


def test_ideal_print_is_the_formula_of_the_chessboard() -> None:
    pose = pose_at(0.7, roll=0.2)
    side = 64
    corner = (1100, 700)
    picture, covered, depth = draw_print(PRINTED, pose, CAMERA, (*corner, side))
    fine = (board_light(pose, corner, (side, side)) > 0.5).astype(np.float32)
    soft = cv2.GaussianBlur(fine, (0, 0), SOFTNESS_PX * FINE)
    expected = soft.reshape(side, FINE, side, FINE).mean((1, 3))
    assert covered.all()
    assert depth == pytest.approx(700)
    inner = np.s_[3:-3, 3:-3]
    assert np.abs(picture - expected)[inner].max() < 0.08  # a twelfth of a pixel at an edge
    assert np.abs(picture - expected)[inner].mean() < 0.006


def test_ideal_print_ends_with_its_paper() -> None:
    pose = pose_at(0.7, roll=0.0)
    right = geometry.size_mm(BOARD)[0] / 2 + BOARD.margin_mm
    edge = project(CAMERA, pose.apply(np.array([[right, 0.0, 0.0]])))[0]
    left = int(edge[0]) - 32
    _, covered, _ = draw_print(PRINTED, pose, CAMERA, (left, 720, 64))
    assert covered[:, :32].all()
    assert not covered[:, 34:].any()


@given(
    st.tuples(*[st.floats(-0.7, 0.7)] * 3),
    st.tuples(st.floats(-300, 300), st.floats(-200, 200), st.floats(400, 4000)),
)
@settings(max_examples=40)
def test_rays_meet_the_board_where_it_is_seen(
    vector: tuple[float, float, float], place: tuple[float, float, float]
) -> None:
    pose = Pose(turn(np.array(vector)), np.array(place))
    points = pose.apply(CORNERS)
    rays = points / points[:, 2:]
    np.testing.assert_allclose(plane_depth_mm(pose, rays), points[:, 2], rtol=1e-9)
    np.testing.assert_allclose(on_board_mm(pose, rays), CORNERS[:, :2], atol=1e-6)


def test_all_kinds_of_boards_can_be_drawn() -> None:
    pose = pose_at(0.8)
    for board in (
        Board(),
        Board(kind="aprilgrid", columns=6, rows=6, square_mm=80, marker_mm=None, gap_ratio=0.3,
              dictionary="DICT_APRILTAG_36h11"),
    ):  # fmt: skip
        picture, covered, _ = draw_print(Print.of(board), pose, CAMERA, (1100, 700, 64))
        assert covered.all()
        assert picture.std() > 0.1


def test_patches_of_a_board_know_their_place_and_depth() -> None:
    pose = Pose(turn(np.array([0.4, -0.3, 0.1])), np.array([20.0, 10.0, 800.0]))
    photo = Photo(np.random.default_rng(0).integers(30, 200, (1504, 2256)).astype(np.uint8), 2.8)
    patches = board_patches("a", photo, PRINTED, CORNERS, pose, CAMERA, large=True, most=9)
    assert len(patches) == 9
    side = patch_side(CAMERA)
    for patch in patches:
        x, y = np.array(patch.pixel) + 0.5
        assert patch.image.shape == (side, side)
        assert patch.reference.shape == (2 * side, 2 * side)
        ray = unproject(CAMERA, np.array(patch.pixel))
        assert patch.depth_m == pytest.approx(float(plane_depth_mm(pose, ray)) / 1000)
        half = side // 2
        raw = photo.image[int(y) - half : int(y) + half, int(x) - half : int(x) + half]
        assert np.corrcoef(patch.image.ravel(), raw.ravel())[0, 1] > 0.95
    gaps = [
        np.abs(np.subtract(a.pixel, b.pixel)).max()
        for i, a in enumerate(patches)
        for b in patches[:i]
    ]
    assert min(gaps) >= side
    assert np.ptp([patch.depth_m for patch in patches]) > 0.05


def test_clipped_pixels_are_left_out() -> None:
    pose = pose_at(0.8)
    small, large, corner = board_photos(LENS, pose, 0)
    burnt = large.image.copy()
    burnt[:, :84] = 255
    patches = board_patches(
        "a", Photo(burnt, 2.8, corner), PRINTED, CORNERS, pose, CAMERA, large=True
    )
    assert patches
    for patch in patches:
        left = int(patch.pixel[0] + 0.5) - patch_side(CAMERA) // 2 - corner[0]
        assert not patch.valid[:, : max(84 - left, 0)].any()
    depth = board_depth_m(PRINTED, pose, CAMERA)
    both = plane_patches("a", Photo(burnt, 10.0, corner), small, depth, CAMERA)
    assert all(patch.pixel[0] > corner[0] + 78 for patch in both)


def test_patches_of_a_pair_stay_on_the_board() -> None:
    pose = pose_at(1.2)
    small, large, _ = board_photos(LENS, pose, 0)
    patches = plane_patches("a", small, large, board_depth_m(PRINTED, pose, CAMERA), CAMERA)
    assert patches
    half = 0.75 * patch_side(CAMERA)
    paper = np.array(geometry.size_mm(BOARD)) / 2 + BOARD.margin_mm
    for patch in patches:
        for sign in (-1, 1):
            ray = unproject(CAMERA, np.array(patch.pixel) + sign * half)
            assert (np.abs(on_board_mm(pose, ray)) < paper).all()
        assert patch.reference_f_number == 10.0


def test_photos_of_a_pair_must_have_one_size() -> None:
    small = Photo(np.zeros((100, 100), np.uint8), 10.0)
    large = Photo(np.zeros((100, 90), np.uint8), 2.8)
    with pytest.raises(InputError, match="100x100 and 90x100"):
        plane_patches("a", small, large, lambda pixels: np.ones(len(pixels)), CAMERA)


def test_nothing_is_cut_from_flat_or_absent_boards() -> None:
    flat = Photo(np.full((1504, 2256), 120, np.uint8), 2.8)
    pose = pose_at(0.8)
    assert board_patches("a", flat, PRINTED, CORNERS, pose, CAMERA, large=True) == []
    away = Pose(pose.rotation, np.array([9000.0, 0, 800]))
    assert board_patches("a", flat, PRINTED, CORNERS, away, CAMERA, large=True) == []


def test_patches_grow_with_the_photo() -> None:
    wide = replace(CAMERA, width=6016, height=4016)
    assert patch_side(replace(CAMERA, width=600, height=400)) == 24
    assert patch_side(wide) == 64
