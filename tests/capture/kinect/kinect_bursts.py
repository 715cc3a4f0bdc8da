"""Small bursts that look like those of a Kinect."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np

from idfd.calibration.kinect_factory import make_factory_calibration
from idfd.model.burst import Burst
from idfd.model.camera import Extrinsics, Intrinsics

DEPTH = Intrinsics(
    width=320, height=288, fx=252.1, fy=252.3, cx=166.2, cy=170.7, model="rational",
    distortion=(0.61, 0.03, -2e-5, 4e-5, -0.002, 0.95, 0.11, -0.008),
)  # fmt: skip
COLOUR = Intrinsics(
    width=1280, height=720, fx=611.5, fy=611.2, cx=637.0, cy=366.4, model="rational",
    distortion=(0.4, -2.4, 4e-4, -2e-4, 1.4, 0.28, -2.2, 1.3),
)  # fmt: skip
DEPTH_TO_COLOUR = Extrinsics(
    source="depth",
    target="colour",
    rotation=((1.0, 0.0, 0.0), (0.0, 0.8, 0.6), (0.0, -0.6, 0.8)),
    translation_mm=(-32.0, -2.0, 4.0),
)
CALIBRATION = make_factory_calibration(DEPTH, COLOUR, DEPTH_TO_COLOUR, "000123")


@lru_cache
def jpeg(number: int) -> bytes:
    rng = np.random.default_rng(number)
    small = rng.integers(0, 255, (9, 16, 3)).astype(np.uint8)
    done, data = cv2.imencode(".jpg", cv2.resize(small, (1280, 720)))
    assert done
    return data.tobytes()


def kinect_burst(frames: int = 5, colour: bool = True, rate: float = 30.0) -> Burst:
    rng = np.random.default_rng(frames)
    period_us = round(1e6 / rate)
    return Burst(
        depth=rng.integers(0, 3900, (frames, 288, 320)).astype(np.uint16),
        infrared=rng.integers(0, 900, (frames, 288, 320)).astype(np.uint16),
        colour=tuple(jpeg(k) for k in range(frames)) if colour else (),
        timestamps_us=1_000_017 + period_us * np.arange(frames, dtype=np.int64),
        system_ns=1_700_000_000_123_456_789 + 1000 * period_us * np.arange(frames, dtype=np.int64),
        temperature_c=np.full(frames, np.nan, np.float32),
        calibration=CALIBRATION,
        mode="NFOV_2X2BINNED",
        frames_per_s=rate,
        device={"serial": "000123", "colour_firmware": "1.6.110", "depth_firmware": "1.6.79"},
    )
