from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
from fake_rig import PLAN, fake_rig, write_photo

from idfd.capture.session.importer import ImportOptions, import_session
from idfd.capture.session.reader import SessionReader
from idfd.capture.session.verify import verify_session
from idfd.errors import InputError
from idfd.storage.bursts import read_burst, write_burst

Form = Literal["jpeg", "raw+jpeg"]
NOON = datetime(2024, 5, 1, 12, 0, 0)


class Lab:
    """Somebody who shoots by hand: a folder of photos, another of depth."""

    def __init__(self, root: Path) -> None:
        self.photos, self.depth = root / "photos", root / "depth"
        for folder in (self.photos, self.depth):
            folder.mkdir()
        self.rig = fake_rig(photo_size=(96, 64), depth_size=(32, 24))
        self.rig.connect()

    def photo(self, name: str, at: datetime, *, sharp: bool, form: Form = "raw+jpeg") -> None:
        path = self.photos / name
        path.parent.mkdir(exist_ok=True)
        settings = replace(PLAN.all_in_focus if sharp else PLAN.defocused, format=form)
        write_photo(self.rig.photo, path, settings, at)

    def pair(self, first: int, at: datetime, folder: str = "", form: Form = "raw+jpeg") -> None:
        self.photo(f"{folder}DSC_{first:04d}", at, sharp=True, form=form)
        later = at + timedelta(seconds=8)
        self.photo(f"{folder}DSC_{first + 1:04d}", later, sharp=False, form=form)

    def burst(self, name: str, at: datetime) -> None:
        burst = self.rig.depth.burst(3, 0)
        stamps = np.full(3, int(at.timestamp() * 1e9), np.int64)
        write_burst(self.depth / f"{name}.h5", replace(burst, system_ns=stamps))


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return Lab(tmp_path)


def minutes(count: float) -> datetime:
    return NOON + timedelta(minutes=count)


def test_folders_become_a_session(lab: Lab, tmp_path: Path) -> None:
    lab.pair(1, minutes(0), "kitchen/")
    lab.pair(3, minutes(10), "kitchen/")
    lab.pair(5, minutes(20), "hall/", form="jpeg")
    for number, when in enumerate((20.5, 0.5, 10.5)):
        lab.burst(f"burst-{number}", minutes(when))
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    result = import_session(
        lab.photos, lab.depth, tmp_path / "day", options=ImportOptions(environment="lab")
    )
    assert result.left_out == {}
    reader = SessionReader(tmp_path / "day")
    assert reader.takes() == list(result.takes)
    assert [(t.id, t.group, t.verdict) for t in result.takes] == [
        ("kitchen-DSC_0001_1", "kitchen", "pass"),
        ("kitchen-DSC_0003_1", "kitchen", "pass"),
        ("hall-DSC_0005_1", "hall", "pass"),
    ]
    names = [[item.camera_name for item in take.files] for take in result.takes]
    assert names[0] == [
        "DSC_0001.jpg", "DSC_0001.nef", "DSC_0002.jpg", "DSC_0002.nef", "burst-1.h5",
    ]  # fmt: skip
    assert names[2] == ["DSC_0005.jpg", "DSC_0006.jpg", "burst-0.h5"]
    assert [(i.role, i.kind, i.file.path) for i in result.takes[2].files] == [
        ("all_in_focus", "jpeg", "all_in_focus.jpg"),
        ("defocused", "jpeg", "defocused.jpg"),
        ("depth", "burst", "depth.h5"),
    ]
    assert result.takes[0].exposure_residual_stops == pytest.approx(0.006, abs=0.02)
    assert verify_session(tmp_path / "day").damage == ()
    assert "Every file is used" in (tmp_path / "day" / "audit.md").read_text()
    after = {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file() and p in before}
    assert after == before


