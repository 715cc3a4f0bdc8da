"""Damaged files of imported sets: an error that names the file, and the rest goes on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from blur_set_data import SIZE, WRITERS, write
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rgbd_set_data import write_diode, write_make3d

from idfd.errors import IdfdError
from idfd.model.curation import Curation
from idfd.release.importers import import_dataset, importer

NAMES = sorted(WRITERS)
WITH_DEPTH = {"diode": write_diode, "make3d": write_make3d}


@pytest.fixture(scope="module")
def sets(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("sets")
    for name, writer in (WRITERS | WITH_DEPTH).items():
        writer(root / name)
    return {name: root / name for name in WRITERS | WITH_DEPTH}


def errors_of(name: str, source: Path) -> list[IdfdError]:
    """What a reader says when every triple is made; anything but an IdfdError fails the test."""
    module = importer(name)
    try:
        module.verify(source)
        _, tasks = module.triples(source)
    except IdfdError as error:
        return [error]
    found = []
    for task in tasks:
        try:
            task.make()
        except IdfdError as error:
            found.append(error)
    return found


def read_files(name: str, source: Path) -> list[Path]:
    """The files that become triples."""
    _, tasks = importer(name).triples(source)
    used = {ref.path for task in tasks for ref in task.make().record.sources.values()}
    return sorted(source / path for path in used)


@pytest.mark.parametrize("name", [*NAMES, *WITH_DEPTH])
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_a_cut_or_changed_file_is_named(
    name: str, sets: dict[str, Path], data: st.DataObject
) -> None:
    source = sets[name]
    path = data.draw(st.sampled_from(read_files(name, source)))
    whole = path.read_bytes()
    cut = data.draw(st.booleans())
    if cut:
        damaged = whole[: data.draw(st.integers(0, len(whole) - 1))]
    else:
        at = data.draw(st.integers(0, len(whole) - 1))
        damaged = whole[:at] + bytes([whole[at] ^ data.draw(st.integers(1, 255))]) + whole[at + 1 :]
    path.write_bytes(damaged)
    try:
        errors = errors_of(name, source)
    finally:
        path.write_bytes(whole)
    assert all(path.name in str(error) for error in errors)
    if cut:
        assert errors  # a changed byte may still be a picture, a cut file is none


@pytest.mark.parametrize("name", NAMES)
def test_a_part_of_another_size_is_named(name: str, sets: dict[str, Path]) -> None:
    _, tasks = importer(name).triples(sets[name])
    path = sets[name] / tasks[0].make().record.sources["defocused"].path
    whole = path.read_bytes()
    write(path, np.zeros((SIZE[0] + 1, SIZE[1], 3), np.uint8))
    try:
        (error,) = errors_of(name, sets[name])
    finally:
        path.write_bytes(whole)
    assert path.name in str(error)
    assert f"{SIZE[1]}x{SIZE[0]} " in str(error)
    assert f"{SIZE[1]}x{SIZE[0] + 1}" in str(error)


@pytest.mark.parametrize("name", NAMES)
def test_one_bad_file_costs_one_triple(name: str, sets: dict[str, Path], tmp_path: Path) -> None:
    _, tasks = importer(name).triples(sets[name])
    # The first map is what the encoding of a set may be told by.
    sources = tasks[0].make().record.sources
    path = sets[name] / sources.get("defocus", sources["defocused"]).path
    whole = path.read_bytes()
    path.write_bytes(whole[:-20])
    try:
        curation = import_dataset(name, sets[name], tmp_path / "out")
    finally:
        path.write_bytes(whole)
    assert isinstance(curation, Curation)
    (failed,) = curation.failed
    assert path.name in failed.reason
    assert len(curation.triples) == len(tasks) - 1
    again = import_dataset(name, sets[name], tmp_path / "out")
    assert isinstance(again, Curation)
    assert again.failed == ()
