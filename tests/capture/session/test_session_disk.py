"""Disks that are full, read-only or fail: nothing that was saved changes, and the user is told."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fake_rig import PLAN, FakeRig, fake_rig

from idfd.capture.session.store import Session
from idfd.capture.session.verify import verify_session
from idfd.capture.take import shoot_take
from idfd.errors import StorageError
from idfd.model.session import DRAFTS

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]

FILL = """
import sys
from pathlib import Path
from fake_rig import PLAN, fake_rig
from idfd.capture.session.store import Session
from idfd.capture.session.verify import verify_session
from idfd.capture.take import shoot_take
from idfd.errors import StorageError

disk = Path(sys.argv[1])
rig = fake_rig(photo_size=(240, 160), depth_size=(64, 48))
rig.connect()
session = Session.create(disk / "day", "day", rig.profile)
session.add_scene("lab", "room")
saved = []
while True:
    try:
        with session.new_take("lab") as draft:
            draft.commit(shoot_take(rig, PLAN, draft).record)
    except StorageError as error:
        assert "The disk is full" in str(error), error
        if "is saved" in error.what:
            saved.append(draft.id)
        break
    saved.append(draft.id)
assert len(saved) > 3, saved
assert {take.id for take in session.takes()} == set(saved)
assert verify_session(session.path).damage == ()
# Space is made: the session goes on, in this process and in a new one.
(disk / "ballast").unlink()
with session.new_take("lab") as draft:
    draft.commit(shoot_take(rig, PLAN, draft).record)
session.close()
with Session.open(session.path) as again:
    assert len(again.takes()) == len(saved) + 1
    assert again.recovery.damaged == ()
assert verify_session(session.path).damage == ()
print("done", len(saved))
"""


def test_a_real_disk_runs_full_and_the_session_goes_on(tmp_path: Path) -> None:
    if shutil.which("unshare") is None:
        pytest.skip("needs unshare to mount a small disk of its own")
    mount = (
        f"mount -t tmpfs -o size=1m none {tmp_path} && head -c 200k /dev/zero > {tmp_path}/ballast"
    )
    probe = subprocess.run(["unshare", "-rm", "sh", "-c", mount], capture_output=True)
    if probe.returncode != 0:
        pytest.skip(f"cannot mount a small disk: {probe.stderr.decode().strip()}")
    script = f'{mount} && exec {sys.executable} - {tmp_path} <<"END"\n{FILL}\nEND'
    done = subprocess.run(
        ["unshare", "-rm", "sh", "-c", script],
        env={"PYTHONPATH": f"{HERE.parent}:{ROOT}", "PATH": os.environ["PATH"]},
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("done")


@pytest.fixture
def rig() -> FakeRig:
    rig = fake_rig(photo_size=(96, 64), depth_size=(32, 24))
    rig.connect()
    return rig


@pytest.fixture
def session(tmp_path: Path, rig: FakeRig) -> Iterator[Session]:
    with Session.create(tmp_path / "day", "day", rig.profile) as session:
        session.add_scene("lab", "room-1", "lab")
        yield session


def shoot(session: Session, rig: FakeRig) -> None:
    with session.new_take("lab") as draft:
        draft.commit(shoot_take(rig, PLAN, draft).record)


def attempt(session: Session, rig: FakeRig) -> StorageError | None:
    try:
        shoot(session, rig)
    except StorageError as error:
        return error
    return None


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EIO])
@pytest.mark.parametrize("call", ["fsync", "replace", "open", "mkdir", "write"])
def test_a_disk_that_fails_at_any_call_loses_nothing_saved(
    session: Session, rig: FakeRig, monkeypatch: pytest.MonkeyPatch, call: str, number: int
) -> None:
    """Let the n-th call of a system function fail, for every n, until a take gets through."""
    shoot(session, rig)
    real: Any = getattr(os, call)
    told = 0
    for nth in range(1, 200):
        count = 0

        def failing(*args: Any, nth: int = nth, **kwargs: Any) -> Any:
            nonlocal count
            if call != "open" or args[1] & (os.O_WRONLY | os.O_RDWR):
                count += 1
                if count == nth:
                    raise OSError(number, os.strerror(number))
            return real(*args, **kwargs)

        before = {take.id for take in session.takes()}
        monkeypatch.setattr(os, call, failing)
        error = attempt(session, rig)
        monkeypatch.setattr(os, call, real)
        after = {take.id for take in session.takes()}
        assert before <= after
        if error is not None:
            told += 1
            assert error.remedy
            assert (after > before) == ("is saved" in error.what), error
        assert os.listdir(session.path / DRAFTS) == []
        assert verify_session(session.path).damage == ()
        if count < nth:
            break
    assert told > 0
    session.close()
    with Session.open(session.path) as again:
        assert again.recovery.damaged == ()


def test_a_session_in_a_read_only_folder_is_refused(
    tmp_path: Path, rig: FakeRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*args: object, **kwargs: object) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(StorageError, match="read-only; choose another output folder"):
        Session.create(tmp_path / "day", "day", rig.profile)
