"""The driver against libgphoto2's virtual D750, through the true library in its own process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from nikon_processes import CHILDREN, children, ends
from virtual_body import VirtualBody, photo

from idfd.capture.cameras import PhotoSettings
from idfd.capture.exposure import PairRequest, plan_pair
from idfd.capture.nikon.client import Client
from idfd.capture.nikon.driver import NikonCamera
from idfd.capture.nikon.find import find_cameras
from idfd.capture.nikon.messages import Open, Write
from idfd.errors import CameraError, StorageError

pytest.importorskip("gphoto2")

SHARP = PhotoSettings(f_number=10, exposure_s=0.1)
OPEN = PhotoSettings(f_number=2.8, exposure_s=0.01)


@pytest.fixture
def body(tmp_path: Path) -> VirtualBody:
    return VirtualBody(tmp_path / "virtual")


@pytest.fixture
def camera(body: VirtualBody) -> Iterator[NikonCamera]:
    with NikonCamera(body.config()) as camera:
        yield camera


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "photos"
    path.mkdir()
    return path


@pytest.fixture
def short_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hangs are ended at once after the deadline."""
    monkeypatch.setattr("idfd.capture.nikon.client._GRACE_S", 0.2)


def shoot(camera: NikonCamera, folder: Path, body: VirtualBody, settings: PhotoSettings) -> None:
    body.shows(settings.f_number, settings.exposure_s)
    camera.apply(settings)
    shot = camera.capture(folder, f"f{settings.f_number:g}", settings)
    assert shot.settings.f_number == settings.f_number


def test_it_is_found_and_tells_what_it_offers(body: VirtualBody, camera: NikonCamera) -> None:
    assert [model for model, _ in find_cameras(body.config())] == ["Nikon DSC D750"]
    status = camera.connect()
    assert (status.battery_percent, status.mode) == (50, None)
    offers = camera.offers()
    assert {2.8, 10.0} <= set(offers.f_numbers)
    assert offers.exposures_s[-1] == 1.0
    # What this body lacks is said, not invented.
    assert set(offers.fixed) == {"iso", "white_balance", "format"}


def test_twenty_scenes_in_a_row(camera: NikonCamera, body: VirtualBody, folder: Path) -> None:
    """The virtual camera is full after 26 photos of a process: a new one goes on."""
    plan = plan_pair(PairRequest(exposure_s=0.1), camera.offers())
    for scene in range(20):
        for settings in (plan.all_in_focus, plan.defocused):
            body.shows(settings.f_number, settings.exposure_s, seed=scene)
            camera.apply(settings)
            shot = camera.capture(folder, f"{scene}-{settings.f_number:g}", settings)
            assert shot.settings.f_number == settings.f_number
            assert shot.camera_time == "2026-01-02T03:04:05"
            assert abs(shot.released_at - time.time()) < 5
    assert len(list(folder.iterdir())) == 40
    assert (folder / "7-10.jpg").read_bytes() == photo(10, 0.1, seed=7)


def test_values_are_never_snapped_to_a_neighbour(camera: NikonCamera) -> None:
    before = camera.settings()
    with pytest.raises(CameraError, match=r"1/60 s") as caught:
        camera.apply(PhotoSettings(f_number=10, exposure_s=1 / 60))
    assert caught.value.cause == "refused"
    with pytest.raises(CameraError, match=r"f/3\b"):
        camera.apply(PhotoSettings(f_number=3))
    # Nothing was changed, not even the half that is offered.
    assert camera.settings() == before
    assert camera.apply(SHARP) == PhotoSettings(f_number=10, exposure_s=0.1)
    assert camera.settings().f_number == 10


@pytest.mark.parametrize("text", ["1/60", "", "f/2.8", "0.0500"])
def test_a_text_that_is_no_choice_is_refused_before_the_library_sees_it(
    body: VirtualBody, text: str
) -> None:
    client = Client(body.config().virtual_folder)
    try:
        client.ask(Open(port=None, command_s=5, originals={}), 10)
        with pytest.raises(CameraError) as caught:
            client.ask(Write(values={"shutterspeed": text}), 5)
        assert caught.value.cause == "refused"
        assert client.alive
    finally:
        client.stop(restore=True)


