from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from fake_rig import PLAN, FakeRig, fake_profile, fake_rig

from idfd.capture.session import mirror as module
from idfd.capture.session.store import Session
from idfd.capture.session.verify import verify_session
from idfd.capture.take import shoot_take
from idfd.model.session import DRAFTS, SCENES


@pytest.fixture
def rig(tmp_path: Path) -> FakeRig:
    profile = msgspec.structs.replace(fake_profile(), second_copy=str(tmp_path / "disk"))
    rig = fake_rig(profile, photo_size=(96, 64), depth_size=(32, 24))
    rig.connect()
    return rig


@pytest.fixture
def session(tmp_path: Path, rig: FakeRig) -> Iterator[Session]:
    (tmp_path / "disk").mkdir()
    with Session.create(tmp_path / "day", "day", rig.profile) as session:
        session.add_scene("lab", "room-1", "lab")
        yield session


def shoot(session: Session, rig: FakeRig) -> str:
    with session.new_take("lab") as draft:
        draft.commit(shoot_take(rig, PLAN, draft).record)
    return draft.id


def copied(session: Session) -> module.MirrorStatus:
    assert session.mirror is not None
    assert session.mirror.wait(20)
    return session.mirror.status()


def test_the_copy_is_a_session(session: Session, rig: FakeRig, tmp_path: Path) -> None:
    shoot(session, rig)
    take = shoot(session, rig)
    status = copied(session)
    assert (status.copied, status.pending, status.problem) == (2, (), None)
    assert status.same_disk  # the folders of a test lie on one disk, and the operator is told
    session.reject(take, "retake")
    session.note("window open", "lab")
    session.close()
    copy = tmp_path / "disk" / "day"
    assert verify_session(copy).damage == ()
    with Session.open(copy) as second:
        assert [t.id for t in second.takes()] == ["lab_1"]
        assert [t.id for t in second.takes(rejected=True)] == ["lab_2"]
        assert second.scene("lab").notes == ("window open",)
        assert second.takes() == session.takes()
    events = [event.take for event in session.journal.read() if event.event == "copied"]
    assert events == ["lab_1", "lab_2", "lab_2"]  # its move to rejected/ is the third


def test_a_copy_that_is_worked_on_is_not_copied_onto_itself(
    session: Session, rig: FakeRig, tmp_path: Path
) -> None:
    shoot(session, rig)
    session.close()
    with Session.open(tmp_path / "disk" / "day") as copy:
        assert copy.mirror is None
        assert shoot(copy, rig) == "lab_2"


def test_an_unplugged_disk_is_reported_and_made_good_later(
    session: Session, rig: FakeRig, tmp_path: Path
) -> None:
    shoot(session, rig)
    copied(session)
    (tmp_path / "disk").rename(tmp_path / "unplugged")
    shoot(session, rig)
    shoot(session, rig)
    status = copied(session)
    assert status.pending == ("lab_1", "lab_2", "lab_3")
    assert "Connect the second disk" in (status.problem or "")
    assert not (tmp_path / "disk").exists()  # or the copies would fill the first disk
    failures = [event for event in session.journal.read() if event.event == "copy_failed"]
    assert len(failures) == 1  # not one for every take
    (tmp_path / "unplugged").rename(tmp_path / "disk")
    shoot(session, rig)
    assert copied(session).pending == ()
    assert verify_session(tmp_path / "disk" / "day").takes == 4


def test_a_session_closed_without_the_disk_is_copied_when_it_is_opened(
    session: Session, rig: FakeRig, tmp_path: Path
) -> None:
    copied(session)  # a copy under way would make its folder again
    (tmp_path / "disk").rename(tmp_path / "unplugged")
    shoot(session, rig)
    session.close()
    (tmp_path / "disk").mkdir()
    with Session.open(session.path) as again:
        assert copied(again).copied == 1


def test_a_copy_that_differs_is_not_kept(
    session: Session, rig: FakeRig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copied(session)
    real = os.fsync

    def failing_disk(handle: int) -> None:
        path = Path(f"/proc/self/fd/{handle}").readlink()
        if path.parts[-3:-1][0] == DRAFTS and "disk" in path.parts and path.suffix == ".h5":
            with path.open("r+b") as file:
                file.write(b"\0")
        real(handle)

    monkeypatch.setattr(os, "fsync", failing_disk)
    shoot(session, rig)
    status = copied(session)
    assert "the second copy differs" in (status.problem or "")
    assert status.pending == ("lab_1",)
    assert not (tmp_path / "disk" / "day" / SCENES / "lab" / "lab_1").exists()
    assert verify_session(session.path).damage == ()
    monkeypatch.undo()
    assert session.mirror is not None
    assert session.mirror.sync().pending == ()


def test_damage_on_the_first_disk_is_not_copied(session: Session, rig: FakeRig) -> None:
    assert session.mirror is not None
    session.mirror.stop()
    take = shoot(session, rig)
    photo = session.find(take).folder / "defocused.jpg"
    photo.write_bytes(photo.read_bytes()[:-1] + b"x")
    status = session.mirror.sync()
    assert "has changed since it was saved" in (status.problem or "")
    assert status.pending == (take,)


def test_an_interrupted_copy_is_made_again(session: Session, rig: FakeRig, tmp_path: Path) -> None:
    assert session.mirror is not None
    session.mirror.stop()
    shoot(session, rig)
    left = tmp_path / "disk" / "day" / DRAFTS / "lab_1.abcd"
    left.mkdir(parents=True)
    (left / "depth.h5").write_bytes(b"half")
    assert session.mirror.sync().copied == 1
    assert os.listdir(left.parent) == []


def test_the_copy_of_another_session_is_not_touched(
    session: Session, rig: FakeRig, tmp_path: Path
) -> None:
    shoot(session, rig)
    copied(session)
    session.close()
    shutil.rmtree(session.path)
    with Session.create(session.path, "day", rig.profile) as other:
        other.add_scene("lab", "room-1", "lab")
        shoot(other, rig)
        status = copied(other)
    assert "the copy of another session is there" in (status.problem or "")
    first = (tmp_path / "disk" / "day" / SCENES / "lab" / "lab_1" / "take.json").read_bytes()
    assert first != (session.path / SCENES / "lab" / "lab_1" / "take.json").read_bytes()
