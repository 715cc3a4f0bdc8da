from __future__ import annotations

import json
import struct
from datetime import datetime, timedelta
from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import settings as test_settings
from hypothesis import strategies as st

from idfd.capture.exif import nearest_in_time, pair_by_aperture, photos_under, read_settings
from idfd.cli.capture import capture
from idfd.errors import InputError

Value = str | int | tuple[int, int] | list[int]
NOON = datetime(2024, 5, 1, 12, 0, 0)


def tiff(image: dict[int, Value], exif: dict[int, Value]) -> bytes:
    """A little-endian TIFF block with an image and an EXIF directory, written by hand."""
    exif_start = 8 + 2 + 12 * (len(image) + 1) + 4
    data_start = exif_start + 2 + 12 * len(exif) + 4
    data = b""

    def directory(entries: dict[int, Value]) -> bytes:
        nonlocal data
        out = struct.pack("<H", len(entries))
        for tag, value in sorted(entries.items()):
            if isinstance(value, str):
                kind, count, raw = 2, len(value) + 1, value.encode() + b"\0"
            elif isinstance(value, tuple):
                kind, count, raw = 5, 1, struct.pack("<II", *value)
            elif isinstance(value, list):
                kind, count, raw = 3, len(value), struct.pack(f"<{len(value)}H", *value)
            else:
                kind, count, raw = 4, 1, struct.pack("<I", value)
            if len(raw) > 4:
                pointer, data = data_start + len(data), data + raw
                raw = struct.pack("<I", pointer)
            out += struct.pack("<HHI", tag, kind, count) + raw.ljust(4, b"\0")
        return out + struct.pack("<I", 0)

    first = directory({**image, 0x8769: exif_start})
    second = directory(exif)
    return b"II*\0" + struct.pack("<I", 8) + first + second + data


def write_jpeg(path: Path, block: bytes) -> Path:
    """A tiny JPEG photo with an EXIF block."""
    jpeg = cv2.imencode(".jpg", np.full((8, 8, 3), 90, np.uint8))[1].tobytes()
    app1 = b"Exif\0\0" + block
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"\xff\xd8\xff\xe1" + struct.pack(">H", len(app1) + 2) + app1 + jpeg[2:])
    return path


def write_shot(path: Path, f_number: tuple[int, int], time: datetime) -> Path:
    exif: dict[int, Value] = {
        0x829D: f_number,
        0x9003: time.strftime("%Y:%m:%d %H:%M:%S"),
        0x9291: f"{time.microsecond // 10000:02d}",
    }
    return write_jpeg(path, tiff({0x0110: "D"}, exif))


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


def test_pairs_follow_time_not_numbers(tmp_path: Path) -> None:
    shots = [
        write_shot(tmp_path / "f2" / "1.jpg", (28, 10), NOON),
        write_shot(tmp_path / "f10" / "2.jpg", (10, 1), NOON + timedelta(seconds=10)),
        write_shot(tmp_path / "f10" / "3.jpg", (10, 1), NOON + timedelta(seconds=70)),
        write_shot(tmp_path / "f2" / "4.jpg", (28, 10), NOON + timedelta(seconds=80)),
        write_shot(tmp_path / "f2" / "5.jpg", (28, 10), NOON + timedelta(hours=1)),
        write_shot(tmp_path / "f5" / "6.jpg", (56, 10), NOON + timedelta(seconds=71)),
    ]
    pairs = pair_by_aperture(reversed(shots))
    assert [(a.name, b.name) for a, b in pairs] == [("2.jpg", "1.jpg"), ("3.jpg", "4.jpg")]
    assert pair_by_aperture(shots, limit_s=5) == []


def test_one_aperture_is_refused(tmp_path: Path) -> None:
    shots = [write_shot(tmp_path / f"{k}.jpg", (8, 1), NOON) for k in range(3)]
    with pytest.raises(InputError, match=r"all 3 photos were taken at f/8"):
        pair_by_aperture(shots)


def test_a_photo_without_time_is_refused(tmp_path: Path) -> None:
    shot = write_jpeg(tmp_path / "a.jpg", tiff({}, {0x829D: (8, 1)}))
    with pytest.raises(InputError, match=r"a\.jpg: the photo has no EXIF time"):
        pair_by_aperture([shot])


def test_jpeg_stands_for_its_raw_file(tmp_path: Path) -> None:
    for name in ("a.jpg", "a.nef", "b.NEF", ".hidden.jpg", "notes.txt"):
        (tmp_path / name).touch()
    assert [path.name for path in photos_under(tmp_path)] == ["a.jpg", "b.NEF"]
    with pytest.raises(InputError, match="no such folder"):
        photos_under(tmp_path / "gone")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="there is no photo"):
        photos_under(tmp_path / "empty")


TIMES = st.lists(st.integers(0, 300).map(lambda s: NOON + timedelta(seconds=s)), max_size=12)


@given(TIMES, TIMES, st.floats(0, 60))
def test_matching_is_one_to_one_and_leaves_no_possible_pair(
    first: list[datetime], second: list[datetime], limit: float
) -> None:
    pairs = nearest_in_time(first, second, limit)
    assert len({i for i, _ in pairs}) == len({j for _, j in pairs}) == len(pairs)
    apart = [abs((first[i] - second[j]).total_seconds()) for i, j in pairs]
    assert all(gap <= limit + 1e-6 for gap in apart)
    free = [t for i, t in enumerate(first) if i not in {i for i, _ in pairs}]
    left = [t for j, t in enumerate(second) if j not in {j for _, j in pairs}]
    assert all(abs((a - b).total_seconds()) > limit - 1e-6 for a in free for b in left)


def test_nearest_wins() -> None:
    second = [NOON + timedelta(seconds=s) for s in (9, 1)]
    assert nearest_in_time([NOON, NOON + timedelta(seconds=8)], second, 20) == [(0, 1), (1, 0)]


def test_commands(tmp_path: Path) -> None:
    write_shot(tmp_path / "wide.jpg", (28, 10), NOON)
    sharp = write_shot(tmp_path / "sharp.jpg", (10, 1), NOON + timedelta(seconds=5))
    write_shot(tmp_path / "alone.jpg", (10, 1), NOON + timedelta(hours=5))
    run = CliRunner().invoke
    document = json.loads(run(capture, ["pair", str(tmp_path), "--json"]).output)
    assert document == {
        "pairs": [{"all_in_focus": "sharp.jpg", "defocused": "wide.jpg"}],
        "unpaired": ["alone.jpg"],
    }
    plain = run(capture, ["pair", str(tmp_path)]).output
    assert "sharp.jpg  <->  wide.jpg" in plain
    assert "alone.jpg  has no partner within 60 s" in plain
    (row,) = json.loads(run(capture, ["settings", "--json", str(sharp)]).output)
    assert row["f_number"] == 10
    assert row["time"] == "2024-05-01T12:00:05"
    table = run(capture, ["settings", str(sharp)]).output
    assert "aperture        f/10" in table
    assert "focus distance  not recorded" in table


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


@pytest.mark.real
def test_real_outdoor_pairs(real_data: Path) -> None:
    photos = photos_under(real_data / "pairs" / "dfd_outdoor_nikon_d200")
    pairs = pair_by_aperture(photos)
    numbers = [(int(sharp.stem[-4:]), int(wide.stem[-4:])) for sharp, wide in pairs]
    assert numbers == [(2, 1), (6, 5), (7, 8)]
    assert all(sharp.parent.name == "f8" for sharp, _ in pairs)
