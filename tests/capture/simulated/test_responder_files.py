from __future__ import annotations

import io
from dataclasses import replace
from datetime import datetime
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import exifread
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from idfd.capture.simulated.nikon.files import (
    WHITE_LEVEL,
    Sensor,
    ShotInfo,
    jpeg_head,
    nef_head,
    pack_mosaic,
    pack_photo,
)
from idfd.capture.simulated.nikon.pattern import PatternPictures, mosaic_of_light
from idfd.capture.simulated.nikon.pictures import Exposure
from idfd.capture.simulated.nikon.properties import SHUTTERS, pack_shutter, shutter_fraction
from idfd.capture.simulated.nikon.tiff import (
    Directory,
    ImageData,
    Rationals,
    Raw,
    Short,
    pack_tiff,
)
from idfd.storage.exif import read_settings
from idfd.storage.images import decode_image, encode_jpeg

INFO = ShotInfo(
    model="D750",
    serial="6012345",
    size=(60, 40),
    f_number=Fraction(28, 10),
    exposure=Fraction(1, 50),
    iso=100,
    focal_length_mm=14.0,
    focus_distance_m=0.8,
    program=1,
    auto_white_balance=False,
    taken_at=datetime(2026, 3, 4, 5, 6, 7, 890000),
)


def ramp(width: int, height: int) -> NDArray[np.uint8]:
    row = np.linspace(20, 230, width, dtype=np.uint8)
    return np.ascontiguousarray(np.broadcast_to(row[None, :, None], (height, width, 3)))


def unpack_bits(data: bytes, width: int, height: int) -> NDArray[Any]:
    """Another reading of the packed mosaic: bit by bit."""
    rows = np.frombuffer(data, np.uint8).reshape(height, -1)
    bits = np.unpackbits(rows, axis=1)[:, : 14 * width].reshape(height, width, 14)
    return bits @ (1 << np.arange(13, -1, -1))


@given(st.integers(1, 13), st.integers(1, 4), st.integers(0, 2**32 - 1))
def test_packed_mosaics_come_back(width: int, height: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    mosaic = random.integers(0, WHITE_LEVEL, (height, width), np.uint16, endpoint=True)

    assert np.array_equal(unpack_bits(pack_mosaic(mosaic), width, height), mosaic)


@given(
    st.lists(st.integers(0, 2**16 - 1), min_size=1, max_size=5),
    st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=20),
    st.fractions(-1000, 1000, max_denominator=1000),
)
def test_an_exif_reader_reads_what_was_written(
    shorts: list[int], text: str, fraction: Fraction
) -> None:
    inner = Directory({0x829A: Rationals((fraction,))})
    data = pack_tiff(Directory({0x8769: inner, 0x0102: Short(tuple(shorts)), 0x010F: text}))

    tags = exifread.process_file(io.BytesIO(data), details=False)

    assert tags["Image BitsPerSample"].values == shorts
    assert tags["Image Make"].printable.strip() == text
    assert Fraction(str(tags["EXIF ExposureTime"].values[0])) == fraction


def test_tags_are_written_in_order_and_data_begin_at_the_end() -> None:
    directory = Directory({0x0111: ImageData(), 0x0100: 60, 0x828E: Raw(bytes(4), kind=1)})

    data = pack_tiff(directory)

    tags = [int.from_bytes(data[10 + 12 * k : 12 + 12 * k], "little") for k in range(3)]
    assert tags == [0x0100, 0x0111, 0x828E]
    assert int.from_bytes(data[30:34], "little") == len(data)


