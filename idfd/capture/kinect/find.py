"""What there is to take depth with on this machine; for ``idfd doctor``."""

from __future__ import annotations

import os
from dataclasses import dataclass, field

from idfd.capture.kinect.log import DISPLAY_REMEDY
from idfd.capture.kinect.sdk import load_sdk, package_version, sdk_problem
from idfd.capture.kinect.usb import UsbDevice, usb_devices, usb_error
from idfd.errors import CameraError

_PACKAGES = ("pyk4a-bundle", "pyk4a", "av", "numpy")


@dataclass(frozen=True)
class Problem:
    """Something that keeps the depth camera from working, and what to do."""

    what: str
    remedy: str


@dataclass(frozen=True)
class KinectReport:
    """Depth cameras and the software for them.

    Attributes:
        devices: Depth cameras on the USB bus.
        count: How many of them the SDK sees, or None where it cannot be loaded.
        versions: Versions of the packages that are installed.
        display: Whether there is a display for the SDK's depth engine.
        problems: What stands in the way of the live camera.
    """

    devices: list[UsbDevice]
    count: int | None
    versions: dict[str, str]
    display: bool
    problems: list[Problem] = field(default_factory=list)


def find_devices() -> KinectReport:
    """Look for depth cameras and for what their driver needs; opens no device, never raises."""
    devices = usb_devices()
    versions = {name: version for name in _PACKAGES if (version := package_version(name))}
    problems = []
    count = None
    problem = sdk_problem()
    if problem is None:
        try:
            count = load_sdk()[0].connected_device_count()
        except CameraError as error:
            problem = (error.what, error.remedy or "")
    if problem is not None:
        problems.append(Problem(*problem))
    display = bool(os.environ.get("DISPLAY"))
    if devices and not display:
        problems.append(
            Problem(
                "the SDK's depth engine needs a display, and DISPLAY is not set",
                DISPLAY_REMEDY,
            )
        )
    if (bus := usb_error(devices)) is not None:
        problems.append(Problem(bus.what, bus.remedy or ""))
    return KinectReport(devices, count, versions, display, problems)
