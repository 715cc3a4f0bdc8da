from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from release_data import (
    TAKES,
    TRAIN,
    all_triples,
    make_release,
    table,
)

from idfd.errors import ReleaseError, SchemaError
from idfd.release import build, guard, layout, verify
from idfd.release.findings import Finding, VerifyReport
from idfd.release.manifest import Manifest, describe, read_manifest, write_manifest
from idfd.release.reader import IDFD
from idfd.release.verify import verify_release

SMALL = (131, 20)
SOME = ("attic-1", "cellar-1", "garden-1")


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    triples = {take: arrays for take, arrays in all_triples(SMALL).items() if take in SOME}
    splits = table({"train": SOME[:2], "test": SOME[2:]})
    return make_release(tmp_path_factory.mktemp("set"), triples, splits)


def errors(report: VerifyReport) -> list[Finding]:
    return [finding for finding in report.findings if finding.level == "error"]


def test_a_good_release_has_no_findings_and_every_check_is_counted(release: Path) -> None:
    report = verify_release(release)
    assert report.findings == ()
    assert report.ok
    arrays = len(SOME) * 6 + 2
    assert report.checked["array checksum"] == report.checked["type and shape"] == arrays
    with h5py.File(release) as file:
        names: list[str] = []
        file.visit(names.append)
        attributes = sum(len(file[name].attrs) for name in ["/", *names])
    assert report.checked["attributes"] == 2 * attributes
    assert report.checked["types"] == len(SOME) * 6
    assert report.checked["scene leaks"] == 3
    assert report.checked["near duplicates"] == len(SOME)
    every = {
        "manifest", "size", "file checksum", "open", "attributes", "type and shape",
        "array checksum", "count", "types", "sizes", "arrays", "ranges", "splits cover",
        "splits agree", "scene leaks", "near duplicates", "absent",
    }  # fmt: skip
    assert set(report.checked) == every


class Corrupter:
    """Damages copies of a release, and says which object must be named for it."""

    def __init__(self, release: Path, folder: Path) -> None:
        self.data = release.read_bytes()
        self.manifest, self.block = read_manifest(release)
        self.path = folder / "damaged.h5"
        self.start(0)
        self.chunks: list[tuple[str, range]] = []
        with h5py.File(self.path) as file:
            for name in self.manifest.arrays:
                item = file[name].id
                if file[name].chunks is None:
                    start = item.get_offset()
                    self.chunks.append((name, range(start, start + item.get_storage_size())))
                    continue
                for i in range(item.get_num_chunks()):
                    chunk = item.get_chunk_info(i)
                    start = self.data.index(item.read_direct_chunk(chunk.chunk_offset)[1])
                    self.chunks.append((name, range(start, start + chunk.size)))

    def start(self, seed: int) -> None:
        self.path.write_bytes(self.data)
        self.random = np.random.default_rng(seed)

    def flip(self, place: int) -> None:
        damaged = bytearray(self.data)
        damaged[place] ^= int(self.random.integers(1, 256))
        self.path.write_bytes(damaged)

    def truncate(self) -> set[str] | None:
        size = int(self.random.integers(0, len(self.data)))
        self.path.write_bytes(self.data[:size])
        lost = {f"/{name}" for name, entry in self.manifest.arrays.items() if entry.end > size}
        if not lost:  # only the index behind the last array
            return {f"/{max(self.manifest.arrays.items(), key=lambda item: item[1].end)[0]}"}
        # Without the manifest nobody can know the names.
        readable = size >= self.data.index(b"\0")
        return lost if readable else None

    def flip_in_array(self) -> set[str] | None:
        name = str(self.random.choice(sorted(self.manifest.arrays)))
        places = np.concatenate([np.array(at) for owner, at in self.chunks if owner == name])
        self.flip(int(self.random.choice(places)))
        return {f"/{name}"}

    def flip_elsewhere(self) -> set[str] | None:
        """In the user block or, as often, in what HDF5 keeps between the arrays."""
        free = np.ones(len(self.data), bool)
        for _, at in self.chunks:
            free[at.start : at.stop] = False
        first, end = (0, self.block) if self.random.random() < 0.4 else (self.block, len(free))
        self.flip(int(self.random.choice(first + np.flatnonzero(free[first:end]))))
        return None

    def edit_attribute(self) -> set[str] | None:
        name = str(self.random.choice(sorted(self.manifest.attributes)))
        with h5py.File(self.path, "r+") as file:
            item = file[name]
            if not len(item.attrs):
                item.attrs["added"] = 1
                return {f"/{name}"}
            key = str(self.random.choice(sorted(item.attrs)))
            if self.random.random() < 0.3:
                del item.attrs[key]
            else:
                value = item.attrs[key]
                item.attrs[key] = value + "x" if isinstance(value, str) else value + 1
        return {"/" if name == "/" else f"/{name}"}

    def edit_dataset(self) -> set[str] | None:
        name = str(self.random.choice(sorted(self.manifest.arrays)))
        with h5py.File(self.path, "r+") as file:
            old = file[name][()]
            kept = dict(file[name].attrs)
            del file[name]
            if self.random.random() < 0.5:
                other = old.astype("S60" if old.dtype.kind == "S" else np.int32)
                file.create_dataset(name, data=other).attrs.update(kept)
        return {f"/{name}"}


