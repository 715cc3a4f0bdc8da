"""The simulated body under libgphoto2's own PTP driver."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from responder_host import Host, HostError, connected

from idfd.capture.simulated.nikon.codes import Response
from idfd.capture.simulated.nikon.faults import Delay, Fault, Respond, Stall, Unplug
from idfd.capture.simulated.nikon.process import ResponderProcess
from idfd.storage.color import linear_from_uint8
from idfd.storage.exif import read_settings
from idfd.storage.images import decode_image, read_photo

pytest.importorskip("gphoto2")

CARD, RAM = "Memory card", "Internal RAM"
FOLDER = "/store_00010001/DCIM/100ND750"


@pytest.fixture(scope="module", autouse=True)
def own_settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """libgphoto2 keeps settings of the host in the user's folder, and hides cameras behind vusb."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CONFIG_HOME", str(tmp_path_factory.mktemp("config")))
        patch.delenv("VCAMERADIR", raising=False)
        yield


@pytest.fixture(scope="module")
def body() -> Iterator[ResponderProcess]:
    with ResponderProcess(real_time=False) as process:
        yield process


@pytest.fixture
def host(body: ResponderProcess) -> Iterator[Host]:
    body.clear_faults()
    with connected(body.port) as connection:
        connection.set("capturetarget", CARD)
        connection.set("imagequality", "JPEG Fine")
        yield connection


def test_the_body_is_a_nikon(host: Host) -> None:
    summary = host.summary()

    for text in ("Nikon Corporation", "Model: D750", "6012345", "[Slot 1]", "f/10 (1000)"):
        assert text in summary


def test_the_widgets_of_a_real_body_are_offered(host: Host) -> None:
    assert {"f/2.8", "f/10"} <= set(host.choices("f-number"))
    assert len(host.choices("f-number")) == 19
    assert host.choices("shutterspeed2")[0] == "1/4000"
    assert host.choices("shutterspeed2")[-2:] == ["30", "Bulb"]
    assert host.choices("imagequality")[-1] == "NEF+Fine"
    assert host.choices("focusmode")[:2] == ["Manual", "AF-S"]
    assert host.widget("focusmode").get_readonly()
    assert host.widget("expprogram").get_readonly()
    assert (host.get("expprogram"), host.get("focusmode")) == ("M", "Manual")
    assert (host.get("focallength"), host.get("batterylevel")) == (14.0, "90%")
    assert (host.get("autoiso"), host.get("isoauto")) == ("Off", "Off")
    assert int(host.get("availableshots")) > 1000
    assert host.get("serialnumber") == "6012345"


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("f-number", ("f/2.8", "f/10")),
        ("shutterspeed2", ("1/4000", "13/10", "30", "1/4")),
        ("iso", ("3200", "100")),
        ("whitebalance", ("Tungsten", "Daylight")),
        ("imagequality", ("NEF (Raw)", "NEF+Fine", "JPEG Fine")),
        ("exposuredelaymode", ("Off", "On")),
        ("capturetarget", (RAM, CARD)),
    ],
)
def test_settings_read_back(host: Host, name: str, values: tuple[str, ...]) -> None:
    assert [host.set(name, value) for value in values] == list(values)


def test_the_clock_can_be_set(host: Host) -> None:
    assert abs(host.set("datetime", 1577934245) - 1577934245) < 5
    assert abs(host.set("datetime", int(time.time())) - time.time()) < 5


def test_host_control_unlocks_the_exposure_program(host: Host, body: ResponderProcess) -> None:
    host.set("controlmode", "1")
    assert not host.widget("expprogram").get_readonly()

    assert host.set("expprogram", "A") == "A"

    assert host.widget("shutterspeed2").get_readonly()
    assert not host.widget("f-number").get_readonly()
    body.set_property("exposure_program", 1)


@pytest.mark.parametrize("target", [CARD, RAM])
def test_pairs_arrive_with_their_settings(host: Host, tmp_path: Path, target: str) -> None:
    host.set("capturetarget", target)
    host.set("imagequality", "NEF+Fine")

    for f_number, shutter, exposure_s in (("10", "1/4", 0.25), ("2.8", "1/50", 0.02)):
        host.set("f-number", f"f/{f_number}")
        host.set("shutterspeed2", shutter)
        paths = host.capture(files=2)
        assert sorted(name[-3:].lower() for _, name in paths) == ["jpg", "nef"]
        for path in paths:
            settings, _ = read_settings(host.download(path, tmp_path))
            assert settings is not None
            assert (settings.f_number, settings.exposure_s) == (float(f_number), exposure_s)


def test_libraw_opens_a_downloaded_raw_file(host: Host, tmp_path: Path) -> None:
    rawpy = pytest.importorskip("rawpy")
    host.set("imagequality", "NEF (Raw)")

    (path,) = host.capture(files=1)

    with rawpy.imread(str(host.download(path, tmp_path))) as raw:
        assert raw.raw_image_visible.shape == (400, 600)


def test_the_pair_is_equally_exposed_and_differs_in_blur(host: Host, tmp_path: Path) -> None:
    levels, sharpness = [], []
    for f_number, shutter in (("f/10", "1/4"), ("f/2.8", "1/50")):
        host.set("f-number", f_number)
        host.set("shutterspeed2", shutter)
        (path,) = host.capture(files=1)
        photo = read_photo(host.download(path, tmp_path))
        levels.append(linear_from_uint8(photo).mean())
        sharpness.append(cv2.Laplacian(photo, cv2.CV_32F).var())

    assert abs(np.log2(levels[1] / levels[0])) < 0.05
    assert sharpness[0] > 5 * sharpness[1]


