"""Recordings read without the SDK."""

from __future__ import annotations

import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
from kinect_bursts import kinect_burst
from tiny_matroska import Recording, depth_image, images_of, shifted, write

from idfd.capture.kinect.recording import RecordingCamera
from idfd.errors import CameraError, InputError, SchemaError

pytest.importorskip("av")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "recording.mkv"


def test_reads_what_was_recorded(path: Path) -> None:
    burst = kinect_burst(4)
    tags = {
        "K4A_START_OFFSET_NS": "1000017000",
        "K4A_DEVICE_SERIAL_NUMBER": "000123",
        "K4A_COLOR_FIRMWARE_VERSION": "1.6.110",
        "K4A_DEPTH_FIRMWARE_VERSION": "1.6.79",
    }
    write(path, Recording(images_of(burst), tags=tags))
    with RecordingCamera(path) as camera:
        status = camera.status()
        assert (status.serial, status.firmware, status.mode) == ("000123", "1.6.79", burst.mode)
        assert camera.calibration() == burst.calibration
        found = camera.burst(4, 0)
    np.testing.assert_array_equal(found.depth, burst.depth)
    np.testing.assert_array_equal(found.infrared, burst.infrared)
    np.testing.assert_array_equal(found.timestamps_us, burst.timestamps_us)
    assert found.colour == burst.colour
    assert found.calibration == burst.calibration
    assert (found.mode, found.frames_per_s) == (burst.mode, 30.0)
    assert found.device == burst.device
    assert np.isnan(found.temperature_c).all()
    assert found.warm_up_s is None
    assert found.depth.flags.writeable
    # Matroska counts from 2001; the file says 800 million seconds later.
    started = 978_307_200 + 800_000_000
    np.testing.assert_array_equal(
        found.system_ns, started * 10**9 + 1000 * (burst.timestamps_us - burst.timestamps_us[0])
    )


def test_drops_and_goes_on(path: Path) -> None:
    burst = kinect_burst(6)
    write(path, Recording(images_of(burst)))
    with RecordingCamera(path) as camera:
        assert camera.preview().timestamp_us == 0
        first, second = camera.burst(2, 1), camera.burst(3, 0)
        np.testing.assert_array_equal(first.depth, burst.depth[1:3])
        np.testing.assert_array_equal(second.depth, burst.depth[3:6])
        np.testing.assert_array_equal(camera.preview().depth, burst.depth[5])
        camera.connect()
        np.testing.assert_array_equal(camera.burst(6, 0).depth, burst.depth)


def test_the_end_says_how_much_there_was(path: Path) -> None:
    burst = kinect_burst(5)
    write(path, Recording(images_of(burst)))
    with RecordingCamera(path) as camera:
        camera.burst(1, 1)
        with pytest.raises(CameraError, match="holds 5 complete frames, 2 of them") as caught:
            camera.burst(30, 10)
        assert caught.value.cause == "end"
        assert caught.value.limit == "at most 3 frames"
        assert "fewer frames" in (caught.value.remedy or "")
        # The failed burst used nothing up.
        np.testing.assert_array_equal(camera.burst(3, 0).depth, burst.depth[2:])
        with pytest.raises(CameraError, match="5 of them are used"):
            camera.burst(1, 0)


def test_colour_is_optional(path: Path) -> None:
    burst = kinect_burst(2, colour=False)
    write(path, Recording(images_of(burst), tracks=("DEPTH", "IR")))
    with RecordingCamera(path) as camera:
        assert camera.burst(2, 0).colour == ()


def test_colour_that_is_not_jpeg_is_left_out(path: Path) -> None:
    burst = kinect_burst(2)
    write(path, Recording(images_of(burst), colour_code=b"NV12"))
    with RecordingCamera(path) as camera:
        found = camera.burst(2, 0)
    assert found.colour == ()
    np.testing.assert_array_equal(found.depth, burst.depth)


