"""A depth camera before a rendered world, with the manners and the faults of the real one."""

from __future__ import annotations

import math
import time
from collections import deque
from dataclasses import replace
from typing import Literal

from idfd.capture.cameras import DepthCamera, DepthFrame, DepthStatus
from idfd.capture.kinect.config import KinectConfig
from idfd.capture.kinect.frames import Captured, Source, assemble
from idfd.capture.kinect.log import USB_REMEDY
from idfd.capture.simulated.mount import SERIAL
from idfd.capture.simulated.world import World
from idfd.errors import CameraError
from idfd.model.burst import Burst

Fault = Literal["absent", "timeout", "stale", "duplicate", "disconnected"]

_FIRST_US = 66_000
"""Device clock at the first frame after a start."""
_ROOM_C, _WARM_C, _WARMING_S = 24.0, 36.5, 700.0


class SimulatedKinect(DepthCamera):
    """Gives what the driver of the real device would give, checked by the same code.

    As there, the device's clock begins anew with each start of the cameras, and the warm-up clock
    counts from the first start.

    Args:
        world: What stands before it.
        config: How to run it.
        speed: How many times faster than a real sensor frames come; infinite by default.
    """

    def __init__(
        self, world: World, config: KinectConfig = KinectConfig(), speed: float = math.inf
    ) -> None:
        self.config = config
        self._world = world
        self._speed = speed
        self._faults: deque[Fault] = deque()
        self._source: Source | None = None
        self._running = False
        self._first_start: float | None = None
        self._since_start = 0
        self._seen = 0  # frames ever taken: no two have the same noise
        self._last_us: int | None = None

    def fail(self, kind: Fault) -> None:
        """Let the next call fail as the real device does; several faults follow one another.

        Args:
            kind: ``absent`` waits for the next ``connect``, the others for the next burst or
                preview: ``timeout`` (no frame comes), ``disconnected`` (until it is connected
                again), ``stale`` (old time stamps) and ``duplicate`` (the same images twice),
                which only bursts can show.
        """
        self._faults.append(kind)

    def connect(self) -> DepthStatus:
        """Start the sensor."""
        self.close()
        self._refuse_other_modes()
        if self._struck("absent"):
            raise CameraError(
                "no depth camera is connected", cause="absent", remedy="Connect the depth camera"
            )
        self._source = Source(
            mode=self.config.mode,
            frames_per_s=float(self.config.frames_per_s),
            calibration=self._world.factory_calibration(),
            device={"serial": SERIAL, "depth_firmware": "simulated"},
        )
        self.resume()
        return self.status()

    def status(self) -> DepthStatus:
        """The state now."""
        source = self._connected()
        return DepthStatus(
            model="Azure Kinect (simulated)",
            serial=source.device["serial"],
            firmware=source.device["depth_firmware"],
            mode=source.mode,
            warm_up_s=self._warm_up(),
            temperature_c=self._temperature(),
        )

    def calibration(self) -> bytes:
        """The factory calibration."""
        return self._connected().calibration

    def burst(self, frames: int, drop: int) -> Burst:
        """Take frames after dropping some."""
        source = self._connected()
        self.resume()
        self._strike()
        if drop:
            self._advance(drop)
        previous_us = self._last_us
        found = self._take(frames)
        if self._struck("stale"):
            old = previous_us or found[0].timestamp_us
            found = [replace(frame, timestamp_us=old) for frame in found]
        if self._struck("duplicate"):
            found = [replace(found[0], timestamp_us=frame.timestamp_us) for frame in found]
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
        self._strike()
        (frame,) = self._take(1, with_colour=False)
        return DepthFrame(frame.depth, frame.infrared, frame.timestamp_us)

    def pause(self) -> None:
        """Stop the infrared light."""
        self._connected()
        self._running = False

    def resume(self) -> None:
        """Start the infrared light again; the device's clock begins anew."""
        self._connected()
        if not self._running:
            self._running, self._since_start, self._last_us = True, 0, None
            self._first_start = self._first_start or time.monotonic()

    def close(self) -> None:
        """Stop; never raises."""
        self._source, self._running = None, False

    def _take(self, count: int, with_colour: bool = True) -> list[Captured]:
        """The next frames of the world."""
        depth, infrared = self._world.depth_frames(count, self._seen)
        with_colour = with_colour and self.config.colour != "off"
        colour = self._world.colour() if with_colour else None
        found = []
        for index in range(count):
            stamp = self._advance(1)
            found.append(Captured(depth[index], infrared[index], colour, stamp, time.time_ns()))
        return found

    def _advance(self, count: int) -> int:
        """Let the sensor see ``count`` frames, at its pace; returns the clock of the last one."""
        period_s = 1 / self.config.frames_per_s
        time.sleep(count * period_s / self._speed)
        self._seen += count
        self._since_start += count
        self._last_us = _FIRST_US + round((self._since_start - 1) * period_s * 1e6)
        return self._last_us

    def _refuse_other_modes(self) -> None:
        for name, value, offered in (
            ("mode", self.config.mode, ("NFOV_UNBINNED",)),
            ("colour", self.config.colour, ("720p", "off")),
        ):
            if value not in offered:
                raise CameraError(
                    f"the simulated depth camera has no {name} '{value}'",
                    cause="refused",
                    limit=" or ".join(offered),
                    remedy=f"Set depth.{name} to {offered[0]} in the rig profile",
                )

    def _struck(self, kind: Fault) -> bool:
        """Whether that fault is next; it is used up then."""
        if self._faults and self._faults[0] == kind:
            self._faults.popleft()
            return True
        return False

    def _strike(self) -> None:
        """Raise the faults that keep a frame from coming."""
        if self._struck("timeout"):
            limit_s = self.config.capture_s
            raise CameraError(
                f"no complete frame came within {limit_s:g} s", cause="timeout", remedy=USB_REMEDY
            )
        if self._struck("disconnected"):
            self.close()
            self._first_start = None  # without power the sensor cools
            self._connected()

    def _connected(self) -> Source:
        if self._source is None:
            raise CameraError(
                "the depth camera is not connected",
                cause="disconnected",
                remedy="Connect the depth camera again",
            )
        return self._source

    def _warm_up(self) -> float | None:
        return None if self._first_start is None else time.monotonic() - self._first_start

    def _temperature(self) -> float:
        """Degrees Celsius: warms up exponentially."""
        warm = 1 - math.exp(-(self._warm_up() or 0.0) / _WARMING_S)
        return _ROOM_C + (_WARM_C - _ROOM_C) * warm