def test_every_file_is_accounted_for(lab: Lab, tmp_path: Path) -> None:
    lab.pair(1, minutes(0))
    lab.burst("a", minutes(1))
    lab.pair(3, minutes(60))  # no depth
    lab.photo("DSC_0009", minutes(90), sharp=True, form="jpeg")  # no partner
    lab.burst("b", minutes(200))  # no photos
    (lab.depth / "c.h5").write_bytes(b"not HDF5")
    (lab.photos / "broken.jpg").write_bytes(b"\xff\xd8\xff")
    (lab.photos / "notes.txt").write_text("x")
    lab.pair(11, minutes(300))  # a photo that cannot be decoded
    lab.burst("d", minutes(301))
    photo = lab.photos / "DSC_0011.jpg"
    photo.write_bytes(photo.read_bytes()[:-200])
    result = import_session(lab.photos, lab.depth, tmp_path / "day")
    assert [take.id for take in result.takes] == ["DSC_0001_1"]
    reasons = {path.name: reason for path, reason in result.left_out.items()}
    used = {item.camera_name for take in result.takes for item in take.files}
    everything = {p.name for root in (lab.photos, lab.depth) for p in root.rglob("*")}
    assert used | reasons.keys() == everything
    assert not used & reasons.keys()
    assert "no depth of that name, and none within 300 s" in reasons["DSC_0003.nef"]
    assert "(the nearest began" in reasons["DSC_0003.nef"]
    assert (
        "no photo at the other aperture within 60 s (it was taken at f/10)"
        in reasons["DSC_0009.jpg"]
    )
    assert reasons["b.h5"] == "no pair of photos within 300 s"
    assert "HDF5" in reasons["c.h5"]
    assert "EXIF" in reasons["broken.jpg"]
    assert reasons["notes.txt"] == "neither a photo nor depth"
    for name in ("DSC_0011.jpg", "DSC_0012.nef", "d.h5"):
        assert "truncated" in reasons[name]
    audit = (tmp_path / "day" / "audit.md").read_text()
    assert all(f"`{name}`" in audit for name in everything)
    assert str(tmp_path) not in audit
    assert verify_session(tmp_path / "day").damage == ()


def test_a_name_counts_more_than_the_time(lab: Lab, tmp_path: Path) -> None:
    lab.pair(1, minutes(0))
    lab.pair(3, minutes(2))
    lab.burst("DSC_0004", minutes(0))  # by time it would be that of the first pair
    lab.burst("other", minutes(2))
    result = import_session(lab.photos, lab.depth, tmp_path / "day")
    depth = {take.id: take.files[-1].camera_name for take in result.takes}
    assert depth == {"DSC_0001_1": "other.h5", "DSC_0003_1": "DSC_0004.h5"}


def test_clocks_that_differ_can_be_told(lab: Lab, tmp_path: Path) -> None:
    lab.pair(1, minutes(0))
    lab.burst("a", minutes(-120))
    with pytest.raises(InputError, match=r"nearest began -7200 s from it.*clock offset"):
        import_session(lab.photos, lab.depth, tmp_path / "day")
    assert not (tmp_path / "day").exists()
    options = ImportOptions(clock_offset_s=7200)
    result = import_session(lab.photos, lab.depth, tmp_path / "day", options=options)
    assert len(result.takes) == 1


def test_scenes_of_one_name_are_kept_apart(lab: Lab, tmp_path: Path) -> None:
    lab.pair(1, minutes(0), "a b/")
    lab.pair(1, minutes(10), "a-b/")
    lab.burst("x", minutes(0))
    lab.burst("y", minutes(10))
    result = import_session(lab.photos, lab.depth, tmp_path / "day")
    assert [take.scene for take in result.takes] == ["a-b-DSC_0001", "a-b-DSC_0001-2"]


def test_files_can_be_linked(lab: Lab, tmp_path: Path) -> None:
    lab.pair(1, minutes(0))
    lab.burst("a", minutes(0))
    import_session(lab.photos, lab.depth, tmp_path / "day", options=ImportOptions(link=True))
    take = SessionReader(tmp_path / "day").find("DSC_0001_1").folder
    assert (take / "all_in_focus.nef").samefile(lab.photos / "DSC_0001.nef")
    assert verify_session(tmp_path / "day").damage == ()


def test_a_session_is_not_imported_over_another(lab: Lab, tmp_path: Path) -> None:
    lab.pair(1, minutes(0))
    lab.burst("a", minutes(0))
    import_session(lab.photos, lab.depth, tmp_path / "day")
    with pytest.raises(InputError, match="empty folder for a new session"):
        import_session(lab.photos, lab.depth, tmp_path / "day")
    with pytest.raises(InputError, match="there is no such folder"):
        import_session(tmp_path / "nowhere", None, tmp_path / "other")


@pytest.mark.real
def test_a_real_recording_is_kept_and_read(lab: Lab, tmp_path: Path, real_data: Path) -> None:
    pytest.importorskip("av")
    recording = real_data / "kinect" / "pyk4a" / "recording.mkv"
    lab.pair(1, minutes(0))
    (lab.depth / "dsc_0002.MKV").write_bytes(recording.read_bytes())
    result = import_session(lab.photos, lab.depth, tmp_path / "day")
    (take,) = result.takes
    folder = SessionReader(tmp_path / "day").find(take.id).folder
    assert (folder / "depth.mkv").read_bytes() == recording.read_bytes()
    assert [(item.kind, item.file.path) for item in take.files[-2:]] == [
        ("recording", "depth.mkv"),
        ("burst", "depth.h5"),
    ]
    burst = read_burst(folder / "depth.h5")
    assert burst.depth.shape[1:] == (576, 640)
    assert take.depth.frames == len(burst)
    assert take.depth.mode == "NFOV_UNBINNED"
