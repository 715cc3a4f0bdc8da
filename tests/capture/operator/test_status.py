from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from desk import bright_rig, desk
from fake_rig import FakeRig

from idfd.capture.operator.guide import Guide, Target
from idfd.capture.operator.opening import opened, opened_rig
from idfd.capture.operator.single import shoot_scene
from idfd.capture.operator.status import session_status
from idfd.capture.rig import RigProfile
from idfd.errors import CameraError, InputError, SchemaError
from idfd.model import schema
from idfd.model.camera import Extrinsics, Intrinsics
from idfd.model.rig import RigCalibration
from idfd.model.session import SESSION

PLAN = "scene,group,environment,note\na,room,lab,\nb,room,lab,\n"


@pytest.fixture
def rig(monkeypatch: pytest.MonkeyPatch) -> FakeRig:
    """The rig that every profile opens."""
    made = bright_rig()
    monkeypatch.setattr("idfd.capture.rig.open_rig", lambda _: made)
    return made


def test_status_of_a_session(tmp_path: Path) -> None:
    (tmp_path / "plan.csv").write_text(PLAN)
    with desk(tmp_path) as shooter:
        guide = Guide(shooter, first=Target("a", "room", "lab"))
        guide.shoot()
        guide.retake()
        guide.skip("locked")
        path = shooter.session.path
        # Also while another process works on it.
        found = session_status(path, tmp_path / "plan.csv", verify=True)
    assert [(s.name, s.takes, s.rejected, s.verdict) for s in found.scenes] == [
        ("a", 1, 1, "pass"),
        ("a_2", 0, 0, None),
    ]
    assert found.scenes[1].skipped == "locked"
    assert (found.takes, found.verdicts) == (1, {"pass": 1, "warn": 0, "fail": 0})
    assert found.remaining == ("b",)
    assert found.damage == ()
    assert found.copy_pending is None
    assert found.bytes > 10_000


def test_damage_is_found_when_asked(tmp_path: Path) -> None:
    with desk(tmp_path) as shooter:
        Guide(shooter, first=Target("a", "room", "lab")).shoot()
        path = shooter.session.path
    (path / "scenes/a/a_1/defocused.jpg").write_bytes(b"changed")
    assert session_status(path).damage is None
    (damage,) = session_status(path, verify=True).damage or ()
    assert "defocused.jpg" in damage


def test_what_the_second_copy_lacks(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    rig = bright_rig()
    rig.profile = msgspec.structs.replace(rig.profile, second_copy=str(tmp_path / "other"))
    with desk(tmp_path, rig) as shooter:
        Guide(shooter, first=Target("a", "room", "lab")).shoot()
        path = shooter.session.path
    assert session_status(path).copy_pending == ()
    (tmp_path / "other").rename(tmp_path / "unplugged")
    assert session_status(path).copy_pending == ("a_1",)


def test_a_session_is_started_and_taken_up(rig: FakeRig, tmp_path: Path) -> None:
    folder = tmp_path / "Spring 2026"
    with opened(folder, None, operator="Ada") as shooter:
        assert shooter.session.document.name == "Spring-2026"
        assert shooter.session.document.operator == "Ada"
        assert shooter.session.profile == RigProfile()
    with opened(folder, None) as shooter:
        assert shooter.session.document.operator == "Ada"
    assert not rig.photo.connected


def test_a_session_keeps_its_rig(rig: FakeRig, tmp_path: Path) -> None:
    profile = tmp_path / "rig.json"
    profile.write_bytes(schema.encode(RigProfile(name="left")))
    with opened(tmp_path / "s", str(profile)) as shooter:
        assert shooter.session.profile.name == "left"
    with opened(tmp_path / "s", str(profile)):
        pass
    profile.write_bytes(schema.encode(RigProfile(name="right")))
    with pytest.raises(InputError, match="another rig"), opened(tmp_path / "s", str(profile)):
        pass


def test_a_session_keeps_a_copy_of_its_calibration(rig: FakeRig, tmp_path: Path) -> None:
    camera = Intrinsics(width=640, height=576, fx=500, fy=500, cx=320, cy=288)
    level = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))
    mount = Extrinsics(source="depth", target="photo", rotation=level, translation_mm=(90, 0, 0))
    known = RigCalibration(photo=camera, depth=camera, depth_to_photo=mount, origin="calibrated")
    file = tmp_path / "calibration.json"
    file.write_bytes(schema.encode(known))
    # A session that was started without one takes it up, too.
    with opened(tmp_path / "s", None) as shooter:
        assert shooter.session.calibration is None
    for _ in range(2):
        with opened(tmp_path / "s", None, calibration=file) as shooter:
            assert shooter.session.calibration == known
    file.write_bytes(schema.encode(msgspec.structs.replace(known, origin="nominal")))
    other = opened(tmp_path / "s", None, calibration=file)
    with pytest.raises(InputError, match="another calibration"), other:
        pass
    file.write_text("{}")
    with pytest.raises(SchemaError), opened(tmp_path / "t", None, calibration=file):
        pass
    assert not (tmp_path / "t").exists()


def test_a_camera_that_is_missing_starts_no_session(rig: FakeRig, tmp_path: Path) -> None:
    rig.faults.fail("depth.connect", CameraError("none", cause="absent"))
    with pytest.raises(CameraError), opened(tmp_path / "s", None):
        pass
    assert not (tmp_path / "s" / SESSION).exists()
    assert rig.faults.calls[-2:] == ["photo.close", "depth.close"]


def test_a_rig_without_a_session(rig: FakeRig) -> None:
    with opened_rig(None) as device:
        assert device is rig
        assert [place.environment for place in rig.places] == ["lab"]
        assert rig.photo.connected
    assert not rig.photo.connected


def test_one_take_from_a_script(rig: FakeRig, tmp_path: Path) -> None:
    target = Target("a", "room", "lab")
    first = shoot_scene(tmp_path / "s", None, target)
    second = shoot_scene(tmp_path / "s", None, target, exposure="1/4", retake=True)
    assert (first.id, second.id) == ("a_1", "a_2")
    assert second.all_in_focus.exposure_s == 0.25
    found = session_status(tmp_path / "s")
    assert (found.takes, found.scenes[0].rejected) == (1, 1)
    assert (tmp_path / "s/index.html").exists()
    third = shoot_scene(tmp_path / "s", None, target, exposure="auto")
    assert third.id == "a_3"


def test_a_script_is_stopped_by_an_empty_battery(rig: FakeRig, tmp_path: Path) -> None:
    rig.photo.battery = 2
    with pytest.raises(InputError, match=r"battery is at 2 %.*Change the battery"):
        shoot_scene(tmp_path / "s", None, Target("a", "room", "lab"))
    assert "photo.capture" not in rig.faults.calls


def test_there_must_be_a_take_to_retake(rig: FakeRig, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="has no take"):
        shoot_scene(tmp_path / "s", None, Target("a", "room", "lab"), retake=True)


def test_a_wrong_exposure_is_refused_before_a_camera_is_opened(
    rig: FakeRig, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match="exposure time"):
        shoot_scene(tmp_path / "s", None, Target("a", "room", "lab"), exposure="fast")
    assert rig.faults.calls == []
