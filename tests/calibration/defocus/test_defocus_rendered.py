"""The fit on ray-traced photos through a thin lens, at the pitch of a 24-megapixel camera."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from idfd.calibration.boards import geometry
from idfd.calibration.defocus.fit import fit_defocus
from idfd.calibration.defocus.model import circle_px
from idfd.calibration.defocus.patches import (
    Patch,
    Photo,
    board_depth_m,
    board_patches,
    plane_patches,
)
from idfd.calibration.defocus.prints import Print
from idfd.calibration.projection import project
from idfd.calibration.solve.poses import Pose
from idfd.capture.simulated.scene.boards import BoardPose, board_scene
from idfd.capture.simulated.world import World
from idfd.model.board import Board

pytest.importorskip("open3d")
pytest.importorskip("numba")

BOARD = Board(columns=8, rows=6)
HELD = (
    BoardPose(0.5, 0.02, 0.02, tilt_deg=15),
    BoardPose(0.65, 0.05, 0.03, turn_deg=20, roll_deg=5),
    BoardPose(1.6, 0.2, -0.1, turn_deg=-15),
    BoardPose(3.0, 0.1, 0.2, tilt_deg=10),
)
SIZE = (224, 208)


def test_rendered_blur_is_predicted(tmp_path: Path) -> None:
    world = World("full", focus_distance_m=0.8, cache=tmp_path)
    camera = world.lens.intrinsics
    printed, corners = Print.of(BOARD), geometry.corners_mm(BOARD)
    patches: list[Patch] = []
    for number, held in enumerate(HELD):
        world.show(board_scene(BOARD, held))
        pose = Pose(held.rotation, 1000 * np.array([held.right_m, held.down_m, held.distance_m]))
        middle = np.rint(project(camera, pose.translation)).astype(int)
        corner = (int(middle[0]) - SIZE[0] // 2, int(middle[1]) - SIZE[1] // 2)
        small, large = (
            Photo(world.photo(f, 0.0025 * f**2, 100, number, (*corner, *SIZE)), f, corner)
            for f in (10.0, 2.8)
        )
        view, depth = str(number), board_depth_m(printed, pose, camera)
        centres = project(camera, pose.apply(corners))
        patches += plane_patches(view, small, large, depth, camera, centres=centres, most=4)
        patches += board_patches(view, small, printed, corners, pose, camera, large=False, most=4)
    fit = fit_defocus(patches, camera, focal_length_mm=14.0)
    assert fit.model.psf == "disk"
    assert fit.model.focus_distance_m == pytest.approx(0.8, rel=0.02)
    assert fit.model.pixel_pitch_um == pytest.approx(world.lens.pixel_pitch_um, rel=1e-3)
    near, far = fit.focus_interval_m
    assert near < 0.8 < far
    assert fit.f_number_interval is not None
    assert fit.f_number_interval[0] < 2.8 < fit.f_number_interval[1]
    for depth_m in (0.5, 0.65, 0.8, 1.0, 1.5, 3.0, 5.0):
        true = float(world.lens.circle_px(np.array(depth_m), 2.8)) / 2
        found = float(circle_px(fit.model, depth_m)) / 2
        assert found == pytest.approx(true, rel=0.05, abs=0.2)
