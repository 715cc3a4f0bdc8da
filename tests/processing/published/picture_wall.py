"""A picture on a wall: the one scene that a homography is right for."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from idfd.calibration.kinect_factory import make_factory_calibration
from idfd.capture.simulated.mount import COLOUR, DEPTH, DEPTH_TO_COLOUR, SERIAL
from idfd.model.burst import Burst
from idfd.storage.images import encode_jpeg

TO_PHOTO = np.array([[1.1, 0.03, -40.0], [-0.02, 1.12, 30.0], [1e-5, -2e-5, 1.0]])
"""From the colour image to the photo."""
PHOTO_SIZE = (1350, 900)


def colour_image(seed: int = 0) -> NDArray[np.uint8]:
    """Blots of colour, 1280 by 720."""
    random = np.random.default_rng(seed)
    image = np.zeros((720, 1280, 3), np.uint8)
    for _ in range(2500):
        x, y = (int(value) for value in random.integers((0, 0), (1280, 720)))
        width, height = (int(value) for value in random.integers(5, 40, 2))
        colour = tuple(int(value) for value in random.integers(0, 256, 3))
        cv2.rectangle(image, (x, y), (x + width, y + height), colour, -1)
    return image


def photo_of(colour: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The same wall in the photo."""
    return np.asarray(cv2.warpPerspective(colour, TO_PHOTO, PHOTO_SIZE), np.uint8)


def flat_burst(colour: NDArray[np.uint8] | None, frames: int = 3, distance_mm: int = 1500) -> Burst:
    """Frames of a wall straight before the depth camera."""
    depth = np.full((frames, DEPTH.height, DEPTH.width), distance_mm, np.uint16)
    jpeg = () if colour is None else (encode_jpeg(colour, 95),) * frames
    return Burst(
        depth=depth,
        infrared=np.full_like(depth, 500),
        colour=jpeg,
        timestamps_us=np.arange(frames, dtype=np.int64) * 33_333,
        system_ns=np.arange(frames, dtype=np.int64) * 33_333_000,
        temperature_c=np.full(frames, 30, np.float32),
        calibration=make_factory_calibration(DEPTH, COLOUR, DEPTH_TO_COLOUR, SERIAL),
        mode="NFOV_UNBINNED",
        frames_per_s=30.0,
    )
