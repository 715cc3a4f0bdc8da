from __future__ import annotations

from datetime import datetime
from pathlib import Path

import cv2
import numpy as np
import pytest
from exif_blocks import NOON, Value, tiff, write_jpeg, write_shot
from hypothesis import given
from hypothesis import settings as test_settings
from hypothesis import strategies as st

from idfd.errors import InputError
from idfd.storage.exif import read_exif, read_settings


def test_every_setting_is_read(tmp_path: Path) -> None:
    exif: dict[int, Value] = {
        0x829A: (1, 250),
        0x829D: (28, 10),
        0x8827: [400],
        0x9003: "2024:05:01 12:34:56",
        0x9206: (15, 10),
        0x920A: (14, 1),
        0x9291: "07",
        0xA403: [1],
        0xA434: "14 mm f/2.8",
    }
    block = tiff({0x010F: "NIKON CORPORATION", 0x0110: "NIKON D750"}, exif)
    settings, time = read_settings(write_jpeg(tmp_path / "a.jpg", block))
    assert time == datetime(2024, 5, 1, 12, 34, 56, 70000)
    assert settings is not None
    assert settings.f_number == 2.8
    assert settings.exposure_s == pytest.approx(1 / 250)
    assert settings.iso == 400
    assert settings.focal_length_mm == 14
    assert settings.focus_distance_m == pytest.approx(1.5)
    assert settings.white_balance == "Manual"
    assert settings.camera == "NIKON D750"
    assert settings.lens == "14 mm f/2.8"


@pytest.mark.parametrize("distance", [(0, 1), (0, 0), (0xFFFFFFFF, 1)])
def test_unknown_values_are_none(tmp_path: Path, distance: tuple[int, int]) -> None:
    block = tiff({}, {0x829D: (8, 1), 0x829A: (0, 0), 0x9206: distance})
    settings, time = read_settings(write_jpeg(tmp_path / "a.jpg", block))
    assert time is None
    assert settings is not None
    assert (settings.exposure_s, settings.focus_distance_m, settings.lens) == (None, None, None)


def test_a_manual_lens_has_no_settings_but_a_time(tmp_path: Path) -> None:
    path = write_shot(tmp_path / "a.jpg", (0, 10), NOON)
    assert read_settings(path) == (None, NOON)


@pytest.mark.parametrize("time", ["0000:00:00 00:00:00", "    :  :     :  :  ", "2024-05-01"])
def test_an_unset_clock_is_no_time(tmp_path: Path, time: str) -> None:
    path = write_jpeg(tmp_path / "a.jpg", tiff({}, {0x829D: (8, 1), 0x9003: time}))
    assert read_settings(path)[1] is None


def test_a_photo_without_exif_has_neither(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "plain.jpg"
    path.write_bytes(cv2.imencode(".jpg", np.zeros((8, 8, 3), np.uint8))[1].tobytes())
    assert read_settings(path) == (None, None)
    assert capfd.readouterr().err == ""


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"gone\.jpg: cannot be read"):
        read_settings(tmp_path / "gone.jpg")


@test_settings(deadline=None)
@given(cut=st.integers(0, 400), flip=st.integers(12, 200), value=st.integers(0, 255))
def test_damage_never_escapes_as_another_error(
    tmp_path_factory: pytest.TempPathFactory, cut: int, flip: int, value: int
) -> None:
    path = tmp_path_factory.mktemp("damage") / "a.jpg"
    exif: dict[int, Value] = {0x829D: (8, 1), 0x9003: "2024:05:01 12:34:56", 0x920A: (14, 1)}
    data = bytearray(write_jpeg(path, tiff({0x010F: "NIKON"}, exif)).read_bytes())
    data[flip] = value
    path.write_bytes(bytes(data[:cut]) if cut < 300 else bytes(data))
    try:
        found, _ = read_settings(path)
    except InputError:
        return
    assert found is None or found.f_number > 0


def test_the_body_and_the_turn_are_read_without_an_f_number(tmp_path: Path) -> None:
    exif: dict[int, Value] = {0x920A: (14, 1), 0xA431: "3001234", 0xA434: "14 mm f/2.8"}
    path = write_jpeg(tmp_path / "a.jpg", tiff({0x0110: "NIKON D750", 0x0112: [6]}, exif))
    found = read_exif(path)
    assert found.settings is None
    assert (found.camera, found.serial, found.lens) == ("NIKON D750", "3001234", "14 mm f/2.8")
    assert (found.focal_length_mm, found.orientation) == (14, 6)


@pytest.mark.real
@pytest.mark.parametrize(
    ("name", "f_number", "exposure", "iso", "focal", "lens"),
    [
        ("exif/Nikon.nef", 3.5, 1 / 20, 200, 18, "18-70 mm f/3.5-4.5"),
        ("exif/NikonD2Hs.jpg", 4, 1 / 125, 800, 50, "50 mm f/1.8"),
        # Its maker note is cut off: ISO still reads, the lens must not be made up.
        ("exif/NikonD70.jpg", 5, 1 / 60, 200, 56, None),
        ("exif/exifsamples_Nikon_D70.jpg", 9, 1 / 200, 200, 100, None),
        ("pairs/dfd_outdoor_nikon_d200/f8/DSC_0006.JPG", 8, 1 / 125, 320, 35, "35 mm f/2"),
    ],
)
def test_real_headers(
    real_data: Path,
    name: str,
    f_number: float,
    exposure: float,
    iso: float,
    focal: float,
    lens: str | None,
) -> None:
    settings, time = read_settings(real_data / name)
    assert time is not None
    assert settings is not None
    found = (settings.f_number, settings.iso, settings.focal_length_mm, settings.lens)
    assert found == (f_number, iso, focal, lens)
    assert settings.exposure_s == pytest.approx(exposure)
    assert settings.focus_distance_m is None
    assert settings.camera is not None
    assert settings.camera.startswith("NIKON D")
