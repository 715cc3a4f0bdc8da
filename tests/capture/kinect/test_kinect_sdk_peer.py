"""The reader and the writer against the SDK itself; skipped where pyk4a cannot be loaded.

pyk4a-bundle needs NumPy 1, so these run in an environment of their own.
"""

from __future__ import annotations

import inspect
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from fake_pyk4a import FakeDevice, FakeSdk
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from kinect_bursts import kinect_burst
from tiny_matroska import Recording, depth_image, write

from idfd.capture.kinect import open_depth_camera
from idfd.capture.kinect.config import KinectConfig
from idfd.capture.kinect.device import _settings
from idfd.capture.kinect.playback import PlaybackCamera
from idfd.capture.kinect.recorded import RecordedCamera
from idfd.capture.kinect.recording import RecordingCamera
from idfd.capture.kinect.sdk import sdk_problem
from idfd.capture.kinect.usb import usb_devices
from idfd.capture.kinect.writer import write_recording
from idfd.errors import CameraError, InputError
from idfd.model.burst import Burst

pytestmark = pytest.mark.skipif(
    sdk_problem() is not None, reason="pyk4a cannot be loaded in this environment"
)


def assert_same_frames(left: Burst, right: Burst) -> None:
    np.testing.assert_array_equal(left.depth, right.depth)
    np.testing.assert_array_equal(left.infrared, right.infrared)
    np.testing.assert_array_equal(left.timestamps_us, right.timestamps_us)
    assert left.colour == right.colour
    assert left.calibration == right.calibration
    assert (left.mode, left.frames_per_s) == (right.mode, right.frames_per_s)


@pytest.mark.real
def test_both_readers_give_the_real_frames(real_data: Path) -> None:
    path = real_data / "kinect" / "pyk4a" / "recording.mkv"
    with RecordingCamera(path) as ours, PlaybackCamera(path) as sdk:
        assert_same_frames(ours.burst(1, 0), sdk.burst(1, 0))
        for camera in (ours, sdk):
            with pytest.raises(CameraError, match="holds 1 complete") as caught:
                camera.burst(1, 0)
            assert caught.value.cause == "end"


@pytest.mark.parametrize("colour", [True, False])
@pytest.mark.parametrize("rate", [5.0, 15.0, 30.0])
def test_a_written_recording_comes_back(tmp_path: Path, colour: bool, rate: float) -> None:
    burst = kinect_burst(12, colour=colour, rate=rate)
    path = tmp_path / "w.mkv"
    write_recording(path, burst)
    assert [file.name for file in tmp_path.iterdir()] == ["w.mkv"]
    for kind in (RecordingCamera, PlaybackCamera):
        with kind(path) as camera:
            assert_same_frames(camera.burst(7, 5), _part(burst, 5))
    with RecordingCamera(path) as camera:
        found = camera.burst(12, 0)
    assert found.device == burst.device
    np.testing.assert_array_equal(found.system_ns, burst.system_ns)


def _part(burst: Burst, start: int) -> Burst:
    return replace(
        burst,
        depth=burst.depth[start:],
        infrared=burst.infrared[start:],
        colour=burst.colour[start:],
        timestamps_us=burst.timestamps_us[start:],
        system_ns=burst.system_ns[start:],
        temperature_c=burst.temperature_c[start:],
    )


def test_a_written_recording_says_that_it_is_made_up(tmp_path: Path) -> None:
    write_recording(tmp_path / "w.mkv", kinect_burst(1))
    assert b"IDFD_SYNTHETIC" in (tmp_path / "w.mkv").read_bytes()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"mode": "MACRO"}, "depth mode MACRO"),
        ({"frames_per_s": 24.0}, "frame rate 24"),
        ({"colour": (b"no jpeg",) * 2}, "not a JPEG"),
    ],
)
def test_refuses_what_the_format_cannot_hold(
    tmp_path: Path, change: dict[str, object], reason: str
) -> None:
    with pytest.raises(InputError, match=reason):
        write_recording(tmp_path / "w.mkv", replace(kinect_burst(2), **change))  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == []


