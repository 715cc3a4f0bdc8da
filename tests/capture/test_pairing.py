from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from exif_blocks import NOON, tiff, write_jpeg, write_shot
from hypothesis import given
from hypothesis import strategies as st

from idfd.capture.pairing import nearest_in_time, pair_by_aperture, photos_under
from idfd.cli.capture import capture
from idfd.errors import InputError


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
def test_real_outdoor_pairs(real_data: Path) -> None:
    photos = photos_under(real_data / "pairs" / "dfd_outdoor_nikon_d200")
    pairs = pair_by_aperture(photos)
    numbers = [(int(sharp.stem[-4:]), int(wide.stem[-4:])) for sharp, wide in pairs]
    assert numbers == [(2, 1), (6, 5), (7, 8)]
    assert all(sharp.parent.name == "f8" for sharp, _ in pairs)
