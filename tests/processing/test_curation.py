from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
from published_set.scenes import write_published_layout

from idfd.errors import IdfdError, InputError, StorageError
from idfd.model import schema
from idfd.model.capture import Collection
from idfd.processing.photos.align import AlignConfig
from idfd.processing.curate import CurateConfig
from idfd.processing.curation import INDEX, curate_collection
from idfd.processing.pipeline.local import run_tasks
from idfd.release.importers import import_dataset
from idfd.storage.images import read_depth, read_photo


@pytest.fixture
def collection(tmp_path: Path) -> Collection:
    write_published_layout(tmp_path / "photos", scenes=4, size=(240, 160))
    return import_dataset("dfd_indoor", tmp_path / "photos", tmp_path / "collection")


def content(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_the_same_inputs_give_the_same_bytes(collection: Collection, tmp_path: Path) -> None:
    first = curate_collection(collection, tmp_path / "a", workers=2)
    second = curate_collection(collection, tmp_path / "b", workers=1)
    assert first == second
    assert len(first.triples) == 4
    assert content(tmp_path / "a") == content(tmp_path / "b")
    sizes = {
        read_photo(path).shape for path in (tmp_path / "a" / "triples").glob("*/all_in_focus.png")
    }
    assert len(sizes) == 1


def test_a_second_run_makes_only_what_changed(collection: Collection, tmp_path: Path) -> None:
    output = tmp_path / "out"
    curate_collection(collection, output, workers=1)
    before = {path: path.stat().st_mtime_ns for path in output.rglob("*.png")}
    curate_collection(collection, output, workers=1)
    assert before == {path: path.stat().st_mtime_ns for path in output.rglob("*.png")}
    config = CurateConfig(align=replace(AlignConfig(), robust=5.0))
    curate_collection(collection, output, config, workers=1)
    after = {path: path.stat().st_mtime_ns for path in output.rglob("*.png")}
    assert all(after[path] != before[path] for path in before)


def test_a_bad_take_is_named_and_the_rest_go_on(collection: Collection, tmp_path: Path) -> None:
    root = Path(collection.root)
    first, second = collection.takes[:2]
    photo = root / first.files["defocused"].path
    photo.write_bytes(photo.read_bytes()[:-400])
    (root / second.files["depth_inpainted"].path).unlink()
    result = curate_collection(collection, tmp_path / "out", workers=2)
    assert {entry.id for entry in result.failed} == {first.id, second.id}
    reasons = {entry.id: entry.reason for entry in result.failed}
    assert photo.name in reasons[first.id]
    assert "has changed" in reasons[first.id]
    assert "No such file" in reasons[second.id]
    assert len(result.triples) == 2
    assert sorted(p.name for p in (tmp_path / "out" / "triples").iterdir()) == [
        entry.id for entry in result.triples
    ]


def test_depth_in_the_defocused_frame_is_moved(collection: Collection, tmp_path: Path) -> None:
    moved = msgspec.structs.replace(
        collection,
        takes=tuple(
            msgspec.structs.replace(take, depth_frame="defocused") for take in collection.takes
        ),
    )
    curate_collection(collection, tmp_path / "a", workers=1)
    curate_collection(moved, tmp_path / "b", workers=1)
    take = collection.takes[0].id
    depths = [
        read_depth(tmp_path / name / "triples" / take / "depth_inpainted.png") for name in "ab"
    ]
    assert depths[0].shape == depths[1].shape
    assert (depths[0] != depths[1]).any()


def test_an_empty_collection_is_refused(collection: Collection, tmp_path: Path) -> None:
    empty = msgspec.structs.replace(collection, takes=())
    with pytest.raises(InputError, match="no takes"):
        curate_collection(empty, tmp_path / "out", workers=1)


def test_an_output_that_cannot_be_written_is_reported(
    collection: Collection, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="choose another output folder"):
        curate_collection(collection, tmp_path / "file" / "out", workers=1)


@pytest.mark.slow
def test_kills_lose_nothing(collection: Collection, tmp_path: Path) -> None:
    """Killed at several moments, the run resumes to the same bytes as an undisturbed one."""
    curate_collection(collection, tmp_path / "whole", workers=2)
    script = (
        "import sys; from pathlib import Path\n"
        "from idfd.model import schema; from idfd.model.capture import Collection\n"
        "from idfd.processing.curation import curate_collection\n"
        "if __name__ == '__main__':\n"
        "    curate_collection(schema.load(Collection, Path(sys.argv[1])), Path(sys.argv[2]),\n"
        "                      workers=2)\n"
    )
    file = tmp_path / "run.py"
    file.write_text(script)
    output = tmp_path / "out"
    index = tmp_path / "collection" / "collection.json"
    for wait in (0.9, 1.2, 1.5, 1.8):
        child = subprocess.Popen(
            [sys.executable, str(file), str(index), str(output)],
            start_new_session=True,
            stderr=subprocess.DEVNULL,
        )
        time.sleep(wait)
        if child.poll() is None:
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()
    curate_collection(schema.load(Collection, index), output, workers=2)
    assert content(output) == content(tmp_path / "whole")
    assert (output / INDEX).exists()


def fragile(number: int) -> int:
    if number == 3:
        raise ZeroDivisionError("three")
    if number == 5:
        raise InputError("five")
    return number * number


def deadly(number: int) -> int:
    if number == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def test_a_failing_task_is_a_result() -> None:
    results = dict(run_tasks(fragile, list(range(7)), workers=2))
    assert {n: r for n, r in results.items() if isinstance(r, int)} == {
        n: n * n for n in (0, 1, 2, 4, 6)
    }
    assert "ZeroDivisionError" in str(results[3])
    assert str(results[5]) == "five."


def test_a_killed_worker_is_reported() -> None:
    with pytest.raises(IdfdError, match="worker process was killed"):
        list(run_tasks(deadly, list(range(4)), workers=1))
