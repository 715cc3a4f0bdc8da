from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import pytest
from desk import bright_rig, desk
from fake_rig import camera_error, fake_profile, fake_rig

from idfd.capture.operator import shooting
from idfd.capture.operator.shooting import Shooter, first_reference
from idfd.capture.session.store import Session
from idfd.errors import CameraError, InputError
from idfd.model.camera import Extrinsics, Intrinsics
from idfd.model.rig import ReferenceFrame, RigCalibration
from idfd.model.session import SceneDocument

REFERENCE = ReferenceFrame(
    rotation=(0.0, 0.0, 0.0), translation_mm=(0.0, 0.0, 0.0), matches=99, deviation_deg=0.05
)


def nominal() -> RigCalibration:
    """Two cameras in one place, without distortion."""
    camera = Intrinsics(width=640, height=576, fx=500, fy=500, cx=320, cy=288)
    return RigCalibration(
        photo=camera,
        depth=camera,
        depth_to_photo=Extrinsics(
            source="depth",
            target="photo",
            rotation=((1, 0, 0), (0, 1, 0), (0, 0, 1)),
            translation_mm=(0, 0, 0),
        ),
        origin="nominal",
    )


def scene(shooter: Shooter, name: str = "a") -> SceneDocument:
    return shooter.session.add_scene(name, "room", "lab")


def test_the_pair_follows_the_body_and_stays(tmp_path: Path) -> None:
    rig = bright_rig()
    with desk(tmp_path, rig) as shooter:
        plan = shooter.plan()
        assert plan.all_in_focus.exposure_s == 0.125
        shooter.shoot(scene(shooter))  # leaves the body at the shutter of f/2.8
        assert shooter.plan() is plan


def test_a_chosen_shutter_moves_both_photos(tmp_path: Path) -> None:
    with desk(tmp_path) as shooter:
        before = shooter.plan()
        plan = shooter.set_exposure(0.25)
        assert plan.all_in_focus.exposure_s == 0.25
        assert plan.defocused.exposure_s == pytest.approx(
            2 * (before.defocused.exposure_s or 0), rel=0.01
        )
        record = shooter.shoot(scene(shooter))
        assert record.all_in_focus.exposure_s == 0.25


@pytest.mark.parametrize("seconds", [0.0, -1.0, float("nan"), float("inf")])
def test_what_is_no_time_is_refused(seconds: float, tmp_path: Path) -> None:
    with desk(tmp_path) as shooter, pytest.raises(InputError, match="exposure time"):
        shooter.set_exposure(seconds)


def test_a_shutter_without_a_partner_leaves_the_plan(tmp_path: Path) -> None:
    with desk(tmp_path) as shooter:
        plan = shooter.plan()
        with pytest.raises(CameraError):
            shooter.set_exposure(1 / 4000)
        assert shooter.plan() is plan


@pytest.mark.parametrize("brightness", [0.05, 1.0, 4.0])
def test_metering_brings_highlights_near_clipping(brightness: float, tmp_path: Path) -> None:
    rig = bright_rig()
    rig.photo.brightness = brightness
    with desk(tmp_path, rig) as shooter:
        shooter.meter(scene(shooter))
        record = shooter.shoot(scene(shooter))
    values = {check.name: check.value for check in record.checks}
    assert values["clipped"] < 0.03
    assert values["level"] > 0.1


def test_metering_leaves_no_file_and_no_take(tmp_path: Path) -> None:
    with desk(tmp_path) as shooter:
        metered = scene(shooter)
        before = sorted(tmp_path.rglob("*"))
        shooter.meter(metered)
        assert sorted(tmp_path.rglob("*")) == before


def test_metering_without_a_camera_is_an_error(tmp_path: Path) -> None:
    rig = bright_rig()
    with desk(tmp_path, rig) as shooter:
        rig.faults.fail("photo.capture", camera_error("busy"))
        with pytest.raises(CameraError):
            shooter.meter(scene(shooter))


def test_the_clock_of_a_device_that_runs_on_is_remembered(tmp_path: Path) -> None:
    profile = fake_profile()
    running = msgspec.structs.replace(
        profile, burst=msgspec.structs.replace(profile.burst, pause_infrared=False)
    )
    rig = fake_rig(running)
    with desk(tmp_path, rig) as shooter:
        shooter.shoot(scene(shooter))
        rig.depth._clock_us -= 500_000  # frames that lay in a queue
        record = shooter.shoot(scene(shooter, "b"))
    stale = next(check for check in record.checks if check.name == "stale_frames")
    assert (stale.value, stale.verdict) == (1, "fail")


def test_the_first_good_take_is_the_reference(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []

    def measured(*arguments: object) -> ReferenceFrame | None:
        seen.append(len(seen))
        return REFERENCE if len(seen) > 1 else None

    monkeypatch.setattr(shooting, "reference_frame", measured)
    turned = msgspec.structs.replace(REFERENCE, rotation=(0.0, float(np.radians(3)), 0.0))
    monkeypatch.setattr("idfd.capture.checks.reference_frame", lambda *_: turned)
    with desk(tmp_path) as shooter:
        first, second, third = (shooter.shoot(scene(shooter, name)) for name in "abc")
    # The first take told nothing, the second is the reference, the third is held against it.
    assert seen == [0, 1]
    for record in (first, second):
        assert "rig_drift" not in {check.name for check in record.checks}
    drift = next(check for check in third.checks if check.name == "rig_drift")
    assert drift.value == pytest.approx(3, rel=0.08)
    assert third.verdict == "fail"


def test_the_frame_of_the_calibration_checks_the_first_take(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*arguments: object) -> ReferenceFrame | None:
        raise AssertionError("the session's own takes are no reference")

    monkeypatch.setattr(shooting, "reference_frame", never)
    turned = msgspec.structs.replace(REFERENCE, rotation=(0.0, float(np.radians(3)), 0.0))
    monkeypatch.setattr("idfd.capture.checks.reference_frame", lambda *_: turned)
    rig = bright_rig()
    calibration = msgspec.structs.replace(nominal(), reference=REFERENCE)
    with rig, Session.create(tmp_path, "session", rig.profile, calibration) as session:
        record = Shooter(session, rig).shoot(session.add_scene("a", "room", "lab"))
    drift = next(check for check in record.checks if check.name == "rig_drift")
    assert drift.value == pytest.approx(3, rel=0.08)
    assert record.verdict == "fail"


def test_a_session_taken_up_again_has_its_reference(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shooting, "reference_frame", lambda *_: REFERENCE)
    rig = bright_rig()
    with desk(tmp_path, rig) as shooter:
        assert first_reference(shooter.session) is None
        rig.photo.brightness = 0.003
        shooter.shoot(scene(shooter, "dark"))
        assert first_reference(shooter.session) is None
        rig.photo.brightness = 1.0
        record = shooter.shoot(scene(shooter))
        assert first_reference(shooter.session) == REFERENCE
        (shooter.session.find(record.id).folder / "depth.h5").write_bytes(b"damaged")
        assert first_reference(shooter.session) is None


def test_overhead_is_known(tmp_path: Path) -> None:
    with desk(tmp_path) as shooter:
        before = shooter.timing
        shooter.shoot(scene(shooter))
        assert before is None
        assert shooter.timing is not None
        assert 0 < shooter.timing.toolkit < 5
