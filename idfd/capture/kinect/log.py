"""The SDK's log: the only place where it says why something failed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from idfd.errors import CameraError

USB_REMEDY = (
    "Plug the depth camera into a USB 3 port of the computer itself, without a hub and with the "
    "cable it came with, and connect its power supply"
)
DISPLAY_REMEDY = (
    "Run in a desktop session; over ssh set DISPLAY=:0, or start 'Xvfb :1' and set DISPLAY=:1"
)
UDEV_REMEDY = (
    "Install the udev rule (docs/kinect.md), then unplug the depth camera and plug it in again"
)


@dataclass(frozen=True)
class Fault:
    """What a line of the log means.

    Attributes:
        pattern: A regular expression for the line.
        cause: The cause of a :class:`CameraError`.
        what: What happened.
        remedy: What the operator can do.
    """

    pattern: str
    cause: str
    what: str
    remedy: str


# The first fault found anywhere in the log counts, so the specific ones come first.
FAULTS = (
    Fault(
        r"No devices found",
        "absent",
        "no depth camera is connected",
        USB_REMEDY + "; its white light must be on",
    ),
    Fault(
        r"Permission denied|LIBUSB_ERROR_ACCESS",
        "permission",
        "this user may not open the depth camera",
        UDEV_REMEDY,
    ),
    Fault(
        r"Firmware version for .* is not current enough",
        "failed",
        "the firmware of the depth camera is too old",
        "Upgrade it with Microsoft's AzureKinectFirmwareTool",
    ),
    Fault(
        r"Depth engine create and initialize failed with error code: 20[4-7]|retCode:204"
        r"|OpenGL 4\.4 context creation failed",
        "driver",
        "the SDK's depth engine found no display with OpenGL",
        DISPLAY_REMEDY,
    ),
    Fault(
        r"Failed to Load Depth Engine Plugin",
        "driver",
        "the SDK's depth engine (libdepthengine.so.2.0) is not installed",
        "Install pyk4a-bundle, or Microsoft's package libk4a1.4",
    ),
    Fault(
        r"LIBUSB_ERROR_NO_DEVICE|LibUSB transfer status of 0000000[1-6]"
        r"|A streaming (depth|color) transfer failed",
        "disconnected",
        "the connection to the depth camera broke",
        USB_REMEDY + "; then try again",
    ),
    Fault(
        r"USB timeout on streaming endpoint",
        "timeout",
        "the USB port does not deliver the images in time",
        USB_REMEDY + "; unplug other cameras, or lower the frame rate or the colour resolution",
    ),
    Fault(
        r"transfers (could not be )?submitted",
        "failed",
        "the system has too little memory for USB transfers",
        "Run 'echo 256 | sudo tee /sys/module/usbcore/parameters/usbfs_memory_mb'",
    ),
    Fault(
        r"LIBUSB_ERROR_BUSY|Can't (find|open) UVC device",
        "claimed",
        "another program uses the depth camera",
        "Close k4aviewer and every other program that uses it, then try again",
    ),
    Fault(
        r"device\(s\) are all unava[il]+able|Unable to open LIBUSB",
        "claimed",
        "the depth camera cannot be opened",
        "Close every other program that uses it; if there is none, connect its power supply and "
        "install the udev rule (docs/kinect.md)",
    ),
)


class SdkLog:
    """The log file, read from marks on.

    Args:
        path: The file that the SDK writes.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def mark(self) -> int:
        """Where the log ends now."""
        return self.path.stat().st_size if self.path.exists() else 0

    def since(self, mark: int) -> str:
        """What was written after ``mark``."""
        if not self.path.exists():
            return ""
        with self.path.open("rb") as file:
            file.seek(mark)
            return file.read().decode(errors="replace")

    def last_error(self, mark: int) -> str:
        """The first error after ``mark``, without its head: later ones only pass it on."""
        found = re.search(r"\[(?:error|critical)\].*?\): (.*)", self.since(mark))
        return found[1].strip() if found else "no reason in its log"

    def versions(self, mark: int) -> dict[str, str]:
        """Firmware versions that the SDK logged when it opened a device after ``mark``."""
        text = self.since(mark)
        found = {
            "colour_firmware": re.search(r"RGB Sensor Version:\s*([\d.]+)", text),
            "depth_firmware": re.search(r"Depth Sensor Version:\s*([\d.]+)", text),
        }
        return {name: match[1] for name, match in found.items() if match}

    def error(self, what: str, mark: int) -> CameraError:
        """An error for something that failed after ``mark``, with the reason of the log."""
        text = self.since(mark)
        for fault in FAULTS:
            if re.search(fault.pattern, text):
                return CameraError(f"{what}: {fault.what}", cause=fault.cause, remedy=fault.remedy)
        return CameraError(
            f"{what} ({self.last_error(mark)})",
            remedy=f"Unplug the depth camera and plug it in again; the SDK's log is {self.path}",
        )
