from __future__ import annotations

import errno
from pathlib import Path

import pytest
from published_set.scenes import write_published_layout

from idfd.errors import InputError, StorageError
from idfd.model.capture import Collection
from idfd.model.schema import load
from idfd.release import importers
from idfd.release.download import dataset_source
from idfd.release.importers import IMPORTERS, import_dataset, importer
from idfd.storage.durable import storage_error, write_bytes


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data") / "set"
    write_published_layout(folder, scenes=2, size=(64, 64))
    (folder / "notes.txt").write_text("stray")
    return folder


def test_collection_and_report_are_written(
    dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(dataset.parent)
    collection = import_dataset("dfd_indoor", Path("set"), tmp_path / "new" / "out")
    assert isinstance(collection, Collection)
    assert collection.root == str(dataset.resolve())
    output = tmp_path / "new" / "out"
    assert sorted(path.name for path in output.iterdir()) == ["audit.md", "collection.json"]
    assert load(Collection, output / "collection.json") == collection
    report = (output / "audit.md").read_text()
    assert "2 takes in 2 scenes can be used." in report
    assert "- train: 1 takes" in report
    assert "## unexpected (1)" in report
    assert "- `notes.txt`: not part of the layout" in report


def test_the_same_data_gives_the_same_bytes(dataset: Path, tmp_path: Path) -> None:
    for name in ("a", "b"):
        import_dataset("dfd_indoor", dataset, tmp_path / name)
    for file in ("collection.json", "audit.md"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()


@pytest.mark.parametrize(
    ("name", "meant"), [("dfd-indor", "dfd_indoor"), ("IDFD", "idfd_published")]
)
def test_unknown_names_meet_a_suggestion(name: str, meant: str) -> None:
    with pytest.raises(InputError, match=f"Did you mean '{meant}'"):
        importer(name)


def test_far_off_names_list_what_there_is() -> None:
    with pytest.raises(InputError, match="one of dfd_indoor, idfd_published") as caught:
        importer("zzzzzz")
    assert caught.value.remedy is None


def test_unknown_options_are_refused(dataset: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no option 'variant'. Expected no options"):
        import_dataset("dfd_indoor", dataset, tmp_path, variant="Raw")
    with pytest.raises(InputError, match="one of variant, branch"):
        import_dataset("idfd_published", dataset, tmp_path, split="train")


@pytest.mark.parametrize("name", ["dfd_indoor", "idfd_published"])
@pytest.mark.parametrize("content", ["missing", "empty", "text files", "a file"])
def test_folders_without_the_layout(name: str, content: str, tmp_path: Path) -> None:
    source = tmp_path / "source"
    if content == "a file":
        source.touch()
    elif content != "missing":
        source.mkdir()
    if content == "text files":
        for k in range(7):
            (source / f"note{k}.txt").write_text("x")
    with pytest.raises(InputError) as caught:
        import_dataset(name, source, tmp_path / "out")
    message = str(caught.value)
    assert message.startswith(str(source))
    assert "rgb,depth" in message if name == "dfd_indoor" else "All_In_Focus" in message
    if content == "empty":
        assert "holds nothing" in message
    if content == "text files":
        assert "note0.txt" in message
        assert "and 2 more" in message
    assert not (tmp_path / "out").exists()


READY = sorted(IMPORTERS.keys() - {"dfd_indoor", "idfd_published"})


@pytest.mark.parametrize("name", READY)
@pytest.mark.parametrize("content", ["missing", "empty"])
def test_ready_sets_say_what_is_missing_and_how_to_get_it(
    name: str, content: str, tmp_path: Path
) -> None:
    source = tmp_path / "source"
    if content == "empty":
        source.mkdir()
    with pytest.raises(InputError) as caught:
        import_dataset(name, source, tmp_path / "out")
    assert caught.value.where == str(source)
    assert caught.value.limit is not None
    assert caught.value.remedy == dataset_source(name).instructions
    assert not (tmp_path / "out").exists()


def test_an_output_under_a_file_is_refused(dataset: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("kept")
    with pytest.raises(StorageError, match="part of the path is a file"):
        import_dataset("dfd_indoor", dataset, tmp_path / "file" / "out")
    assert (tmp_path / "file").read_text() == "kept"


@pytest.mark.parametrize("failing", ["audit.md", "collection.json"])
def test_a_read_only_output_is_left_as_it_was(
    dataset: Path, tmp_path: Path, failing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path, data: bytes) -> None:
        if path.name == failing:
            raise storage_error(OSError(errno.EROFS, "Read-only file system"), path)
        write_bytes(path, data)

    monkeypatch.setattr(importers, "write_bytes", refuse)
    with pytest.raises(StorageError, match="read-only"):
        import_dataset("dfd_indoor", dataset, tmp_path / "new" / "out")
    assert list(tmp_path.iterdir()) == []
    used = tmp_path / "used"
    used.mkdir()
    (used / "mine.txt").write_text("kept")
    with pytest.raises(StorageError, match="read-only"):
        import_dataset("dfd_indoor", dataset, used)
    assert [path.name for path in used.iterdir()] == ["mine.txt"]