@pytest.mark.parametrize(
    ("seed", "kind", "count"),
    [
        (1, Corrupter.truncate, 50),
        (2, Corrupter.flip_in_array, 60),
        (3, Corrupter.flip_elsewhere, 40),
        (4, Corrupter.edit_attribute, 30),
        (5, Corrupter.edit_dataset, 20),
    ],
)
def test_every_corruption_is_caught_and_named(
    seed: int,
    kind: Callable[[Corrupter], set[str] | None],
    count: int,
    release: Path,
    tmp_path: Path,
) -> None:
    missed = []
    corrupter = Corrupter(release, tmp_path)
    for number in range(count):
        corrupter.start(1000 * seed + number)
        names = kind(corrupter)
        report = verify_release(corrupter.path)
        found = {finding.where for finding in errors(report)}
        if not found or (names is not None and not found & names):
            missed.append((number, names, report.findings))
        # Content that is damaged must not put the blame on its neighbours in the file.
        if kind is Corrupter.flip_in_array and found - {corrupter.path.name} != names:
            missed.append((number, names, report.findings))
    assert missed == []


def test_a_truncated_release_names_all_that_is_lost(release: Path, tmp_path: Path) -> None:
    manifest, _ = read_manifest(release)
    ends = sorted((entry.end, name) for name, entry in manifest.arrays.items())
    path = tmp_path / "short.h5"
    path.write_bytes(release.read_bytes()[: ends[-3][0]])
    (finding,) = errors(verify_release(path))
    assert ends[-3][0] < ends[-2][0] < ends[-1][0]
    lost = sorted(name for _, name in ends[-2:])
    assert finding.where == f"/{lost[0]}"
    assert finding.message.endswith(f"lost: /{lost[0]}, /{lost[1]}")
    path.write_bytes(release.read_bytes()[: ends[4][0]])
    (finding,) = errors(verify_release(path))
    assert finding.message.endswith(f"and {len(ends) - 5 - 5} more")


def test_bytes_at_the_end_are_too_many(release: Path, tmp_path: Path) -> None:
    path = tmp_path / "long.h5"
    path.write_bytes(release.read_bytes() + b"more")
    (finding,) = verify_release(path).findings
    assert (finding.check, finding.message) == ("size", "4 bytes too many at the end")
    assert finding.where == "long.h5"


def test_an_added_object_is_named(release: Path, tmp_path: Path) -> None:
    path = tmp_path / "more.h5"
    path.write_bytes(release.read_bytes())
    with h5py.File(path, "r+") as file:
        file.create_group("triples/attic-1/mine")
        file["triples/attic-1"].attrs["note"] = "mine"
    found = {(f.where, f.message) for f in errors(verify_release(path))}
    assert ("/triples/attic-1/mine", "was not released") in found
    assert ("/triples/attic-1", "attribute 'note' was added") in found