def test_a_photo_at_another_aperture_is_refused(
    camera: NikonCamera, body: VirtualBody, folder: Path
) -> None:
    camera.apply(SHARP)
    body.shows(9, 0.1)
    with pytest.raises(CameraError, match=r"f/9.*f/10") as caught:
        camera.capture(folder, "shot", SHARP)
    assert caught.value.cause == "mismatch"
    assert list(folder.iterdir()) == []
    body.shows(10, 0.1)
    camera.capture(folder, "shot", SHARP)


def test_a_damaged_download_leaves_nothing(
    camera: NikonCamera, body: VirtualBody, folder: Path
) -> None:
    camera.apply(SHARP)
    data = photo(10, 0.1).rstrip(b"\0")
    body.holds(data[: len(data) // 2].ljust(40_000, b"\x01"))
    with pytest.raises(CameraError, match="cut off"):
        camera.capture(folder, "shot", SHARP)
    assert list(folder.iterdir()) == []


def test_settings_of_the_body_are_restored(body: VirtualBody, tmp_path: Path) -> None:
    client = Client(body.config().virtual_folder)
    try:
        client.ask(Open(port=None, command_s=5, originals={}), 10)
        written = client.ask(Write(values={"f-number": "f/10", "capturetarget": "Memory card"}), 5)
        assert written["originals"] == {"f-number": "f/2.8", "capturetarget": "Internal RAM"}
        # Values of an earlier process that died win over what this one finds.
        client.stop(restore=False)
        client = Client(body.config().virtual_folder)
        client.ask(Open(port=None, command_s=5, originals={"f-number": "f/22"}), 10)
        written = client.ask(Write(values={"f-number": "f/10"}), 5)
        assert written["originals"] == {"f-number": "f/22"}
    finally:
        client.stop(restore=True)


def test_no_locale_and_no_host_settings_leak(
    body: VirtualBody, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    (home / "gphoto").mkdir(parents=True)
    settings = home / "gphoto" / "settings"
    settings.write_text("ptp2=capturetarget=card\n")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home))
    monkeypatch.setenv("LC_ALL", "de_DE.UTF-8")
    with NikonCamera(body.config(keep_on_card=False)) as camera:
        assert camera.widgets()["capturetarget"].value == "Internal RAM"
        assert camera.widgets()["f-number"].choices[0] == "f/2.8"
        shoot(camera, folder, body, SHARP)
    assert settings.read_text() == "ptp2=capturetarget=card\n"


def test_a_crash_costs_one_shot(camera: NikonCamera, body: VirtualBody, folder: Path) -> None:
    camera.apply(SHARP)
    (child,) = children()
    os.kill(child, signal.SIGSEGV)
    os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)
    # The next call starts another process and applies all settings again.
    assert camera.settings() == PhotoSettings(f_number=10, exposure_s=0.1)
    shoot(camera, folder, body, OPEN)
    (other,) = children()
    assert other != child


def test_a_hang_is_ended_at_the_deadline(body: VirtualBody, short_grace: None) -> None:
    with NikonCamera(body.config(command_s=1.5)) as camera:
        camera.apply(SHARP)
        (child,) = children()
        os.kill(child, signal.SIGSTOP)
        start = time.monotonic()
        # Asking again is harmless, so the driver does.
        assert camera.settings().f_number == 10
        assert time.monotonic() - start < 5
        assert child not in children()


def test_a_hang_during_a_release_is_reported(body: VirtualBody, short_grace: None) -> None:
    client = Client(body.config().virtual_folder, "usb:1")
    client.ask(Open(port=None, command_s=5, originals={}), 10)
    (child,) = children()
    os.kill(child, signal.SIGSTOP)
    with pytest.raises(CameraError) as caught:
        client.ask(Write(values={"f-number": "f/10"}), 0.1)
    assert caught.value.cause == "timeout"
    assert "write" in caught.value.what
    assert not client.alive
    client.stop(restore=True)