def test_incomplete_captures_are_passed_over(path: Path) -> None:
    burst = kinect_burst(6)
    images = images_of(burst)
    lost = {("COLOR", 33_333), ("DEPTH", 2 * 33_333), ("IR", 3 * 33_333), ("COLOR", 5 * 33_333)}
    kept = [image for image in images if image[:2] not in lost]
    write(path, Recording(kept))
    with RecordingCamera(path) as camera:
        found = camera.burst(2, 0)
        np.testing.assert_array_equal(found.depth, burst.depth[[0, 4]])
        assert found.colour == (burst.colour[0], burst.colour[4])
        with pytest.raises(CameraError, match="holds 2 complete"):
            camera.burst(1, 0)


@pytest.mark.parametrize("delay_us", [0, 20_000, -20_000])
def test_the_delay_between_the_cameras_is_known(path: Path, delay_us: int) -> None:
    burst = kinect_burst(4)
    images = shifted(images_of(burst), {"DEPTH": 20_000 + delay_us, "IR": 20_000 + delay_us})
    images = shifted(images, {"COLOR": 20_000})
    write(path, Recording(images, tags={"K4A_DEPTH_DELAY_NS": str(delay_us * 1000)}))
    with RecordingCamera(path) as camera:
        found = camera.burst(4, 0)
    assert found.colour == burst.colour
    np.testing.assert_array_equal(found.depth, burst.depth)


def test_repeated_frames_are_refused(path: Path) -> None:
    images = [
        (track, time_us, depth_image(value))
        for time_us, value in ((0, 500), (33_333, 700), (66_666, 700))
        for track in ("DEPTH", "IR")
    ]
    write(path, Recording(images, tracks=("DEPTH", "IR")))
    with RecordingCamera(path) as camera, pytest.raises(CameraError, match="same im") as caught:
        camera.burst(3, 0)
    assert caught.value.cause == "stale"


def test_refuses_what_is_no_recording(path: Path) -> None:
    with pytest.raises(InputError, match="no such recording"):
        RecordingCamera(path).connect()
    path.write_bytes(b"not a film")
    with pytest.raises(InputError, match="cannot be opened"):
        RecordingCamera(path).connect()
    burst = kinect_burst(2)
    write(path, Recording(images_of(burst)[:1], tracks=("COLOR",)))
    with pytest.raises(SchemaError, match="no track DEPTH"):
        RecordingCamera(path).connect()
    write(path, Recording(images_of(burst), calibration=None))
    with pytest.raises(SchemaError, match="calibration is not attached"):
        RecordingCamera(path).connect()


def test_a_recording_cut_short_gives_its_whole_frames(path: Path) -> None:
    burst = kinect_burst(5)
    write(path, Recording(images_of(burst)))
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * 7 // 10])
    with RecordingCamera(path) as camera:
        np.testing.assert_array_equal(camera.burst(3, 0).depth, burst.depth[:3])
        with pytest.raises(CameraError, match="holds 3 complete"):
            camera.burst(1, 0)


@pytest.mark.real
def test_reads_a_real_recording(real_data: Path) -> None:
    folder = real_data / "kinect" / "pyk4a"
    with RecordingCamera(folder / "recording.mkv") as camera:
        burst = camera.burst(1, 0)
        with pytest.raises(CameraError, match="holds 1 complete frames") as caught:
            camera.burst(30, 10)
    assert caught.value.cause == "end"
    for name, array in (("depth_640x576_u16mm", burst.depth), ("ir_640x576_u16", burst.infrared)):
        expected = cv2.imread(str(folder / f"{name}.png"), cv2.IMREAD_UNCHANGED)
        np.testing.assert_array_equal(array[0], expected)
    assert burst.colour == ((folder / "color_1280x720.jpg").read_bytes(),)
    assert burst.calibration == (folder / "recording_calibration.json").read_bytes()
    assert burst.timestamps_us.tolist() == [800_222]
    assert burst.frames_per_s == 5.0
    assert burst.device["serial"] == "001514394512"


@pytest.mark.real
def test_leaves_the_recording_as_it_is(real_data: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.mkv"
    shutil.copy(real_data / "kinect" / "pyk4a" / "recording.mkv", copy)
    before = copy.read_bytes()
    with RecordingCamera(copy) as camera:
        camera.burst(1, 0)
    assert copy.read_bytes() == before
