"""The Azure Kinect through pyk4a.

Lessons of the SDK that this driver knows: a wait without a timeout may never end; the first frame
after a start takes longer; frames that nobody fetched wait in a queue and are old when somebody
does; exceptions come without a message, and the reason stands in the SDK's log.
"""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable
from typing import Any

from idfd.capture.cameras import DepthCamera, DepthFrame, DepthStatus
from idfd.capture.kinect.config import KinectConfig
from idfd.capture.kinect.device import open_device, read_capture
from idfd.capture.kinect.frames import Captured, Source, assemble, check_age
from idfd.capture.kinect.log import USB_REMEDY, SdkLog
from idfd.capture.kinect.sdk import load_sdk
from idfd.errors import CameraError
from idfd.model.burst import Burst

_QUEUE_LIMIT = 100  # far more than the SDK's queues hold
_IMU_TIMEOUT_MS = 100


class PyK4ACamera(DepthCamera):
    """An Azure Kinect, or an Orbbec Femto behind Orbbec's replacement of the SDK.

    The warm-up clock counts from the first start. It goes on through ``pause``, ``resume`` and
    another ``connect``, because the sensor cools slowly; it starts anew after a lost connection.

    Args:
        config: How to run it.
        load: Gives pyk4a and the SDK's log; tests put a fake here.
    """

    def __init__(
        self, config: KinectConfig, load: Callable[[], tuple[Any, SdkLog]] = load_sdk
    ) -> None:
        self.config = config
        self._load = load
        self._sdk: Any = None
        self._device: Any = None
        self._source: Source | None = None
        self._running = False
        self._first_start: float | None = None
        self._last_us: int | None = None  # device clock of the last frame since the last start

    def connect(self) -> DepthStatus:
        """Open the device and start its cameras."""
        self.close()
        self._sdk, self._log = self._load()
        self._mark = self._log.mark()
        self._device = open_device(self._sdk, self._log, self.config)
        try:
            self._call("the cameras cannot be started", self._device.start)
            self._started()
            calibration = str(self._device.calibration_raw).encode()
            if not calibration:
                raise self._log.error("the factory calibration cannot be read", self._mark)
            self._source = Source(
                mode=self.config.mode,
                frames_per_s=float(self.config.frames_per_s),
                calibration=calibration,
                device={"serial": self._device.serial, **self._log.versions(self._mark)},
            )
        except BaseException:
            self.close()
            raise
        return self.status()

    def status(self) -> DepthStatus:
        """The state now; the temperature is that of the motion sensor beside the cameras."""
        source = self._connected()
        temperature = self._temperature()
        return DepthStatus(
            model="Azure Kinect",
            serial=source.device["serial"],
            firmware=source.device.get("depth_firmware"),
            mode=source.mode,
            warm_up_s=self._warm_up(),
            temperature_c=None if math.isnan(temperature) else temperature,
        )

    def calibration(self) -> bytes:
        """The factory calibration as the device holds it."""
        return self._connected().calibration

    def burst(self, frames: int, drop: int) -> Burst:
        """Take frames; those that wait in the SDK's queue are thrown away first."""
        source = self._connected()
        self.resume()
        self._drain()
        for _ in range(drop):
            self._next()
        previous_us = self._last_us
        found = []
        for _ in range(frames):
            found.append(self._next())
            check_age((time.time_ns() - found[-1].system_ns) / 1e9, self.config.max_age_s)
        return assemble(
            found,
            source,
            previous_us=previous_us,
            temperature_c=self._temperature(),
            warm_up_s=self._warm_up(),
        )

    def preview(self) -> DepthFrame:
        """The newest frame."""
        self._connected()
        self.resume()
        self._drain()
        frame = self._next()
        return DepthFrame(frame.depth, frame.infrared, frame.timestamp_us)

    def pause(self) -> None:
        """Stop the cameras, and with them the infrared light; the device stays open."""
        self._connected()
        if self._running:
            # pyk4a's public stop() would close the device as well.
            self._call("the motion sensor cannot be stopped", self._device._stop_imu)
            self._call("the cameras cannot be stopped", self._device._stop_cameras)
            self._running = False

    def resume(self) -> None:
        """Start the cameras again; the clock of the device then begins anew."""
        self._connected()
        if not self._running:
            self._mark = self._log.mark()
            self._call("the cameras cannot be started", self._device._start_cameras)
            self._call("the motion sensor cannot be started", self._device._start_imu)
            self._started()

    def close(self) -> None:
        """Stop the cameras and give the device back; never raises."""
        device, self._device, self._source, self._running = self._device, None, None, False
        if device is not None:
            with contextlib.suppress(self._sdk.K4AException):
                device.stop()

    def _connected(self) -> Source:
        if self._source is None:
            raise CameraError(
                "the depth camera is not connected",
                cause="disconnected",
                remedy="Connect the depth camera again",
            )
        return self._source

    def _started(self) -> None:
        self._running, self._last_us = True, None
        self._first_start = self._first_start or time.monotonic()

    def _warm_up(self) -> float | None:
        return None if self._first_start is None else time.monotonic() - self._first_start

    def _drain(self) -> None:
        """Throw away what waits in the queue; an error shows in the read that follows."""
        self._mark = self._log.mark()
        with contextlib.suppress(self._sdk.K4AException):
            for _ in range(_QUEUE_LIMIT):
                self._device.get_capture(0)

    def _next(self) -> Captured:
        """The next complete frame, in time."""
        config = self.config
        limit_s = config.first_capture_s if self._last_us is None else config.capture_s
        deadline = time.monotonic() + limit_s
        while (left_s := deadline - time.monotonic()) > 0:
            capture = self._call("no frame came", self._device.get_capture, math.ceil(left_s * 1e3))
            frame = read_capture(capture, with_colour=config.colour != "off")
            if frame is not None:
                self._last_us = frame.timestamp_us
                return frame
        raise self._timeout(f"no complete frame came within {limit_s:g} s")

    def _timeout(self, what: str) -> CameraError:
        found = self._log.error(what, self._mark)
        if found.cause == "failed":
            return CameraError(what, cause="timeout", remedy=USB_REMEDY)
        return found

    def _call(self, what: str, function: Callable[..., Any], *arguments: Any) -> Any:
        """Call pyk4a; what it raises becomes an error with the reason from the SDK's log."""
        try:
            return function(*arguments)
        except self._sdk.K4ATimeoutException:
            raise self._timeout(f"{what} in time") from None
        except self._sdk.K4AException:
            error = self._log.error(what, self._mark)
        if error.cause == "disconnected":
            self._first_start = None  # without power the sensor cools
        raise error

    def _temperature(self) -> float:
        """Degrees Celsius, or NaN where the motion sensor is silent."""
        try:
            return float(self._device.get_imu_sample(_IMU_TIMEOUT_MS)["temperature"])
        except self._sdk.K4AException:
            return math.nan
