"""Finding and reading takes."""

from __future__ import annotations

from pathlib import Path

import flat_scene
import msgspec
import numpy as np
import pytest

from idfd.calibration.check.takes import SceneTake, find_takes, read_scene
from idfd.errors import InputError, SchemaError
from idfd.model import schema
from idfd.model.camera import Intrinsics
from idfd.model.session import REJECTED, TAKE, TakeRecord
from idfd.storage.images import encode_jpeg, read_photo


def test_takes_of_sessions_and_single_ones_are_found(tmp_path: Path) -> None:
    session = flat_scene.write_session(tmp_path / "session", (0, 1))
    takes = find_takes([session])
    assert [take.name for take in takes] == ["cards_0", "cards_1"]
    single = session / "scenes" / "cards" / "cards_1"
    assert find_takes([single]) == takes[1:]
    rejected = session / "scenes" / "cards" / REJECTED
    rejected.mkdir()
    single.rename(rejected / "cards_1")
    assert find_takes([session]) == takes[:1]


@pytest.mark.parametrize("session", [False, True])
def test_a_folder_without_takes_is_an_error(session: bool, tmp_path: Path) -> None:
    if session:
        flat_scene.write_session(tmp_path, ())
    expected = "has no takes" if session else "neither a session nor a take"
    with pytest.raises(InputError, match=expected):
        find_takes([tmp_path])


@pytest.mark.parametrize(("kept", "named"), [("depth", "JPEG"), ("all_in_focus", "burst")])
def test_a_take_without_a_file_is_named(kept: str, named: str, tmp_path: Path) -> None:
    folder = flat_scene.write_take(tmp_path, 0)
    record = schema.load(TakeRecord, folder / TAKE)
    files = tuple(item for item in record.files if item.role == kept)
    (folder / TAKE).write_bytes(schema.encode(msgspec.structs.replace(record, files=files)))
    with pytest.raises(InputError, match=named) as caught:
        find_takes([folder])
    assert "cards_0" in str(caught.value)


@pytest.mark.parametrize(("focal", "factor"), [(500.0, 1.0), (1300.0, 2.0), (2400.0, 4.0)])
def test_photos_are_decoded_no_larger_than_needed(
    focal: float, factor: float, tmp_path: Path
) -> None:
    take = find_takes([flat_scene.write_take(tmp_path, 0)])[0]
    width, height = 1203, 801
    take.photo.write_bytes(encode_jpeg(np.zeros((height, width, 3), np.uint8)))
    camera = Intrinsics(width=width, height=height, fx=focal, fy=focal, cx=600, cy=400)
    scene = read_scene(take, camera)
    assert scene.factor == factor
    assert scene.photo.shape == (-(-height // factor), -(-width // factor))


def test_a_turn_noted_in_exif_is_not_applied(tmp_path: Path) -> None:
    take = find_takes([flat_scene.write_take(tmp_path, 0)])[0]
    data = take.photo.read_bytes()
    # Big-endian TIFF with one entry: orientation 6, a quarter turn.
    tiff = b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0"
    exif = b"Exif\0\0" + tiff
    turned = data[:2] + b"\xff\xe1" + (len(exif) + 2).to_bytes(2, "big") + exif + data[2:]
    take.photo.write_bytes(turned)
    assert read_photo(take.photo).shape[:2] == (900, 600)  # what a viewer would show
    assert read_scene(take, flat_scene.PHOTO).photo.shape == (600, 900)


def test_a_photo_of_another_size_is_an_error(tmp_path: Path) -> None:
    take = find_takes([flat_scene.write_take(tmp_path, 0)])[0]
    other = msgspec.structs.replace(flat_scene.PHOTO, width=1200, height=800)
    with pytest.raises(InputError, match=r"900x600.*1200x800"):
        read_scene(take, other)


def test_damaged_files_are_named(tmp_path: Path) -> None:
    take = find_takes([flat_scene.write_take(tmp_path, 0)])[0]
    whole = take.photo.read_bytes()
    take.photo.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match="truncated"):
        read_scene(take, flat_scene.PHOTO)
    take.photo.write_bytes(whole)
    take.burst.write_bytes(b"no burst")
    with pytest.raises(SchemaError, match=r"depth\.h5"):
        read_scene(take, flat_scene.PHOTO)
    with pytest.raises(InputError, match="cannot be read"):
        read_scene(SceneTake("a", tmp_path / "gone.jpg", take.burst), flat_scene.PHOTO)