def _all_frames(camera: RecordedCamera) -> list[tuple[int, int, bytes | None]]:
    with camera:
        with pytest.raises(CameraError) as caught:
            camera.burst(1000, 0)
        assert caught.value.cause == "end"
        found = re.search(r"holds (\d+) complete", str(caught.value))
        assert found is not None
        bursts = [camera.burst(1, 0) for _ in range(int(found[1]))]
    return [
        (int(b.timestamps_us[0]), int(b.depth[0, 0, 0]), b.colour[0] if b.colour else None)
        for b in bursts
    ]


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    lost=st.sets(st.tuples(st.sampled_from(["COLOR", "DEPTH", "IR"]), st.integers(0, 5))),
    late_us=st.integers(-16_000, 16_000),
    jitter_us=st.lists(st.integers(0, 700), min_size=6, max_size=6),
    delay_us=st.sampled_from([0, 12_000, -12_000]),
)
def test_irregular_recordings_are_grouped_like_by_the_sdk(
    tmp_path: Path,
    lost: set[tuple[str, int]],
    late_us: int,
    jitter_us: list[int],
    delay_us: int,
) -> None:
    """Lost images, cameras out of step, jitter and a set delay: the same captures come out."""
    start = 40_000
    images = []
    for number in range(6):
        time_us = start + number * 33_333
        images.append(("COLOR", time_us + late_us + jitter_us[number], b"colour %d" % number))
        images.append(("DEPTH", time_us, depth_image(1000 + 100 * number)))
        images.append(("IR", time_us, depth_image(100 + 100 * number)))
    kept = [image for k, image in enumerate(images) if (image[0], k // 3) not in lost]
    if not kept:
        return
    kept.sort(key=lambda image: image[1])
    tags = {"K4A_DEPTH_DELAY_NS": str(delay_us * 1000), "K4A_START_OFFSET_NS": "5000000"}
    path = write(tmp_path / "r.mkv", Recording(kept, tags=tags))
    assert _all_frames(RecordingCamera(path)) == _all_frames(PlaybackCamera(path))


def test_no_device_is_absent() -> None:
    if usb_devices():
        pytest.skip("a depth camera is connected")
    with pytest.raises(CameraError, match="no depth camera is connected") as caught:
        open_depth_camera(KinectConfig()).connect()
    assert caught.value.cause == "absent"
    assert "USB 3" in (caught.value.remedy or "")


def test_the_stand_in_has_the_names_of_the_real_module() -> None:
    import pyk4a

    for name in ("start", "stop", "open", "close", "get_capture", "get_imu_sample"):
        real = inspect.signature(getattr(pyk4a.PyK4A, name)).parameters
        assert inspect.signature(getattr(FakeDevice, name)).parameters.keys() == real.keys()
    for name in ("_start_cameras", "_start_imu", "_stop_cameras", "_stop_imu"):
        assert callable(getattr(pyk4a.PyK4A, name))
    for name in ("serial", "calibration_raw"):
        assert isinstance(getattr(pyk4a.PyK4A, name), property)
    for kind in (FakeSdk.FPS, FakeSdk.DepthMode, FakeSdk.ColorResolution, FakeSdk.ImageFormat):
        for member in kind:
            assert getattr(pyk4a, kind.__name__)[member.name] == member.value
    assert issubclass(pyk4a.K4ATimeoutException, pyk4a.K4AException)
    parameters = inspect.signature(pyk4a.PyK4A).parameters
    assert {"config", "device_id", "thread_safe"} <= parameters.keys()
    settings = inspect.signature(pyk4a.Config).parameters
    sdk = FakeSdk(Path(), [])
    asked = _settings(sdk, KinectConfig())
    assert asked.keys() <= settings.keys()
