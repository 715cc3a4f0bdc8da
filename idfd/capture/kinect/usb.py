"""Depth cameras on the USB bus, as Linux lists them: no SDK is needed to see them."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from idfd.capture.kinect.log import UDEV_REMEDY, USB_REMEDY
from idfd.errors import CameraError

# Microsoft's depth camera of the Azure Kinect; Orbbec's Femto Bolt and Femto Mega.
PRODUCTS = {
    ("045e", "097c"): "Azure Kinect",
    ("2bc5", "066b"): "Femto Bolt",
    ("2bc5", "0669"): "Femto Mega",
}
_SYSFS = Path("/sys/bus/usb/devices")
_NODES = Path("/dev/bus/usb")
_USB3_MBIT_PER_S = 5000


@dataclass(frozen=True)
class UsbDevice:
    """A depth camera on the bus.

    Attributes:
        model: Its name.
        serial: Its serial number, where the device tells.
        mbit_per_s: Speed of the connection; USB 3 has 5000 or more.
        node: Its device file.
        accessible: Whether this user may open it.
    """

    model: str
    serial: str | None
    mbit_per_s: float
    node: Path
    accessible: bool


def usb_devices(sysfs: Path = _SYSFS, nodes: Path = _NODES) -> list[UsbDevice]:
    """The depth cameras on the bus; none where the system does not list USB devices."""
    found = []
    for folder in sorted(sysfs.glob("*")):
        model = PRODUCTS.get((_text(folder / "idVendor"), _text(folder / "idProduct")))
        if model is None:
            continue
        node = nodes / _text(folder / "busnum").zfill(3) / _text(folder / "devnum").zfill(3)
        found.append(
            UsbDevice(
                model=model,
                serial=_text(folder / "serial") or None,
                mbit_per_s=float(_text(folder / "speed") or 0),
                node=node,
                accessible=os.access(node, os.R_OK | os.W_OK),
            )
        )
    return found


def _text(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""


def usb_error(devices: list[UsbDevice]) -> CameraError | None:
    """Why none of these devices can work, where the bus shows it.

    libusb writes a refused permission to the terminal and not to the SDK's log, so it must be
    seen here.
    """
    if not devices:
        return None
    if not any(device.accessible for device in devices):
        return CameraError(
            "this user may not open the depth camera",
            cause="permission",
            where=devices[0].node,
            remedy=UDEV_REMEDY,
        )
    if all(device.mbit_per_s < _USB3_MBIT_PER_S for device in devices):
        return CameraError(
            f"the depth camera is connected with {devices[0].mbit_per_s:g} Mbit/s",
            limit="USB 3 (5000 Mbit/s)",
            remedy=USB_REMEDY,
        )
    return None
