from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from release_data import MAPS, SIZE, TAKES, all_triples, blurred_records, make_release

from idfd import IDFD
from idfd.errors import ReleaseError, StorageError
from idfd.release.cache import TrainingCache
from idfd.release.layout import ARRAYS
from idfd.release.manifest import read_manifest
from idfd.release.store import ReleaseFile

pytestmark = pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_release(tmp_path_factory.mktemp("set"), records=blurred_records())


def test_windows_equal_those_of_the_release(release: Path, tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    with ReleaseFile(release) as file:
        cache = TrainingCache.open(file, tmp_path)
        for take in TAKES:
            for name in ARRAYS:
                y, x = int(random.integers(SIZE[0])), int(random.integers(SIZE[1]))
                for window in ((slice(None), slice(None)), (slice(y, y + 30), slice(x, x + 9))):
                    found = cache.read(take, name, window)
                    np.testing.assert_array_equal(found, file.read(take, name, window), strict=True)
                    # A view of the map would be read-only and keep torch from using it.
                    assert found.flags.owndata
                    assert found.flags.writeable


@pytest.mark.parametrize("depth", ["raw", "inpainted"])
def test_the_dataset_gives_the_same_triples(release: Path, tmp_path: Path, depth: Any) -> None:
    plain = IDFD(release, "train", depth=depth, crop=32, flip=True, seed=4)
    cached = IDFD(release, "train", depth=depth, crop=32, flip=True, seed=4, cache=tmp_path)
    for one, two in zip(plain, cached, strict=True):
        assert one.record == two.record
        for name in ("all_in_focus", "defocused", "depth", "source", "uncertainty", *MAPS):
            np.testing.assert_array_equal(getattr(one, name), getattr(two, name), strict=True)


def test_it_is_built_once_for_each_content(release: Path, tmp_path: Path) -> None:
    IDFD(release, cache=tmp_path / "caches")
    (folder,) = (tmp_path / "caches").iterdir()
    assert read_manifest(release)[0].digest.startswith(folder.name)
    before = {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}
    copy = tmp_path / "renamed.h5"
    copy.write_bytes(release.read_bytes())
    IDFD(copy, cache=tmp_path / "caches")
    assert {path.name: path.stat().st_mtime_ns for path in folder.iterdir()} == before
    triples = all_triples()
    triples["attic-1"]["depth"][0, 0] ^= 1
    other = make_release(tmp_path / "other", triples)
    IDFD(other, cache=tmp_path / "caches")
    assert len(list((tmp_path / "caches").iterdir())) == 2


def _break_after(reads: int, action: Any) -> Any:
    read = ReleaseFile.read
    left = [reads]

    def broken(self: ReleaseFile, *args: Any) -> Any:
        left[0] -= 1
        if left[0] < 0:
            action()
        return read(self, *args)

    return broken


def test_a_failed_build_leaves_nothing(
    release: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise ReleaseError("damaged")

    with monkeypatch.context() as broken:
        broken.setattr(ReleaseFile, "read", _break_after(9, fail))
        with pytest.raises(ReleaseError, match="damaged"):
            IDFD(release, cache=tmp_path)
    assert os.listdir(tmp_path) == []
    IDFD(release, cache=tmp_path)


def _killed_build(release: Path, folder: Path) -> None:
    kill = _break_after(9, lambda: os.kill(os.getpid(), signal.SIGKILL))
    ReleaseFile.read = kill  # type: ignore[method-assign]  # in a process that ends here
    IDFD(release, cache=folder)


def test_what_a_killed_build_left_is_cleared_away(release: Path, tmp_path: Path) -> None:
    (tmp_path / ".mine.old").mkdir()
    child = multiprocessing.get_context("fork").Process(
        target=_killed_build, args=(release, tmp_path)
    )
    child.start()
    child.join(30)
    assert child.exitcode == -signal.SIGKILL
    (left,) = set(os.listdir(tmp_path)) - {".mine.old"}
    assert left.endswith(".part")
    whole = IDFD(release, cache=tmp_path)[0]
    assert sorted(os.listdir(tmp_path)) == [".mine.old", read_manifest(release)[0].digest[:32]]
    np.testing.assert_array_equal(whole.depth, IDFD(release)[0].depth)


def _open_and_read(release: Path, folder: Path, barrier: Any) -> None:
    barrier.wait(30)
    dataset = IDFD(release, cache=folder)
    expected = IDFD(release)
    for one, two in zip(dataset, expected, strict=True):
        np.testing.assert_array_equal(one.depth, two.depth)


def test_processes_that_ask_together_share_one_cache(release: Path, tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    barrier = context.Barrier(3)
    children = [
        context.Process(target=_open_and_read, args=(release, tmp_path, barrier)) for _ in range(3)
    ]
    for child in children:
        child.start()
    for child in children:
        child.join(60)
    assert [child.exitcode for child in children] == [0, 0, 0]
    assert os.listdir(tmp_path) == [read_manifest(release)[0].digest[:32]]


def test_a_cached_dataset_pickles_without_its_maps(release: Path, tmp_path: Path) -> None:
    dataset = IDFD(release, cache=tmp_path)
    expected = dataset[2]
    data = pickle.dumps(dataset)
    assert len(data) < 100_000
    np.testing.assert_array_equal(pickle.loads(data)[2].depth, expected.depth)


def test_a_damaged_cache_says_what_to_do(release: Path, tmp_path: Path) -> None:
    IDFD(release, cache=tmp_path)
    (folder,) = tmp_path.iterdir()
    (folder / "depth.bin").write_bytes(b"short")
    with pytest.raises(ReleaseError, match="Delete the folder") as caught:
        IDFD(release, cache=tmp_path)[0]
    assert caught.value.where == str(folder)


def test_arrays_that_are_not_there_are_named(release: Path, tmp_path: Path) -> None:
    with ReleaseFile(release) as file:
        cache = TrainingCache.open(file, tmp_path)
    with pytest.raises(ReleaseError, match="no array attic-1/normals"):
        cache.read("attic-1", "normals")


def test_a_place_that_cannot_be_written_is_reported(release: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match="cannot be written"):
        IDFD(release, cache=tmp_path / "file" / "cache")
