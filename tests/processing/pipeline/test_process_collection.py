"""Imported sets become triples: the same bytes, only what changed, and nothing lost."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import pytest
from published_set.scenes import write_published_layout

from idfd.errors import InputError, StorageError
from idfd.model import schema
from idfd.model.capture import Collection
from idfd.model.curation import INDEX, Curation
from idfd.processing.config import ProcessConfig
from idfd.processing.depth.inpaint import InpaintConfig
from idfd.processing.photos.align import AlignConfig
from idfd.processing.photos.pair import PairConfig
from idfd.processing.pipeline.local import LocalScheduler
from idfd.processing.pipeline.run import Outcome, process
from idfd.processing.pipeline.sources import collection_source
from idfd.release.importers import import_dataset
from idfd.storage.images import read_depth, read_photo


@pytest.fixture
def collection(tmp_path: Path) -> Collection:
    write_published_layout(tmp_path / "photos", scenes=4, size=(240, 160))
    made = import_dataset("dfd_indoor", tmp_path / "photos", tmp_path / "collection")
    assert isinstance(made, Collection)
    return made


def run(
    collection: Collection, output: Path, config: ProcessConfig = ProcessConfig(), workers: int = 1
) -> Outcome:
    with LocalScheduler(workers) as scheduler:
        return process(collection_source(collection), output, config, scheduler)


def curated(outcome: Outcome) -> Curation:
    assert outcome.curation is not None
    return outcome.curation


def content(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_the_same_inputs_give_the_same_bytes(collection: Collection, tmp_path: Path) -> None:
    first = curated(run(collection, tmp_path / "a", workers=2))
    second = curated(run(collection, tmp_path / "b"))
    assert first == second
    assert len(first.triples) == 4
    assert content(tmp_path / "a") == content(tmp_path / "b")
    sizes = {
        read_photo(path).shape for path in (tmp_path / "a" / "triples").glob("*/all_in_focus.png")
    }
    assert len(sizes) == 1


def test_a_second_run_makes_only_what_changed(collection: Collection, tmp_path: Path) -> None:
    output = tmp_path / "out"

    def ran(config: ProcessConfig = ProcessConfig()) -> dict[str, int]:
        return {
            stage: count for stage, count in run(collection, output, config).ran.items() if count
        }

    assert ran()["align"] == 4
    before = {path: path.stat().st_mtime_ns for path in output.rglob("*.png")}
    assert ran() == {}
    assert before == {path: path.stat().st_mtime_ns for path in output.rglob("*.png")}
    other = ProcessConfig(inpaint=InpaintConfig(largest_radius_share=0.03))
    assert ran(other) == {"inpaint": 4, "check": 4}
    assert ran(ProcessConfig(pair=PairConfig(align=AlignConfig(robust=5.0))))["align"] == 4
    # A file that is gone or damaged is made again, and nothing else.
    ran()
    victim = next(output.glob("triples/*/source.png"))
    victim.unlink()
    assert ran() == {"inpaint": 1, "check": 1}
    assert {path.name for path in victim.parent.iterdir()} >= {"source.png", "triple.json"}


def test_a_bad_take_is_named_and_the_rest_go_on(collection: Collection, tmp_path: Path) -> None:
    root = Path(collection.root)
    first, second = collection.takes[:2]
    photo = root / first.files["defocused"].path
    photo.write_bytes(photo.read_bytes()[:-400])
    (root / second.files["depth_inpainted"].path).unlink()
    result = curated(run(collection, tmp_path / "out", workers=2))
    assert {entry.id for entry in result.failed} == {first.id, second.id}
    reasons = {entry.id: entry.reason for entry in result.failed}
    assert photo.name in reasons[first.id]
    assert "SHA-256" in reasons[first.id]
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
    run(collection, tmp_path / "a")
    run(moved, tmp_path / "b")
    take = collection.takes[0].id
    depths = [
        read_depth(tmp_path / name / "triples" / take / "depth_inpainted.png") for name in "ab"
    ]
    assert depths[0].shape == depths[1].shape
    assert (depths[0] != depths[1]).any()


def test_an_empty_collection_is_refused(collection: Collection, tmp_path: Path) -> None:
    empty = msgspec.structs.replace(collection, takes=())
    with pytest.raises(InputError, match="no take can be used"):
        run(empty, tmp_path / "out")


def test_an_output_that_cannot_be_written_is_reported(
    collection: Collection, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="choose another output folder"):
        run(collection, tmp_path / "file" / "out")


@pytest.mark.slow
def test_kills_lose_nothing(collection: Collection, tmp_path: Path) -> None:
    """Killed at several moments, the run resumes to the same bytes as an undisturbed one."""
    run(collection, tmp_path / "whole", workers=2)
    script = (
        "import sys\n"
        "from idfd.processing.pipeline.run import process\n"
        "from idfd.processing.pipeline.sources import open_source\n"
        "if __name__ == '__main__':\n"
        "    process(open_source(sys.argv[1]), sys.argv[2])\n"
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
    run(schema.load(Collection, index), output, workers=2)
    assert content(output) == content(tmp_path / "whole")
    assert (output / INDEX).exists()
