from __future__ import annotations

import time
from pathlib import Path

import pytest

from idfd.capture.kinect.usb import UsbDevice
from idfd.capture.nikon import find
from idfd.capture.operator import health
from idfd.capture.operator.health import Result, rig_checks
from idfd.errors import CameraError


@pytest.fixture(autouse=True)
def _bare_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(find, "find_cameras", list)
    monkeypatch.setattr(find, "claimed_by", list)
    monkeypatch.setattr("idfd.capture.kinect.usb.usb_devices", list)
    monkeypatch.setenv("DISPLAY", "")


def rows() -> dict[str, Result]:
    return {result.name: result for result in rig_checks()}


def test_a_machine_without_a_rig_is_no_problem() -> None:
    found = rows()
    assert found["photo camera"].state == "absent"
    assert found["depth camera"].state == "absent"
    assert found["display"].state == "absent"
    assert "xvfb-run" in found["display"].remedy
    assert not [r for r in found.values() if r.state in ("problem", "missing")]
    assert all(r.remedy for r in found.values() if r.state == "absent")


def test_missing_drivers_name_their_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "version_of", lambda *_: None)
    found = rows()
    assert found["gphoto2"].state == "absent"
    assert "idfd[capture]" in found["gphoto2"].remedy
    assert "idfd[simulate]" in found["open3d"].remedy


@pytest.mark.parametrize(("cause", "state"), [("driver", "absent"), ("crashed", "problem")])
def test_a_driver_that_fails_is_a_row(
    cause: str, state: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise CameraError("it broke", cause=cause, remedy="Mend it")

    monkeypatch.setattr(find, "find_cameras", fail)
    assert rows()["photo camera"] == Result("photo camera", state, "it broke", "Mend it")  # type: ignore[arg-type]


def test_a_claimed_device_is_told_and_not_freed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(find, "find_cameras", lambda: [("Nikon D750", "usb:1"), ("X", "usb:2")])
    monkeypatch.setattr(find, "claimed_by", lambda: ["gvfsd-gphoto2, process 17"])
    found = rows()
    assert found["claimed devices"].state == "problem"
    assert "nmount" in found["claimed devices"].remedy
    assert "several cameras" in found["settings of the body"].found


@pytest.mark.parametrize(
    ("speed", "accessible", "state", "said"),
    [(5000.0, True, "ok", "5000 Mbit/s"), (480.0, True, "problem", "480 Mbit/s"),
     (5000.0, False, "problem", "may not open")],
)  # fmt: skip
def test_the_depth_camera_on_the_bus(
    speed: float, accessible: bool, state: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    device = UsbDevice("Azure Kinect", "1", speed, Path("/dev/bus/usb/001/002"), accessible)
    monkeypatch.setattr("idfd.capture.kinect.usb.usb_devices", lambda: [device])
    found = rows()["depth camera"]
    assert found.state == state
    assert said in found.found
    assert bool(found.remedy) == (state == "problem")


@pytest.mark.parametrize(
    ("display", "state"), [(":987", "problem"), ("remote:10.0", "ok"), ("", "absent")]
)
def test_display(display: str, state: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISPLAY", display)
    assert rows()["display"].state == state


@pytest.mark.parametrize(
    ("off", "state"), [(0, "ok"), (59, "ok"), (-3600, "problem"), (90, "problem")]
)
def test_the_clock_of_the_camera(off: int, state: str) -> None:
    host = time.time()
    (row,) = health._clock(str(host + off), host)
    assert row.state == state
    assert f"{off:+d} s" in row.found


def test_a_clock_of_an_unknown_form_is_not_judged() -> None:
    assert list(health._clock("Monday", 0)) == []


def test_the_virtual_body_is_looked_at(tmp_path: Path) -> None:
    pytest.importorskip("gphoto2")
    import check_pictures as made

    from idfd.capture.nikon.config import NikonConfig
    from idfd.capture.nikon.driver import NikonCamera

    made.write_photo(tmp_path / "a.jpg", made.rgb(made.wall()), 10)
    found = {
        row.name: row
        for row in health.body_checks(NikonCamera(NikonConfig(virtual_folder=str(tmp_path))))
    }
    assert found["battery"].found == "50 %"
    assert "lens" in found
    assert found["apertures"].found == "f/10 and f/2.8"


def test_a_body_that_does_not_answer_is_a_row() -> None:
    from idfd.capture.nikon.config import NikonConfig
    from idfd.capture.nikon.driver import NikonCamera

    pytest.importorskip("gphoto2")
    (row,) = health.body_checks(NikonCamera(NikonConfig(port="ptpip:127.0.0.1:1:1", command_s=5)))
    assert (row.name, row.state) == ("settings of the body", "problem")
    assert row.remedy