def test_a_crash_during_a_request_names_the_signal(body: VirtualBody) -> None:
    client = Client(body.config().virtual_folder, "usb:1")
    client.ask(Open(port=None, command_s=5, originals={}), 10)
    (child,) = children()
    os.kill(child, signal.SIGABRT)
    with pytest.raises(CameraError, match="signal 6.*Fatal Python error: Aborted") as caught:
        client.ask(Write(values={"f-number": "f/10"}), 5)
    assert caught.value.cause == "crashed"
    client.stop(restore=True)


def test_the_process_ends_with_the_driver_s(body: VirtualBody) -> None:
    script = (
        "import os, sys, time\n"
        "from idfd.capture.nikon.config import NikonConfig\n"
        "from idfd.capture.nikon.driver import NikonCamera\n"
        f"NikonCamera(NikonConfig(virtual_folder={str(body.folder)!r})).connect()\n"
        + CHILDREN
        + "time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as driver:
        assert driver.stdout is not None
        child = int(driver.stdout.readline())
        driver.kill()
    assert ends(child)


def test_a_folder_that_cannot_be_written_is_a_storage_error(
    camera: NikonCamera, body: VirtualBody, tmp_path: Path
) -> None:
    camera.apply(SHARP)
    with pytest.raises(StorageError) as caught:
        camera.capture(tmp_path / "missing", "shot", SHARP)
    assert "missing" in str(caught.value.where)
    camera.status()


def test_a_full_disk_leaves_nothing(
    camera: NikonCamera, body: VirtualBody, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """/dev/full refuses every byte as a full disk does."""
    camera.apply(SHARP)
    body.shows(10, 0.1)
    (folder / ".shot.jpg.part").symlink_to("/dev/full")
    with pytest.raises(StorageError, match="full"):
        camera.capture(folder, "shot", SHARP)
    assert list(folder.iterdir()) == []
    camera.capture(folder, "shot", SHARP)


def test_declared_apertures_are_confirmed_and_recorded(body: VirtualBody, folder: Path) -> None:
    asked: list[float] = []

    def confirm(f_number: float) -> bool:
        asked.append(f_number)
        return f_number != 4

    with NikonCamera(body.config(declared_aperture=True)) as camera:
        with pytest.raises(CameraError, match="nobody confirmed"):
            camera.apply(PhotoSettings(f_number=10))
        camera.confirm_aperture = confirm
        assert camera.offers().declared_aperture
        plan = plan_pair(PairRequest(exposure_s=0.1), camera.offers())
        for settings in (plan.all_in_focus, plan.all_in_focus, plan.defocused):
            body.shows(None, settings.exposure_s)
            told = camera.apply(settings)
            assert told.f_number == settings.f_number
            shot = camera.capture(folder, f"f{settings.f_number:g}", settings)
            assert shot.settings.f_number == settings.f_number
        # The ring is not asked for again while it stays.
        assert asked == [10, 2.8]
        with pytest.raises(CameraError) as caught:
            camera.apply(PhotoSettings(f_number=4))
        assert caught.value.cause == "refused"
        assert camera.widgets()["f-number"].value == "f/2.8"


def test_what_a_body_cannot_do_is_refused(camera: NikonCamera) -> None:
    with pytest.raises(CameraError) as caught:
        camera.preview()
    assert caught.value.cause == "refused"
    with pytest.raises(CameraError, match="iso 100"):
        camera.apply(PhotoSettings(iso=100))


def test_closing_is_silent_and_final(body: VirtualBody) -> None:
    camera = NikonCamera(body.config())
    camera.close()
    camera.connect()
    (child,) = children()
    os.kill(child, signal.SIGKILL)
    camera.close()
    camera.close()
    assert children() == []


def test_no_camera_is_absent(tmp_path: Path) -> None:
    with pytest.raises(CameraError) as caught:
        NikonCamera(VirtualBody(tmp_path).config(port="usb:042,042")).connect()
    assert caught.value.cause == "absent"


def test_without_the_library_the_remedy_installs_it(
    body: VirtualBody, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "gphoto2.py").write_text("raise ImportError('no wheel')\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(CameraError, match="pip install gphoto2") as caught:
        NikonCamera(body.config()).connect()
    assert caught.value.cause == "driver"
