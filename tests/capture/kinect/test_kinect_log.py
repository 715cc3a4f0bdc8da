"""From the lines of the SDK's log to causes and remedies. The lines are those of the SDK 1.4."""

from __future__ import annotations

from pathlib import Path

import pytest

from idfd.capture.kinect.log import FAULTS, SdkLog

HEAD = "[2026-01-01 10:00:00.000] [error] [t=1] /__w/1/s/src/"
LINES = {
    "usbcommand/usbcommand.c (1037): usb_cmd_get_device_count(). No devices found": "absent",
    "usbcommand/usbcommand.c (366): find_libusb_device(). libusb device(s) are all unavalable. "
    "Is the device being used by another application?": "claimed",
    "usbcommand/usbcommand.c (305): find_libusb_device(). Unable to open LIBUSB at index 0": (
        "claimed"
    ),
    "x.c (1): libusb_open(dev) returned LIBUSB_ERROR_ACCESS in find_libusb_device()": "permission",
    "x.c (1): libusb couldn't open USB device /dev/bus/usb/002/004: Permission denied": (
        "permission"
    ),
    "x.c (1): libusb_claim_interface() returned LIBUSB_ERROR_BUSY": "claimed",
    "depth/depth.c (1): is_fw_version_compatable(). ERROR Firmware version for RGB is 1.5.1 is "
    "not current enough. Use 1.5.92 or newer.": "failed",
    "dewrapper/dewrapper.c (154): depth_engine_start_helper(). Depth engine create and initialize "
    "failed with error code: 204.": "driver",
    "dewrapper/dewrapper.c (1): OpenGL 4.4 context creation failed. You could try": "driver",
    "deloader/deloader.cpp (1): Failed to Load Depth Engine Plugin (depthengine). Depth "
    "functionality will not work": "driver",
    "usbcommand/usbstreaming.c (82): usb_cmd_libusb_cb(). USB timeout on streaming endpoint for "
    "depth": "timeout",
    "usbcommand/usbstreaming.c (1): LibUSB transfer status of 00000005 unexpected": "disconnected",
    "depth/depth.c (1): depth_cb(). A streaming depth transfer failed": "disconnected",
    "usbcommand/usbstreaming.c (1): Less than optimal 2 libusb transfers submitted.": "failed",
    "color/uvc_camerareader.cpp (1): Init(). Can't open UVC device: Busy": "claimed",
}


@pytest.fixture
def log(tmp_path: Path) -> SdkLog:
    return SdkLog(tmp_path / "k4a.log")


@pytest.mark.parametrize(("line", "cause"), LINES.items(), ids=range(len(LINES)))
def test_lines_become_causes_and_remedies(log: SdkLog, line: str, cause: str) -> None:
    log.path.write_text(HEAD + line + "\n")
    error = log.error("the camera cannot be opened", 0)
    assert error.cause == cause
    assert error.what.startswith("the camera cannot be opened: ")
    assert error.remedy
    assert str(log.path) not in error.remedy  # it was recognised


def test_every_fault_of_the_table_is_reached(log: SdkLog) -> None:
    found = set()
    for line in LINES:
        log.path.write_text(HEAD + line + "\n")
        found.add(log.error("x", 0).what)
    assert len(found) == len(FAULTS)


def test_the_specific_reason_wins(log: SdkLog) -> None:
    lines = list(LINES)
    log.path.write_text("\n".join(HEAD + line for line in (lines[1], lines[0])))
    assert log.error("x", 0).cause == "absent"


def test_an_advice_to_upgrade_is_no_fault(log: SdkLog) -> None:
    log.path.write_text(
        HEAD + "depth.c (88): is_fw(). Firmware version for RGB is 1.6.102. Consider upgrading to "
        "1.6.108 or newer.\n"
    )
    assert log.error("x", 0).what == (
        "x (is_fw(). Firmware version for RGB is 1.6.102. Consider upgrading to 1.6.108 or newer.)"
    )


def test_unknown_reasons_are_quoted(log: SdkLog) -> None:
    log.path.write_text(
        f"{HEAD}a.c (1): f(). the flux is out of phase\n{HEAD}b.c (2): f() returned failure\n"
    )
    error = log.error("the cameras cannot be started", 0)
    assert error.what == "the cameras cannot be started (f(). the flux is out of phase)"
    assert error.cause == "failed"
    assert str(log.path) in (error.remedy or "")


def test_only_what_came_after_the_mark_counts(log: SdkLog) -> None:
    assert log.mark() == 0
    assert log.since(0) == ""
    log.path.write_text(HEAD + next(iter(LINES)) + "\n")
    mark = log.mark()
    assert log.error("x", mark).what == "x (no reason in its log)"


def test_reads_the_firmware_versions(log: SdkLog) -> None:
    log.path.write_text(
        f"{HEAD}depth.c (1): log_device_info(). RGB Sensor Version:  1.6.110\n"
        f"{HEAD}depth.c (1): log_device_info(). Depth Sensor Version:1.6.79\n"
    )
    assert log.versions(0) == {"colour_firmware": "1.6.110", "depth_firmware": "1.6.79"}
    assert log.versions(log.mark()) == {}
