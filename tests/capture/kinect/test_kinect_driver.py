"""The driver over a stand-in for pyk4a: calls, checks, faults. No real device is part of this."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fake_pyk4a import (
    ColorResolution,
    DepthMode,
    FakeCapture,
    FakeSdk,
    FakeUnit,
    ImageFormat,
    K4AException,
    K4ATimeoutException,
)

from idfd.capture.kinect import open_depth_camera
from idfd.capture.kinect.config import KinectConfig
from idfd.capture.kinect.driver import PyK4ACamera
from idfd.errors import CameraError, InputError


@pytest.fixture
def unit() -> FakeUnit:
    return FakeUnit()


@pytest.fixture
def sdk(tmp_path: Path, unit: FakeUnit) -> FakeSdk:
    return FakeSdk(tmp_path, [unit])


def camera(sdk: FakeSdk, **settings: Any) -> PyK4ACamera:
    return PyK4ACamera(KinectConfig(**settings), sdk.load)


def test_passes_the_configuration_on(sdk: FakeSdk) -> None:
    with camera(sdk, mode="NFOV_2X2BINNED", frames_per_s=15, colour="720p"):
        (settings,) = sdk.called("config")
    assert settings["depth_mode"] == DepthMode.NFOV_2X2BINNED
    assert settings["color_resolution"] == ColorResolution.RES_720P
    assert settings["color_format"] == ImageFormat.COLOR_MJPG
    assert settings["camera_fps"] == 1
    assert settings["synchronized_images_only"] is True
    assert settings["thread_safe"] is False


def test_colour_off_asks_for_no_synchronised_images(sdk: FakeSdk) -> None:
    with camera(sdk, colour="off") as depth:
        burst = depth.burst(2, 0)
    assert sdk.called("config")[0]["synchronized_images_only"] is False
    assert burst.colour == ()


def test_reports_the_device(sdk: FakeSdk) -> None:
    with camera(sdk) as depth:
        status = depth.status()
        assert depth.calibration() == b'{"CalibrationInformation": {}}'
    assert (status.serial, status.firmware, status.mode) == ("000123", "1.6.79", "NFOV_UNBINNED")
    assert status.temperature_c == 31.5
    assert status.warm_up_s is not None
    assert 0 <= status.warm_up_s < 5


def test_takes_fresh_frames_after_dropping(sdk: FakeSdk, unit: FakeUnit) -> None:
    before = time.time_ns()
    with camera(sdk) as depth:
        burst = depth.burst(4, 3)
    assert unit.count == 7
    assert burst.depth.shape == (4, 288, 320)
    np.testing.assert_array_equal(burst.timestamps_us, 66_000 + 33_333 * np.array([4, 5, 6, 7]))
    assert burst.colour == (b"jpeg4", b"jpeg5", b"jpeg6", b"jpeg7")
    np.testing.assert_array_equal(burst.temperature_c, np.float32(31.5))
    assert np.all(np.abs(burst.system_ns - before) < 5e9)
    assert burst.device == {
        "serial": "000123",
        "depth_firmware": "1.6.79",
        "colour_firmware": "1.6.110",
    }
    assert burst.warm_up_s is not None


def test_every_wait_has_a_timeout(sdk: FakeSdk) -> None:
    with camera(sdk, first_capture_s=4.0, capture_s=1.0) as depth:
        depth.burst(3, 1)
    waits = [timeout for timeout in sdk.called("get_capture") if timeout != 0]
    assert 3900 < waits[0] <= 4000
    assert all(900 < timeout <= 1000 for timeout in waits[1:])
    assert len(waits) == 4


def test_frames_from_the_queue_are_thrown_away(sdk: FakeSdk, unit: FakeUnit) -> None:
    with camera(sdk) as depth:
        depth.burst(1, 0)
        unit.waiting.extend(FakeCapture(100 + k, unit.clock_us + k, 2.0, True) for k in range(5))
        burst = depth.burst(2, 0)
    assert not unit.waiting
    assert burst.colour == (b"jpeg2", b"jpeg3")


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("clock stands still", "repeats frame"),
        ("held up", "came late"),
        ("same images", "same images"),
        ("old", "3.0. s old"),
    ],
)
def test_stale_frames_are_refused(sdk: FakeSdk, unit: FakeUnit, fault: str, reason: str) -> None:
    with camera(sdk) as depth:
        unit.faults.extend([None, None, fault])
        with pytest.raises(CameraError, match=reason) as caught:
            depth.burst(4, 1)
        assert caught.value.cause == "stale"
        assert caught.value.remedy
        assert len(depth.burst(4, 1)) == 4


def test_a_burst_must_be_newer_than_the_last(sdk: FakeSdk, unit: FakeUnit) -> None:
    with camera(sdk) as depth:
        depth.burst(2, 0)
        unit.clock_us -= 50_000
        with pytest.raises(CameraError, match="clock that runs forward"):
            depth.burst(2, 0)


def test_incomplete_captures_are_passed_over(sdk: FakeSdk, unit: FakeUnit) -> None:
    with camera(sdk) as depth:
        unit.faults.extend(["no depth", None, "no depth"])
        burst = depth.burst(2, 0)
    assert burst.colour == (b"jpeg2", b"jpeg4")


def test_only_incomplete_captures_end_in_a_timeout(sdk: FakeSdk, unit: FakeUnit) -> None:
    with camera(sdk, first_capture_s=0.05) as depth:
        unit.faults.extend(["no depth"] * 100_000)
        with pytest.raises(CameraError, match="no complete frame came within 0.05 s") as caught:
            depth.burst(1, 0)
    assert caught.value.cause == "timeout"


def test_a_timeout_is_one(sdk: FakeSdk, unit: FakeUnit) -> None:
    with camera(sdk) as depth:
        unit.faults.append(K4ATimeoutException())
        with pytest.raises(CameraError, match="no frame came in time") as caught:
            depth.burst(1, 0)
    assert caught.value.cause == "timeout"
    assert "USB 3" in (caught.value.remedy or "")


def test_a_lost_connection_is_told_from_the_log(
    sdk: FakeSdk, unit: FakeUnit, monkeypatch: pytest.MonkeyPatch
) -> None:
    with camera(sdk) as depth:
        depth.burst(1, 0)
        real = depth._device.get_capture

        def unplugged(timeout: int) -> Any:
            if timeout:
                sdk.write_log("depth_cb(). A streaming depth transfer failed")
                raise K4AException
            return real(timeout)

        monkeypatch.setattr(depth._device, "get_capture", unplugged)
        with pytest.raises(CameraError, match="connection to the depth camera broke") as caught:
            depth.burst(1, 0)
        assert caught.value.cause == "disconnected"
        started = time.monotonic()
        depth.connect()
        # The warm-up clock began anew, because the sensor was without power.
        assert (depth.status().warm_up_s or 99) <= time.monotonic() - started
        assert len(depth.burst(2, 0)) == 2


def test_an_old_line_of_the_log_is_no_reason(sdk: FakeSdk, unit: FakeUnit) -> None:
    sdk.write_log("find(). No devices found")
    with camera(sdk) as depth:
        unit.faults.append(K4AException())
        with pytest.raises(CameraError) as caught:
            depth.burst(1, 0)
    assert caught.value.cause == "failed"
    assert str(sdk.log.path) in (caught.value.remedy or "")


def test_the_light_goes_out_while_paused(sdk: FakeSdk, unit: FakeUnit) -> None:
    with camera(sdk) as depth:
        depth.burst(2, 0)
        warm = depth.status().warm_up_s
        depth.pause()
        assert not unit.running
        depth.pause()
        assert len(sdk.called("stop_cameras")) == 1
        depth.resume()
        depth.resume()
        assert len(sdk.called("start_cameras")) == 2
        # The device's clock began anew, which is not a stale frame.
        burst = depth.burst(2, 0)
        assert burst.timestamps_us[0] == 66_000 + 33_333
        assert (burst.warm_up_s or 0) > (warm or 0)
    assert sdk.called("open") == ["000123"]


def test_a_burst_resumes_by_itself(sdk: FakeSdk) -> None:
    with camera(sdk) as depth:
        depth.pause()
        assert len(depth.burst(1, 0)) == 1


def test_preview_gives_the_newest_frame(sdk: FakeSdk, unit: FakeUnit) -> None:
    with camera(sdk) as depth:
        unit.waiting.append(FakeCapture(100, 5, 2.0, True))
        frame = depth.preview()
    assert frame.timestamp_us == 66_000 + 33_333
    assert frame.depth.shape == frame.infrared.shape == (288, 320)


def test_a_silent_motion_sensor_gives_no_temperature(sdk: FakeSdk, unit: FakeUnit) -> None:
    unit.temperature = None
    with camera(sdk) as depth:
        assert depth.status().temperature_c is None
        assert np.isnan(depth.burst(1, 0).temperature_c).all()


def test_finds_a_device_by_its_serial_number(tmp_path: Path) -> None:
    sdk = FakeSdk(tmp_path, [FakeUnit("000001"), FakeUnit("000002")])
    with camera(sdk, serial="000002") as depth:
        assert depth.status().serial == "000002"
    assert sdk.called("close") == ["000001", "000002"]
    with pytest.raises(CameraError, match="one of 000001, 000002") as caught:
        camera(sdk, serial="000003").connect()
    assert caught.value.cause == "absent"


def test_passes_over_a_device_that_another_program_holds(tmp_path: Path) -> None:
    taken = FakeUnit("000001")
    taken.open_error = "find_libusb_device(). libusb device(s) are all unavalable. Is the device?"
    sdk = FakeSdk(tmp_path, [taken, FakeUnit("000002")])
    with camera(sdk) as depth:
        assert depth.status().serial == "000002"
    with pytest.raises(CameraError) as caught:
        camera(FakeSdk(tmp_path, [taken])).connect()
    assert caught.value.cause == "claimed"


def test_a_failed_start_gives_the_device_back(sdk: FakeSdk, unit: FakeUnit) -> None:
    unit.start_error = "helper(). Depth engine create and initialize failed with error code: 204."
    depth = camera(sdk)
    with pytest.raises(CameraError, match="no display") as caught:
        depth.connect()
    assert caught.value.cause == "driver"
    assert sdk.called("close") == ["000123"]
    with pytest.raises(CameraError, match="not connected"):
        depth.burst(1, 0)
    unit.start_error = None
    depth.connect()
    assert len(depth.burst(1, 0)) == 1


def test_no_calibration_is_an_error(sdk: FakeSdk, unit: FakeUnit) -> None:
    unit.calibration_raw = ""
    with pytest.raises(CameraError, match="factory calibration"):
        camera(sdk).connect()


def test_close_never_raises(sdk: FakeSdk, monkeypatch: pytest.MonkeyPatch) -> None:
    depth = camera(sdk)
    depth.close()
    depth.connect()

    def gone() -> None:
        raise K4AException

    monkeypatch.setattr(depth._device, "stop", gone)
    depth.close()
    depth.close()


def test_refuses_a_rate_that_the_colour_camera_lacks(sdk: FakeSdk) -> None:
    with pytest.raises(CameraError, match="15 frames per second at 3072p") as caught:
        camera(sdk, colour="3072p").connect()
    assert caught.value.cause == "refused"


def test_the_configuration_chooses_the_driver(tmp_path: Path) -> None:
    assert isinstance(open_depth_camera(KinectConfig()), PyK4ACamera)
    for driver in ("recording", "playback"):
        with pytest.raises(InputError, match="none is named"):
            open_depth_camera(KinectConfig(driver=driver))
        path = str(tmp_path / "r.mkv")
        depth = open_depth_camera(KinectConfig(driver=driver, recording=path))
        with pytest.raises(InputError, match="no such recording"):
            depth.connect()
