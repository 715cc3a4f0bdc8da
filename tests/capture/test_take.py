from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import msgspec
import numpy as np
import pytest
from fake_rig import OPERATIONS, PLAN, FakeRig, camera_error, fake_profile, fake_rig

from idfd.capture import take as module
from idfd.capture.rig import BurstRequest, Place
from idfd.capture.session.store import Session
from idfd.capture.session.verify import verify_session
from idfd.capture.take import TRANSIENT, TakeResult, shoot_take
from idfd.errors import CameraError, StorageError
from idfd.model.session import DRAFTS, TakeRecord
from idfd.storage.bursts import read_burst

UNUSED = {"connect", "status", "offers", "preview", "calibration"}
USED = [name for name in OPERATIONS if name.split(".")[1] not in UNUSED]
PERMANENT = ("out_of_focus", "store_full", "refused", "mismatch", "absent", "end")


def make_rig(**burst: object) -> FakeRig:
    profile = fake_profile()
    profile = msgspec.structs.replace(
        profile, burst=msgspec.structs.replace(profile.burst, **burst)
    )
    rig = fake_rig(profile, photo_size=(96, 64), depth_size=(32, 24))
    rig.connect()
    rig.faults.calls.clear()
    return rig


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    with Session.create(tmp_path / "day", "day", fake_profile()) as session:
        session.add_scene("lab", "room-1", "lab")
        yield session


def shoot(session: Session, rig: FakeRig) -> TakeResult:
    with session.new_take("lab") as draft:
        result = shoot_take(rig, PLAN, draft)
        draft.commit(result.record)
    return result


def saved(session: Session) -> TakeRecord:
    (record,) = session.takes()
    return record


PHOTO = ["photo.apply", "photo.capture", "photo.download"]


@pytest.mark.parametrize(
    ("burst", "calls"),
    [
        ({}, ["depth.pause", *PHOTO, *PHOTO, "depth.resume", "depth.burst"]),
        ({"pause_infrared": False}, [*PHOTO, *PHOTO, "depth.burst"]),
        (
            {"order": "depth_first"},
            ["depth.burst", "depth.pause", *PHOTO, *PHOTO, "depth.resume"],
        ),
    ],
)
def test_a_take_follows_the_profile(
    session: Session, burst: dict[str, object], calls: list[str]
) -> None:
    rig = make_rig(**burst)
    shoot(session, rig)
    assert rig.faults.calls == ["rig.place", *calls, "rig.truth"]
    assert rig.places == [Place("lab", "room-1", "lab", 1)]
    assert verify_session(session.path).damage == ()
    assert rig.depth.running


def test_the_record_says_what_was_shot(session: Session) -> None:
    rig = make_rig()
    rig.truths = {"truth.npz": b"depth"}
    result = shoot(session, rig)
    record = saved(session)
    assert record == result.record
    assert [(item.role, item.kind, item.file.path) for item in record.files] == [
        ("all_in_focus", "jpeg", "all_in_focus.jpg"),
        ("all_in_focus", "raw", "all_in_focus.nef"),
        ("defocused", "jpeg", "defocused.jpg"),
        ("defocused", "raw", "defocused.nef"),
        ("truth", "truth", "truth.npz"),
        ("depth", "burst", "depth.h5"),
    ]
    assert (record.all_in_focus.f_number, record.defocused.f_number) == (10.0, 2.8)
    assert record.exposure_residual_stops == PLAN.residual_stops
    assert record.depth.frames == 3
    assert record.depth.valid_share == pytest.approx(1 - 2 / 32, abs=1e-4)
    assert record.verdict == "pass"
    assert record.note == ""
    order = ["started", "all_in_focus", "defocused", "depth", "depth_end", "finished"]
    assert list(record.clock) == order
    assert list(record.clock.values()) == sorted(record.clock.values())
    kept = read_burst(session.find(record.id).folder / "depth.h5")
    assert np.array_equal(kept.depth, result.burst.depth)


