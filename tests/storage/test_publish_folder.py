from __future__ import annotations

import os
from pathlib import Path

import pytest

from idfd.errors import StorageError
from idfd.storage.durable import move_folder, publish_folder, sync_tree


@pytest.fixture
def draft(tmp_path: Path) -> Path:
    folder = tmp_path / "drafts" / "x"
    (folder / "below").mkdir(parents=True)
    (folder / "below" / "file").write_text("data")
    return folder


def flushed(monkeypatch: pytest.MonkeyPatch, fails_on: str | None = None) -> list[str]:
    names: list[str] = []
    real = os.fsync

    def fsync(handle: int) -> None:
        name = Path(f"/proc/self/fd/{handle}").readlink().name
        names.append(name)
        if name == fails_on:
            raise OSError(5, "Input/output error")
        real(handle)

    monkeypatch.setattr(os, "fsync", fsync)
    return names


def test_everything_below_is_flushed(draft: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = flushed(monkeypatch)
    sync_tree(draft)
    assert names == ["file", "below", "x"]


def test_a_folder_is_published_whole(
    draft: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = flushed(monkeypatch)
    publish_folder(draft, tmp_path / "takes" / "x")
    assert (tmp_path / "takes" / "x" / "below" / "file").read_text() == "data"
    assert not draft.exists()
    assert {"drafts", "takes", tmp_path.name} <= set(names[3:])  # the rename survives a power cut


def test_nothing_that_exists_is_replaced(draft: Path, tmp_path: Path) -> None:
    (tmp_path / "old").mkdir()
    with pytest.raises(StorageError, match="File exists"):
        publish_folder(draft, tmp_path / "old")
    assert draft.exists()


@pytest.mark.parametrize("fails_on", ["file", "drafts", "takes"])
def test_a_folder_stays_where_it_was_when_the_disk_fails(
    draft: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fails_on: str
) -> None:
    flushed(monkeypatch, fails_on)
    with pytest.raises(StorageError, match="Input/output error"):
        publish_folder(draft, tmp_path / "takes" / "x")
    assert (draft / "below" / "file").read_text() == "data"
    assert not (tmp_path / "takes" / "x").exists()


def test_a_folder_that_is_not_there_cannot_be_moved(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="cannot be written"):
        move_folder(tmp_path / "nothing", tmp_path / "x")
