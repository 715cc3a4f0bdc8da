"""Folders of ready triples: written, resumed, read back and changed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray
from release_data import SIZE, TAKES, TEST, TRAIN, make_arrays, make_record, make_release, table

from idfd.errors import InputError, StorageError
from idfd.model import schema
from idfd.model.capture import Scene
from idfd.model.curation import INDEX, RECORD, Curation
from idfd.model.degradation import Degradation
from idfd.model.schema import Record
from idfd.model.triple import Triple
from idfd.release import triple_folder
from idfd.release.build import build_release
from idfd.release.reader import IDFD
from idfd.release.triple_files import as_triple, stored_arrays
from idfd.release.triple_folder import (
    SetFacts,
    TripleTask,
    open_triples,
    rework,
    task_key,
    write_triples,
)
from idfd.release.verify import verify_release


def toy_triple(take: str) -> Triple:
    arrays = make_arrays(take, inpainted=True, uncertainty=True)
    return as_triple(make_record(take), arrays, "inpainted")


def toy_facts(name: str = "toy") -> SetFacts:
    return SetFacts(
        name, "Toy", "CC-BY-4.0", "A. Nobody",
        tuple(Scene(name=s, group=s) for s in ("attic", "cellar", "garden", "kitchen")),
        table({"test": TEST, "train": TRAIN}, "published"), (), ("raw", "inpainted"),
    )  # fmt: skip


def toy_tasks(make: Callable[[str], Triple] = toy_triple, version: int = 1) -> list[TripleTask]:
    return [TripleTask(take, task_key("toy", take, version), partial(make, take)) for take in TAKES]


class Counting:
    """Makes triples and remembers which."""

    def __init__(self) -> None:
        self.made: list[str] = []

    def __call__(self, take: str) -> Triple:
        self.made.append(take)
        return toy_triple(take)


def same(a: Triple, b: Triple) -> None:
    for name in ("all_in_focus", "defocused", "depth", "source", "uncertainty", "defocus"):
        np.testing.assert_array_equal(getattr(a, name), getattr(b, name), err_msg=name)


def test_a_folder_is_read_back_and_released_as_it_was_made(tmp_path: Path) -> None:
    curation = write_triples(tmp_path / "set", toy_facts(), toy_tasks(), "import")
    assert schema.load(Curation, tmp_path / "set" / INDEX) == curation
    assert [entry.id for entry in curation.triples] == sorted(TAKES)
    source = open_triples(tmp_path / "set")
    assert source.ids == tuple(sorted(TAKES))
    assert source.facts == toy_facts()
    for take in TAKES:
        assert source.depth_kind(take) == "inpainted"
        same(source.read(take), toy_triple(take))
        assert source.read(take).record.stages == {"import": task_key("toy", take, 1)}
    build_release(tmp_path / "set", tmp_path / "set.h5", version="1.0.0")
    assert verify_release(tmp_path / "set.h5").ok
    with IDFD(tmp_path / "set.h5", depth="raw") as data:
        for take in TAKES:
            arrays = make_arrays(take, inpainted=True, uncertainty=True)
            np.testing.assert_array_equal(data.read(take).depth, arrays["depth"])
    released = open_triples(tmp_path / "set.h5")
    assert released.facts == toy_facts()
    for take in TAKES:
        same(released.read(take), toy_triple(take))


def test_a_second_run_makes_only_what_changed(tmp_path: Path) -> None:
    first, second, third = Counting(), Counting(), Counting()
    write_triples(tmp_path, toy_facts(), toy_tasks(first), "import")
    before = {path: path.read_bytes() for path in tmp_path.rglob("*.*")}
    (tmp_path / "triples" / TAKES[0] / "source.png").unlink()
    (tmp_path / "triples" / TAKES[1] / RECORD).write_text("{}")
    write_triples(tmp_path, toy_facts(), toy_tasks(second), "import")
    assert sorted(first.made) == sorted(TAKES)
    assert sorted(second.made) == sorted(TAKES[:2])
    assert {path: path.read_bytes() for path in tmp_path.rglob("*.*")} == before
    write_triples(tmp_path, toy_facts(), toy_tasks(third, version=2), "import")
    assert sorted(third.made) == sorted(TAKES)


def test_a_killed_run_goes_on_where_it_was(tmp_path: Path) -> None:
    def killed(take: str) -> Triple:
        if take == TAKES[-1]:
            raise KeyboardInterrupt
        return toy_triple(take)

    with pytest.raises(KeyboardInterrupt):
        write_triples(tmp_path, toy_facts(), toy_tasks(killed), "import")
    assert not (tmp_path / INDEX).exists()
    rest = Counting()
    write_triples(tmp_path, toy_facts(), toy_tasks(rest), "import")
    assert TAKES[-1] in rest.made
    assert len(rest.made) < len(TAKES)
    with pytest.raises(KeyboardInterrupt):
        write_triples(tmp_path, toy_facts(), toy_tasks(killed, version=2), "import")
    # What stands there now is of two kinds, and no index calls it one set.
    assert not (tmp_path / INDEX).exists()


def test_one_that_fails_is_listed_and_the_others_go_on(tmp_path: Path) -> None:
    def failing(take: str) -> Triple:
        if take == "garden-1":
            raise InputError("the photo is truncated", where="garden.png")
        return toy_triple(take)

    write_triples(tmp_path, toy_facts(), toy_tasks(), "import")
    curation = write_triples(tmp_path, toy_facts(), toy_tasks(failing, version=2), "import")
    assert [entry.id for entry in curation.failed] == ["garden-1"]
    assert "garden.png: the photo is truncated" in curation.failed[0].reason
    assert len(curation.triples) == len(TAKES) - 1
    assert not (tmp_path / "triples" / "garden-1" / RECORD).exists()
    build_release(tmp_path, tmp_path / "set.h5", version="1.0.0")
    assert [e.id for e in open_triples(tmp_path / "set.h5").facts.failed] == ["garden-1"]


def test_a_full_disk_stops_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise StorageError("the disk is full")

    monkeypatch.setattr(triple_folder, "write_triple", full)
    with pytest.raises(StorageError, match="full"):
        write_triples(tmp_path, toy_facts(), toy_tasks(), "import")
    assert not (tmp_path / INDEX).exists()


def test_a_folder_of_another_set_is_refused(tmp_path: Path) -> None:
    write_triples(tmp_path, toy_facts(), toy_tasks(), "import")
    with pytest.raises(InputError, match="holds the set 'toy'"):
        write_triples(tmp_path, toy_facts("other"), toy_tasks(), "import")
    with pytest.raises(InputError, match="another step"):
        write_triples(tmp_path, toy_facts(), toy_tasks(), "defocus")
    assert open_triples(tmp_path).read(TAKES[0]).record.stages.keys() == {"import"}
    with pytest.raises(InputError, match="no triples"):
        write_triples(tmp_path / "new", toy_facts(), [], "import")


class Darker(Record, frozen=True, kw_only=True):
    """Settings of the change below."""

    by: int


def darker(triple: Triple, by: int) -> Triple:
    done = Degradation(kind="high-iso-noise", settings={"by": by})
    record = msgspec.structs.replace(triple.record, degradations=(done,))
    return replace(triple, defocused=np.asarray(triple.defocused // by), record=record)


@pytest.mark.parametrize("kind", ["release", "folder"])
def test_a_reworked_set_differs_only_where_it_was_changed(tmp_path: Path, kind: str) -> None:
    release = make_release(tmp_path)
    source = release if kind == "release" else tmp_path / "curated"
    work = partial(darker, by=2)
    rework(source, tmp_path / "dark", work, Darker(by=2), "darken")
    old, new = open_triples(source), open_triples(tmp_path / "dark")
    assert new.facts == old.facts
    for take in new.ids:
        a, b = old.read(take), new.read(take)
        same(replace(a, defocused=b.defocused), b)
        np.testing.assert_array_equal(b.defocused, a.defocused // 2)
        np.testing.assert_array_equal(new.raw(take), old.raw(take))
        assert b.record.degradations[0].settings == {"by": 2}
    build_release(tmp_path / "dark", tmp_path / "dark.h5", version="1.0.0")
    assert verify_release(tmp_path / "dark.h5").ok


def test_rework_does_again_what_its_settings_or_source_change(tmp_path: Path) -> None:
    release = make_release(tmp_path)
    seen: list[str] = []

    def look(triple: Triple) -> Triple:
        seen.append(triple.record.id)
        return triple

    output = tmp_path / "same"
    rework(release, output, look, Darker(by=1), "look")
    rework(release, output, look, Darker(by=1), "look")
    assert len(seen) == len(TAKES)
    rework(release, output, look, Darker(by=2), "look")
    assert len(seen) == 2 * len(TAKES)
    with pytest.raises(InputError, match="in place"):
        rework(output, output, look, Darker(by=1), "look")


def test_raw_depth_is_the_measured_part_or_what_was_given() -> None:
    triple = toy_triple(TAKES[0])
    measured = stored_arrays(triple, ("raw", "inpainted"))["depth"]
    np.testing.assert_array_equal(measured > 0, triple.source == 1)
    alone = stored_arrays(triple, ("raw",))
    assert "depth_inpainted" not in alone
    np.testing.assert_array_equal(alone["depth"], triple.depth)
    given: NDArray[np.uint16] = np.full(SIZE, 7, np.uint16)
    arrays = stored_arrays(triple, ("raw", "inpainted"), given)
    assert (arrays["depth"] == 7).all()
    np.testing.assert_array_equal(arrays["depth_inpainted"], triple.depth)