@pytest.mark.parametrize("content", [b"", b"x", b"IDFD-MANIFEST", b"\x89HDF\r\n\x1a\n" + bytes(99)])
def test_what_is_no_release_is_a_finding(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "x.h5"
    path.write_bytes(content)
    (finding,) = verify_release(path).findings
    assert finding.check == "manifest"
    assert "no manifest at the start of the file" in finding.message


def test_a_manifest_of_absurd_length_takes_no_memory(tmp_path: Path) -> None:
    path = tmp_path / "x.h5"
    path.write_bytes(b"IDFD-MANIFEST 1 512 99999999999999999 " + b"0" * 64 + b"\n" + bytes(600))
    (finding,) = verify_release(path).findings
    assert "truncated after" in finding.message


@pytest.mark.parametrize("name", ["missing.h5", "."])
def test_a_missing_release_is_an_error(name: str, tmp_path: Path) -> None:
    with pytest.raises(ReleaseError, match="no such release"):
        verify_release(tmp_path / name)


def test_a_newer_schema_asks_for_a_newer_idfd(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(build, "SCHEMA_VERSION", "2.0.0")
    path = make_release(tmp_path, all_triples(SMALL))
    (finding,) = verify_release(path).findings
    assert finding.check == "open"
    assert "idfd-release is version 2.0.0. Expected version 1.x." in finding.message
    assert "written by a newer idfd; upgrade" in finding.message
    with pytest.raises(SchemaError, match="written by a newer idfd; upgrade"):
        IDFD(path)


def test_a_newer_manifest_asks_for_a_newer_idfd(
    release: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "new.h5"
    path.write_bytes(release.read_bytes())
    with monkeypatch.context() as newer:
        newer.setattr(Manifest, "VERSION", "2.0.0")
        write_manifest(path, describe(path))
    (finding,) = verify_release(path).findings
    assert "written by a newer idfd; upgrade" in finding.message


def test_a_newer_minor_version_can_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "SCHEMA_VERSION", "1.9.0")
    path = make_release(tmp_path, all_triples(SMALL))
    assert verify_release(path).ok
    assert len(IDFD(path)) == len(TAKES)


@pytest.mark.parametrize(("origin", "level"), [("drawn", "error"), ("published", "warning")])
def test_a_group_in_two_splits_is_a_leak(origin: Any, level: str, tmp_path: Path) -> None:
    parts = {"train": [*TRAIN, "garden-1"], "test": ["garden-2", "kitchen-1"]}
    path = make_release(tmp_path, all_triples(SMALL), splits=table(parts, origin))
    report = verify_release(path)
    # Splits are stored in the order of their names.
    (finding,) = report.findings
    assert (finding.check, finding.level) == ("scene leaks", level)
    assert finding.where == "/splits/train"
    assert finding.message == "scene group 'garden' also stands in 'test'"
    assert report.ok == (origin == "published")


def test_near_duplicates_across_splits_are_reported(tmp_path: Path) -> None:
    triples = all_triples(SMALL)
    copy = triples["attic-1"]["all_in_focus"].astype(np.float32) * 0.9 + 4
    triples["garden-2"]["all_in_focus"] = copy.astype(np.uint8)
    # Within a split they are no leak.
    triples["attic-2"]["all_in_focus"] = triples["cellar-1"]["all_in_focus"]
    (finding,) = verify_release(make_release(tmp_path, triples)).findings
    assert (finding.check, finding.level) == ("near duplicates", "warning")
    assert finding.where == "/triples/attic-1"
    assert "that of 'garden-2' in split 'test'" in finding.message


def _bad_code(arrays: dict[str, Any]) -> None:
    arrays["source"][3, 4] = 9


def _bad_source(arrays: dict[str, Any]) -> None:
    arrays["source"][:2, :5] = 0


def _bad_filling(arrays: dict[str, Any]) -> None:
    arrays["depth_inpainted"] = arrays["depth_inpainted"] + np.uint16(1)


def _bad_uncertainty(arrays: dict[str, Any]) -> None:
    arrays["uncertainty"][:1, :2] = np.nan, -1


@pytest.mark.parametrize(
    ("spoil", "level", "where", "message"),
    [
        (_bad_code, "error", "source", "code 9"),
        (_bad_source, "error", "source", "10 pixels disagree with the depth map"),
        (_bad_filling, "warning", "depth_inpainted", "measured pixels were changed"),
        (_bad_uncertainty, "error", "uncertainty", "2 negative or NaN values"),
    ],
)
def test_values_out_of_range_are_found(
    spoil: Callable[[dict[str, Any]], None], level: str, where: str, message: str, tmp_path: Path
) -> None:
    triples = all_triples(SMALL)
    spoil(triples["cellar-1"])
    (finding,) = verify_release(make_release(tmp_path, triples)).findings
    assert (finding.level, finding.where) == (level, f"/triples/cellar-1/{where}")
    assert message in finding.message


def _rewrite(path: Path, edit: Callable[[h5py.File], None]) -> VerifyReport:
    """Edit a release and give it a manifest that fits, as a faulty writer would."""
    block = path.read_bytes()[: read_manifest(path)[1]]
    with h5py.File(path, "r+") as file:
        edit(file)
    with path.open("r+b") as raw:
        raw.write(bytes(len(block)))
    write_manifest(path, describe(path))
    return verify_release(path)


def _drop_photo(file: h5py.File) -> None:
    del file["triples/attic-1/all_in_focus"]


def _drop_depth(file: h5py.File) -> None:
    del file["triples/attic-1/depth"]
    del file["triples/attic-1/depth_inpainted"]


def _other_type(file: h5py.File) -> None:
    data = file["triples/attic-1/source"][()]
    del file["triples/attic-1/source"]
    file["triples/attic-1/source"] = data.astype(np.int16)


def _other_size(file: h5py.File) -> None:
    data = file["triples/attic-1/source"][()]
    del file["triples/attic-1/source"]
    file["triples/attic-1/source"] = data[1:]


def _bad_record(file: h5py.File) -> None:
    file["triples/attic-1"].attrs["record"] = "{}"


def _bad_info(file: h5py.File) -> None:
    file.attrs["release"] = "{"


def _drop_triple(file: h5py.File) -> None:
    del file["triples/attic-1"]


def _unsplit(file: h5py.File) -> None:
    del file["splits/test"]


@pytest.mark.parametrize(
    ("edit", "check", "where"),
    [
        (_drop_photo, "arrays", "/triples/attic-1"),
        (_drop_depth, "arrays", "/triples/attic-1"),
        (_other_type, "types", "/triples/attic-1/source"),
        (_other_size, "sizes", "/triples/attic-1/source"),
        (_bad_record, "records", "/triples/attic-1"),
        (_bad_info, "open", "toy.h5"),
        (_drop_triple, "splits agree", "/splits/train"),
        (_unsplit, "splits cover", "/triples/garden-1"),
    ],
)
def test_a_faulty_writer_is_found_out(
    edit: Callable[[h5py.File], None], check: str, where: str, tmp_path: Path
) -> None:
    report = _rewrite(make_release(tmp_path, all_triples(SMALL)), edit)
    assert (check, where) in {(f.check, f.where) for f in errors(report)}


def test_a_crash_of_hdf5_is_a_finding(
    release: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "x.h5"
    data = bytearray(release.read_bytes())
    data[read_manifest(release)[0].arrays["splits/test"].start] ^= 1
    path.write_bytes(data)

    def crash(*_: Any) -> Iterator[Any]:
        yield True, "attributes", "/", ""
        os.kill(os.getpid(), signal.SIGKILL)

    monkeypatch.setattr(verify, "_walk", crash)
    report = verify_release(path)
    assert report.checked["attributes"] == 1
    _, crashed, placed = errors(report)
    assert "crashed with SIGKILL" in crashed.message
    # What HDF5 did not come to is judged by its bytes.
    assert (placed.check, placed.where) == ("stored bytes", "/splits/test")


def test_a_hang_of_hdf5_is_given_up() -> None:
    def hang() -> Iterator[int]:
        yield 1
        time.sleep(60)
        yield 2

    start = time.monotonic()
    assert list(guard.guarded(hang, patience_s=0.3)) == [(1, None), (None, "no answer for 0.3 s")]
    assert time.monotonic() - start < 10


def test_guarded_work_that_ends_well_is_handed_over_whole() -> None:
    assert list(guard.guarded(lambda: iter(range(5)))) == [(i, None) for i in range(5)]


def test_an_exception_in_guarded_work_is_told() -> None:
    def fail() -> Iterator[int]:
        yield 1
        raise ZeroDivisionError("by 0")

    assert list(guard.guarded(fail)) == [(1, None), (None, "ZeroDivisionError: by 0")]


def test_guarded_work_that_leaves_early_is_told() -> None:
    def leave() -> Iterator[int]:
        yield 1
        os._exit(3)

    assert list(guard.guarded(leave)) == [(1, None), (None, "ended with exit code 3")]


def test_schema_version_of_the_layout_is_what_is_written(release: Path) -> None:
    with h5py.File(release) as file:
        assert file.attrs["schema_version"] == layout.SCHEMA_VERSION
