from __future__ import annotations

import csv
from pathlib import Path

import msgspec
import pytest
from fake_rig import PLAN, fake_rig
from hypothesis import given
from hypothesis import strategies as st

from idfd.capture.session.plan import progress, read_plan
from idfd.capture.session.store import Session
from idfd.capture.take import shoot_take
from idfd.errors import InputError

PLAN_TEXT = """scene,group,environment,note
bed-1,room-1,bedroom,"lamp on, curtain closed"

bed-2,room-1,bedroom,
hall,hall,,
"""


def write(tmp_path: Path, text: str | bytes) -> Path:
    path = tmp_path / "plan.csv"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


@pytest.mark.parametrize("head", [b"", b"\xef\xbb\xbf"], ids=["plain", "byte order mark"])
@pytest.mark.parametrize("ends", [b"\n", b"\r\n"], ids=["Unix", "Windows"])
def test_a_plan_is_read(tmp_path: Path, head: bytes, ends: bytes) -> None:
    plan = read_plan(write(tmp_path, head + PLAN_TEXT.encode().replace(b"\n", ends)))
    assert [(row.scene, row.group, row.environment, row.note, row.line) for row in plan] == [
        ("bed-1", "room-1", "bedroom", "lamp on, curtain closed", 2),
        ("bed-2", "room-1", "bedroom", "", 4),
        ("hall", "hall", "unknown", "", 5),
    ]


def test_columns_may_come_in_any_order_and_case(tmp_path: Path) -> None:
    plan = read_plan(write(tmp_path, "Environment, Scene ,GROUP\nlab, a ,g\n"))
    assert (plan[0].scene, plan[0].group, plan[0].environment) == ("a", "g", "lab")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the plan names no scene"),
        ("scene,group,environment\n", "the plan names no scene"),
        ("scene,grup,environment\n", r"line 1: there is no column 'grup'.*mean 'group'\?"),
        ("scene,group,colour\n", "line 1: there is no column 'colour' in a plan"),
        ("scene,group\na,b\n", "line 1: the column 'environment' stands there 0 times"),
        ("scene,scene,group,environment\n", "the column 'scene' stands there 2 times"),
        ("scene,group,environment\na,b\n", r"line 2: the row has 2 cells.*3, as the first line"),
        ("scene,group,environment\na,b,c,d\n", r"line 2: the row has 4 cells.*in quotes"),
        ("scene,group,environment\na b,g,\n", r"line 2: scene 'a b' cannot.*Call it 'a-b'"),
        ("scene,group,environment\na,g/h,\n", "line 2: group 'g/h' cannot"),
        ("scene,group,environment\na,g,\nb,g,\nA,g,\n", "line 4: scene 'A' stands in line 2"),
        ('scene,group,environment\na,"g,\n', "line 3: not CSV|line 2: not CSV"),
        (b"scene,group,environment\n\xff,g,\n", "not a UTF-8 text"),
    ],
)
def test_a_plan_that_cannot_be_used_says_where(
    tmp_path: Path, text: str | bytes, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        read_plan(write(tmp_path, text))


def test_a_plan_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        read_plan(tmp_path / "plan.csv")


names = st.text("abcXYZ019_-.", min_size=1, max_size=8).map(lambda text: "n" + text)


@given(rows=st.lists(st.tuples(names, names, st.text("ab ,\"'\n", max_size=9)), min_size=1))
def test_any_plan_that_a_spreadsheet_writes_is_read(
    rows: list[tuple[str, str, str]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    unique = list({row[0].lower(): row for row in rows}.values())
    path = tmp_path_factory.mktemp("plan") / "plan.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["scene", "group", "environment", "note"])
        writer.writerows([scene, group, "lab", note] for scene, group, note in unique)
    plan = read_plan(path)
    assert [(r.scene, r.group, r.note) for r in plan] == [(s, g, n.strip()) for s, g, n in unique]


def test_progress_follows_the_session(tmp_path: Path) -> None:
    plan = read_plan(write(tmp_path, PLAN_TEXT))
    rig = fake_rig(photo_size=(96, 64), depth_size=(32, 24))
    rig.connect()
    with Session.create(tmp_path / "day", "day", rig.profile) as session:
        assert progress(plan, session).next == plan[0]
        for row in plan:
            session.add_scene(row.scene, row.group, row.environment)
        with session.new_take("bed-1") as draft:
            record = shoot_take(rig, PLAN, draft).record
            draft.commit(msgspec.structs.replace(record, verdict="fail"))
        assert progress(plan, session).next == plan[0]  # a take that failed its checks
        with session.new_take("bed-1") as draft:
            draft.commit(shoot_take(rig, PLAN, draft).record)
        session.skip("bed-2", "locked")
        now = progress(plan, session)
        assert (now.shot, now.skipped, now.remaining) == (plan[:1], plan[1:2], plan[2:])
        session.reject("bed-1_2", "blurred")
        assert progress(plan, session).next == plan[0]
        with session.new_take("bed-2") as draft:  # it could be shot after all
            draft.commit(shoot_take(rig, PLAN, draft).record)
        assert progress(plan, session).shot == plan[1:2]
