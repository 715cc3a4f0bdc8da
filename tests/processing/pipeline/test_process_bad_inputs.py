"""Bad inputs end in an error of their take; the others become what they always become."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from bad_inputs import COLLECTION_DAMAGES, SESSION_DAMAGES, Damage
from bad_runs import damaged_run, mess
from bad_sessions import FLAWS, Flaw, flawed_run
from take_files import hashes, make_collection, make_session, many_takes
from test_process_session import CONFIG

from idfd.processing.pipeline.local import LocalScheduler
from idfd.processing.pipeline.run import Outcome, process
from idfd.processing.pipeline.schedule import Scheduler
from idfd.processing.pipeline.sources import open_source
from idfd.storage.places import LocalPlace

RNG = np.random.default_rng(20)


@pytest.fixture(scope="module")
def scheduler() -> Iterator[Scheduler]:
    with LocalScheduler(1) as scheduler:
        yield scheduler


@pytest.fixture(scope="module")
def one(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_session(tmp_path_factory.mktemp("shot") / "session")


def some(all_of_them: tuple[Damage, ...], count: int) -> list[Damage]:
    return [all_of_them[index] for index in sorted(RNG.permutation(len(all_of_them))[:count])]


@pytest.mark.parametrize(("kind", "damages"), [
    ("session", some(SESSION_DAMAGES, 20)), ("collection", some(COLLECTION_DAMAGES, 10)),
])  # fmt: skip
def test_bad_takes_are_told_and_good_ones_untouched(
    kind: str, damages: list[Damage], one: Path, scheduler: Scheduler, tmp_path: Path
) -> None:
    if kind == "collection":
        one = make_collection(tmp_path / "one")
    rng = np.random.default_rng(1)
    found = damaged_run(kind, one, tmp_path, damages, 2, rng, scheduler)
    assert found.faults == []
    assert [
        f"{damage.name}: {fault}"
        for damage, (fault, _) in zip(damages, found.cases, strict=True)
        if fault is not None
    ] == []


@pytest.mark.parametrize(
    "flaw", [FLAWS[index] for index in sorted(RNG.permutation(len(FLAWS))[:10])],
    ids=lambda flaw: flaw.name.replace(" ", "-"),
)  # fmt: skip
def test_a_bad_session_is_told_for_each_take(
    flaw: Flaw, one: Path, scheduler: Scheduler, tmp_path: Path
) -> None:
    found = flawed_run(flaw, one, tmp_path, np.random.default_rng(2), scheduler)
    assert [fault for fault, _ in found if fault is not None] == []


def run(session: Path, output: Path, scheduler: Scheduler) -> Outcome:
    return process(open_source(session), output, CONFIG, scheduler)


def test_a_triple_whose_take_was_damaged_later_is_none_any_more(
    one: Path, scheduler: Scheduler, tmp_path: Path
) -> None:
    session, output = tmp_path / "session", tmp_path / "out"
    damaged, unreadable, good = many_takes(one, session, ["a", "b", "c"])
    run(session, output, scheduler)
    ids = ["a", "b", "c"]
    before, index = hashes(output, ids), (output / "curation.json").read_bytes()
    data, record = damaged.data("defocused"), unreadable.document.read_bytes()
    damaged.put("defocused", b"")
    unreadable.document.write_bytes(b"{")
    assert run(session, output, scheduler).failed.keys() == {"a", "b"}
    assert mess(output, {"a", "b"}) == []
    assert (output / "triples/a").exists()
    assert hashes(output, ["c"]) == {name: before[name] for name in before if "/c/" in name}
    damaged.put("defocused", data)
    unreadable.document.write_bytes(record)
    restored = run(session, output, scheduler)
    assert {stage for stage, count in restored.ran.items() if count} == {"check"}
    assert hashes(output, ids) == before
    assert (output / "curation.json").read_bytes() == index
    assert good.document.exists()


@pytest.mark.parametrize("copy", ["scenes/a/a copy", "scenes/b/a", "scenes/a (1)"])
def test_a_copied_folder_does_not_take_the_place_of_its_take(
    copy: str, one: Path, scheduler: Scheduler, tmp_path: Path
) -> None:
    session = tmp_path / "session"
    take, _ = many_takes(one, session, ["a", "b"])
    original = take.folder if copy.count("/") == 2 else take.folder.parent
    shutil.copytree(original, session / copy)
    source = open_source(session)
    assert not source.failed
    assert [take.id for take in source.takes] == ["a", "b"]
    assert source.takes[0].files["burst"].path == "scenes/a/a/depth.h5"
    assert {entry.path.removesuffix("/a") for entry in source.audit} == {copy.removesuffix("/a")}
    assert all("a copy of the" in entry.reason for entry in source.audit)
    assert sorted(scene.name for scene in source.scenes) == ["a", "b"]


def test_a_renamed_folder_is_still_its_take(one: Path, tmp_path: Path) -> None:
    session = tmp_path / "session"
    take, _ = many_takes(one, session, ["a", "b"])
    take.folder.parent.rename(session / "scenes/kitchen")
    source = open_source(session)
    assert [take.id for take in source.takes] == ["b", "a"]
    assert source.takes[1].files["burst"].path == "scenes/kitchen/a/depth.h5"


def test_links_that_lead_nowhere_are_listed_and_told_when_read(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "dangling").symlink_to("nothing")
    (tmp_path / "file").write_text("x")
    assert LocalPlace(tmp_path).sizes("") == {"loop": 0, "dangling": 0, "file": 1}


def test_damages_do_what_they_say(one: Path, tmp_path: Path) -> None:
    """A damage that leaves its take as it was would be found by no run."""
    takes = many_takes(one, tmp_path / "session", [f"t{n}" for n in range(len(SESSION_DAMAGES))])

    def seen(folder: Path) -> dict[str, object]:
        return {
            path.name: path.is_dir() or (path.is_file() and path.read_bytes())
            for path in folder.iterdir()
        }

    for damage, take in zip(SESSION_DAMAGES, takes, strict=True):
        before = seen(take.folder)
        damage.do(take, np.random.default_rng(3))
        assert seen(take.folder) != before, damage.name
    assert json.loads((one / "scenes/desk-0/desk-0_1/take.json").read_bytes())["id"] == "desk-0_1"
