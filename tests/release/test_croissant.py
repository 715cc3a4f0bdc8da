from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import pytest
from release_data import MAPS, TAKES, TRAIN, all_triples, blurred, make_record, make_release

from idfd.release.croissant import write_croissant
from idfd.release.layout import ARRAYS
from idfd.storage.hashing import sha256_file

# rdflib, below mlcroissant, warns of itself.
pytestmark = pytest.mark.filterwarnings("ignore:ConjunctiveGraph:DeprecationWarning")
mlcroissant = pytest.importorskip("mlcroissant")


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_release(tmp_path_factory.mktemp("set"), all_triples((9, 8)))


@pytest.fixture(scope="module")
def path(release: Path) -> Path:
    written = write_croissant(release)
    assert written.name == "toy.croissant.json"
    return written


@pytest.fixture(scope="module")
def metadata(path: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(path.read_text())
    return loaded


def test_the_reference_reader_finds_no_error(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        dataset = mlcroissant.Dataset(jsonld=path)
    issues = dataset.metadata.ctx.issues
    assert not issues.errors
    assert "error" not in caplog.text.lower()
    assert "not standard" not in caplog.text
    assert dataset.metadata.name == "toy-set"
    assert str(dataset.metadata.version) == "1.2.3"


def text(value: str | bytes) -> str:
    # mlcroissant gave bytes before 1.1.
    return value.decode() if isinstance(value, bytes) else value


def test_the_reference_reader_yields_every_triple(path: Path) -> None:
    rows = list(mlcroissant.Dataset(jsonld=path).records("triples"))
    assert [text(row["triples/id"]) for row in rows] == list(TAKES)
    splits = {text(row["triples/id"]): text(row["triples/split"]) for row in rows}
    assert {take for take, split in splits.items() if split == "train"} == set(TRAIN)
    assert {row["triples/f_number_defocused"] for row in rows} == {1.8}
    assert {text(row["triples/environment"]) for row in rows} == {"indoor", "outdoor"}


def test_the_file_is_described_by_hash_and_size(release: Path, metadata: dict[str, Any]) -> None:
    (described,) = metadata["distribution"]
    assert described["sha256"] == sha256_file(release)
    assert described["contentSize"] == f"{release.stat().st_size} B"
    assert described["contentUrl"] == release.name
    assert described["encodingFormat"] == "application/x-hdf5"


def test_arrays_are_described_with_their_units(metadata: dict[str, Any]) -> None:
    assert metadata["conformsTo"] == "http://mlcommons.org/croissant/1.0"
    assert metadata["license"] == "CC-BY-4.0"
    assert metadata["citeAs"] == "A. Nobody, 2024"
    for name, spec in ARRAYS.items():
        # What the release does not hold is not promised.
        assert (f"{name} ({spec.units})" in metadata["description"]) == (name not in MAPS)


def test_defocus_maps_are_told_of(tmp_path: Path) -> None:
    release = make_release(
        tmp_path, all_triples((9, 8)), records={TAKES[0]: blurred(make_record(TAKES[0], (9, 8)))}
    )
    path = write_croissant(release)
    description = json.loads(path.read_text())["description"]
    for name in MAPS:
        assert f"{name} (px): {ARRAYS[name].description}" in description
    rows = mlcroissant.Dataset(jsonld=path).records("triples")
    found = {text(row["triples/id"]): row["triples/has_defocus"] for row in rows}
    assert found == {take: take == TAKES[0] for take in TAKES}


def test_the_same_release_gives_the_same_bytes(release: Path, path: Path) -> None:
    before = path.read_bytes()
    assert write_croissant(release).read_bytes() == before
