from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from fake_rig import PLAN, FakeRig, camera_error, fake_profile, fake_rig
from hypothesis import given
from hypothesis import strategies as st

from idfd.capture.session import draft as draft_module
from idfd.capture.session.layout import check_name, slug, take_number
from idfd.capture.session.reader import SessionReader
from idfd.capture.session.store import Session
from idfd.capture.take import shoot_take
from idfd.errors import CameraError, InputError, StorageError
from idfd.model.session import DRAFTS, SCENES, SESSION, TAKE
from idfd.storage.durable import publish_folder


@pytest.fixture
def rig() -> FakeRig:
    rig = fake_rig(photo_size=(96, 64), depth_size=(32, 24))
    rig.connect()
    return rig


@pytest.fixture
def session(tmp_path: Path, rig: FakeRig) -> Iterator[Session]:
    with Session.create(tmp_path / "day", "day", rig.profile, operator="Ann") as session:
        session.add_scene("lab", "room-1", "lab")
        yield session


def shoot(session: Session, rig: FakeRig, scene: str = "lab") -> str:
    with session.new_take(scene) as draft:
        draft.commit(shoot_take(rig, PLAN, draft).record)
    return draft.id


def names(folder: Path) -> list[str]:
    return sorted(os.listdir(folder))


def test_a_session_holds_what_was_put_in(session: Session, rig: FakeRig) -> None:
    assert shoot(session, rig) == "lab_1"
    assert shoot(session, rig) == "lab_2"
    reader = SessionReader(session.path)
    assert reader.document.operator == "Ann"
    assert reader.profile == rig.profile
    assert [scene.name for scene in reader.scenes()] == ["lab"]
    assert [take.id for take in reader.takes("lab")] == ["lab_1", "lab_2"]
    take = reader.takes()[0]
    assert (take.scene, take.group, take.environment, take.number) == ("lab", "room-1", "lab", 1)
    folder = reader.find("lab_1").folder
    assert folder == session.path / SCENES / "lab" / "lab_1"
    assert names(folder) == sorted([TAKE, *(item.file.path for item in take.files)])
    assert names(session.path / DRAFTS) == []


def test_scenes_come_in_the_order_they_were_added(session: Session) -> None:
    for name in ("zoo", "attic", "Kitchen"):
        session.add_scene(name, "g")
    assert [scene.name for scene in session.scenes()] == ["lab", "zoo", "attic", "Kitchen"]


def test_adding_a_scene_again_changes_nothing(session: Session) -> None:
    first = session.scene("lab")
    assert session.add_scene("lab", "room-1", "lab") == first
    with pytest.raises(InputError, match="scene 'lab' is there, in group 'room-1'"):
        session.add_scene("lab", "room-2", "lab")
    with pytest.raises(InputError, match="scene 'lab' is there"):
        session.add_scene("LAB", "room-1", "lab")


@pytest.mark.parametrize("name", ["", "a b", "../up", ".hidden", "ä", "x" * 101, "a/b"])
def test_names_that_folders_cannot_have_are_refused(session: Session, name: str) -> None:
    with pytest.raises(InputError, match="cannot be a name of a folder"):
        session.add_scene(name, "g")
    assert [scene.name for scene in session.scenes()] == ["lab"]


@given(st.text(max_size=150))
def test_a_slug_can_always_be_a_name(text: str) -> None:
    assert check_name(slug(text), "scene") == slug(text)


def test_numbers_never_repeat(session: Session, rig: FakeRig) -> None:
    shoot(session, rig)
    shoot(session, rig)
    session.reject("lab_2", "blurred")
    assert shoot(session, rig) == "lab_3"
    # Somebody deletes the newest take by hand: the journal remembers its number.
    subprocess.run(["rm", "-r", session.find("lab_3").folder], check=True)
    assert shoot(session, rig) == "lab_4"
    # Somebody deletes the journal: the folders know the numbers.
    session.journal.path.unlink()
    assert shoot(session, rig) == "lab_5"


@pytest.mark.parametrize(
    ("take", "scene", "number"),
    [("a_1", "a", 1), ("a_1_12", "a_1", 12), ("a_b", "a", 0), ("b_1", "a", 0), ("a_²", "a", 0)],
)
def test_the_number_is_read_from_the_id(take: str, scene: str, number: int) -> None:
    assert take_number(take, scene) == number


def test_scenes_whose_names_begin_alike_do_not_share_takes(session: Session, rig: FakeRig) -> None:
    session.add_scene("lab_1", "g")
    assert [shoot(session, rig), shoot(session, rig, "lab_1")] == ["lab_1", "lab_1_1"]
    assert session.find("lab_1_1").scene == "lab_1"
    assert [take.id for take in session.takes("lab")] == ["lab_1"]


def test_a_failed_take_leaves_no_trace_but_a_line(session: Session, rig: FakeRig) -> None:
    rig.faults.fail("photo.capture", camera_error("out_of_focus"))
    with pytest.raises(CameraError, match="out_of_focus"):
        shoot(session, rig)
    assert session.takes() == []
    assert names(session.path / DRAFTS) == []
    event = session.journal.read()[-1]
    assert (event.event, event.take) == ("take_failed", "lab_1")
    assert "Try it again" in event.details["error"]
    assert shoot(session, rig) == "lab_1"


def test_a_draft_that_is_not_committed_is_not_saved(session: Session, rig: FakeRig) -> None:
    with session.new_take("lab") as draft:
        shoot_take(rig, PLAN, draft)
    assert session.takes() == []
    assert not draft.folder.exists()
    assert session.journal.read()[-1].event == "take_failed"