@pytest.mark.parametrize("name", SHUTTERS)
def test_settings_are_read_from_the_jpeg(tmp_path: Path, name: str) -> None:
    shutter = shutter_fraction(pack_shutter(name))
    path = tmp_path / "a.jpg"
    path.write_bytes(jpeg_head(replace(INFO, exposure=shutter)) + pack_photo(ramp(60, 40), 90))

    settings, taken_at = read_settings(path)

    assert settings is not None
    assert settings.f_number == 2.8
    assert settings.exposure_s == pytest.approx(float(shutter), rel=1e-12)
    assert (settings.iso, settings.focal_length_mm) == (100, 14)
    assert settings.focus_distance_m == pytest.approx(0.8)
    assert (settings.camera, settings.lens) == ("NIKON D750", "14.0 mm f/2.8")
    assert settings.white_balance == "Manual"
    assert taken_at == INFO.taken_at


def test_the_head_does_not_touch_the_pixels() -> None:
    whole = jpeg_head(INFO) + pack_photo(ramp(60, 40), 90)

    found, expected = (
        decode_image(data, Path("a.jpg"), cv2.IMREAD_COLOR)
        for data in (whole, encode_jpeg(ramp(60, 40), 90))
    )

    assert np.array_equal(found, expected)


def test_settings_are_read_from_the_nef(tmp_path: Path) -> None:
    path = tmp_path / "a.nef"
    path.write_bytes(nef_head(INFO, Sensor()) + bytes(60 * 40 * 14 // 8))

    settings, taken_at = read_settings(path)

    assert settings is not None
    assert (settings.f_number, settings.exposure_s) == (2.8, 0.02)
    assert taken_at == INFO.taken_at


@pytest.mark.parametrize("size", [(60, 40), (602, 401), (1000, 30)])
def test_libraw_reads_the_mosaic(tmp_path: Path, size: tuple[int, int]) -> None:
    rawpy = pytest.importorskip("rawpy")
    width, height = size
    random = np.random.default_rng(1)
    mosaic = random.integers(0, WHITE_LEVEL, (height, width), np.uint16, endpoint=True)
    sensor = Sensor(black_level=500, gains=(1.9, 1.0, 1.4))
    path = tmp_path / "a.nef"
    path.write_bytes(nef_head(replace(INFO, size=size), sensor) + pack_mosaic(mosaic))

    with rawpy.imread(str(path)) as raw:
        assert np.array_equal(raw.raw_image, mosaic)
        assert raw.raw_pattern.tolist() == [[0, 1], [3, 2]]
        assert raw.color_desc == b"RGBG"
        assert set(raw.black_level_per_channel) == {500}
        assert raw.white_level == WHITE_LEVEL
        assert raw.camera_whitebalance[:3] == pytest.approx(sensor.gains, rel=1e-3)
        # The sensor sees in sRGB's own primaries.
        assert np.allclose(raw.color_matrix[:, :3], np.eye(3), atol=2e-3)


def test_the_developed_nef_looks_like_the_jpeg(tmp_path: Path) -> None:
    rawpy = pytest.importorskip("rawpy")
    pictures = PatternPictures((120, 80))
    exposure = Exposure(2.8, 0.02, 100)
    path = tmp_path / "a.nef"
    head = nef_head(replace(INFO, size=(120, 80)), pictures.sensor)
    path.write_bytes(head + pictures.raw(exposure, 1))
    photo = decode_image(jpeg_head(INFO) + pictures.jpeg(exposure, 95, 1), path, cv2.IMREAD_COLOR)[
        ..., ::-1
    ]

    with rawpy.imread(str(path)) as raw:
        developed = raw.postprocess(use_camera_wb=True, no_auto_bright=True, gamma=(2.4, 12.92))

    assert np.abs(developed.mean((0, 1)) - photo.mean((0, 1))).max() < 1.0


def test_the_filter_takes_one_colour_per_pixel() -> None:
    light = np.zeros((2, 2, 3), np.float32) + np.array([0.2, 0.4, 0.6], np.float32)
    sensor = Sensor(black_level=383, gains=(2.0, 1.0, 1.5))

    mosaic = mosaic_of_light(light, sensor)

    assert mosaic.tolist() == [[1983, 6783], [6783, 6783]]
