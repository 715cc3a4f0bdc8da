from __future__ import annotations

import shutil
from datetime import datetime, timedelta
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from idfd.errors import InputError
from idfd.model.capture import Collection
from idfd.release.importers import import_dataset
from idfd.release.importers.dfd_indoor import read
from idfd.release.importers.dfd_views import parse_stamp, take_ids
from idfd.storage.hashing import sha256_file

START = datetime(2018, 4, 26, 16, 38, 31, 689710)
SHARP, WIDE = "dfd_dataset_indoor_N8", "dfd_dataset_indoor_N2_8"


class Folder:
    """A tiny dataset in the published layout, one file at a time."""

    def __init__(self, root: Path, separator: str = ":") -> None:
        self.root = root
        self.separator = separator

    def name(self, seconds: float) -> str:
        stamp = (START + timedelta(seconds=seconds)).isoformat(timespec="microseconds")
        return stamp.replace(":", self.separator)

    def photo(self, seconds: float, split: str = "train", size: tuple[int, int] = (24, 16)) -> None:
        for aperture, level in ((SHARP, 200), (WIDE, 90)):
            path = self.root / aperture / "rgb" / split / f"{self.name(seconds)}.JPG"
            path.parent.mkdir(parents=True, exist_ok=True)
            image = np.full((size[1], size[0], 3), level, np.uint8)
            path.write_bytes(cv2.imencode(".jpg", image)[1].tobytes())

    def depth(self, seconds: float, split: str = "train", value: int = 1500) -> None:
        for aperture in (SHARP, WIDE):
            path = self.root / aperture / "depth" / split / f"{self.name(seconds)}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            image = np.full((16, 24), value, np.uint16)
            path.write_bytes(cv2.imencode(".png", image)[1].tobytes())

    def file(self, aperture: str, kind: str, seconds: float, split: str = "train") -> Path:
        suffix = "JPG" if kind == "rgb" else "png"
        return self.root / aperture / kind / split / f"{self.name(seconds)}.{suffix}"


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    """Two views 20 s apart, a third after a pause, and a test view."""
    made = Folder(tmp_path / "set")
    for seconds in (0, 20, 400):
        made.photo(seconds)
        made.depth(seconds - 0.1)
    made.photo(450, "test")
    made.depth(449.8, "test")
    return made


def account(collection: Collection, root: Path) -> None:
    """Every file is used by a take, its identical copy is, or the audit names it."""
    used = {file.path for take in collection.takes for file in take.files.values()}
    hashes = {file.sha256 for take in collection.takes for file in take.files.values()}
    told = " ".join(f"{entry.path} {entry.reason}" for entry in collection.audit)
    for path in root.rglob("*"):
        if path.is_file() and not path.name.startswith("."):
            name = path.relative_to(root).as_posix()
            assert name in used or name in told or sha256_file(path) in hashes, name


def test_views_are_paired_grouped_and_split(folder: Folder) -> None:
    collection = read(folder.root)
    assert [take.id for take in collection.takes] == [
        "20180426T163831",
        "20180426T163851",
        "20180426T164511",
        "20180426T164601",
    ]
    assert [t.scene for t in collection.takes] == [f"office-0{k}" for k in (1, 1, 2, 2)]
    take = collection.takes[0]
    assert take.files["all_in_focus"].path.startswith(f"{SHARP}/rgb/train/")
    assert take.files["defocused"].path.startswith(f"{WIDE}/rgb/train/")
    depth = take.files["depth_inpainted"]
    assert depth.sha256 == sha256_file(folder.root / depth.path)
    assert (take.all_in_focus.f_number, take.defocused.f_number) == (8, 2.8)
    assert take.depth_filled
    assert take.taken_at == "2018-04-26T16:38:31.689710"
    assert collection.splits is not None
    assert collection.splits.origin == "published"
    assert [len(split.takes) for split in collection.splits.splits] == [3, 1]
    # The test view follows the third view after 50 s: one group in two published splits, which
    # is kept as it is, and which the verification of a release then reports.
    assert collection.takes[3].scene == collection.takes[2].scene
    assert collection.audit == ()
    account(collection, folder.root)


def test_intrinsics_are_nominal(folder: Folder) -> None:
    lens = read(folder.root).takes[0].intrinsics
    assert lens is not None
    assert lens.origin == "nominal"
    assert (lens.width, lens.height, lens.cx, lens.cy) == (24, 16, 11.5, 7.5)
    assert lens.pixel_pitch_um == pytest.approx(3872 * 6.05 / 24)
    assert lens.fx == lens.fy == pytest.approx(35e3 / (3872 * 6.05 / 24))


def test_a_missing_depth_does_not_shift_the_others(folder: Folder) -> None:
    for aperture in (SHARP, WIDE):
        folder.file(aperture, "depth", -0.1).unlink()
    folder.depth(30)
    collection = read(folder.root)
    assert [take.id for take in collection.takes] == [
        "20180426T163851",
        "20180426T164511",
        "20180426T164601",
    ]
    expected = folder.file(SHARP, "depth", 19.9).relative_to(folder.root).as_posix()
    assert collection.takes[0].files["depth_inpainted"].path == expected
    photo, depth = sorted(collection.audit, key=lambda entry: "depth/" in entry.path)
    assert (photo.kind, depth.kind) == ("orphan", "orphan")
    assert folder.name(0) in photo.path
    assert "nearest is 19.90 s away" in photo.reason
    assert folder.name(30) in depth.path
    account(collection, folder.root)