@pytest.mark.parametrize("cause", sorted(TRANSIENT))
@pytest.mark.parametrize(
    "operation", ["photo.apply", "photo.capture", "photo.download", "depth.pause", "depth.resume",
                  "depth.burst"],
)  # fmt: skip
def test_a_fault_that_passes_costs_a_second_try(
    session: Session, operation: str, cause: str
) -> None:
    rig = make_rig()
    rig.faults.fail(operation, camera_error(cause))
    shoot(session, rig)
    device = operation.split(".")[0]
    assert rig.faults.calls.count(f"{device}.connect") == 1
    record = saved(session)
    assert record.verdict == "pass"
    assert f"the fake says {cause} ({cause}); connected again" in record.note
    assert verify_session(session.path).damage == ()
    (event,) = (event for event in session.journal.read() if event.event == "take_saved")
    assert event.details["note"] == record.note


@pytest.mark.parametrize("operation", USED)
def test_a_fault_that_stays_saves_nothing_and_the_session_goes_on(
    session: Session, operation: str
) -> None:
    rig = make_rig()
    rig.faults.fail(operation, camera_error("disconnected"), times=99)
    with pytest.raises(CameraError) as caught:
        shoot(session, rig)
    assert caught.value.remedy == "Try it again"
    assert session.takes() == []
    assert os.listdir(session.path / DRAFTS) == []
    assert session.journal.read()[-1].event == "take_failed"
    rig.faults.planned.clear()
    shoot(session, rig)
    assert len(session.takes()) == 1
    assert verify_session(session.path).damage == ()


@pytest.mark.parametrize("cause", PERMANENT)
def test_a_fault_that_will_not_pass_is_not_tried_again(session: Session, cause: str) -> None:
    rig = make_rig()
    rig.faults.fail("photo.capture", camera_error(cause))
    with pytest.raises(CameraError, match=cause):
        shoot(session, rig)
    assert "photo.connect" not in rig.faults.calls
    assert rig.depth.running, "the infrared light is on again"
    assert session.takes() == []


def test_what_a_crash_left_is_not_mixed_with_the_second_try(session: Session) -> None:
    rig = make_rig()
    rig.faults.fail("photo.download", camera_error("crashed"))
    result = shoot(session, rig)
    names = {item.camera_name for item in result.record.files if item.role == "all_in_focus"}
    assert names == {"DSC_0002.JPG", "DSC_0002.NEF"}


def test_the_photos_error_is_told_when_the_depth_camera_fails_too(session: Session) -> None:
    rig = make_rig()
    rig.faults.fail("photo.capture", camera_error("out_of_focus"))
    rig.faults.fail("depth.resume", camera_error("disconnected"))
    with pytest.raises(CameraError) as caught:
        shoot(session, rig)
    assert caught.value.cause == "out_of_focus"


@pytest.mark.parametrize("order", ["photos_first", "depth_first"])
def test_a_burst_that_cannot_be_written_is_reported(
    session: Session, monkeypatch: pytest.MonkeyPatch, order: str
) -> None:
    def refuse(path: Path, burst: object) -> None:
        path.write_bytes(b"half")
        raise StorageError("cannot be written (No space left on device)", where=path)

    monkeypatch.setattr(module, "write_burst", refuse)
    with pytest.raises(StorageError, match="No space left"):
        shoot(session, make_rig(order=order))
    assert session.takes() == []
    assert os.listdir(session.path / DRAFTS) == []


def test_a_failed_check_is_in_the_record(session: Session) -> None:
    rig = make_rig()
    rig.photo.brightness = 0.001
    record = shoot(session, rig).record
    assert record.verdict == "fail"
    assert any(check.verdict == "fail" for check in record.checks)
    assert saved(session).verdict == "fail"


def test_the_time_of_devices_and_of_the_toolkit_add_up(session: Session) -> None:
    timing = shoot(session, make_rig()).timing
    assert set(timing.devices) == {
        "place", "infrared", "all_in_focus", "defocused", "depth", "truth",
    }  # fmt: skip
    assert timing.toolkit == pytest.approx(timing.total - sum(timing.devices.values()))
    assert 0 < timing.toolkit < timing.total


def test_the_default_keeps_infrared_off_while_photos_are_taken() -> None:
    assert BurstRequest().pause_infrared
    assert BurstRequest().order == "photos_first"
