"""The poses of a simulated board session are those of a good operator."""

from __future__ import annotations

import numpy as np
import pytest

from idfd.calibration.boards.files import PRESETS
from idfd.calibration.boards.geometry import corners_mm
from idfd.calibration.coverage import ADVISED, coverage
from idfd.calibration.projection import project
from idfd.calibration.views import Detection
from idfd.capture.simulated.depth_sensor import field
from idfd.capture.simulated.mount import mount_of
from idfd.capture.simulated.scene.board_views import held
from idfd.errors import InputError
from idfd.model.board import Board
from idfd.model.camera import Intrinsics

BOARD = PRESETS["a1"]
VIEWS = 20


def inside(camera: Intrinsics, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    pixels = project(camera, points)
    ok = ((pixels >= 0) & (pixels <= (camera.width - 1, camera.height - 1))).all(axis=1)
    return np.flatnonzero(ok).astype(np.int64), pixels[ok]


@pytest.mark.parametrize("rig", [0, 1, 2])
def test_twenty_views_cover_what_the_guide_asks_for(rig: int) -> None:
    mount = mount_of(rig)
    lens = mount.lens(1500, 1000, 0.8).intrinsics
    in_photo, in_depth, distances = [], [], []
    for view in range(VIEWS):
        pose = held(BOARD, view, rig, lens, mount)
        points = 1000 * pose.to_camera(corners_mm(BOARD) / 1000)
        ids, pixels = inside(lens, points)
        assert len(ids) >= 0.5 * len(points)
        in_photo.append(Detection(ids, pixels, np.full(len(ids), 0.05), (1500, 1000)))
        rotation = np.array(mount.depth_to_photo.rotation)
        ids, pixels = inside(mount.depth, (points - mount.depth_to_photo.translation_mm) @ rotation)
        lit = field(mount.depth)[tuple(np.rint(pixels.T[::-1]).astype(int))]
        in_depth.append(lit.sum() > 0.6 * len(points))
        distances.append(pose.distance_m)
    found = coverage(in_photo, BOARD, lens.fx, ADVISED)
    assert found.enough, found.missing
    assert np.mean(in_depth) >= 0.6
    assert min(distances) < 0.6
    # Both sides of the plane in focus, which is at 0.8 m.
    assert max(distances) > 1.6
    assert np.abs(found.tilts_deg).max() < 75


def test_poses_are_repeatable_and_differ() -> None:
    mount = mount_of(0)
    lens = mount.lens(1500, 1000, 0.8).intrinsics
    first = [held(BOARD, view, 0, lens, mount) for view in range(6)]
    assert first == [held(BOARD, view, 0, lens, mount) for view in range(6)]
    assert len({pose.distance_m for pose in first}) == 6
    assert held(BOARD, 0, 1, lens, mount) != first[0]


def test_a_board_too_small_to_be_seen_is_refused() -> None:
    mount = mount_of(0)
    tiny = Board(columns=40, rows=40, square_mm=1.0, marker_mm=0.75, dictionary="DICT_4X4_1000")
    with pytest.raises(InputError, match="no pose") as caught:
        held(tiny, 0, 0, mount.lens(600, 400, 0.8).intrinsics, mount)
    assert "larger squares" in str(caught.value)