def test_live_view_is_faster_than_ten_frames_per_second(host: Host) -> None:
    host.preview()
    start = time.monotonic()
    frames = [host.preview() for _ in range(15)]
    rate = len(frames) / (time.monotonic() - start)
    host.set("viewfinder", 0)

    image = decode_image(frames[-1], Path("live.jpg"), cv2.IMREAD_COLOR)
    assert image.shape == (427, 640, 3)
    assert rate >= 10


def test_a_photo_can_be_taken_during_live_view(host: Host, tmp_path: Path) -> None:
    host.preview()

    (path,) = host.capture(files=1)

    assert host.download(path, tmp_path).stat().st_size > 1000
    host.preview()
    host.set("viewfinder", 0)


def test_a_dial_turned_at_the_body_is_seen(host: Host, body: ResponderProcess) -> None:
    host.set("f-number", "f/10")

    body.set_property("F_NUMBER", 560)

    assert any("5007" in str(data) for _, data in host.events(0.3))
    assert host.get("f-number") == "f/5.6"


def test_a_body_without_an_aperture(host: Host, body: ResponderProcess) -> None:
    body.set_property("F_NUMBER", choices=[280], value=280, read_only=True)
    try:
        assert host.choices("f-number") == ["f/2.8"]
        assert host.widget("f-number").get_readonly()
    finally:
        body.set_property("F_NUMBER", choices=[280, 1000], value=1000, read_only=False)


@pytest.mark.parametrize(
    ("operation", "fault", "codes", "text"),
    [
        ("CAPTURE", Respond(Response.OUT_OF_FOCUS), (-1,), "Out of Focus"),
        ("CAPTURE", Respond(Response.STORE_FULL), (-1,), "PTP Store Full"),
        ("CAPTURE", Respond(Response.HARDWARE_ERROR), (-1,), "Hardware Error"),
        ("CAPTURE", Respond(Response.BUSY, times=150), (-110,), "PTP Device Busy"),
        # Which of the two depends on where the wait ends.
        ("GET_OBJECT", Delay(2.8), (-7, -10), "PTP"),
    ],
)
def test_after_these_faults_the_next_shot_works(
    host: Host,
    body: ResponderProcess,
    tmp_path: Path,
    operation: str,
    fault: Fault,
    codes: tuple[int, ...],
    text: str,
) -> None:
    body.fault(operation, fault)
    with pytest.raises(HostError) as caught:
        host.download(host.capture(files=1)[0], tmp_path)
    body.clear_faults()

    assert caught.value.code in codes
    assert text in caught.value.text
    assert host.download(host.capture(files=1)[0], tmp_path).stat().st_size > 1000


def test_a_short_time_of_busy_goes_unnoticed(host: Host, body: ResponderProcess) -> None:
    body.fault("CAPTURE", Respond(Response.BUSY, times=5))
    body.fault("DEVICE_READY", Respond(Response.BUSY, times=2))

    assert len(host.capture(files=1)) == 1


def test_a_refused_setting_says_why(host: Host, body: ResponderProcess) -> None:
    host.set("f-number", "f/10")
    body.fault("SET_PROPERTY", Respond(Response.BUSY))

    with pytest.raises(HostError, match="PTP Device Busy") as caught:
        host.set("f-number", "f/2.8")

    assert caught.value.code == -2
    assert host.get("f-number") == "f/10"


@pytest.mark.parametrize(
    ("operation", "fault"),
    [
        ("GET_OBJECT", Stall()),
        ("GET_OBJECT", Stall(after_bytes=5000)),
        ("GET_OBJECT", Unplug(after_bytes=5000)),
        ("CAPTURE", Unplug()),
    ],
)
def test_after_these_faults_a_new_connection_works(
    body: ResponderProcess, tmp_path: Path, operation: str, fault: Fault
) -> None:
    body.clear_faults()
    host = Host(body.port)
    host.set("capturetarget", CARD)
    body.fault(operation, fault)

    with pytest.raises(HostError) as caught:
        host.download(host.capture(files=1)[0], tmp_path)
    if isinstance(fault, Unplug):
        with pytest.raises(HostError):
            host.get("f-number")

    assert caught.value.code in ((-1,) if isinstance(fault, Unplug) else (-7, -10))
    assert list(tmp_path.iterdir()) == []
    with connected(body.port) as again:
        assert again.download(again.capture(files=1)[0], tmp_path).stat().st_size > 1000


def test_a_photo_is_taken_though_the_answer_is_lost(body: ResponderProcess) -> None:
    def names() -> list[str]:
        with connected(body.port) as again:
            return again.files(FOLDER)

    before = names()
    host = Host(body.port)
    host.set("capturetarget", CARD)
    body.fault("CAPTURE", Unplug(after_bytes=0))
    with pytest.raises(HostError):
        host.capture(files=1)

    deadline = time.monotonic() + 10
    while len(found := names()) == len(before) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert len(found) == len(before) + 1


def test_a_pulled_cable_stays_out_for_a_while(body: ResponderProcess) -> None:
    host = Host(body.port)
    body.fault("GET_PROPERTY_DESCRIPTOR", Unplug(seconds=0.5))
    with pytest.raises(HostError):
        host.get("f-number")

    with pytest.raises(HostError) as caught:
        Host(body.port)
    assert caught.value.code == -7
    time.sleep(0.6)

    with connected(body.port) as again:
        assert again.get("focallength") == 14


def test_a_host_that_vanished_leaves_no_live_view(body: ResponderProcess) -> None:
    host = Host(body.port)
    host.preview()
    body.fault("GET_PROPERTY_DESCRIPTOR", Unplug())
    with pytest.raises(HostError):
        host.get("f-number")

    with connected(body.port) as again:
        assert again.get("viewfinder") == 0
