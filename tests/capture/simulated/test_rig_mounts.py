"""Seeded rigs differ as built rigs do, and everything that is derived from them follows."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from render_scenes import corner_room

from idfd.calibration.kinect_factory import parse_factory_calibration
from idfd.calibration.projection import project, unproject
from idfd.capture.simulated.mount import DEPTH, Mount, beside, mount_of
from idfd.capture.simulated.world import Quality, World

pytest.importorskip("open3d")
pytest.importorskip("numba")
RIGS = range(1, 12)


def test_rig_0_is_the_one_on_the_drawing() -> None:
    assert mount_of(0) == Mount()


def test_rigs_differ_within_tolerances() -> None:
    mounts = [mount_of(rig) for rig in RIGS]
    assert mounts == [mount_of(rig) for rig in RIGS]
    assert len({mount.focal_length_mm for mount in mounts}) == len(mounts)
    for mount in mounts:
        assert mount.focal_length_mm == pytest.approx(14, rel=0.02)
        assert mount.depth.fx == pytest.approx(DEPTH.fx, rel=0.004)
        shift = np.subtract(
            mount.depth_to_photo.translation_mm, Mount().depth_to_photo.translation_mm
        )
        assert 0 < np.abs(shift).max() <= 15
    models = {mount.lens(600, 400, 0.8).intrinsics.model for mount in mounts}
    assert models == {"brown_conrady", "rational"}


@pytest.mark.parametrize("rig", RIGS)
def test_every_lens_reaches_the_corners_of_its_photo(rig: int) -> None:
    lens = mount_of(rig).lens(1500, 1000, 0.8).intrinsics
    corners = np.array([(0, 0), (1499, 0), (0, 999), (1499, 999)], float)
    rays = unproject(lens, corners)
    np.testing.assert_allclose(project(lens, rays), corners, atol=1e-6)
    straight = rays[:, :2] * (lens.fx, lens.fy) + (lens.cx, lens.cy)
    bent = np.linalg.norm(straight - corners, axis=1) / np.linalg.norm(
        corners - (lens.cx, lens.cy), axis=1
    )
    assert 0.003 < bent.max() < 0.12, "1 to 12 % of distortion in the corners"


def test_truth_and_files_follow_the_rig(tmp_path: Path) -> None:
    world = World(Quality(60, 40, 2, 2, 1, 1, 64, 8), rig=7, cache=tmp_path)
    world.show(corner_room())
    mount = mount_of(7)
    truth = world.truth()
    assert truth.rig == world.calibration()
    assert truth.rig.depth == mount.depth
    assert truth.rig.depth_to_photo == mount.depth_to_photo
    assert truth.rig.photo == mount.lens(60, 40, 0.8).intrinsics
    held = parse_factory_calibration(world.factory_calibration(), "NFOV_UNBINNED").depth
    assert held.fx == pytest.approx(mount.depth.fx, abs=1e-3)
    assert json.loads(world.factory_calibration())
    expected = beside(truth.photo_pose, mount.depth_to_photo)
    np.testing.assert_allclose(truth.depth_pose.translation, expected.translation)
    # What the depth camera sees is seen from there: a pixel's point lies on the scene.
    other = World(Quality(60, 40, 2, 2, 1, 1, 64, 8), cache=tmp_path)
    other.show(corner_room())
    assert not np.array_equal(other.truth().kinect_depth, truth.kinect_depth)
