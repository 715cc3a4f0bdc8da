"""The same session on this machine, from and to an object store, and on a cluster: same bytes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from bad_inputs import Damage, content
from object_store import s3_service
from take_files import make_session, many_takes
from test_process_session import CONFIG

from idfd.model.curation import Curation
from idfd.processing.pipeline.local import LocalScheduler
from idfd.processing.pipeline.run import Outcome, process
from idfd.processing.pipeline.schedule import Scheduler, open_scheduler
from idfd.processing.pipeline.sources import open_source
from idfd.storage.hashing import sha256_bytes
from idfd.storage.places import LocalPlace, Place, open_place

IDS = ["a", "b", "c"]


@pytest.fixture(scope="module")
def bucket() -> Iterator[str]:
    """URL of a bucket of a server on this machine; workers find it in the environment."""
    with s3_service():
        import s3fs

        s3fs.S3FileSystem().mkdir("takes")
        yield "s3://takes"


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three takes, of which one has no burst left."""
    folder = tmp_path_factory.mktemp("shot")
    takes = many_takes(make_session(folder / "one"), folder / "session", IDS)
    Damage("", content("depth", b"no burst"), "").do(takes[1], np.random.default_rng(0))
    return folder / "session"


@pytest.fixture(scope="module")
def pool(bucket: str) -> Iterator[Scheduler]:
    """A worker that was started when the environment said where the bucket is."""
    assert bucket
    with LocalScheduler(1) as scheduler:
        yield scheduler


@pytest.fixture(scope="module")
def local(
    session: Path, pool: Scheduler, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, str]:
    output = tmp_path_factory.mktemp("local")
    check(run(session, output, pool))
    return hashes(open_place(output))


def run(session: Path | str, output: Path | str, scheduler: Scheduler) -> Outcome:
    return process(open_source(session), output, CONFIG, scheduler)


def check(outcome: Outcome) -> Curation:
    assert outcome.failed.keys() == {"b"}
    assert outcome.curation is not None
    assert [entry.id for entry in outcome.curation.triples] == ["a", "c"]
    return outcome.curation


def hashes(place: Place) -> dict[str, str]:
    """Hash of each file; of the index without the messages, which name where files lie."""
    found = {name: place.read(name) for name in place.sizes("")}
    index = json.loads(found["curation.json"])
    assert "depth.h5" in index["failed"][0].pop("reason")
    found["curation.json"] = json.dumps(index).encode()
    assert len(found) > 20
    return {name: sha256_bytes(data) for name, data in found.items()}


def upload(folder: Path, url: str) -> None:
    source, target = LocalPlace(folder), open_place(url)
    for name in source.sizes(""):
        if not name.endswith(".lock"):
            target.write(name, source.read(name))


def test_an_object_store_gives_the_same_bytes(
    session: Path, local: dict[str, str], bucket: str, pool: Scheduler
) -> None:
    upload(session, f"{bucket}/session")
    output = f"{bucket}/out"
    check(run(f"{bucket}/session", output, pool))
    assert hashes(open_place(output)) == local
    again = run(f"{bucket}/session", output, pool)
    check(again)
    assert not any(again.ran.values())
    assert hashes(open_place(output)) == local


def test_what_is_local_and_what_is_remote_may_be_mixed(
    session: Path, local: dict[str, str], bucket: str, pool: Scheduler, tmp_path: Path
) -> None:
    check(run(session, f"{bucket}/mixed", pool))
    upload(session, f"{bucket}/mixed-session")
    check(run(f"{bucket}/mixed-session", tmp_path / "out", pool))
    assert hashes(open_place(f"{bucket}/mixed")) == local
    assert hashes(open_place(tmp_path / "out")) == local


@pytest.mark.slow
def test_a_cluster_gives_the_same_bytes(
    session: Path, local: dict[str, str], bucket: str, tmp_path: Path
) -> None:
    pytest.importorskip("distributed")
    upload(session, f"{bucket}/dask/session")
    with open_scheduler("dask", 2) as scheduler:
        check(run(session, tmp_path / "out", scheduler))
        check(run(f"{bucket}/dask/session", f"{bucket}/dask/out", scheduler))
    assert hashes(open_place(tmp_path / "out")) == local
    assert hashes(open_place(f"{bucket}/dask/out")) == local
