"""The pose of the photo camera, measured on scenes."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from idfd.calibration.check import pose as drift
from idfd.calibration.check.matching import Matches, match_cameras
from idfd.calibration.kinect_factory import parse_factory_calibration
from idfd.calibration.projection import project
from idfd.model.burst import Burst
from idfd.model.camera import Extrinsics
from idfd.model.rig import ReferenceFrame


def pose(
    degrees: tuple[float, float, float] = (0, 0, 0), step: tuple[float, float, float] = (0, 0, 0)
) -> ReferenceFrame:
    x, y, z = (float(value) for value in np.radians(degrees))
    return ReferenceFrame(rotation=(x, y, z), translation_mm=step, matches=99, deviation_deg=0.05)


def test_poses_are_compared_by_what_they_do_to_points() -> None:
    assert drift.angle_between(pose((0, 5, 0)), pose((0, 5, 0))) == 0
    # A turn about y moves points above and below the axis a little less.
    assert drift.angle_between(pose(), pose((0, 3, 0))) == pytest.approx(3, rel=0.08)
    # 20 mm sideways are 1.1 degrees for a point at 1 m and 0.46 at 2.5 m, less off the axis.
    assert 0.4 < drift.angle_between(pose(), pose(step=(20, 0, 0))) < 1.1
    # A turn that makes up for a step looks like neither.
    both = pose((0, -0.7, 0), (20, 0, 0))
    assert drift.angle_between(pose(), both) < 0.5


def photo_of(burst: Burst, degrees: tuple[float, float, float], seed: int) -> NDArray[np.uint8]:
    """What a pinhole of 14 mm on 36 mm, turned against the colour camera, would see."""
    factory = parse_factory_calibration(burst.calibration, burst.mode, "720p")
    assert factory.colour is not None
    data = np.frombuffer(burst.colour[0], np.uint8)
    grey = np.asarray(cv2.imdecode(data, cv2.IMREAD_GRAYSCALE))
    width, height = 1200, 800
    focal = 14 / 36 * width
    x, y = np.meshgrid(np.arange(width) - (width - 1) / 2, np.arange(height) - (height - 1) / 2)
    rays = np.stack([x / focal, y / focal, np.ones_like(x)], -1)
    rotation = cv2.Rodrigues(np.radians(degrees))[0]
    pixels = np.nan_to_num(project(factory.colour, rays @ rotation), nan=-1e4).astype(np.float32)
    seen = cv2.remap(grey, pixels[..., 0], pixels[..., 1], cv2.INTER_CUBIC)
    noise = np.random.default_rng(seed).normal(0, 2, seen.shape)
    return np.clip(0.8 * seen + noise, 0, 255).astype(np.uint8)


def measured(
    burst: Burst, degrees: tuple[float, float, float], seed: int
) -> drift.PoseMeasurement | None:
    matches = match_cameras(photo_of(burst, degrees, seed), 5.0, burst, None, 14.0)
    return drift.fit_pose([matches]) if matches is not None else None


@pytest.mark.real
def test_a_turned_camera_is_found_on_a_real_recording(real_data: Path) -> None:
    recording = pytest.importorskip("idfd.capture.kinect.recording")
    pytest.importorskip("av")
    with recording.RecordingCamera(real_data / "kinect/pyk4a/recording.mkv") as camera:
        burst = camera.burst(1, 0)
    reference = measured(burst, (3, 2, 0), 0)
    assert reference is not None
    for turned in ((3, 2, 0), (3.5, 2, 0), (3, 4, 1)):
        found = measured(burst, turned, 1)
        assert found is not None
        true = drift.angle_between(pose((3, 2, 0)), pose(turned))
        assert drift.angle_between(reference.frame, found.frame) == pytest.approx(true, abs=0.25)


TO_COLOUR = Extrinsics(
    source="depth",
    target="colour",
    rotation=((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)),
    translation_mm=(-32.0, -2.0, 4.0),
)


def made_matches(truth: ReferenceFrame, wrong: float, seed: int) -> Matches:
    """Points of a scene as a pinhole at a pose sees them, some of them somewhere else."""
    rng = np.random.default_rng(seed)
    z = rng.uniform(900, 3500, 200)
    points = np.stack([rng.uniform(-0.5, 0.5, 200) * z, rng.uniform(-0.4, 0.4, 200) * z, z], -1)
    rotation = cv2.Rodrigues(np.array(truth.rotation))[0]
    there = TO_COLOUR.apply(points) @ rotation.T + truth.translation_mm
    seen_at = 500 * there[:, :2] / there[:, 2:] + rng.normal(0, 0.3, (200, 2))
    false = rng.random(200) < wrong
    seen_at[false] = rng.uniform(-250, 250, (int(false.sum()), 2))
    return Matches(points, seen_at, seen_at, 500.0, True, TO_COLOUR)


angles = st.tuples(*[st.floats(-6, 6)] * 3)
steps = st.tuples(*[st.floats(-120, 120)] * 3)


@settings(max_examples=15, deadline=None)
@given(angles, steps, st.integers(0, 100))
def test_the_pose_is_found_among_false_matches(
    degrees: tuple[float, float, float], step: tuple[float, float, float], seed: int
) -> None:
    truth = pose(degrees, step)
    matches = made_matches(truth, 0.4, seed)
    found = drift.fit_pose([matches])
    assert found is not None
    assert drift.angle_between(truth, found.frame) < 0.03
    assert found.frame.deviation_deg < 0.03
    assert 100 < len(found.points) < 140
    again = drift.fit_pose([matches])
    assert again is not None
    assert again.frame == found.frame


def test_more_takes_tell_the_pose_better() -> None:
    truth = pose((1, 2, 0), (60, -10, 20))
    takes = [made_matches(truth, 0.3, seed) for seed in range(6)]
    one, all_of_them = drift.fit_pose(takes[:1]), drift.fit_pose(takes)
    assert one is not None
    assert all_of_them is not None
    assert all_of_them.frame.deviation_deg < 0.6 * one.frame.deviation_deg
    assert len(all_of_them.points) > 5 * len(one.points)


def test_chance_matches_have_no_pose() -> None:
    assert drift.fit_pose([made_matches(pose(), 1.0, 3)]) is None


@given(angles, steps)
def test_the_geometry_of_a_calibration_is_a_pose(
    degrees: tuple[float, float, float], step: tuple[float, float, float]
) -> None:
    rotation = cv2.Rodrigues(np.radians(degrees))[0].tolist()
    to_photo = Extrinsics(
        source="depth",
        target="photo",
        rotation=(tuple(rotation[0]), tuple(rotation[1]), tuple(rotation[2])),
        translation_mm=step,
    )
    expected = drift.expected_pose(to_photo, TO_COLOUR)
    point = np.array([[120.0, -300.0, 1700.0]])
    turn = cv2.Rodrigues(np.array(expected.rotation))[0]
    # OpenCV takes turns below 1e-5 radians for none.
    np.testing.assert_allclose(
        TO_COLOUR.apply(point) @ turn.T + expected.translation_mm, to_photo.apply(point), atol=0.02
    )
