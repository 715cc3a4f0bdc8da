from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from idfd.errors import StorageError
from idfd.storage.durable import atomic_file, atomic_folder, remove_leftovers, write_bytes


def test_a_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_bytes(path, b"old")
    with pytest.raises(ValueError, match="half way"), atomic_file(path) as temporary:
        temporary.write_bytes(b"new, but only a pa")
        raise ValueError("half way")
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["file"]


def test_a_folder_replaces_the_old_one_whole(tmp_path: Path) -> None:
    path = tmp_path / "folder"
    for name in ("a", "b"):
        with atomic_folder(path) as temporary:
            (temporary / name).write_text(name)
    assert os.listdir(path) == ["b"]
    assert os.listdir(tmp_path) == ["folder"]


def test_a_file_in_the_way_of_a_folder_is_reported(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(StorageError, match="choose another output folder"):
        write_bytes(tmp_path / "file" / "below", b"data")


def test_a_full_disk_is_reported_and_leaves_nothing(tmp_path: Path) -> None:
    # A limit on the size of files is the full disk that a test can have without being root.
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, before[1]))
        with pytest.raises(StorageError, match="cannot be written"):
            write_bytes(tmp_path / "big", bytes(100_000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)
    assert os.listdir(tmp_path) == []


def test_kills_never_leave_a_part(tmp_path: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from idfd.storage.durable import write_bytes\n"
        "while True:\n"
        "    for byte in b'ab': write_bytes(Path(sys.argv[1]), bytes([byte]) * 300_000)\n"
    )
    path = tmp_path / "file"
    for wait in (0.15, 0.2, 0.25, 0.3, 0.35):
        child = subprocess.Popen([sys.executable, "-c", script, str(path)])
        while not path.exists():
            time.sleep(0.01)
        time.sleep(wait)
        child.kill()
        child.wait()
        data = path.read_bytes()
        assert len(data) == 300_000
        assert len(set(data)) == 1
    remove_leftovers(tmp_path)
    assert os.listdir(tmp_path) == ["file"]
