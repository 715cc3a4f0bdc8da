"""A stand-in for the module pyk4a: the same names, with faults on demand.

It shows that the driver calls pyk4a rightly and understands its failures. It cannot show that a
real device behaves like this.
"""

from __future__ import annotations

import time
from collections import deque
from enum import IntEnum
from pathlib import Path
from typing import Any

import numpy as np

from idfd.capture.kinect.log import SdkLog


class K4AException(Exception):
    pass


class K4ATimeoutException(K4AException):
    pass


class FPS(IntEnum):
    FPS_5 = 0
    FPS_15 = 1
    FPS_30 = 2


class DepthMode(IntEnum):
    OFF = 0
    NFOV_2X2BINNED = 1
    NFOV_UNBINNED = 2


class ColorResolution(IntEnum):
    OFF = 0
    RES_720P = 1
    RES_1080P = 2
    RES_1440P = 3
    RES_1536P = 4
    RES_2160P = 5
    RES_3072P = 6


class ImageFormat(IntEnum):
    COLOR_MJPG = 0
    COLOR_BGRA32 = 3


class FakeCapture:
    def __init__(self, number: int, timestamp_us: int, age_s: float, colour: bool) -> None:
        rng = np.random.default_rng(number)
        self.depth: Any = rng.integers(500, 3000, (288, 320)).astype(np.uint16)
        self.ir: Any = rng.integers(10, 900, (288, 320)).astype(np.uint16)
        self.color: Any = np.frombuffer(b"jpeg%d" % number, np.uint8) if colour else None
        self.depth_timestamp_usec = timestamp_us
        self.depth_system_timestamp_nsec = time.monotonic_ns() - round(age_s * 1e9)


class FakeUnit:
    """The hardware: what is plugged in, and what goes wrong with it.

    ``faults`` holds one entry per read that waits: an exception, a text, or None. ``waiting`` is
    what lies in the SDK's queue.
    """

    def __init__(self, serial: str = "000123") -> None:
        self.serial = serial
        self.calibration_raw = '{"CalibrationInformation": {}}'
        self.temperature: float | None = 31.5
        self.open_error: str | None = None
        self.start_error: str | None = None
        self.faults: deque[Any] = deque()
        self.waiting: deque[FakeCapture] = deque()
        self.clock_us = 0
        self.count = 0
        self.running = False


class FakeSdk:
    """Use an instance in place of the module."""

    K4AException = K4AException
    K4ATimeoutException = K4ATimeoutException
    FPS = FPS
    DepthMode = DepthMode
    ColorResolution = ColorResolution
    ImageFormat = ImageFormat

    def __init__(self, folder: Path, units: list[FakeUnit]) -> None:
        self.units = units
        self.log = SdkLog(folder / "k4a.log")
        self.calls: list[tuple[str, Any]] = []

    def load(self) -> tuple[Any, SdkLog]:
        return self, self.log

    def write_log(self, line: str) -> None:
        with self.log.path.open("a") as file:
            file.write(f"[2026-01-01 10:00:00.000] [error] [t=1] /src/x.c (1): {line}\n")

    def connected_device_count(self) -> int:
        return len(self.units)

    @staticmethod
    def Config(**settings: Any) -> dict[str, Any]:
        return settings

    def PyK4A(self, config: dict[str, Any], device_id: int, thread_safe: bool) -> FakeDevice:
        self.calls.append(("config", config | {"thread_safe": thread_safe}))
        return FakeDevice(self, self.units[device_id], config)

    def called(self, name: str) -> list[Any]:
        return [argument for call, argument in self.calls if call == name]


class FakeDevice:
    def __init__(self, sdk: FakeSdk, unit: FakeUnit, config: dict[str, Any]) -> None:
        self.sdk, self.unit, self.config = sdk, unit, config
        self.opened = False

    @property
    def serial(self) -> str:
        return self.unit.serial

    @property
    def calibration_raw(self) -> str:
        return self.unit.calibration_raw

    def open(self) -> None:
        self.sdk.calls.append(("open", self.unit.serial))
        if self.unit.open_error is not None:
            self.sdk.write_log(self.unit.open_error)
            raise K4AException
        self.sdk.write_log("log_device_info(). Depth Sensor Version:1.6.79")
        self.sdk.write_log("log_device_info(). RGB Sensor Version:  1.6.110")
        self.opened = True

    def close(self) -> None:
        self.sdk.calls.append(("close", self.unit.serial))
        if not self.opened:
            raise K4AException("Device is not opened")
        self.opened = False

    def start(self) -> None:
        self._start_cameras()
        self._start_imu()

    def stop(self) -> None:
        self._stop_imu()
        self._stop_cameras()
        self.close()

    def _start_cameras(self) -> None:
        self.sdk.calls.append(("start_cameras", None))
        if self.unit.start_error is not None:
            self.sdk.write_log(self.unit.start_error)
            raise K4AException
        self.unit.running, self.unit.clock_us = True, 66_000

    def _start_imu(self) -> None:
        self.sdk.calls.append(("start_imu", None))

    def _stop_imu(self) -> None:
        self.sdk.calls.append(("stop_imu", None))

    def _stop_cameras(self) -> None:
        self.sdk.calls.append(("stop_cameras", None))
        self.unit.running = False

    def get_imu_sample(self, timeout: int) -> dict[str, float]:
        if self.unit.temperature is None:
            raise K4ATimeoutException
        return {"temperature": self.unit.temperature}

    def get_capture(self, timeout: int) -> FakeCapture:
        self.sdk.calls.append(("get_capture", timeout))
        unit = self.unit
        if timeout == 0:
            if not unit.waiting:
                raise K4ATimeoutException
            return unit.waiting.popleft()
        fault = unit.faults.popleft() if unit.faults else None
        if isinstance(fault, Exception):
            raise fault
        if not unit.running:
            raise K4AException
        if fault != "clock stands still":
            unit.clock_us += 33_333
        if fault == "held up":
            unit.clock_us += 1_000_000
        if fault != "same images":
            unit.count += 1
        capture = self.capture(age_s=3.0 if fault == "old" else 0.05)
        if fault == "no depth":
            capture.depth = None
        return capture

    def capture(self, age_s: float) -> FakeCapture:
        colour = self.config["color_resolution"] != ColorResolution.OFF
        return FakeCapture(self.unit.count, self.unit.clock_us, age_s, colour)
