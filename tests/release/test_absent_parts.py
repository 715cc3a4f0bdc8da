"""Releases of sets that lack a photo or depth, or that bring a map of defocus."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import h5py
import msgspec
import numpy as np
import pytest
from release_data import SIZE, TAKES, TEST, TRAIN, Arrays, make_arrays, make_record, table

from idfd.model import schema
from idfd.model.capture import Scene
from idfd.model.triple import GivenDefocus, Modality, Triple
from idfd.release.build import build_release
from idfd.release.card import write_card
from idfd.release.croissant import croissant_metadata
from idfd.release.picture import save_picture
from idfd.release.reader import IDFD
from idfd.release.store import ReleaseFile
from idfd.release.triple_folder import SetFacts, TripleTask, open_triples, task_key, write_triples
from idfd.release.verify import verify_release

PIXELS = GivenDefocus(origin="a fit of the authors", unit="px")
SHARE = GivenDefocus(origin="masks drawn by hand", unit="normalised")


@dataclass
class Parts:
    """What a toy set lacks or brings."""

    absent: tuple[Modality, ...] = ()
    given: GivenDefocus | None = None
    zeroed: tuple[str, ...] = ()
    """Arrays that are zero, whatever the record says."""
    changes: dict[str, Any] = field(default_factory=dict)


def make_part(parts: Parts, take: str) -> Triple:
    arrays: Arrays = make_arrays(take, raw=True)
    for name in {*parts.absent, *parts.zeroed}:
        arrays[name] = np.zeros_like(arrays[name])
        if name == "depth":
            arrays["source"] = np.zeros_like(arrays["source"])
    defocus = None
    if parts.given is not None:
        defocus = np.linspace(0, 1, SIZE[0] * SIZE[1]).reshape(SIZE).astype(np.float16)
        if parts.given.unit == "px":
            defocus = np.asarray(defocus * np.float16(12) - np.float16(4))
            defocus[0] = np.nan
    said = {"absent": parts.absent, "given_defocus": parts.given, **parts.changes}
    record = msgspec.structs.replace(make_record(take), **said)
    return Triple(
        all_in_focus=arrays["all_in_focus"],
        defocused=arrays["defocused"],
        depth=arrays["depth"],
        source=arrays["source"],
        uncertainty=None,
        record=record,
        defocus=defocus,
    )


def release_of(folder: Path, parts: Parts) -> Path:
    scenes = tuple(Scene(name=s, group=s) for s in ("attic", "cellar", "garden", "kitchen"))
    facts = SetFacts("parts", "Parts", "CC0", "none", scenes, table({"train": TRAIN, "test": TEST}))
    tasks = [TripleTask(t, task_key(t), partial(make_part, parts, t)) for t in TAKES]
    write_triples(folder / "set", facts, tasks, "import")
    build_release(folder / "set", folder / "parts.h5", version="1.0.0")
    return folder / "parts.h5"


ABSENT: list[tuple[Modality, ...]] = [
    ("all_in_focus",), ("defocused",), ("depth",), ("all_in_focus", "depth"),
]  # fmt: skip


@pytest.mark.parametrize("absent", ABSENT)
def test_a_set_that_lacks_parts_is_a_good_release(
    absent: tuple[Modality, ...], tmp_path: Path
) -> None:
    path = release_of(tmp_path, Parts(absent))
    report = verify_release(path)
    assert report.findings == ()
    with IDFD(path) as data:
        assert data.info.absent == dict.fromkeys(absent, len(TAKES))
        for triple in data:
            for name in ("all_in_focus", "defocused", "depth"):
                assert getattr(triple, name).any() == (name not in absent)
            assert triple.record.absent == absent
    with IDFD(path, tensors=True) as data:
        assert bool(data[0]["valid"].any()) == ("depth" not in absent)
    source = open_triples(path)
    assert source.read(TAKES[0]).record.absent == absent


def test_what_is_absent_costs_nearly_nothing(tmp_path: Path) -> None:
    path = release_of(tmp_path, Parts(("all_in_focus", "depth")))
    with h5py.File(path) as file:
        group = file[f"triples/{TAKES[0]}"]
        for name in ("all_in_focus", "depth", "source"):
            assert group[name].id.get_storage_size() < 1000


@pytest.mark.parametrize(
    ("parts", "where", "level"),
    [
        (Parts(zeroed=("defocused",)), "defocused", "error"),
        (Parts(zeroed=("all_in_focus",)), "all_in_focus", "error"),
        (Parts(zeroed=("depth",)), "depth", "warning"),
    ],
)
def test_zeros_that_nobody_calls_absent_are_found(
    parts: Parts, where: str, level: str, tmp_path: Path
) -> None:
    found = [f for f in verify_release(release_of(tmp_path, parts)).findings if f.check == "absent"]
    assert {(f.where.rpartition("/")[2], f.level) for f in found} == {(where, level)}
    assert len(found) == len(TAKES)


def test_a_part_that_is_called_absent_but_is_there_is_found(tmp_path: Path) -> None:
    path = release_of(tmp_path, Parts(changes={"absent": ("defocused",)}))
    findings = verify_release(path).findings
    assert {f.check for f in findings} == {"absent"}
    assert all("is called absent, but is not zero" in f.message for f in findings)


def test_photos_are_compared_by_one_that_is_there(tmp_path: Path) -> None:
    def twins(take: str) -> Triple:
        one = make_part(Parts(("all_in_focus",)), take)
        blurred = cv2.GaussianBlur(make_arrays("same")["all_in_focus"], (0, 0), 2)
        return Triple(
            one.all_in_focus, np.asarray(blurred), one.depth, one.source, None, one.record
        )

    scenes = tuple(Scene(name=s, group=s) for s in ("attic", "garden"))
    splits = table({"train": ["attic-1"], "test": ["garden-1"]})
    tasks = [TripleTask(t, task_key(t), partial(twins, t)) for t in ("attic-1", "garden-1")]
    facts = SetFacts("twins", "Twins", "CC0", "none", scenes, splits)
    write_triples(tmp_path / "set", facts, tasks, "import")
    build_release(tmp_path / "set", tmp_path / "twins.h5", version="1.0.0")
    findings = verify_release(tmp_path / "twins.h5").findings
    assert [f.check for f in findings] == ["near duplicates"]


@pytest.mark.parametrize("given", [PIXELS, SHARE])
def test_a_given_map_is_released_as_it_came(given: GivenDefocus, tmp_path: Path) -> None:
    path = release_of(tmp_path, Parts(given=given))
    assert verify_release(path).findings == ()
    metric = given.unit == "px"
    with IDFD(path) as data, ReleaseFile(path) as file:
        assert data.has_defocus == metric
        assert data.info.defocus_maps == (len(TAKES) if metric else 0)
        triple = data[0]
        expected = make_part(Parts(given=given), triple.record.id).defocus
        np.testing.assert_array_equal(triple.defocus, expected)
        assert triple.defocus_uncertainty is None
        units = file.file[f"triples/{triple.record.id}/defocus"].attrs["units"]
        assert units == ("px" if metric else "1")
    if metric:
        with IDFD(path, tensors=True, flip=True, crop=64) as data:
            assert data[0]["defocus"].shape == (1, 64, 64)
            assert bool(data[0]["defocus_uncertainty"].isnan().all())


def test_a_given_map_out_of_its_range_is_found(tmp_path: Path) -> None:
    parts = Parts(given=PIXELS, changes={"given_defocus": SHARE})
    findings = verify_release(release_of(tmp_path, parts)).findings
    assert {f.check for f in findings} == {"defocus map"}
    assert "outside 0 to 1" in findings[0].message


def test_card_croissant_and_pictures_say_what_is_absent(tmp_path: Path) -> None:
    path = release_of(tmp_path, Parts(("all_in_focus", "depth"), SHARE))
    markdown, page = (file.read_text() for file in write_card(path))
    for text in (markdown, page):
        assert "all-in-focus: absent; the array holds zeros" in text
        assert "came with the data (masks drawn by hand), normalised" in text
    rows = json.loads(json.dumps(croissant_metadata(path)))["recordSet"][0]["data"]
    assert {row["triples/absent"] for row in rows} == {"all_in_focus, depth"}
    for take in (None, TAKES[0]):
        save_picture(path, take, tmp_path / "picture.png")
        assert cv2.imread(str(tmp_path / "picture.png")) is not None


def test_documents_of_layout_1_2_are_read(tmp_path: Path) -> None:
    path = release_of(tmp_path, Parts())
    new = {"absent", "given_defocus", "simulated", "degradations"}
    with ReleaseFile(path) as file:
        for document in (file.info, file.record(TAKES[0])):
            content = json.loads(schema.encode(document))
            older = {k: v for k, v in content.items() if k not in new}
            older["schema_version"] = "1.2.0"
            assert older.keys() != content.keys()
            assert schema.decode(type(document), json.dumps(older).encode(), "old") == document
