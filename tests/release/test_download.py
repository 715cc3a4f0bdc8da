"""Downloads from a server on this machine that can cut the line, refuse ranges or lie."""

from __future__ import annotations

import hashlib
import re
import shutil
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from idfd.cli.release import release
from idfd.errors import InputError, StorageError
from idfd.release import download
from idfd.release.download import (
    SOURCES,
    DatasetSource,
    RemoteFile,
    download_dataset,
    download_file,
)
from idfd.release.importers import IMPORTERS

CONTENT = np.random.default_rng(5).integers(0, 256, 50_000, np.uint8).tobytes()


@dataclass
class Server:
    """What the server does, and what it was asked for."""

    url: str = ""
    content: bytes = CONTENT
    ranges: bool = True
    cuts: list[int] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def file(self, md5: str | None = None) -> RemoteFile:
        right = hashlib.md5(CONTENT, usedforsecurity=False).hexdigest()
        return RemoteFile("all", self.url, md5 or right)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    state = Server()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked = self.headers.get("Range", "")
            state.asked.append(asked)
            match = re.fullmatch(r"bytes=(\d+)-", asked)
            start = int(match[1]) if match and state.ranges else 0
            if start >= len(state.content):
                self.send_error(416)
                return
            body = state.content[start:]
            self.send_response(206 if match and state.ranges else 200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body[: state.cuts.pop(0)] if state.cuts else body)

        def log_message(self, *args: object) -> None:
            pass

    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    state.url = f"http://127.0.0.1:{httpd.server_port}/set.bin"
    monkeypatch.setattr(download, "CHUNK", 4096)
    monkeypatch.setattr(download, "TIMEOUT_S", 5)
    yield state
    httpd.shutdown()
    thread.join()
    httpd.server_close()


def partial_of(folder: Path) -> Path:
    return folder / "set.bin.partial"


def test_a_file_gets_its_name_when_it_is_whole(server: Server, tmp_path: Path) -> None:
    path = download_file(server.file(), tmp_path / "new")
    assert path == tmp_path / "new" / "set.bin"
    assert path.read_bytes() == CONTENT
    assert not partial_of(path.parent).exists()


def test_a_cut_line_is_taken_up_where_it_broke(server: Server, tmp_path: Path) -> None:
    server.cuts = [10_000, 7_000]
    assert download_file(server.file(), tmp_path).read_bytes() == CONTENT
    assert server.asked == ["bytes=0-", "bytes=10000-", "bytes=17000-"]


def test_the_next_run_goes_on(server: Server, tmp_path: Path) -> None:
    partial_of(tmp_path).write_bytes(CONTENT[:12_345])
    assert download_file(server.file(), tmp_path).read_bytes() == CONTENT
    assert server.asked == ["bytes=12345-"]


def test_a_whole_file_that_was_not_yet_named(server: Server, tmp_path: Path) -> None:
    partial_of(tmp_path).write_bytes(CONTENT)
    assert download_file(server.file(), tmp_path).read_bytes() == CONTENT


def test_a_server_without_ranges_starts_again(server: Server, tmp_path: Path) -> None:
    server.ranges = False
    partial_of(tmp_path).write_bytes(b"x" * 12_345)
    assert download_file(server.file(), tmp_path).read_bytes() == CONTENT


def test_a_server_without_ranges_that_always_breaks_is_given_up(
    server: Server, tmp_path: Path
) -> None:
    server.ranges = False
    server.cuts = [10_000] * 5
    with pytest.raises(StorageError, match="broke after 10000 bytes"):
        download_file(server.file(), tmp_path)
    assert len(server.asked) == 2


def test_a_silent_server_is_given_up_and_what_was_got_is_kept(
    server: Server, tmp_path: Path
) -> None:
    server.cuts = [10_000, 0]
    with pytest.raises(StorageError, match="goes on where it stopped"):
        download_file(server.file(), tmp_path)
    assert partial_of(tmp_path).read_bytes() == CONTENT[:10_000]
    assert not (tmp_path / "set.bin").exists()


def test_a_wrong_checksum_leaves_nothing(server: Server, tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="checksum is wrong"):
        download_file(server.file(md5="0" * 32), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_wrong_beginning_is_not_gone_on_with_for_ever(server: Server, tmp_path: Path) -> None:
    partial_of(tmp_path).write_bytes(b"x" * 12_345)
    with pytest.raises(StorageError, match="checksum is wrong"):
        download_file(server.file(), tmp_path)
    assert download_file(server.file(), tmp_path).read_bytes() == CONTENT


def test_a_file_that_stands_there_is_checked_and_not_loaded(server: Server, tmp_path: Path) -> None:
    (tmp_path / "set.bin").write_bytes(CONTENT)
    download_file(server.file(), tmp_path)
    assert server.asked == []
    (tmp_path / "set.bin").write_bytes(b"mine")
    with pytest.raises(StorageError, match="Remove the file"):
        download_file(server.file(), tmp_path)
    assert (tmp_path / "set.bin").read_bytes() == b"mine"


def test_an_absent_file_or_server_names_the_address(server: Server, tmp_path: Path) -> None:
    server.content = b""
    with pytest.raises(StorageError, match=re.escape(server.url) + ".*416"):
        download_file(server.file(), tmp_path)
    with pytest.raises(StorageError, match=r"http://127.0.0.1:9/x"):
        download_file(RemoteFile("x", "http://127.0.0.1:9/x", "0" * 32), tmp_path)


def test_a_full_disk_is_told_before_anything_is_written(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = type("usage", (), {"free": 1000})
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    with pytest.raises(StorageError, match=r"0\.0 GB more.*Free some space"):
        download_file(server.file(), tmp_path)
    assert not partial_of(tmp_path).exists()


def test_parts_are_chosen_by_name(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = DatasetSource((server.file(),), "unpack it")
    monkeypatch.setitem(SOURCES, "diode", source)
    assert [p.name for p in download_dataset("DIODE", tmp_path)] == ["set.bin"]
    assert download_dataset("diode", tmp_path, ("all",)) == [tmp_path / "set.bin"]
    with pytest.raises(InputError, match="no part 'val'.*one of all"):
        download_dataset("diode", tmp_path, ("val",))


def test_the_command_tells_the_files_and_what_comes_next(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(SOURCES, "diode", DatasetSource((server.file(),), "Unpack it"))
    result = CliRunner().invoke(release, ["download", "diode", "-o", str(tmp_path)])
    assert result.exit_code == 0
    assert f"{tmp_path / 'set.bin'}\nnext: Unpack it\n" in result.output
    assert f"idfd release import diode {tmp_path} -o" in result.output


@pytest.mark.parametrize("name", [name for name, s in SOURCES.items() if not s.files])
def test_sets_without_an_address_say_how_to_get_them(name: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="http"):
        download_dataset(name, tmp_path)


def test_every_importer_has_a_source() -> None:
    assert set(SOURCES) == set(IMPORTERS)
    with pytest.raises(InputError, match="one of nyu_depth_v2"):
        download_dataset("kitti", Path())


def test_published_checksums_are_md5() -> None:
    for source in SOURCES.values():
        for file in source.files:
            assert re.fullmatch(r"[0-9a-f]{32}", file.md5)
            assert file.name
            assert file.url.startswith("http")
