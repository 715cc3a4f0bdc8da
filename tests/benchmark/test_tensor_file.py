"""Safetensors files that are damaged, or are something else."""

from __future__ import annotations

import contextlib
import json
import sys
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file
from torch import Tensor

from idfd.benchmark.tensor_file import read_metadata, read_tensors
from idfd.errors import IdfdError, InputError, MissingDependencyError

EXPECTED = "a file of the test"
TENSORS = {
    "a": torch.arange(6, dtype=torch.float32).reshape(2, 3),
    "training.b": torch.tensor(7),
    "empty": torch.zeros(0, 4),
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "file.safetensors"
    save_file(TENSORS, file, {"idfd": "text"})
    return file


def same(found: dict[str, Tensor], names: set[str]) -> bool:
    return found.keys() == names and all(torch.equal(found[n], TENSORS[n]) for n in names)


def test_a_good_file_is_read(path: Path) -> None:
    assert read_metadata(path, EXPECTED) == {"idfd": "text"}
    assert same(read_tensors(path, EXPECTED), set(TENSORS))
    assert same(read_tensors(path, EXPECTED, lambda name: name == "a"), {"a"})


@pytest.mark.parametrize("length", [0x80, 0x280, 0x4B50])
def test_a_good_file_may_begin_like_a_pickle(tmp_path: Path, length: int) -> None:
    """The first bytes are the header's length, and may be those of a pickle or a zip archive."""
    entry = {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}
    header = json.dumps({"__metadata__": {}, "a": entry}).encode().ljust(length)
    path = tmp_path / "file.safetensors"
    path.write_bytes(length.to_bytes(8, "little") + header + TENSORS["a"].numpy().tobytes())
    assert path.read_bytes()[:2] in (b"\x80\x00", b"\x80\x02", b"PK")
    assert same(read_tensors(path, EXPECTED), {"a"})


def with_header(content: bytes, text: bytes) -> bytes:
    length = int.from_bytes(content[:8], "little")
    return len(text).to_bytes(8, "little") + text + content[8 + length :]


DEEP = b'{"a":' + b"[" * 100_000


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda content: b"", "has 0 bytes, and its header is cut off"),
        (lambda content: content[:5], "has 5 bytes, and its header is cut off"),
        (lambda content: content[:8], "has 8 bytes, and its header is cut off"),
        (lambda content: content[:60], "has 60 bytes, and its header is cut off"),
        (lambda content: content[:-1], r"has \d+ bytes, and its header promises \d+"),
        (lambda content: content + b"\0", r"has \d+ bytes, and its header promises \d+"),
        (lambda content: content.replace(b'{"', b"{,", 1), "its header cannot be understood"),
        (lambda content: content.replace(b"text", b"t\xff\xfet", 1), "header cannot be understood"),
        (lambda content: with_header(content, b'{"a": 3}'), "its header cannot be understood"),
        (lambda content: with_header(content, DEEP), "its header cannot be understood"),
        (lambda content: content.replace(b'"F32"', b'"X32"'), "safetensors refuses it"),
        (lambda content: content.replace(b"[2,3]", b"[2,4]"), "safetensors refuses it"),
        (lambda content: b"\x89PNG\r\n\x1a\n" + bytes(99), "not a safetensors file .it begins"),
        (lambda content: b"{" * 99, "not a safetensors file .it begins"),
    ],
)
def test_damage_is_named(path: Path, damage: object, message: str) -> None:
    assert callable(damage)
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(InputError, match=message) as caught:
        read_tensors(path, EXPECTED)
    assert caught.value.where == str(path)
    assert caught.value.limit in (EXPECTED, "a whole safetensors file")


@pytest.mark.parametrize("zipped", [True, False])
def test_a_pickle_in_disguise_is_named(path: Path, zipped: bool) -> None:
    torch.save(TENSORS, path, _use_new_zipfile_serialization=zipped)
    with pytest.raises(InputError, match="is a pickle .as torch.save writes it") as caught:
        read_metadata(path, EXPECTED)
    assert caught.value.limit == EXPECTED
    assert caught.value.remedy is not None


def test_no_file_and_a_folder_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        read_metadata(tmp_path / "none.safetensors", EXPECTED)
    with pytest.raises(InputError, match="Is a directory"):
        read_metadata(tmp_path, EXPECTED)


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_any_damage_gives_tensors_or_a_clear_error(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    path = tmp_path_factory.getbasetemp() / "damaged.safetensors"
    save_file(TENSORS, path, {"idfd": "text"})
    content = bytearray(path.read_bytes())
    places = st.integers(0, len(content) - 1)
    for place in data.draw(st.lists(places, max_size=4)):
        content[place] ^= 1 << data.draw(st.integers(0, 7))
    path.write_bytes(content[: data.draw(st.none() | places)])
    with contextlib.suppress(IdfdError):
        read_tensors(path, EXPECTED)


def test_without_safetensors_the_remedy_is_named(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "safetensors", None)
    assert read_metadata(path, EXPECTED) == {"idfd": "text"}
    with pytest.raises(MissingDependencyError, match=r"pip install idfd\[benchmark\]"):
        read_tensors(path, EXPECTED)
