"""Opening a device with pyk4a, and reading what it captures."""

from __future__ import annotations

import time
from typing import Any

from idfd.capture.kinect.config import KinectConfig
from idfd.capture.kinect.frames import Captured
from idfd.capture.kinect.log import SdkLog
from idfd.capture.kinect.usb import usb_devices, usb_error
from idfd.errors import CameraError


def open_device(sdk: Any, log: SdkLog, config: KinectConfig) -> Any:
    """Open the device with the serial number of the configuration, or the first one that opens.

    Args:
        sdk: The module pyk4a.
        log: The SDK's log.
        config: Serial number and modes.

    Returns:
        An open ``pyk4a.PyK4A`` whose cameras are not started yet.

    Raises:
        CameraError: ``absent``, ``claimed``, ``permission``, ``refused``, …
    """
    settings = _settings(sdk, config)
    mark = log.mark()
    serials: list[str] = []
    for index in range(sdk.connected_device_count()):
        # Despite its name, thread_safe=True holds Python's lock while the SDK waits.
        device = sdk.PyK4A(settings, device_id=index, thread_safe=False)
        try:
            device.open()
            serials.append(device.serial)
        except sdk.K4AException:
            continue
        if config.serial in (None, serials[-1]):
            return device
        device.close()
    if serials:
        raise CameraError(
            f"no depth camera has the serial number {config.serial}",
            cause="absent",
            limit=f"one of {', '.join(serials)}",
            remedy="Connect it, or correct depth.serial in the rig profile",
        )
    raise usb_error(usb_devices()) or log.error("no depth camera could be opened", mark)


def _settings(sdk: Any, config: KinectConfig) -> Any:
    if config.frames_per_s == 30 and config.colour == "3072p":
        raise CameraError(
            "colour at 3072p and 30 frames per second",
            cause="refused",
            limit="15 frames per second at 3072p",
            remedy="Set depth.frames_per_s to 15, or depth.colour to 2160p or less",
        )
    colour = "OFF" if config.colour == "off" else f"RES_{config.colour.upper()}"
    return sdk.Config(
        color_resolution=sdk.ColorResolution[colour],
        color_format=sdk.ImageFormat.COLOR_MJPG,
        depth_mode=sdk.DepthMode[config.mode],
        camera_fps=sdk.FPS[f"FPS_{config.frames_per_s}"],
        synchronized_images_only=config.colour != "off",
    )


def read_capture(capture: Any, with_colour: bool) -> Captured | None:
    """The images of a ``pyk4a.PyK4ACapture``, or None where one is missing."""
    depth, infrared = capture.depth, capture.ir
    colour = capture.color if with_colour else None
    if depth is None or infrared is None or (with_colour and colour is None):
        return None
    # The SDK stamps frames with the host's monotonic clock. A stamp in the future is of another
    # clock (Orbbec's library), and says nothing about the frame's age.
    age_ns = time.monotonic_ns() - capture.depth_system_timestamp_nsec
    if capture.depth_system_timestamp_nsec == 0 or age_ns < 0:
        age_ns = 0
    return Captured(
        depth=depth,
        infrared=infrared,
        colour=None if colour is None else colour.tobytes(),
        timestamp_us=capture.depth_timestamp_usec,
        system_ns=time.time_ns() - age_ns,
    )
