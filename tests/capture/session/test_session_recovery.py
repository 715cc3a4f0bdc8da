from __future__ import annotations

import os
from pathlib import Path

import pytest
from fake_rig import PLAN, fake_rig

from idfd.capture.session.journal import Journal
from idfd.capture.session.store import Session
from idfd.capture.session.verify import verify_session
from idfd.capture.take import shoot_take
from idfd.model.session import DRAFTS, JOURNAL, SCENE, SCENES, TAKE


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A session with the takes lab_1 and lab_2, that nobody works on."""
    rig = fake_rig(photo_size=(96, 64), depth_size=(32, 24))
    rig.connect()
    with Session.create(tmp_path / "day", "day", rig.profile) as session:
        session.add_scene("lab", "room-1", "lab")
        for _ in range(2):
            with session.new_take("lab") as draft:
                draft.commit(shoot_take(rig, PLAN, draft).record)
    return tmp_path / "day"


def test_a_sound_session_needs_no_recovery(home: Path) -> None:
    before = (home / JOURNAL).read_bytes()
    with Session.open(home) as session:
        assert session.recovery.done == session.recovery.damaged == ()
    added = (home / JOURNAL).read_bytes()[len(before) :].count(b"\n")
    assert added == 2  # opened, closed


@pytest.mark.parametrize("cut", [1, 5, 40])
def test_a_torn_line_of_the_journal_is_cut_off(home: Path, cut: int) -> None:
    whole = (home / JOURNAL).read_bytes()
    (home / JOURNAL).write_bytes(whole[:-cut])
    events = len(whole.splitlines())
    with Session.open(home) as session:
        assert session.recovery.done[0].startswith("cut a torn line off the journal")
        assert [take.id for take in session.takes()] == ["lab_1", "lab_2"]
        kept = session.journal.read()
    assert [event.event for event in kept[events - 1 :]] == ["recovered", "session_opened"]


def test_a_damaged_line_in_the_middle_costs_one_event(home: Path) -> None:
    lines = (home / JOURNAL).read_bytes().splitlines(keepends=True)
    damaged = [*lines[:2], b'{"at": \xff\xfe\n', b'{"event": "unheard of"}\n', *lines[2:]]
    (home / JOURNAL).write_bytes(b"".join(damaged))
    assert len(Journal(home / JOURNAL).read()) == len(lines)
    with Session.open(home) as session:
        assert session.recovery.done == ()


def test_what_there_was_of_a_take_is_removed(home: Path) -> None:
    draft = home / DRAFTS / "lab_3.x1y2"
    draft.mkdir()
    (draft / "all_in_focus.jpg").write_bytes(b"half")
    (home / SCENES / "lab" / ".scene.json.abc.part").write_bytes(b"half")
    with Session.open(home) as session:
        assert session.recovery.done == ("removed what there was of take lab_3",)
        assert os.listdir(home / DRAFTS) == []
        assert sorted(os.listdir(home / SCENES / "lab")) == ["lab_1", "lab_2", SCENE]


def test_a_rejection_between_its_line_and_the_move_is_completed(home: Path) -> None:
    Journal(home / JOURNAL).append("take_rejected", scene="lab", take="lab_2", reason="retake")
    Journal(home / JOURNAL).append("copied", scene="lab", take="lab_1")  # by the other thread
    with Session.open(home) as session:
        assert session.recovery.done == ("completed the rejection of take lab_2",)
        assert session.find("lab_2").rejected


def test_a_take_that_was_put_back_by_hand_stays(home: Path) -> None:
    with Session.open(home) as session:
        session.reject("lab_2", "retake")
    scene = home / SCENES / "lab"
    (scene / "rejected" / "lab_2").rename(scene / "lab_2")
    with Session.open(home) as session:
        assert session.recovery.done == ()
        assert not session.find("lab_2").rejected


@pytest.mark.parametrize("damage", ["missing", "not JSON"])
def test_the_document_of_a_scene_is_written_again(home: Path, damage: str) -> None:
    path = home / SCENES / "lab" / SCENE
    path.unlink() if damage == "missing" else path.write_text("{")
    with Session.open(home) as session:
        assert session.recovery.done == (f"wrote {SCENE} of scene lab again",)
        scene = session.scene("lab")
    assert (scene.group, scene.environment) == ("room-1", "lab")


def test_a_scene_without_takes_is_written_again_from_the_journal(home: Path) -> None:
    with Session.open(home) as session:
        session.add_scene("attic", "top", "museum")
    (home / SCENES / "attic" / SCENE).unlink()
    with Session.open(home) as session:
        scene = session.scene("attic")
    assert (scene.group, scene.environment) == ("top", "museum")


def test_a_folder_that_nobody_knows_is_named(home: Path) -> None:
    (home / SCENES / "stray").mkdir()
    with Session.open(home) as session:
        assert session.recovery.damaged == ("scene stray has no readable scene.json; add it again",)
        session.add_scene("stray", "g")
        assert session.scene("stray").group == "g"


def test_damage_to_one_take_does_not_stop_a_session(home: Path) -> None:
    (home / SCENES / "lab" / "lab_1" / TAKE).write_bytes(b"\x00\xff")
    (home / SCENES / "lab" / "lab_2").rename(home.parent / "elsewhere")
    with Session.open(home) as session:
        assert session.recovery.damaged == (
            "take lab_1 has no readable record; verify the session",
            "take lab_2 was saved and is gone; look for it in the second copy",
        )
        assert session.takes() == []
    damage = verify_session(home).damage
    assert [(d.kind, d.path) for d in damage] == [("unreadable", "scenes/lab/lab_1/take.json")]


def test_verify_names_everything_that_differs(home: Path) -> None:
    takes = home / SCENES / "lab"
    good = verify_session(home)
    assert (good.takes, good.damage) == (2, ())
    assert good.files == 10
    assert good.bytes > 10_000
    data = bytearray((takes / "lab_1" / "depth.h5").read_bytes())
    data[len(data) // 2] ^= 1
    (takes / "lab_1" / "depth.h5").write_bytes(data)
    (takes / "lab_2" / "all_in_focus.jpg").unlink()
    (takes / "lab_2" / "new.txt").write_text("x")
    (takes / SCENE).write_text("")
    assert [(d.kind, d.path) for d in verify_session(home).damage] == [
        ("unreadable", "scenes/lab/scene.json"),
        ("changed", "scenes/lab/lab_1/depth.h5"),
        ("missing", "scenes/lab/lab_2/all_in_focus.jpg"),
        ("unexpected", "scenes/lab/lab_2/new.txt"),
    ]