def test_a_photo_of_one_aperture_is_an_orphan(folder: Folder) -> None:
    folder.file(WIDE, "rgb", 20).unlink()
    collection = read(folder.root)
    assert len(collection.takes) == 3
    assert {entry.kind for entry in collection.audit} == {"orphan"}
    assert any("no photo at f/2.8" in entry.reason for entry in collection.audit)
    account(collection, folder.root)


@pytest.mark.parametrize("separator", ["_", "-"])
def test_names_copied_to_windows(tmp_path: Path, separator: str) -> None:
    made = Folder(tmp_path, separator)
    made.photo(0)
    made.depth(0.2)
    assert [take.id for take in read(tmp_path).takes] == ["20180426T163831"]


def test_unfit_files_take_their_view_out_and_are_named(folder: Folder) -> None:
    truncated = folder.file(WIDE, "rgb", 0)
    truncated.write_bytes(truncated.read_bytes()[:-40])
    for aperture in (SHARP, WIDE):
        grey = folder.file(aperture, "depth", 19.9)
        grey.write_bytes(cv2.imencode(".png", np.full((16, 24), 99, np.uint8))[1].tobytes())
    folder.photo(400, size=(30, 16))
    collection = read(folder.root)
    assert [take.id for take in collection.takes] == ["20180426T164601"]
    kinds = {entry.path: entry.kind for entry in collection.audit}
    assert kinds[truncated.relative_to(folder.root).as_posix()] == "unreadable"
    assert kinds[folder.file(SHARP, "depth", 19.9).relative_to(folder.root).as_posix()] == (
        "not_metric"
    )
    mismatch = folder.file(SHARP, "rgb", 400).relative_to(folder.root).as_posix()
    assert kinds[mismatch] == "size_mismatch"
    assert collection.splits is not None
    assert [len(split.takes) for split in collection.splits.splits] == [0, 1]
    account(collection, folder.root)


def test_a_depth_copy_that_differs_is_told(folder: Folder) -> None:
    copy = folder.file(WIDE, "depth", -0.1)
    copy.write_bytes(cv2.imencode(".png", np.full((16, 24), 1600, np.uint16))[1].tobytes())
    collection = read(folder.root)
    assert len(collection.takes) == 4
    (entry,) = collection.audit
    assert (entry.kind, entry.path) == ("unexpected", copy.relative_to(folder.root).as_posix())


def test_stray_files_are_named_and_hidden_ones_ignored(folder: Folder) -> None:
    (folder.root / "README.txt").write_text("about")
    (folder.root / ".DS_Store").write_text("x")
    (folder.root / SHARP / "rgb" / "train" / "Thumbs.db").write_text("x")
    stray = folder.root / SHARP / "rgb" / "validation"
    stray.mkdir()
    shutil.copy(folder.file(SHARP, "rgb", 0), stray)
    collection = read(folder.root)
    assert {entry.kind for entry in collection.audit} == {"unexpected"}
    assert {Path(entry.path).name for entry in collection.audit} == {
        "README.txt",
        "Thumbs.db",
        f"{folder.name(0)}.JPG",
    }


def test_all_views_unfit_is_an_error(tmp_path: Path) -> None:
    made = Folder(tmp_path)
    made.photo(0)
    made.depth(5)
    with pytest.raises(InputError, match="no view has both photos and depth"):
        read(tmp_path)


@given(st.lists(st.integers(0, 5_000_000), min_size=1, max_size=12, unique=True))
def test_ids_are_unique_and_start_with_the_second(offsets: list[int]) -> None:
    times = [START + timedelta(microseconds=offset) for offset in offsets]
    ids = take_ids(times)
    assert len(set(ids)) == len(ids)
    assert all(name[:15] == f"{t:%Y%m%dT%H%M%S}" for name, t in zip(ids, times, strict=True))


def test_ids_within_a_second_get_milliseconds() -> None:
    assert take_ids([START, START + timedelta(milliseconds=100)]) == [
        "20180426T163831.689",
        "20180426T163831.789",
    ]


@given(st.datetimes(datetime(1, 1, 1), datetime(9999, 12, 31)), st.sampled_from(":_-"))
def test_stamps_round_trip(moment: datetime, separator: str) -> None:
    stem = moment.isoformat(timespec="microseconds").replace(":", separator)
    assert parse_stamp(stem) == moment


@pytest.mark.parametrize("stem", ["", "2018-04-26", "2018-13-26T16:38:31.689710", "DSC_0001"])
def test_other_names_are_no_stamps(stem: str) -> None:
    assert parse_stamp(stem) is None


@pytest.mark.real
def test_real_dataset(real_data: Path, tmp_path: Path) -> None:
    root = real_data / "pairs" / "dfd_indoor"
    collection = import_dataset("dfd_indoor", root, tmp_path)
    assert isinstance(collection, Collection)
    assert collection.splits is not None
    assert {s.name: len(s.takes) for s in collection.splits.splits} == {"train": 81, "test": 28}
    depth, photo = collection.audit
    assert (depth.kind, photo.kind) == ("orphan", "orphan")
    assert depth.path.endswith("depth/test/2018-04-26T17:29:05.557451.png")
    assert photo.path.endswith("rgb/test/2018-04-26T17:42:51.901386.JPG")
    lens = collection.takes[0].intrinsics
    assert lens is not None
    assert (lens.width, lens.height) == (645, 432)
    assert lens.pixel_pitch_um == pytest.approx(36.3, abs=0.05)
    stamps = [
        (take.taken_at, Path(take.files["depth_inpainted"].path).stem) for take in collection.takes
    ]
    apart = [
        abs((datetime.fromisoformat(a or "") - datetime.fromisoformat(b)).total_seconds())
        for a, b in stamps
    ]
    assert max(apart) < 0.31
    account(collection, root)
