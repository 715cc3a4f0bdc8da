"""Frames of a depth camera: the checks that every reader applies, and their assembly to a burst."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from idfd.errors import CameraError
from idfd.model.burst import Burst

# The clock of the device advances by one period from frame to frame. A step below half a period is
# the same exposure twice; one of more than ten means that the frames were held up on their way.
MIN_STEP_PERIODS = 0.5
MAX_STEP_PERIODS = 10.0


@dataclass(frozen=True)
class Captured:
    """What the device delivered at once.

    Attributes:
        depth: (H, W) uint16 millimetres, 0 = no depth.
        infrared: (H, W) uint16.
        colour: A JPEG file, or None where the colour camera is off.
        timestamp_us: Device clock at the middle of the depth exposure.
        system_ns: Host's UNIX time at which the frame came; 0 = unknown.
    """

    depth: NDArray[np.uint16]
    infrared: NDArray[np.uint16]
    colour: bytes | None
    timestamp_us: int
    system_ns: int


@dataclass(frozen=True)
class Source:
    """What is the same for all frames of a device or a recording."""

    mode: str
    frames_per_s: float
    calibration: bytes
    device: dict[str, str]


def check_timestamps(
    timestamps_us: NDArray[np.int64], frames_per_s: float, previous_us: int | None = None
) -> None:
    """Refuse frames that are old, repeated or far apart by the clock of the device.

    Args:
        timestamps_us: Device clock of the frames, (N,), microseconds.
        frames_per_s: Nominal frame rate.
        previous_us: Device clock of the last frame before them, where one is known.

    Raises:
        CameraError: ``stale``.
    """
    if previous_us is not None and timestamps_us[0] <= previous_us:
        raise CameraError(
            f"the first frame is of {timestamps_us[0]} us, and the last one before it was of "
            f"{previous_us} us",
            cause="stale",
            limit="a device clock that runs forward",
            remedy="Take the burst again; if it happens again, reconnect the depth camera",
        )
    steps = np.diff(timestamps_us) * frames_per_s / 1e6
    for number, step in enumerate(steps.tolist(), start=1):
        if not MIN_STEP_PERIODS <= step <= MAX_STEP_PERIODS:
            what = "repeats" if step < MIN_STEP_PERIODS else "came late after"
            raise CameraError(
                f"frame {number} {what} frame {number - 1} ({step:.2f} periods between them)",
                cause="stale",
                limit=f"{MIN_STEP_PERIODS:g} to {MAX_STEP_PERIODS:g} periods at "
                f"{frames_per_s:g} frames per second",
                remedy="Take the burst again; if it happens again, close other programs and put "
                "the depth camera on a USB port of its own",
            )


def check_distinct(frames: Sequence[Captured]) -> None:
    """Refuse a frame whose images repeat those before it: sensor noise never does.

    Raises:
        CameraError: ``stale``.
    """
    for number in range(1, len(frames)):
        before, frame = frames[number - 1], frames[number]
        if np.array_equal(before.depth, frame.depth) and np.array_equal(
            before.infrared, frame.infrared
        ):
            raise CameraError(
                f"frame {number} holds the same images as frame {number - 1}",
                cause="stale",
                limit="frames that differ by the noise of the sensor",
                remedy="Take the burst again; if it happens again, reconnect the depth camera",
            )


def check_age(age_s: float, max_age_s: float) -> None:
    """Refuse a frame that waited too long in a queue of the host.

    Raises:
        CameraError: ``stale``.
    """
    if age_s > max_age_s:
        raise CameraError(
            f"a frame is {age_s:.2f} s old",
            cause="stale",
            limit=f"at most {max_age_s:g} s",
            remedy="Take the burst again; if it happens again, the computer is too busy",
        )


def assemble(
    frames: Sequence[Captured],
    source: Source,
    *,
    previous_us: int | None = None,
    temperature_c: float = float("nan"),
    warm_up_s: float | None = None,
) -> Burst:
    """Check frames and put them together.

    Args:
        frames: At least one frame.
        source: Where they come from.
        previous_us: Device clock of the last frame before them, where one is known.
        temperature_c: Temperature of the sensor, degrees Celsius.
        warm_up_s: Time since the sensor was started, seconds.

    Raises:
        CameraError: ``stale``.
    """
    timestamps = np.array([frame.timestamp_us for frame in frames], np.int64)
    check_timestamps(timestamps, source.frames_per_s, previous_us)
    check_distinct(frames)
    return Burst(
        depth=np.stack([frame.depth for frame in frames]),
        infrared=np.stack([frame.infrared for frame in frames]),
        colour=tuple(frame.colour for frame in frames if frame.colour is not None),
        timestamps_us=timestamps,
        system_ns=np.array([frame.system_ns for frame in frames], np.int64),
        temperature_c=np.full(len(frames), temperature_c, np.float32),
        calibration=source.calibration,
        mode=source.mode,
        frames_per_s=source.frames_per_s,
        device=source.device,
        warm_up_s=warm_up_s,
    )
