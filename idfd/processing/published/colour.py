"""The Kinect's own colour camera: its image, and a rig in which it is the photo camera."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from idfd.calibration.kinect_factory import COLOUR_RESOLUTIONS, parse_factory_calibration
from idfd.errors import InputError
from idfd.model.burst import Burst
from idfd.model.rig import RigCalibration
from idfd.storage.images import decode_image


def kinect_colour(
    burst: Burst, where: str | Path = "burst"
) -> tuple[NDArray[np.uint8], RigCalibration]:
    """The colour image in the middle of a burst, and the calibration that leads depth to it.

    Args:
        burst: Frames with colour.
        where: Where they come from, for messages.

    Returns:
        (h, w, 3) uint8 RGB, and a rig whose photo camera is the Kinect's colour camera, from the
        factory calibration.

    Raises:
        InputError: The burst has no colour images, one that cannot be decoded, or one of a size
            that the Kinect does not have.
        SchemaError: The factory calibration cannot be read.
    """
    if not burst.colour:
        raise InputError(
            "the burst has no colour images, which the published registration starts from",
            where=where,
            limit="a JPEG image with each depth frame",
            remedy="Record with the colour camera on, or process without the 'published' preset",
        )
    data = burst.colour[len(burst) // 2]
    image = decode_image(data, Path(where) / "colour", cv2.IMREAD_COLOR)
    size = (image.shape[1], image.shape[0])
    name = next((name for name, window in COLOUR_RESOLUTIONS.items() if window.size == size), None)
    if name is None:
        sizes = ", ".join("{}x{}".format(*window.size) for window in COLOUR_RESOLUTIONS.values())
        raise InputError(
            f"the colour image is {size[0]}x{size[1]}", where=where, limit=f"one of {sizes}"
        )
    factory = parse_factory_calibration(burst.calibration, burst.mode, name, where)
    assert factory.colour is not None  # a resolution was asked for
    rig = RigCalibration(
        photo=factory.colour,
        depth=factory.depth,
        depth_to_photo=factory.depth_to_colour,
        origin="calibrated",
    )
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), np.uint8), rig
