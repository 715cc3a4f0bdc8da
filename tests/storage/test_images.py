from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from idfd.errors import IdfdError, InputError
from idfd.storage.hashing import sha256_array, sha256_bytes
from idfd.storage.images import (
    depth_to_millimetres,
    encode_jpeg,
    encode_png,
    read_depth,
    read_photo,
)

PHOTO = np.arange(40 * 60 * 3, dtype=np.uint8).reshape(40, 60, 3)


def test_photo_channels_are_red_green_blue(tmp_path: Path) -> None:
    path = tmp_path / "red.png"
    red = np.zeros((8, 8, 3), np.uint8)
    red[..., 0] = 200
    path.write_bytes(encode_png(red))
    np.testing.assert_array_equal(read_photo(path), red)


@given(arrays.arrays(np.uint16, (5, 7)))
def test_depth_survives_png(depth: np.ndarray) -> None:
    found = cv2.imdecode(np.frombuffer(encode_png(depth), np.uint8), cv2.IMREAD_UNCHANGED)
    assert found is not None
    np.testing.assert_array_equal(depth_to_millimetres(found, "x"), depth)


@given(arrays.arrays(np.float32, (4, 4), elements=st.floats(0, 65, width=32)))
def test_metres_become_millimetres(depth: np.ndarray) -> None:
    np.testing.assert_allclose(
        depth_to_millimetres(depth, "x"), depth.astype(float) * 1000, atol=0.5
    )


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.999])
def test_truncated_images_are_refused(tmp_path: Path, share: float) -> None:
    for name, data in (("a.jpg", encode_jpeg(PHOTO)), ("a.png", encode_png(PHOTO))):
        path = tmp_path / name
        path.write_bytes(data[: int(len(data) * share)])
        with pytest.raises(InputError, match=name):
            read_photo(path)


def test_a_jpeg_padded_with_zeros_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(encode_jpeg(PHOTO) + bytes(1000))
    assert read_photo(path).shape == PHOTO.shape


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros((4, 4), np.uint8), "not metric"),
        (np.zeros((4, 4, 3), np.uint16), "shape"),
        (np.full((4, 4), np.nan, np.float32), "16 NaN"),
        (np.full((4, 4), -1, np.float32), "-1 to -1 m"),
        (np.full((4, 4), 1200, np.float32), "check the unit"),
        (np.zeros((4, 4), np.int32), "int32"),
        (np.zeros((0, 4), np.float32), "shape"),
    ],
)
def test_what_is_not_metric_depth_is_refused(
    tmp_path: Path, array: np.ndarray, message: str
) -> None:
    path = tmp_path / "depth.npy"
    np.save(path, array)
    with pytest.raises(InputError, match="depth.npy") as caught:
        read_depth(path)
    assert message in str(caught.value)


@pytest.mark.parametrize("channels", ["R", "RGB"])
def test_exr_depth_is_metres_and_refuses_nan(tmp_path: Path, channels: str) -> None:
    exr = pytest.importorskip("OpenEXR")
    for value, good in ((1.5, True), (np.nan, False)):
        shape = (6, 9) if channels == "R" else (6, 9, 3)
        pixels = np.full(shape, 1.5, np.float16)
        pixels[2, 3] = value
        path = tmp_path / f"{good}.exr"
        header = {"compression": exr.ZIP_COMPRESSION, "type": exr.scanlineimage}
        exr.File(header, {channels: pixels}).write(str(path))
        if good:
            np.testing.assert_array_equal(read_depth(path), np.full((6, 9), 1500))
        else:
            with pytest.raises(InputError, match="1 NaN"):
                read_depth(path)


def test_a_pickle_in_disguise_is_not_loaded(tmp_path: Path) -> None:
    path = tmp_path / "evil.npy"
    np.save(path, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(InputError, match="NumPy"):
        read_depth(path)


@pytest.mark.parametrize("data", [b"", b"text", bytes(100)])
def test_what_is_no_image_is_refused(tmp_path: Path, data: bytes) -> None:
    for name in ("a.jpg", "a.png", "a.npy", "a.exr", "a.tif"):
        path = tmp_path / name
        path.write_bytes(data)
        with pytest.raises(IdfdError, match=name):
            read_depth(path)


def test_a_changed_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    data = encode_png(PHOTO)
    path.write_bytes(data)
    with pytest.raises(InputError, match="has changed"):
        read_photo(path, sha256_bytes(b"other"))
    assert read_photo(path, sha256_bytes(data)).shape == PHOTO.shape


def test_array_hashes_see_type_and_shape() -> None:
    array = np.arange(12, dtype=np.uint16)
    hashes = {
        sha256_array(array),
        sha256_array(array.reshape(3, 4)),
        sha256_array(array.view(np.int16)),
        sha256_array(array.astype(np.uint32)),
    }
    assert len(hashes) == 4
    assert sha256_array(array) == sha256_array(array.astype(">u2"))


@pytest.mark.real
def test_real_half_float_exr(real_data: Path) -> None:
    exr = pytest.importorskip("OpenEXR")
    path = real_data / "rgbd/cleargrasp_d435/000000080-opaque-depth-img.exr"
    with pytest.raises(InputError, match="NaN"):
        read_depth(path)  # this camera writes NaN where it measured nothing
    channel = next(iter(exr.File(str(path)).channels().values()))
    metres = np.nan_to_num(np.asarray(channel.pixels, np.float32))
    depth = depth_to_millimetres(metres[..., 0] if metres.ndim == 3 else metres, path)
    assert depth.shape == (720, 1280)
    assert 300 < np.median(depth[depth > 0]) < 1500
