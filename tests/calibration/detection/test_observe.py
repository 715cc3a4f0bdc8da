from __future__ import annotations

import functools
from pathlib import Path

import cv2
import msgspec
import numpy as np
import pytest
from board_views import CHARUCO, pose, view
from exif_blocks import Value, tiff, write_jpeg
from numpy.typing import NDArray

from idfd.calibration.observe import Observed, observe
from idfd.calibration.sources import ImageSource, find_images
from idfd.errors import InputError
from idfd.model.burst import Burst
from idfd.storage.bursts import write_burst
from idfd.storage.hashing import sha256_file


@functools.cache
def picture(number: int) -> NDArray[np.uint8]:
    turn = pose((5.0 * number, -12, 3), (8.0 * number, 0, 620))
    return np.asarray(view(CHARUCO, *turn, seed=number).image, np.uint8)


def shoot(
    path: Path,
    number: int,
    *,
    f_number: float = 10,
    model: str = "NIKON D750",
    serial: str = "300",
    focal_mm: int = 14,
    focus_mm: int = 1500,
    orientation: int = 1,
    image: NDArray[np.uint8] | None = None,
) -> Path:
    """A photo of the board, as a camera writes it."""
    exif: dict[int, Value] = {
        0x829D: (round(f_number * 10), 10),
        0x9206: (focus_mm, 1000),
        0x920A: (focal_mm, 1),
        0xA431: serial,
    }
    block = tiff({0x0110: model, 0x0112: [orientation]}, exif)
    return write_jpeg(path, block, picture(number) if image is None else image)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Five good photos."""
    for number in range(5):
        shoot(tmp_path / f"a{number}.jpg", number)
    return tmp_path


def look(folder: Path, **patterns: str) -> Observed:
    return observe(find_images(folder, patterns or None), CHARUCO, 2)  # type: ignore[arg-type]


def reasons(seen: Observed) -> dict[str, str]:
    return {item.view: item.reason for item in seen.dropped}


def test_good_photos_become_views(folder: Path) -> None:
    seen = look(folder)
    assert [item.name for item in seen.views] == ["0", "1", "2", "3", "4"]
    assert all(len(item.seen["photo"].ids) == 40 for item in seen.views)
    assert seen.dropped == ()
    assert seen.files["3/photo"].path == "a3.jpg"
    assert seen.files["3/photo"].sha256 == sha256_file(folder / "a3.jpg")
    settings = seen.settings["3/photo"]
    assert settings is not None
    assert (settings.f_number, settings.focus_distance_m) == (10, 1.5)
    assert (seen.factory, seen.mode, seen.depth_mm) == (None, None, {})


def test_the_number_of_workers_changes_nothing(folder: Path) -> None:
    one, four = (observe(find_images(folder), CHARUCO, workers) for workers in (1, 4))
    for a, b in zip(one.views, four.views, strict=True):
        assert np.array_equal(a.seen["photo"].pixels, b.seen["photo"].pixels)


def test_a_turn_in_exif_is_for_viewers_only(folder: Path) -> None:
    shoot(folder / "a2.jpg", 2, orientation=6)
    seen = look(folder)
    assert seen.dropped == ()
    assert {item.seen["photo"].size for item in seen.views} == {(900, 600)}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"model": "NIKON D850"}, "its camera is NIKON D850; 4 others have NIKON D750"),
        ({"serial": "301"}, "its serial number is 301"),
        ({"focal_mm": 24}, "its focal length in mm is 24; 4 others have 14"),
        ({"focus_mm": 3000}, "its focus distance in m is 3; 4 others have 1.5"),
        ({"f_number": 8}, "its f-number is 8; 4 others have 10"),
    ],
)
def test_odd_photos_are_named_and_left_out(
    folder: Path, change: dict[str, str | int], words: str
) -> None:
    shoot(folder / "a3.jpg", 3, **change)  # type: ignore[arg-type]
    seen = look(folder)
    assert len(seen.views) == 4
    assert words in reasons(seen)["3"]
    assert "3/photo" not in seen.files


def test_other_sizes_are_named_and_turned_pixels_told(folder: Path) -> None:
    shoot(folder / "a1.jpg", 1, image=np.ascontiguousarray(np.rot90(picture(1))))
    shoot(folder / "a3.jpg", 3, image=np.ascontiguousarray(picture(3)[:500]))
    found = reasons(look(folder))
    assert "600x900; 3 others have 900x600 (software has turned it" in found["1"]
    assert "900x500" in found["3"]
    assert "turned" not in found["3"]


def test_damaged_and_empty_files_do_not_stop_the_rest(folder: Path) -> None:
    data = (folder / "a0.jpg").read_bytes()
    (folder / "a0.jpg").write_bytes(data[: len(data) // 2])
    (folder / "a1.jpg").write_bytes(b"no picture")
    (folder / "a2.jpg").write_bytes(b"")
    shoot(folder / "a3.jpg", 3, image=np.ascontiguousarray(picture(3)[:, ::-1]))
    seen = look(folder)
    assert [item.name for item in seen.views] == ["4"]
    found = reasons(seen)
    assert "truncated" in found["0"]
    assert "not an image" in found["1"]
    assert "empty" in found["2"]
    assert "mirrored" in found["3"]
    assert all(item.camera == "photo" for item in seen.dropped)


def test_the_same_file_twice_counts_once(folder: Path) -> None:
    (folder / "a4.jpg").write_bytes((folder / "a1.jpg").read_bytes())
    assert reasons(look(folder)) == {"4": "it is the same file as 1/photo"}


def test_both_apertures_must_be_of_one_body_and_the_right_way_round(tmp_path: Path) -> None:
    for number in range(3):
        shoot(tmp_path / "sharp" / f"{number}.jpg", number)
        shoot(tmp_path / "wide" / f"{number}.jpg", number + 3, f_number=2.8)
    seen = look(tmp_path, photo="sharp/*", defocused="wide/*")
    assert [sorted(item.seen) for item in seen.views] == [["defocused", "photo"]] * 3
    with pytest.raises(InputError, match=r"at f/2\.8, the defocused ones at f/10.*Swap"):
        look(tmp_path, photo="wide/*", defocused="sharp/*")
    shoot(tmp_path / "wide" / "1.jpg", 4, f_number=2.8, serial="999")
    seen = look(tmp_path, photo="sharp/*", defocused="wide/*")
    (dropped,) = seen.dropped
    assert (dropped.view, dropped.camera) == ("1", "defocused")
    assert sorted(seen.views[1].seen) == ["photo"]


def write_infrared(path: Path, number: int, *, serial: str = "k1", noise: float = 30) -> None:
    random = np.random.default_rng(number)
    frames = random.normal(picture(number) * 4.0, noise, (8, *picture(number).shape))
    depth = np.full(frames.shape, 620, np.uint16)
    depth[::2] += 2
    depth[:, :10] = 0
    depth[:5, 10:20] = 0
    write_burst(
        path,
        Burst(
            depth=depth,
            infrared=np.clip(frames, 0, None).astype(np.uint16),
            colour=(),
            timestamps_us=np.arange(8, dtype=np.int64),
            system_ns=np.arange(8, dtype=np.int64),
            temperature_c=np.full(8, np.nan, np.float32),
            calibration=b'{"k": 1}',
            mode="NFOV_UNBINNED",
            frames_per_s=30,
            device={"serial": serial},
        ),
    )


def test_bursts_give_infrared_views_depth_and_the_factory_calibration(tmp_path: Path) -> None:
    for number in range(3):
        write_infrared(tmp_path / f"{number}.h5", number)
    write_infrared(tmp_path / "3.h5", 3, serial="k2")
    seen = look(tmp_path, depth="*.h5")
    assert [item.name for item in seen.views] == ["0", "1", "2"]
    assert "k2" in reasons(seen)["3"]
    assert (seen.factory, seen.mode) == (b'{"k": 1}', "NFOV_UNBINNED")
    assert seen.settings == {}
    depth = seen.depth_mm["1"]
    assert depth.dtype == np.float64
    assert (depth[30:] == 620).all()
    assert np.isnan(depth[:20]).all()
    # The mean of eight frames is less noisy than each.
    single = tmp_path / "one"
    single.mkdir()
    noisy = np.random.default_rng(0).normal(picture(0) * 4.0, 30)
    cv2.imwrite(str(single / "0.png"), np.clip(noisy, 0, None).astype(np.uint16))
    alone = look(single, depth="*.png")
    mean = np.median(seen.views[0].seen["depth"].deviation_px)
    assert mean < 0.6 * np.median(alone.views[0].seen["depth"].deviation_px)


def test_a_file_that_changed_since_it_was_saved_is_dropped(folder: Path) -> None:
    images = [
        ImageSource(item.view, item.camera, item.path, item.name, sha256="0" * 64)
        if item.view == "2"
        else item
        for item in find_images(folder)
    ]
    assert "has changed" in reasons(observe(images, CHARUCO, 1))["2"]


def test_problems_of_sources_are_passed_on(folder: Path) -> None:
    skipped = ImageSource("9", None, folder, "9", problem="rejected by the operator")
    seen = observe([*find_images(folder), skipped], CHARUCO, 1)
    assert [(item.view, item.camera) for item in seen.dropped] == [("9", None)]


def test_nothing_usable_is_an_error_that_sums_up_the_reasons(folder: Path) -> None:
    (folder / "a0.jpg").write_bytes(b"")
    other = msgspec.structs.replace(CHARUCO, columns=5)
    with pytest.raises(InputError, match=r"none of the 3 images .*\(2 of 3\).*empty"):
        observe(find_images(folder)[:3], other, 2)
    with pytest.raises(InputError, match="there are no images"):
        observe([], CHARUCO, 1)
