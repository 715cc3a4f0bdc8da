from __future__ import annotations

import os
import pickle
import subprocess
import sys
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from object_store import s3_service

from idfd.errors import IdfdError, InputError, MissingDependencyError, StorageError
from idfd.storage.hashing import sha256_bytes
from idfd.storage.places import FsspecPlace, LocalPlace, Place, open_place

KINDS = ("local", "file", "memory", "s3", "moved")
NAMES = ("a", "deep/er/b.json", "deep/c d.png", "deepest", "umlaut/ä.bin")


@pytest.fixture(scope="module")
def service() -> Iterator[None]:
    with s3_service():
        yield


@pytest.fixture
def s3(service: None) -> str:
    """URL of a new bucket."""
    import s3fs

    bucket = f"bucket-{uuid.uuid4().hex[:12]}"
    s3fs.S3FileSystem().mkdir(bucket)
    return f"s3://{bucket}"


@pytest.fixture
def moved(tmp_path: Path) -> str:
    """URL of a file system that is no object store, so that files are moved into place."""
    fsspec = pytest.importorskip("fsspec")
    from fsspec.implementations.local import LocalFileSystem

    class Moving(LocalFileSystem):  # type: ignore[misc]
        protocol = "moving"

    fsspec.register_implementation("moving", Moving, clobber=True)
    return f"moving://{tmp_path}/moved"


@pytest.fixture(params=KINDS)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    if request.param == "local":
        return open_place(tmp_path / "with space" / "place")
    if request.param == "file":
        return open_place(f"file://{tmp_path}/place")
    pytest.importorskip("fsspec")
    if request.param == "memory":
        return open_place(f"memory://{uuid.uuid4().hex}")
    root: str = request.getfixturevalue(request.param)
    return open_place(root if request.param == "moved" else f"{root}/sets/one/")


