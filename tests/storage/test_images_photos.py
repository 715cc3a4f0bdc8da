"""Photos of more than eight bits, turned photos, and raw files."""

from __future__ import annotations

import struct
from datetime import datetime
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest

from idfd.capture.simulated.nikon.files import (
    WHITE_LEVEL,
    Sensor,
    ShotInfo,
    nef_head,
    pack_mosaic,
)
from idfd.errors import InputError, MissingDependencyError
from idfd.storage.color import eight_bit, encode_srgb, linear_from_uint8, linear_table
from idfd.storage.images import decode_depth, decode_photo, encode_jpeg, encode_png, read_photo
from idfd.storage.raw import camera_white_balance, develop

WIDTH, HEIGHT = 120, 80
GREY = (0.3, 0.3, 0.3)


def raw_file(
    light: tuple[float, float, float] = GREY,
    gains: tuple[float, float, float] = (2.0, 1.0, 1.5),
    orientation: int = 1,
) -> bytes:
    """An uncompressed raw file of one colour in linear sRGB; the right half is half as bright."""
    sensor = Sensor(gains=gains)
    info = ShotInfo(
        model="Z 7", serial="1", size=(WIDTH, HEIGHT), f_number=Fraction(28, 10),
        exposure=Fraction(1, 60), iso=100, focal_length_mm=14.0, focus_distance_m=None,
        program=1, auto_white_balance=False, taken_at=datetime(2024, 1, 1),
    )  # fmt: skip
    mosaic = np.empty((HEIGHT, WIDTH))
    for row, column, channel in ((0, 0, 0), (0, 1, 1), (1, 0, 1), (1, 1, 2)):
        mosaic[row::2, column::2] = light[channel] / gains[channel]
    mosaic[:, WIDTH // 2 :] /= 2
    levels = sensor.black_level + mosaic * (WHITE_LEVEL - sensor.black_level)
    head = bytearray(nef_head(info, sensor))
    tag = struct.pack("<HHI", 0x0112, 3, 1)
    at = head.index(tag) + len(tag)
    head[at : at + 2] = struct.pack("<H", orientation)
    return bytes(head) + pack_mosaic(np.rint(levels).astype(np.uint16))


def test_eight_bits_stay_eight_and_sixteen_sixteen() -> None:
    generator = np.random.default_rng(0)
    narrow = generator.integers(0, 256, (20, 30, 3), np.uint8)
    np.testing.assert_array_equal(decode_photo(encode_png(narrow), "a.png"), narrow)
    wide = generator.integers(0, 65536, (20, 30, 3), np.uint16)
    for suffix in (".png", ".tif"):
        done, data = cv2.imencode(suffix, wide[..., ::-1])
        assert done
        found = decode_photo(data.tobytes(), f"a{suffix}")
        assert found.dtype == np.uint16
        np.testing.assert_array_equal(found, wide)


def test_a_grey_photo_has_three_channels() -> None:
    grey = np.arange(600, dtype=np.uint16).reshape(20, 30)
    found = decode_photo(encode_png(grey), "a.png")
    np.testing.assert_array_equal(found, np.dstack([grey] * 3))


def test_floating_point_photos_are_refused() -> None:
    done, data = cv2.imencode(".tif", np.full((8, 8, 3), 0.5, np.float32))
    assert done
    with pytest.raises(InputError, match="float32"):
        decode_photo(data.tobytes(), "a.tif")


def test_what_is_read_from_bytes_is_what_is_read_from_a_file(tmp_path: Path) -> None:
    data = encode_jpeg(np.arange(40 * 60 * 3, dtype=np.uint8).reshape(40, 60, 3))
    (tmp_path / "a.jpg").write_bytes(data)
    np.testing.assert_array_equal(read_photo(tmp_path / "a.jpg"), decode_photo(data, "a.jpg"))
    depth = np.arange(30, dtype=np.uint16).reshape(5, 6)
    np.testing.assert_array_equal(decode_depth(encode_png(depth), "s3://x/a.png"), depth)


def test_sixteen_bits_round_to_eight() -> None:
    exact = np.arange(256, dtype=np.uint8)
    for offset in (-128, 0, 128):
        wide = np.clip(exact.astype(int) * 257 + offset, 0, 65535).astype(np.uint16)
        np.testing.assert_array_equal(eight_bit(wide), exact)
    assert eight_bit(exact) is exact


def test_the_table_of_sixteen_bits_is_that_of_eight_between() -> None:
    table = linear_table(np.dtype(np.uint16))
    np.testing.assert_allclose(table[::257], linear_from_uint8(np.arange(256, dtype=np.uint8)))
    assert (np.diff(table) > 0).all()


def test_raw_files_become_srgb() -> None:
    pytest.importorskip("rawpy")
    photo, white_balance = develop(raw_file((0.4, 0.3, 0.2)), "a.nef")
    assert photo.dtype == np.uint16
    assert photo.shape == (HEIGHT, WIDTH, 3)
    assert white_balance[0] / white_balance[1] == pytest.approx(2, rel=0.01)
    assert white_balance[2] / white_balance[1] == pytest.approx(1.5, rel=0.01)
    expected = encode_srgb(np.array([0.4, 0.3, 0.2])) * 65535
    np.testing.assert_allclose(photo[HEIGHT // 2, WIDTH // 4], expected, rtol=0.02)
    dimmer = encode_srgb(np.array([0.2, 0.15, 0.1])) * 65535
    np.testing.assert_allclose(photo[HEIGHT // 2, -WIDTH // 4], dimmer, rtol=0.02)
    np.testing.assert_array_equal(decode_photo(raw_file((0.4, 0.3, 0.2)), "A.NEF"), photo)


def test_raw_files_are_not_brightened_by_what_they_show() -> None:
    pytest.importorskip("rawpy")
    dark, bright = (develop(raw_file((v, v, v)), "a.dng")[0] for v in (0.05, 0.4))
    for photo, value in ((dark, 0.05), (bright, 0.4)):
        expected = float(encode_srgb(np.array(value))) * 65535
        np.testing.assert_allclose(photo[HEIGHT // 2, WIDTH // 4], expected, rtol=0.02)


def test_a_pair_of_raw_files_shares_one_white_balance() -> None:
    pytest.importorskip("rawpy")
    first, second = raw_file(), raw_file(gains=(1.6, 1.0, 2.1))
    chosen = camera_white_balance(first, "a.nef")
    assert develop(first, "a.nef")[1] == chosen
    own, shared = decode_photo(second, "b.nef"), decode_photo(second, "b.nef", chosen)
    red, green, _ = (float(v) for v in shared[HEIGHT // 2, WIDTH // 4])
    assert abs(own[HEIGHT // 2, WIDTH // 4].astype(float).std()) < 600
    assert red > 1.05 * green  # the first photo's factor of red is larger than the second's own


def test_a_raw_file_is_turned_as_a_jpeg_is() -> None:
    pytest.importorskip("rawpy")
    upright = develop(raw_file(orientation=1), "a.nef")[0]
    turned = develop(raw_file(orientation=6), "a.nef")[0]
    assert turned.shape == (WIDTH, HEIGHT, 3)
    bright_side = turned[: WIDTH // 2].mean() > turned[WIDTH // 2 :].mean()
    # EXIF 6: the first row of the file is the right side of the picture.
    expected = cv2.rotate(upright, cv2.ROTATE_90_CLOCKWISE)
    assert bright_side == (expected[: WIDTH // 2].mean() > expected[WIDTH // 2 :].mean())
    np.testing.assert_allclose(turned.astype(float), expected, atol=800)


@pytest.mark.parametrize("data", [b"", b"text", bytes(500), raw_file()[:900], raw_file()[:-3000]])
def test_damaged_raw_files_are_refused(data: bytes) -> None:
    pytest.importorskip("rawpy")
    with pytest.raises(InputError, match=r"shot\.nef"):
        decode_photo(data, "shot.nef")


def test_a_missing_rawpy_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "rawpy", None)
    with pytest.raises(MissingDependencyError, match=r"pip install idfd\[raw\]"):
        decode_photo(raw_file(), "a.nef")


@pytest.mark.real
def test_a_raw_file_without_sensor_data_is_refused(real_data: Path) -> None:
    pytest.importorskip("rawpy")
    with pytest.raises(InputError, match=r"Nikon\.nef"):
        read_photo(real_data / "exif" / "Nikon.nef")