def test_an_error_after_the_commit_keeps_the_take(session: Session, rig: FakeRig) -> None:
    with pytest.raises(RuntimeError), session.new_take("lab") as draft:
        draft.commit(shoot_take(rig, PLAN, draft).record)
        raise RuntimeError("the contact sheet failed")
    assert [take.id for take in session.takes()] == ["lab_1"]
    assert session.journal.read()[-1].event == "take_saved"


def test_an_interrupt_just_after_the_rename_keeps_the_take(
    session: Session, rig: FakeRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(source: Path, target: Path) -> None:
        publish_folder(source, target)
        raise KeyboardInterrupt

    monkeypatch.setattr(draft_module, "publish_folder", interrupted)
    with pytest.raises(KeyboardInterrupt):
        shoot(session, rig)
    assert [take.id for take in session.takes()] == ["lab_1"]
    assert session.journal.read()[-1].event == "take_saved"


def test_a_record_must_fit_the_files(session: Session, rig: FakeRig) -> None:
    for change, message in (("more", "no bytes, as the record"), ("less", "no bytes are on")):
        with pytest.raises(InputError, match=message), session.new_take("lab") as draft:
            record = shoot_take(rig, PLAN, draft).record
            if change == "more":
                (draft.folder / "stray.jpg").write_bytes(b"x")
            else:
                (draft.folder / "depth.h5").unlink()
            draft.commit(record)
    wrong = pytest.raises(InputError, match="the record is of take lab_1")
    with wrong, session.new_take("lab") as draft:
        record = shoot_take(rig, PLAN, draft).record
        draft.id = "lab_2"
        draft.commit(record)
    assert session.takes() == []


def test_rejected_takes_are_kept_as_they_were(session: Session, rig: FakeRig) -> None:
    take = shoot(session, rig)
    before = {p.name: p.read_bytes() for p in session.find(take).folder.iterdir()}
    session.reject(take, "a hand in the picture")
    session.reject(take, "again")  # nothing more happens
    found = session.find(take)
    assert found.rejected
    assert found.folder == session.path / SCENES / "lab" / "rejected" / take
    assert {p.name: p.read_bytes() for p in found.folder.iterdir()} == before
    assert session.takes() == []
    assert [record.id for record in session.takes(rejected=True)] == [take]
    rejections = [e for e in session.journal.read() if e.event == "take_rejected"]
    assert [e.details["reason"] for e in rejections] == ["a hand in the picture"]
    with pytest.raises(InputError, match="no take 'lab_9'"):
        session.reject("lab_9", "")


def test_notes_and_skips_are_kept(session: Session) -> None:
    session.note("window open", "lab")
    session.note("cloudy")
    session.skip("lab", "locked")
    scene = SessionReader(session.path).scene("lab")
    assert scene.notes == ("window open",)
    assert scene.skipped == "locked"
    texts = [e.details["text"] for e in session.journal.read() if e.event == "note"]
    assert texts == ["window open", "cloudy"]
    with pytest.raises(InputError, match="no scene 'attic'.*one of lab"):
        session.note("x", "attic")


def test_two_processes_cannot_work_on_one_session(session: Session, rig: FakeRig) -> None:
    script = "import sys; from pathlib import Path; from idfd.capture.session.store import Session"
    script += "; Session.open(Path(sys.argv[1])).close()"
    command = [sys.executable, "-c", script, str(session.path)]
    refused = subprocess.run(command, capture_output=True, text=True)
    assert f"the session is in use by process {os.getpid()} on" in refused.stderr
    with pytest.raises(InputError, match="in use"):
        Session.open(session.path)
    assert SessionReader(session.path).document.name == "day"  # reading is always possible
    session.close()
    assert subprocess.run(command, capture_output=True).returncode == 0


def test_programs_started_by_a_session_do_not_hold_it(session: Session) -> None:
    with subprocess.Popen(["sleep", "60"]) as child:
        session.close()
        Session.open(session.path).close()
        child.kill()


def test_a_session_is_not_made_where_something_is(tmp_path: Path) -> None:
    (tmp_path / "thesis.doc").write_text("x")
    with pytest.raises(InputError, match=r"holds 'thesis.doc'"):
        Session.create(tmp_path, "day", fake_profile())
    assert names(tmp_path) == ["thesis.doc"]
    with pytest.raises(InputError, match="no such file"):
        Session.open(tmp_path)
    assert names(tmp_path) == ["thesis.doc"]


def test_a_session_is_not_made_over_another(session: Session) -> None:
    with pytest.raises(InputError, match="open the session that is there"):
        Session.create(session.path, "day", session.profile)


def test_a_profile_of_another_version_is_refused(session: Session) -> None:
    session.close()
    path = session.path / SESSION
    path.write_text(path.read_text().replace('"1.0.0"', '"2.0.0"'))
    with pytest.raises(Exception, match="written by a newer idfd"):
        Session.open(session.path)
    path.write_text(path.read_text().replace('"2.0.0"', '"1.0.0"'))
    Session.open(session.path).close()  # the failed attempt holds no lock


def test_a_full_disk_while_the_journal_is_written_says_that_the_take_is_saved(
    session: Session, rig: FakeRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*args: object, **kwargs: object) -> None:
        raise StorageError("cannot be written (No space left on device)")

    saved = pytest.raises(StorageError, match="take lab_1 is saved, but the journal")
    with saved, session.new_take("lab") as draft:
        draft.commit(shoot_take(rig, PLAN, draft).record)
        monkeypatch.setattr(session.journal, "append", refuse)
    monkeypatch.undo()
    assert [take.id for take in session.takes()] == ["lab_1"]
    session.close()
    with Session.open(session.path) as again:
        assert again.recovery.done == ("take lab_1 was saved, and the journal lacked it",)
        assert msgspec.structs.asdict(again.journal.read()[-2])["event"] == "recovered"
