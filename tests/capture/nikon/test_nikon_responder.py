"""The driver against the simulated Nikon: true library, true protocol, faults at every step."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from nikon_processes import CHILDREN, children, ends

from idfd.capture.cameras import PhotoSettings
from idfd.capture.exposure import PairRequest, plan_pair
from idfd.capture.nikon.config import NikonConfig
from idfd.capture.nikon.driver import NikonCamera
from idfd.capture.nikon.plan import plan_body
from idfd.capture.simulated.nikon.codes import Response
from idfd.capture.simulated.nikon.faults import Delay, Fault, Respond, Stall, Unplug
from idfd.capture.simulated.nikon.process import ResponderProcess
from idfd.errors import CameraError

pytest.importorskip("gphoto2")

SHARP = PhotoSettings(10, 1 / 25, 100, "Daylight", "raw+jpeg")
OPEN = replace(SHARP, f_number=2.8, exposure_s=1 / 320)


@pytest.fixture(scope="module")
def process() -> Iterator[ResponderProcess]:
    with ResponderProcess(size=(180, 120), real_time=False) as responder:
        yield responder


@pytest.fixture
def responder(process: ResponderProcess) -> Iterator[ResponderProcess]:
    """The body as it left the factory, roughly."""
    process.clear_faults()
    process.set_property("EXPOSURE_PROGRAM", 1, read_only=False)
    process.set_property("F_NUMBER", 560)
    process.set_property("FOCUS_MODE", 1)
    process.set_property("AUTO_ISO", 0)
    yield process
    process.clear_faults()
    process.set_property("F_NUMBER", 560, read_only=False)


def config(responder: ResponderProcess, **changes: Any) -> NikonConfig:
    values = {"settle_s": 0.0, "command_s": 2.0, "release_s": 2.0, "download_s": 2.0}
    return NikonConfig(port=responder.port, **(values | changes))


@pytest.fixture
def camera(responder: ResponderProcess) -> Iterator[NikonCamera]:
    with NikonCamera(config(responder)) as camera:
        camera.apply(SHARP)
        yield camera


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "photos"
    path.mkdir()
    return path


def f_number_of(responder: ResponderProcess) -> float | None:
    """What the body is set to, seen by a driver that changes nothing."""
    with NikonCamera(config(responder)) as camera:
        return camera.settings().f_number


def test_the_body_is_planned_for_without_an_operator(camera: NikonCamera) -> None:
    status = camera.status()
    assert (status.mode, status.focus_mode, status.focal_length_mm) == ("M", "Manual", 14)
    assert status.battery_percent == 90
    assert status.shots_left is not None
    assert status.shots_left > 0
    plan = plan_body(camera.widgets())
    assert plan.ready
    assert plan.basics == {}, "all of them were set when the body was opened"
    pair = plan_pair(PairRequest(), camera.offers(), camera.settings().exposure_s)
    assert (pair.all_in_focus.exposure_s, pair.defocused.exposure_s) == (1 / 25, 1 / 320)


@pytest.mark.parametrize(("keep_on_card", "scenes"), [(True, 20), (False, 4)])
def test_scenes_in_a_row_with_raw_and_jpeg(
    responder: ResponderProcess, folder: Path, keep_on_card: bool, scenes: int
) -> None:
    with NikonCamera(config(responder, keep_on_card=keep_on_card)) as camera:
        for scene in range(scenes):
            for settings in (SHARP, OPEN):
                assert camera.apply(settings) == settings
                stem = f"{scene}-{settings.f_number:g}"
                shot = camera.capture(folder, stem, settings)
                assert [file.kind for file in shot.files] == ["jpeg", "raw"]
                assert shot.settings.f_number == settings.f_number
                assert shot.settings.iso == 100
    assert len(list(folder.iterdir())) == 4 * scenes


@pytest.mark.parametrize(("form", "suffixes"), [("jpeg", [".jpg"]), ("raw", [".nef"])])
def test_one_file_per_release(
    camera: NikonCamera, folder: Path, form: Any, suffixes: list[str]
) -> None:
    settings = replace(SHARP, format=form)
    camera.apply(settings)
    camera.capture(folder, "shot", settings)
    assert [path.suffix for path in folder.iterdir()] == suffixes


def test_a_frame_between_shots_does_not_disturb(camera: NikonCamera, folder: Path) -> None:
    for _ in range(3):
        frame = camera.preview()
        assert frame.startswith(b"\xff\xd8")
        camera.capture(folder, "shot", SHARP)
        assert camera.settings() == SHARP


@pytest.mark.parametrize(
    ("operation", "fault", "cause", "words"),
    [
        ("CAPTURE", Respond(Response.OUT_OF_FOCUS), "out_of_focus", "MF"),
        ("CAPTURE", Respond(Response.STORE_FULL), "store_full", "card"),
        ("CAPTURE", Respond(Response.HARDWARE_ERROR), "failed", "Hardware Error"),
        ("CAPTURE", Unplug(), "disconnected", "opened anew"),
        ("DEVICE_READY", Unplug(), "disconnected", "opened anew"),
        ("CAPTURE", Stall(), "timeout", "opened anew"),
        ("GET_OBJECT_INFO", Unplug(), "disconnected", "opened anew"),
        ("GET_OBJECT", Unplug(), "disconnected", "opened anew"),
        ("GET_OBJECT", Unplug(9_000), "disconnected", "opened anew"),
        ("GET_EVENTS", Unplug(), "disconnected", "opened anew"),
        ("SET_PROPERTY", Respond(Response.ACCESS_DENIED), "read_only", "mode M"),
        ("SET_PROPERTY", Respond(Response.BUSY, 10_000), "busy", "lamp"),
    ],
)
def test_a_fault_costs_one_shot_and_says_what_to_do(
    camera: NikonCamera,
    responder: ResponderProcess,
    folder: Path,
    operation: str,
    fault: Fault,
    cause: str,
    words: str,
) -> None:
    responder.fault(operation, fault)
    with pytest.raises(CameraError) as caught:
        camera.apply(OPEN)
        camera.capture(folder, "shot", OPEN)
    assert caught.value.cause == cause
    assert words in str(caught.value)
    assert list(folder.iterdir()) == [], "no part of a file is left"
    responder.clear_faults()
    # The session goes on: with all settings, and with the right files.
    camera.apply(OPEN)
    shot = camera.capture(folder, "shot", OPEN)
    assert shot.settings.f_number == 2.8
    assert len({Path(file.camera_name).stem for file in shot.files}) == 1
    assert camera.settings() == OPEN


@pytest.mark.parametrize(
    ("operation", "fault"),
    [
        ("CAPTURE", Respond(Response.BUSY, 5)),
        ("DEVICE_READY", Respond(Response.BUSY, 5)),
        ("SET_PROPERTY", Respond(Response.BUSY, 5)),
        ("SET_PROPERTY", Unplug()),
        ("GET_PROPERTY_DESCRIPTOR", Unplug()),
        ("GET_OBJECT", Delay(0.5)),
        ("CAPTURE", Delay(0.5)),
    ],
)
def test_what_can_be_tried_again_is(
    camera: NikonCamera, responder: ResponderProcess, folder: Path, operation: str, fault: Fault
) -> None:
    responder.fault(operation, fault)
    camera.apply(OPEN)
    assert camera.capture(folder, "shot", OPEN).settings.f_number == 2.8


def test_a_cable_that_stays_out_asks_for_a_power_cycle(
    camera: NikonCamera, responder: ResponderProcess, folder: Path
) -> None:
    responder.fault("CAPTURE", Unplug(seconds=1.5))
    with pytest.raises(CameraError, match="turn the camera off and on") as caught:
        camera.capture(folder, "shot", SHARP)
    assert caught.value.cause == "disconnected"
    with pytest.raises(CameraError, match="turn the camera off and on"):
        camera.status()
    time.sleep(1.5)
    assert camera.connect().mode == "M"
    assert camera.settings() == SHARP
    camera.capture(folder, "shot", SHARP)


def test_files_of_a_broken_shot_are_not_taken_for_the_next(
    camera: NikonCamera, responder: ResponderProcess, folder: Path
) -> None:
    first = camera.capture(folder, "first", SHARP)
    responder.fault("GET_OBJECT", Unplug(9_000))
    with pytest.raises(CameraError):
        camera.capture(folder, "second", SHARP)
    third = camera.capture(folder, "third", SHARP)
    numbers = [int(Path(s.files[0].camera_name).stem[-4:]) for s in (first, third)]
    assert numbers[1] == numbers[0] + 2, "the broken one stays on the card"


def test_a_crash_during_a_release(
    camera: NikonCamera, responder: ResponderProcess, folder: Path
) -> None:
    responder.fault("CAPTURE", Delay(1.0))
    child = next(child for child in children() if child != responder.pid)
    # A process that kills the camera's while the release waits for the body.
    with (
        subprocess.Popen(
            [sys.executable, "-c", f"import os, time; time.sleep(0.5); os.kill({child}, 11)"]
        ),
        pytest.raises(CameraError) as caught,
    ):
        camera.capture(folder, "shot", SHARP)
    assert caught.value.cause == "crashed"
    assert "signal 11" in caught.value.what
    assert list(folder.iterdir()) == []
    assert "opened anew" in str(caught.value.remedy)
    assert camera.capture(folder, "shot", SHARP).settings.f_number == 10


def test_autofocus_is_refused_unless_wanted(responder: ResponderProcess, folder: Path) -> None:
    responder.set_property("FOCUS_MODE", 0x8010)
    with NikonCamera(config(responder)) as camera:
        camera.apply(SHARP)
        with pytest.raises(CameraError, match="AF-S.*MF") as caught:
            camera.capture(folder, "shot", SHARP)
        assert caught.value.cause == "out_of_focus"
    with NikonCamera(config(responder, focus="as_set")) as camera:
        camera.apply(SHARP)
        camera.capture(folder, "shot", SHARP)


def test_what_spoils_a_pair_is_switched_off_and_restored(responder: ResponderProcess) -> None:
    responder.set_property("AUTO_ISO", 1)
    responder.set_property("EXPOSURE_PROGRAM", 3)
    responder.set_property("EXPOSURE_DELAY", 3)
    camera = NikonCamera(config(responder))
    try:
        assert camera.connect().mode == "M"
        found = camera.widgets()
        assert (found["autoiso"].value, found["d06a"].value) == ("Off", "2")
        assert camera.offers().fixed == {}
    finally:
        camera.close()
    with NikonCamera(config(responder, command_s=3.0)) as after:
        # This driver found the body as it was before the first, and changed it again.
        originals = after._connection._originals
    assert originals["autoiso"] == "On"
    assert originals["expprogram"] == "A"
    assert originals["d06a"] == "3"


def test_a_dial_turned_meanwhile_is_seen_at_once(
    camera: NikonCamera, responder: ResponderProcess
) -> None:
    """libgphoto2 believes what it read for two seconds, unless it is told not to."""
    for number, f_number in ((800, 8), (900, 9), (1000, 10)):
        responder.set_property("F_NUMBER", number)
        assert camera.settings().f_number == f_number


def test_a_mode_dial_that_cannot_be_turned_from_here(
    responder: ResponderProcess, folder: Path
) -> None:
    responder.set_property("EXPOSURE_PROGRAM", 2, read_only=True)
    with NikonCamera(config(responder)) as camera:
        offers = camera.offers()
        assert "mode is P" in offers.fixed["f_number"]
        with pytest.raises(CameraError, match="mode is P") as caught:
            plan_pair(PairRequest(), offers, 0.1)
        assert caught.value.cause == "read_only"
        with pytest.raises(CameraError, match="mode is P"):
            camera.apply(SHARP)


def test_settings_come_back_after_the_session(responder: ResponderProcess, folder: Path) -> None:
    with NikonCamera(config(responder)) as camera:
        camera.apply(SHARP)
        camera.capture(folder, "shot", SHARP)
        assert camera.settings().f_number == 10
    assert f_number_of(responder) == 5.6


def test_settings_come_back_after_a_crash_too(responder: ResponderProcess, folder: Path) -> None:
    with NikonCamera(config(responder)) as camera:
        camera.apply(SHARP)
        responder.fault("CAPTURE", Unplug())
        with pytest.raises(CameraError):
            camera.capture(folder, "shot", SHARP)
            os.kill(next(child for child in children() if child != responder.pid), signal.SIGKILL)
    assert f_number_of(responder) == 5.6


def test_settings_come_back_when_the_toolkit_is_killed(responder: ResponderProcess) -> None:
    script = (
        "import os, time\n"
        "from idfd.capture.cameras import PhotoSettings\n"
        "from idfd.capture.nikon.config import NikonConfig\n"
        "from idfd.capture.nikon.driver import NikonCamera\n"
        f"camera = NikonCamera(NikonConfig(port={responder.port!r}))\n"
        "camera.apply(PhotoSettings(f_number=10))\n" + CHILDREN + "time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as driver:
        assert driver.stdout is not None
        child = int(driver.stdout.readline())
        driver.kill()
    assert ends(child)
    assert f_number_of(responder) == 5.6


def test_frames_come_fast_enough_for_a_live_page(camera: NikonCamera) -> None:
    camera.preview()
    start = time.monotonic()
    for _ in range(10):
        camera.preview()
    assert time.monotonic() - start < 1.0
