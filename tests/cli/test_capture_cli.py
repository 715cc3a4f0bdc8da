from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import check_pictures as made
import pytest
from click.testing import CliRunner, Result
from fake_rig import FakeRig, camera_error, fake_rig

from idfd.capture.kinect import libk4a
from idfd.capture.kinect.libk4a import load_libraries
from idfd.cli.capture import capture
from idfd.errors import CameraError, InputError, MissingDependencyError
from idfd.storage.bursts import write_burst


@pytest.fixture
def rig(monkeypatch: pytest.MonkeyPatch) -> FakeRig:
    """The rig that every profile opens."""
    rig = fake_rig()
    rig.photo.settings = rig.photo.settings.__class__(2.8, 0.125, 100, "Daylight", "raw+jpeg")
    monkeypatch.setattr("idfd.capture.rig.open_rig", lambda _: rig)
    return rig


def run(*arguments: str, typed: str = "") -> Result:
    # The exit code is what the command returns; idfd.cli.main hands it to the shell.
    return CliRunner().invoke(capture, arguments, input=typed, standalone_mode=False)


def test_a_guided_session_reads_lines(rig: FakeRig, tmp_path: Path) -> None:
    folder = str(tmp_path / "s")
    done = run("session", folder, "--sound", "off", typed="lab\n\na\n\n\nq\n")
    assert not done.return_value
    assert "a_1: pass" in done.output
    assert "2 scenes, 2 takes" in done.output
    assert (tmp_path / "s/index.html").read_text().count("<article") == 2
    again = run("session", folder, typed="")
    assert "2 scenes and 2 takes are there already" in again.output


def test_a_session_by_plan(rig: FakeRig, tmp_path: Path) -> None:
    plan = tmp_path / "plan.csv"
    plan.write_text("scene,group,environment\na,room,lab\nb,room,lab\n")
    done = run("session", str(tmp_path / "s"), "--plan", str(plan), typed="\n\n")
    assert "[2 of 2] the plan is done" in done.output
    status = run("status", str(tmp_path / "s"), "--plan", str(plan), "--verify")
    assert status.return_value == 0
    assert "not shot yet: none" in status.output
    assert "damaged: none" in status.output


def test_one_scene_as_json(rig: FakeRig, tmp_path: Path) -> None:
    done = run("scene", str(tmp_path / "s"), "a", "--environment", "lab", "--group", "g", "--json")
    record = json.loads(done.stdout)
    assert not done.return_value
    assert (record["id"], record["group"], record["environment"]) == ("a_1", "g", "lab")
    assert record["verdict"] == "pass"
    found = json.loads(run("status", str(tmp_path / "s"), "--json").stdout)
    assert found["takes"] == 1
    assert found["scenes"][0]["name"] == "a"


def test_a_failed_take_is_exit_code_1_and_kept(rig: FakeRig, tmp_path: Path) -> None:
    rig.photo.brightness = 0.003
    done = run("scene", str(tmp_path / "s"), "a")
    assert done.return_value == 1
    assert "longer" in done.output
    assert "1 takes (0 pass, 0 warn, 1 fail)" in run("status", str(tmp_path / "s")).output


def test_errors_of_cameras_reach_the_caller(rig: FakeRig, tmp_path: Path) -> None:
    rig.faults.fail("photo.capture", camera_error("out_of_focus"))
    done = run("scene", str(tmp_path / "s"), "a")
    assert isinstance(done.exception, CameraError)


def test_damage_is_exit_code_1(rig: FakeRig, tmp_path: Path) -> None:
    run("scene", str(tmp_path / "s"), "a")
    (tmp_path / "s/scenes/a/a_1/depth.h5").unlink()
    done = run("status", str(tmp_path / "s"), "--verify")
    assert done.return_value == 1
    assert "depth.h5" in done.output.replace("\n", "")
    assert run("status", str(tmp_path / "s")).return_value == 0


