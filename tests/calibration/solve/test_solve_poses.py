"""Rotations and poses against OpenCV and finite differences."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation
from solver_worlds import BOARD, DEPTH, PHOTO, poses

from idfd.calibration.boards.geometry import corners_mm
from idfd.calibration.projection import project
from idfd.calibration.solve.poses import (
    Pose,
    board_pose,
    inverse_left_jacobian,
    median_pose,
    turn,
)
from idfd.model.camera import Intrinsics

vectors = st.tuples(*[st.floats(-1.7, 1.7)] * 3).map(np.array)


@given(vectors)
@settings(max_examples=50, deadline=None)
def test_turn_is_rodrigues(vector: np.ndarray) -> None:
    np.testing.assert_allclose(turn(vector), cv2.Rodrigues(vector)[0], atol=1e-12)
    np.testing.assert_allclose(turn(np.stack([vector, -vector]))[1], turn(vector).T, atol=1e-12)


@given(vectors, vectors)
@settings(max_examples=50, deadline=None)
def test_inverse_left_jacobian_is_the_slope(vector: np.ndarray, direction: np.ndarray) -> None:
    # OpenCV's Rodrigues rounds small turns to none.
    first = Rotation.from_rotvec(vector)
    step = 1e-6 * direction
    after = (Rotation.from_rotvec(step) * first).as_rotvec()
    expected = inverse_left_jacobian(vector) @ step
    np.testing.assert_allclose(after - first.as_rotvec(), expected, atol=2e-9)


@given(vectors, vectors)
@settings(max_examples=20, deadline=None)
def test_poses_chain_and_invert(vector: np.ndarray, shift: np.ndarray) -> None:
    pose = Pose(turn(vector), 100 * shift)
    points = np.arange(12.0).reshape(4, 3)
    np.testing.assert_allclose(pose.inverse().apply(pose.apply(points)), points, atol=1e-10)
    np.testing.assert_allclose(pose.inverse().after(pose).translation, 0, atol=1e-10)


def test_median_of_poses_passes_over_a_wrong_one() -> None:
    right = Pose(turn(np.array([0.1, -0.2, 0.3])), np.array([30.0, -60.0, 10.0]))
    wrong = Pose(turn(np.array([0.1, 1.2, 0.3])), np.array([300.0, -60.0, 10.0]))
    found = median_pose([right, wrong, right, right])
    np.testing.assert_allclose(found.rotation, right.rotation, atol=1e-12)
    np.testing.assert_allclose(found.translation, right.translation)


@pytest.mark.parametrize("camera", [PHOTO, DEPTH])
def test_pose_of_a_board(camera: Intrinsics) -> None:
    corners = corners_mm(BOARD)
    for pose in poses(3, 5):
        pixels = project(camera, pose.apply(corners))
        found = board_pose(camera, corners, pixels)
        assert found is not None
        np.testing.assert_allclose(found.rotation, pose.rotation, atol=1e-5)
        np.testing.assert_allclose(found.translation, pose.translation, atol=0.01)


def test_corners_on_a_line_give_no_pose() -> None:
    corners = corners_mm(BOARD)[:13]
    pixels = project(PHOTO, poses(0, 1)[0].apply(corners))
    assert board_pose(PHOTO, corners, pixels) is None
