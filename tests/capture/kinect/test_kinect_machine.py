"""What is said of devices and software, on machines made up for the test."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from idfd.capture.kinect import sdk
from idfd.capture.kinect.usb import UsbDevice, usb_devices, usb_error
from idfd.errors import CameraError


def plug_in(root: Path, name: str, **attributes: str) -> None:
    folder = root / "devices" / name
    folder.mkdir(parents=True)
    for key, value in attributes.items():
        (folder / key).write_text(value + "\n")
    if "busnum" in attributes:
        node = root / "bus" / attributes["busnum"].zfill(3) / attributes["devnum"].zfill(3)
        node.parent.mkdir(parents=True, exist_ok=True)
        node.touch()


def test_finds_depth_cameras_on_the_bus(tmp_path: Path) -> None:
    plug_in(tmp_path, "usb1", idVendor="1d6b", idProduct="0002", busnum="1", devnum="1")
    plug_in(
        tmp_path, "2-1.1", idVendor="045e", idProduct="097c", busnum="2", devnum="14",
        speed="5000", serial="000123",
    )  # fmt: skip
    plug_in(tmp_path, "1-4", idVendor="2bc5", idProduct="066b", busnum="1", devnum="3", speed="480")
    (tmp_path / "devices" / "2-1.1:1.0").mkdir()
    femto, kinect = usb_devices(tmp_path / "devices", tmp_path / "bus")
    assert (kinect.model, kinect.serial, kinect.mbit_per_s) == ("Azure Kinect", "000123", 5000)
    assert kinect.node == tmp_path / "bus" / "002" / "014"
    assert kinect.accessible
    assert (femto.model, femto.serial, femto.mbit_per_s) == ("Femto Bolt", None, 480)


def test_no_bus_is_no_device(tmp_path: Path) -> None:
    assert usb_devices(tmp_path / "none", tmp_path) == []


def device(accessible: bool = True, mbit_per_s: float = 5000) -> UsbDevice:
    return UsbDevice("Azure Kinect", "1", mbit_per_s, Path("/dev/bus/usb/002/003"), accessible)


def test_the_bus_shows_what_stands_in_the_way() -> None:
    assert usb_error([]) is None
    assert usb_error([device()]) is None
    refused = usb_error([device(accessible=False)])
    assert refused is not None
    assert refused.cause == "permission"
    assert "udev" in (refused.remedy or "")
    slow = usb_error([device(mbit_per_s=480)])
    assert slow is not None
    assert "480 Mbit/s" in slow.what
    assert "USB 3" in (slow.remedy or "")
    assert usb_error([device(accessible=False), device()]) is None


def installed(monkeypatch: pytest.MonkeyPatch, **versions: str) -> None:
    found = {name.replace("_", "-"): version for name, version in versions.items()}
    monkeypatch.setattr(sdk, "package_version", found.get)
    monkeypatch.setattr(np, "__version__", found["numpy"])


def test_says_when_pyk4a_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    installed(monkeypatch, numpy="1.26.4")
    with pytest.raises(CameraError, match="needs the package pyk4a-bundle") as caught:
        sdk.load_sdk()
    assert caught.value.cause == "driver"
    assert "pip install idfd[kinect]" in (caught.value.remedy or "")


def test_the_bundle_with_numpy_2_is_caught_before_its_import(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    installed(monkeypatch, numpy="2.1.0", pyk4a_bundle="1.5.0")
    with pytest.raises(CameraError, match="NumPy 2.1.0 is installed") as caught:
        sdk.load_sdk()
    assert caught.value.cause == "driver"
    assert "NumPy 1.26" in (caught.value.remedy or "")
    installed(monkeypatch, numpy="2.1.0", pyk4a="1.5.0")  # built here against this NumPy
    assert sdk.sdk_problem() is None


def test_a_pyk4a_that_cannot_be_imported_is_a_driver_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    installed(monkeypatch, numpy="1.26.4", pyk4a="1.5.0")

    monkeypatch.setitem(sys.modules, "pyk4a", None)  # its import then fails
    with pytest.raises(CameraError, match="pyk4a cannot be loaded") as caught:
        sdk.load_sdk()
    assert caught.value.cause == "driver"


def test_the_log_goes_to_a_file_of_its_own_and_is_cleared_away() -> None:
    code = (
        "import os; from idfd.capture.kinect.sdk import prepare_log\n"
        "path = prepare_log().path; assert path.exists() and path.suffix == '.log'\n"
        "assert os.environ['K4A_ENABLE_LOG_TO_A_FILE'] == str(path)\n"
        "assert os.environ['K4A_ENABLE_LOG_TO_STDOUT'] == '0'\n"
        "assert prepare_log().path == path\n"
        "print(path)"
    )
    clean = {name: value for name, value in os.environ.items() if not name.startswith("K4A_")}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=clean
    )
    assert not Path(done.stdout.strip()).exists()


def test_the_users_own_log_is_kept(tmp_path: Path) -> None:
    code = "from idfd.capture.kinect.sdk import prepare_log; print(prepare_log().path)"
    path = tmp_path / "mine.log"
    path.write_text("earlier\n")
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"K4A_ENABLE_LOG_TO_A_FILE": str(path)},
    )
    assert done.stdout.strip() == str(path)
    assert path.read_text() == "earlier\n"