class TestPlace:
    """The same of every place."""

    @pytest.mark.parametrize("name", NAMES)
    @pytest.mark.parametrize("lasting", [False, True])
    def test_what_is_written_is_read(self, place: Place, name: str, lasting: bool) -> None:
        place.write(name, b"first", lasting=lasting)
        place.write(name, bytes(range(256)) * 40, lasting=lasting)
        assert place.read(name) == bytes(range(256)) * 40
        assert place.sizes("") == {name: 256 * 40}

    def test_content_is_checked(self, place: Place) -> None:
        place.write("a", b"content")
        assert place.read("a", sha256_bytes(b"content")) == b"content"
        with pytest.raises(InputError, match="not what was recorded") as caught:
            place.read("a", sha256_bytes(b"other"))
        assert caught.value.where == f"{place.url}/a"

    def test_a_missing_file_is_an_input_error(self, place: Place) -> None:
        with pytest.raises(InputError, match="cannot be read") as caught:
            place.read("no/such")
        assert caught.value.where == f"{place.url}/no/such"

    def test_an_empty_file_is_refused(self, place: Place) -> None:
        place.write("empty", b"")
        with pytest.raises(InputError, match="empty"):
            place.read("empty")

    def test_sizes_are_of_the_folder_only(self, place: Place) -> None:
        for name in ("a/one", "a/b/two", "ab/three", "four"):
            place.write(name, name.encode())
        assert place.sizes("a") == {"a/one": 5, "a/b/two": 7}
        assert place.sizes("a/b") == {"a/b/two": 7}
        assert len(place.sizes("")) == 4
        assert place.sizes("nothing") == {}

    def test_what_another_process_writes_is_seen(self, place: Place) -> None:
        place.write("a/one", b"1")
        assert set(place.sizes("a")) == {"a/one"}
        other = _another(place)
        other.write("a/two", b"22")
        assert place.sizes("a") == {"a/one": 1, "a/two": 2}
        other.remove("a/one")
        assert place.sizes("a") == {"a/two": 2}
        other.write("a/two", b"333")
        assert place.sizes("a") == {"a/two": 3}
        assert place.read("a/two") == b"333"

    def test_removing(self, place: Place) -> None:
        for name in ("a/one", "a/b/two", "ab/three"):
            place.write(name, b"x")
        place.remove("a")
        place.remove("never there")
        assert set(place.sizes("")) == {"ab/three"}
        place.remove("ab/three")
        assert place.sizes("") == {}
        place.write("a/one", b"again")
        assert place.sizes("") == {"a/one": 5}

    def test_it_travels_by_its_url(self, place: Place) -> None:
        place.write("a", b"1")
        copy = pickle.loads(pickle.dumps(place))
        assert copy.url == place.url
        assert copy.read("a") == open_place(place.url).read("a") == b"1"

    def test_threads_may_write_at_once(self, place: Place) -> None:
        faults: list[BaseException] = []

        def work(number: int) -> None:
            try:
                for turn in range(5):
                    place.write(f"own/{number}", bytes([number]) * 1000, lasting=False)
                    place.write("shared", bytes([number]) * 1000 * (turn + 1), lasting=False)
                    assert len(set(place.read("shared"))) == 1
            except (AssertionError, IdfdError) as error:
                faults.append(error)

        threads = [threading.Thread(target=work, args=(number,)) for number in range(1, 5)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not faults
        assert place.sizes("own") == {f"own/{number}": 1000 for number in range(1, 5)}

    def test_sweeping_leaves_what_is_whole(self, place: Place) -> None:
        place.write("a/one", b"1")
        place.sweep("a")
        place.sweep("nothing")
        assert place.sizes("") == {"a/one": 1}


def _another(place: Place) -> Place:
    """The same place as a process without our caches would open it."""
    if not isinstance(place, FsspecPlace) or place.url.startswith("memory"):
        return open_place(place.url)
    from fsspec.core import url_to_fs

    return FsspecPlace(place.url, *url_to_fs(place.url, skip_instance_cache=True))


@pytest.mark.parametrize("kind", ["local", "moved"])
def test_leftovers_are_hidden_and_swept(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    folder = tmp_path / ("moved" if kind == "moved" else "local")
    place = open_place(request.getfixturevalue("moved") if kind == "moved" else folder)
    place.write("a/b/whole", b"whole")
    (folder / "a/b/.whole.x1.part").write_bytes(b"who")
    (folder / "a/.other.x2.part").write_bytes(b"o")
    (folder / ".above.x3.part").write_bytes(b"o")
    assert place.sizes("") == {"a/b/whole": 5}
    place.sweep("a")
    left = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    assert left == {"a/b/whole", ".above.x3.part"}


def test_half_written_folders_are_swept(tmp_path: Path) -> None:
    (tmp_path / "a/.folder.x.part/deep").mkdir(parents=True)
    (tmp_path / "a/.folder.x.part/deep/file").write_bytes(b"x")
    open_place(tmp_path).sweep("")
    assert list((tmp_path / "a").iterdir()) == []


def test_a_failed_move_leaves_the_old_file(
    moved: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = open_place(moved)
    place.write("a", b"old")

    def broken(*args: Any, **more: Any) -> None:
        raise ConnectionResetError("the line is cut")

    assert isinstance(place, FsspecPlace)
    monkeypatch.setattr(place._files, "mv", broken)
    with pytest.raises(StorageError, match="the line is cut") as caught:
        place.write("a", b"new")
    assert "run the command again" in str(caught.value)
    assert place.read("a") == b"old"
    assert os.listdir(tmp_path / "moved") == ["a"]


@pytest.mark.parametrize(("url", "sentence"), [
    ("nosuch://x/y", "Protocol not known: nosuch"),
    ("s3://", "names no bucket"),
])  # fmt: skip
def test_bad_urls(url: str, sentence: str, request: pytest.FixtureRequest) -> None:
    pytest.importorskip("s3fs")
    with pytest.raises(InputError, match=sentence):
        open_place(url)


def test_paths_are_local(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for url in ("here", Path("here"), "file://here", f"file://{tmp_path}/here"):
        place = open_place(url)
        assert isinstance(place, LocalPlace)
        assert place.url == str(tmp_path / "here")


@pytest.mark.parametrize(("module", "url", "remedy"), [
    ("s3fs", "s3://bucket/x", "pip install idfd[s3]"),
    ("fsspec", "s3://bucket/x", "pip install idfd[s3]"),
    ("gcsfs", "gs://bucket/x", "pip install gcsfs"),
])  # fmt: skip
def test_a_missing_package_is_named(module: str, url: str, remedy: str) -> None:
    # In a process of its own: what is imported stays imported.
    script = (
        f"import sys; sys.modules[{module!r}] = None\n"
        "from idfd.errors import MissingDependencyError\n"
        "from idfd.storage.places import open_place\n"
        f"try: open_place({url!r})\n"
        "except MissingDependencyError as error: print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert remedy in done.stdout
    assert issubclass(MissingDependencyError, IdfdError)


def test_a_missing_bucket_is_reported(s3: str) -> None:
    place = open_place("s3://never-made/x")
    with pytest.raises(StorageError, match="Create the bucket"):
        place.write("a", b"1")
    assert place.sizes("") == {}


S3_ERROR = (
    "from idfd.errors import IdfdError\n"
    "from idfd.storage.places import open_place\n"
    "for act in (lambda p: p.read('a'), lambda p: p.write('a', b'1'), lambda p: p.sizes('')):\n"
    "    try: act(open_place('s3://bucket/x'))\n"
    "    except IdfdError as error: print(type(error).__name__, error)\n"
)


@pytest.mark.parametrize(("change", "sentence"), [
    ({"AWS_ENDPOINT_URL": "http://127.0.0.1:9", "AWS_MAX_ATTEMPTS": "1"}, "Check the network"),
    ({"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}, "give credentials"),
])  # fmt: skip
def test_an_s3_that_does_not_answer_is_reported(
    s3: str, tmp_path: Path, change: dict[str, str], sentence: str
) -> None:
    environment = {**os.environ, **change, "HOME": str(tmp_path), "AWS_EC2_METADATA_DISABLED": "1"}
    done = subprocess.run(
        [sys.executable, "-c", S3_ERROR],
        env={name: value for name, value in environment.items() if value},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    kinds = [line.split(" ", 1) for line in done.stdout.splitlines()]
    assert [kind for kind, _ in kinds] == ["InputError", "StorageError", "InputError"]
    assert all("s3://bucket/x" in text and sentence in text for _, text in kinds), done.stdout


def test_a_password_is_not_shown() -> None:
    place = FsspecPlace("sftp://me:secret@host/x", _Refusing(), "/x")
    with pytest.raises(InputError) as caught:
        place.read("a")
    assert "secret" not in str(caught.value)
    assert "sftp://me:...@host/x/a" in str(caught.value)


class _Refusing:
    protocol = "sftp"

    def cat_file(self, path: str) -> bytes:
        raise PermissionError("no")
