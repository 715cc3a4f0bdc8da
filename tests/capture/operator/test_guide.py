from __future__ import annotations

from pathlib import Path

import pytest
from desk import bright_rig, desk, planned
from fake_rig import camera_error

from idfd.capture.operator.guide import Guide, Target, following_name
from idfd.errors import CameraError, InputError

DESK = Target("desk_1", "room_1", "lab")


def scenes_of(guide: Guide) -> list[str]:
    return [take.id for take in guide.session.takes()]


@pytest.mark.parametrize(
    ("name", "following"),
    [("desk", "desk_2"), ("desk_1", "desk_2"), ("desk_09", "desk_10"), ("a99", "a100")],
)
def test_names_follow(name: str, following: str) -> None:
    assert following_name(name) == following


def test_free_shooting_goes_from_name_to_name(tmp_path: Path) -> None:
    with desk(tmp_path) as shooter:
        guide = Guide(shooter, first=DESK)
        guide.shoot()
        assert guide.target == Target("desk_2", "room_1", "lab")
        guide.shoot()
        assert scenes_of(guide) == ["desk_1_1", "desk_2_1"]


def test_a_new_session_has_no_target_and_says_so(tmp_path: Path) -> None:
    with desk(tmp_path) as shooter:
        guide = Guide(shooter)
        assert guide.target is None
        with pytest.raises(InputError):
            guide.shoot()
        with pytest.raises(InputError, match="no take yet"):
            guide.retake()


def test_a_session_is_taken_up_where_it_was(tmp_path: Path) -> None:
    with desk(tmp_path) as shooter:
        Guide(shooter, first=DESK).shoot()
        again = Guide(shooter)
        assert again.target == Target("desk_2", "room_1", "lab")
        assert again.last is not None
        assert again.last.id == "desk_1_1"


def test_a_scene_without_a_take_is_taken_up_itself(tmp_path: Path) -> None:
    with desk(tmp_path) as shooter:
        shooter.session.add_scene("desk_7", "room_1", "lab")
        assert Guide(shooter).target == Target("desk_7", "room_1", "lab")


def test_names_that_are_taken_are_left_out(tmp_path: Path) -> None:
    with desk(tmp_path) as shooter:
        Guide(shooter, first=Target("desk_2", "room_1", "lab")).shoot()
        guide = Guide(shooter, first=DESK)
        guide.shoot()
        assert guide.target is not None
        assert guide.target.scene == "desk_3"


def test_retake_keeps_the_old_take_under_rejected(tmp_path: Path) -> None:
    with desk(tmp_path) as shooter:
        guide = Guide(shooter, first=DESK)
        guide.shoot()
        outcome = guide.retake("blurred")
        assert (outcome.record.id, outcome.replaced) == ("desk_1_2", "desk_1_1")
        assert scenes_of(guide) == ["desk_1_2"]
        assert [take.id for take in guide.session.takes(rejected=True)] == ["desk_1_1"]
        assert guide.target == Target("desk_2", "room_1", "lab")


def test_a_retake_that_fails_leaves_the_old_take(tmp_path: Path) -> None:
    rig = bright_rig()
    with desk(tmp_path, rig) as shooter:
        guide = Guide(shooter, first=DESK)
        guide.shoot()
        rig.faults.fail("photo.capture", camera_error("out_of_focus"))
        with pytest.raises(CameraError):
            guide.retake()
        assert scenes_of(guide) == ["desk_1_1"]
        assert not guide.session.takes(rejected=True)
        assert guide.target == Target("desk_2", "room_1", "lab")


def test_a_failed_take_keeps_the_scene_and_is_replaced(tmp_path: Path) -> None:
    rig = bright_rig()
    rig.photo.brightness = 0.003
    with desk(tmp_path, rig) as shooter:
        guide = Guide(shooter, first=DESK)
        assert guide.shoot().record.verdict == "fail"
        failed = [guide.failed]
        assert guide.target == DESK
        rig.photo.brightness = 1.0
        outcome = guide.shoot()
        assert (outcome.record.verdict, outcome.replaced) == ("pass", "desk_1_1")
        failed.append(guide.failed)
        assert failed == [True, False]
        assert guide.target == Target("desk_2", "room_1", "lab")


def test_a_failed_retake_turns_back_to_its_scene(tmp_path: Path) -> None:
    rig = bright_rig()
    with desk(tmp_path, rig) as shooter:
        guide = Guide(shooter, first=DESK)
        guide.shoot()
        rig.photo.brightness = 0.003
        guide.retake()
        assert guide.target == DESK
        assert guide.failed


def test_skipping_a_failed_scene_keeps_its_take(tmp_path: Path) -> None:
    rig = bright_rig()
    rig.photo.brightness = 0.003
    with desk(tmp_path, rig) as shooter:
        guide = Guide(shooter, plan=planned("a", "b"))
        guide.shoot()
        guide.skip("too dark here")
        assert guide.target == Target("b", "room_1", "lab", "note 1")
        assert scenes_of(guide) == ["a_1"]
        assert guide.session.scene("a").skipped == "too dark here"


def test_a_plan_is_walked_through_once(tmp_path: Path) -> None:
    with desk(tmp_path) as shooter:
        guide = Guide(shooter, plan=planned("a", "b", "c"))
        guide.shoot()
        guide.skip("locked")
        assert len(guide.progress().remaining) == 1
        guide.shoot()
        assert guide.target is None
        assert scenes_of(guide) == ["a_1", "c_1"]
        with pytest.raises(InputError, match="plan is done"):
            guide.shoot()
        with pytest.raises(InputError, match="no scene to skip"):
            guide.skip()
        again = Guide(shooter, plan=planned("a", "b", "c", "d"))
        assert again.target == Target("d", "room_1", "lab", "note 3")


def test_another_scene_can_be_shot_within_a_plan(tmp_path: Path) -> None:
    with desk(tmp_path) as shooter:
        guide = Guide(shooter, plan=planned("a"))
        guide.change(Target("extra", "room_1", "lab"))
        guide.shoot()
        assert guide.target == Target("a", "room_1", "lab", "note 0")


def test_a_name_that_cannot_be_leaves_the_target(tmp_path: Path) -> None:
    with desk(tmp_path) as shooter:
        guide = Guide(shooter, first=DESK)
        with pytest.raises(InputError, match="no/slash"):
            guide.change(Target("no/slash", "room_1", "lab"))
        assert guide.target == DESK


def test_notes_go_to_the_last_shot_scene(tmp_path: Path) -> None:
    with desk(tmp_path) as shooter:
        guide = Guide(shooter)
        with pytest.raises(InputError):
            guide.note("nothing there")
        guide.change(DESK)
        assert guide.note("before") == "desk_1"
        guide.shoot()
        assert guide.note("the lamp flickers") == "desk_1"
        assert guide.session.scene("desk_1").notes == ("before", "the lamp flickers")


def test_metering_looks_at_the_target(tmp_path: Path) -> None:
    rig = bright_rig()
    with desk(tmp_path, rig) as shooter:
        guide = Guide(shooter)
        with pytest.raises(InputError, match="no scene to meter"):
            guide.meter()
        guide.change(DESK)
        guide.meter()
        assert [place.scene for place in rig.places] == ["desk_1"]
        assert scenes_of(guide) == []