def test_a_profile_can_be_written_edited_and_used(tmp_path: Path) -> None:
    path = tmp_path / "rig.json"
    assert run("profile", "-o", str(path)).exception is None
    profile = json.loads(path.read_text())
    profile["limits"]["shift"]["warn"] = 1.0
    path.write_text(json.dumps(profile))
    changed = json.loads(run("profile", "--rig", str(path)).stdout)
    assert changed["limits"]["shift"]["warn"] == 1.0


def test_a_mistyped_limit_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "rig.json"
    run("profile", "-o", str(path))
    profile = json.loads(path.read_text())
    profile["limits"]["shfit"] = profile["limits"]["shift"]
    path.write_text(json.dumps(profile))
    assert "shfit" in str(run("profile", "--rig", str(path)).exception)


def test_a_dump_is_planned(tmp_path: Path) -> None:
    dump = tmp_path / "dump.txt"
    dump.write_text(
        "/main/capturesettings/f-number\nLabel: F-Number\nReadonly: 0\nType: RADIO\n"
        "Current: f/9.5\nChoice: 0 f/2.8\nChoice: 1 f/9.5\nChoice: 2 f/11\nEND\n"
    )
    done = run("plan", str(dump))
    assert done.return_value == 1  # a half-stop body: no f/10
    assert "f/10" in done.output
    found = json.loads(run("plan", str(dump), "--json").stdout)
    assert found["pair"] is False
    assert {"setting", "value", "why"} == found["steps"][0].keys()


def test_an_import_makes_a_session_with_a_page(tmp_path: Path) -> None:
    from idfd.storage.bursts import write_burst

    photos = tmp_path / "photos"
    photos.mkdir()
    light = made.wall()
    made.write_photo(photos / "x1.jpg", made.rgb(light), 10)
    made.write_photo(photos / "x2.jpg", made.rgb(made.blurred(light)), 2.8)
    write_burst(photos / "x1.h5", made.burst())
    done = run("import", str(photos), "-o", str(tmp_path / "s"), "--json")
    assert done.exception is None, done.exception
    assert len(json.loads(done.stdout)["takes"]) == 1
    assert "<article" in (tmp_path / "s/index.html").read_text()


def test_the_page_is_announced(rig: FakeRig, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    monkeypatch.setattr("click.launch", opened.append)

    def serve(device: object, port: int, announce: object) -> None:
        assert device is rig
        assert callable(announce)
        announce(f"http://127.0.0.1:{port}/")

    monkeypatch.setattr("idfd.capture.operator.preview.serve.serve_preview", serve)
    done = run("preview", "--port", "8123", "--open")
    assert "http://127.0.0.1:8123/" in done.output
    assert opened == ["http://127.0.0.1:8123/"]


def test_no_session_is_an_error_with_a_remedy(tmp_path: Path) -> None:
    error = run("status", str(tmp_path)).exception
    assert isinstance(error, InputError)
    assert "start a session" in str(error)


def test_a_profile_that_is_missing_names_the_way_out(tmp_path: Path) -> None:
    error = run("session", str(tmp_path / "s"), "--rig", str(tmp_path / "no.json")).exception
    assert "idfd capture profile" in str(error)


def test_help_of_the_group_imports_nothing_heavy() -> None:
    script = (
        "import sys\nfrom idfd.cli.main import main\n"
        "try: main(['capture', 'session', '--help'])\nexcept SystemExit: pass\n"
        "heavy = {'numpy', 'cv2', 'h5py', 'rich', 'msgspec', 'jinja2', 'starlette', 'gphoto2'}\n"
        "print('HEAVY', sorted(heavy & set(sys.modules)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert "HEAVY []" in done.stdout


def test_a_recording_without_the_sdk_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    camera = fake_rig().depth
    camera.connect()
    write_burst(tmp_path / "depth.h5", camera.burst(3, 0))
    load_libraries.cache_clear()
    monkeypatch.setattr(libk4a, "_find", lambda name: None)
    target = tmp_path / "x.mkv"
    result = CliRunner().invoke(
        capture, ["recording", str(tmp_path / "depth.h5"), "-o", str(target)]
    )
    assert isinstance(result.exception, MissingDependencyError)
    assert "pip install pyk4a-bundle" in str(result.exception)
    assert not target.exists()
