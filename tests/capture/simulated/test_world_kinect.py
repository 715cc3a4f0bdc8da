"""The simulated depth camera as a driver: manners, clocks and faults."""

from __future__ import annotations

import time

import numpy as np
import pytest
from render_scenes import corner_room

from idfd.capture.kinect.config import KinectConfig
from idfd.capture.simulated.kinect import Fault, SimulatedKinect
from idfd.capture.simulated.world import Quality, World
from idfd.errors import CameraError

pytest.importorskip("open3d")
pytest.importorskip("numba")

CONFIG = KinectConfig(colour="720p")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    world = World(Quality(60, 40, 2, 2, 1, 1, 64, 8), cache=tmp_path_factory.mktemp("cache"))
    world.show(corner_room())
    return world


def test_bursts_look_like_the_drivers(world: World) -> None:
    with SimulatedKinect(world, CONFIG) as camera:
        burst = camera.burst(5, 10)
        again = camera.burst(3, 0)
        assert camera.calibration() == burst.calibration == world.factory_calibration()
    assert burst.depth.shape == (5, 576, 640)
    assert len(burst.colour) == 5
    assert burst.colour[0].startswith(b"\xff\xd8")
    assert (burst.mode, burst.frames_per_s) == ("NFOV_UNBINNED", 30.0)
    assert set(np.diff(burst.timestamps_us)) <= {33333, 33334}
    assert again.timestamps_us[0] - burst.timestamps_us[-1] in (33333, 33334)
    assert (np.diff(burst.system_ns) >= 0).all()
    assert abs(burst.system_ns[-1] - time.time_ns()) < 5e9
    assert not np.array_equal(burst.depth[0], again.depth[0])
    assert burst.warm_up_s is not None
    assert 0 <= burst.warm_up_s < 10
    assert burst.temperature_c[0] == pytest.approx(24, abs=0.5)


def test_colour_can_be_off(world: World) -> None:
    with SimulatedKinect(world, KinectConfig(colour="off")) as camera:
        assert camera.burst(2, 0).colour == ()


def test_clock_begins_anew_after_a_pause_and_noise_does_not(world: World) -> None:
    with SimulatedKinect(world, CONFIG) as camera:
        first = camera.burst(2, 0)
        camera.pause()
        second = camera.burst(2, 0)
        warm_up = camera.status().warm_up_s
    assert second.timestamps_us[0] == first.timestamps_us[0]
    assert not np.array_equal(first.depth, second.depth)
    assert warm_up is not None
    assert first.warm_up_s is not None
    assert warm_up >= first.warm_up_s


def test_the_same_calls_give_the_same_frames(world: World) -> None:
    bursts = []
    for _ in range(2):
        with SimulatedKinect(world, CONFIG) as camera:
            bursts.append(camera.burst(2, 3))
    assert np.array_equal(bursts[0].depth, bursts[1].depth)
    assert np.array_equal(bursts[0].infrared, bursts[1].infrared)


@pytest.mark.parametrize(
    ("fault", "cause"), [("timeout", "timeout"), ("stale", "stale"), ("duplicate", "stale")]
)
@pytest.mark.parametrize("before", [0, 2])
def test_a_fault_strikes_once(world: World, fault: Fault, cause: str, before: int) -> None:
    with SimulatedKinect(world, CONFIG) as camera:
        if before:
            camera.burst(before, 0)
        camera.fail(fault)
        with pytest.raises(CameraError) as caught:
            camera.burst(3, 1)
        assert caught.value.cause == cause
        assert caught.value.remedy
        assert len(camera.burst(3, 1)) == 3


def test_a_lost_connection_lasts_until_it_is_connected_again(world: World) -> None:
    with SimulatedKinect(world, CONFIG) as camera:
        camera.fail("disconnected")
        for _ in range(2):
            with pytest.raises(CameraError) as caught:
                camera.burst(1, 0)
            assert caught.value.cause == "disconnected"
        camera.connect()
        assert len(camera.burst(1, 0)) == 1


def test_an_absent_device_is_found_when_it_is_plugged_in(world: World) -> None:
    camera = SimulatedKinect(world, CONFIG)
    camera.fail("absent")
    with pytest.raises(CameraError) as caught:
        camera.connect()
    assert caught.value.cause == "absent"
    assert camera.connect().serial == "000000000000"
    camera.close()


def test_faults_follow_one_another(world: World) -> None:
    with SimulatedKinect(world, CONFIG) as camera:
        camera.fail("timeout")
        camera.fail("stale")
        causes = []
        for _ in range(2):
            with pytest.raises(CameraError) as caught:
                camera.burst(2, 0)
            causes.append(caught.value.cause)
    assert causes == ["timeout", "stale"]


def test_preview_is_the_newest_frame(world: World) -> None:
    with SimulatedKinect(world, CONFIG) as camera:
        burst = camera.burst(2, 0)
        frame = camera.preview()
    assert frame.timestamp_us > burst.timestamps_us[-1]
    assert frame.depth.shape == (576, 640)


def test_speed_paces_the_frames(world: World) -> None:
    with SimulatedKinect(world, CONFIG, speed=2.0) as camera:
        camera.burst(1, 0)  # renders what the pace below must not wait for
        start = time.monotonic()
        camera.burst(6, 0)
        assert time.monotonic() - start >= 6 / 30 / 2


@pytest.mark.parametrize(
    "config", [KinectConfig(mode="NFOV_2X2BINNED", colour="720p"), KinectConfig(colour="1536p")]
)
def test_refuses_modes_that_it_does_not_have(world: World, config: KinectConfig) -> None:
    with pytest.raises(CameraError) as caught:
        SimulatedKinect(world, config).connect()
    assert caught.value.cause == "refused"


def test_close_never_fails_and_ends_the_use(world: World) -> None:
    camera = SimulatedKinect(world, CONFIG)
    camera.close()
    camera.connect()
    camera.close()
    camera.close()
    with pytest.raises(CameraError, match="not connected"):
        camera.burst(1, 0)
