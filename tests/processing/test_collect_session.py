"""Sessions become collections: what is used, what is left out, what is done again."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import pytest
from fake_rig import FakeRig, fake_rig

from idfd.capture.operator.shooting import Shooter
from idfd.capture.session.store import Session
from idfd.cli.main import main
from idfd.errors import InputError
from idfd.model.camera import Extrinsics, Intrinsics
from idfd.model.defocus import DefocusModel
from idfd.model.limits import Limit
from idfd.model.rig import RigCalibration
from idfd.model.schema import encode, load
from idfd.model.session import CALIBRATION, TAKE, TakeRecord
from idfd.model.triple import TripleRecord
from idfd.processing.curate import CurateConfig, PairLimits
from idfd.processing.curation import curate_collection
from idfd.processing.sessions import collect_session
from idfd.storage.hashing import sha256_file
from idfd.storage.images import read_depth

GEOMETRY = RigCalibration(
    photo=Intrinsics(width=240, height=160, fx=110, fy=110, cx=119.5, cy=79.5),
    depth=Intrinsics(width=64, height=48, fx=50, fy=50, cx=31.5, cy=23.5),
    depth_to_photo=Extrinsics(
        source="depth",
        target="photo",
        rotation=((1, 0, 0), (0, 1, 0), (0, 0, 1)),
        translation_mm=(-40.0, 0.0, 0.0),
    ),
    origin="nominal",
)
BLUR = DefocusModel(
    width=240, height=160, centre=(119.5, 79.5), f_number=2.8, scale_px_m=1.3, focus_distance_m=1.1
)
BLURRED = msgspec.structs.replace(GEOMETRY, blur=BLUR)
# The photos of the fake rig are exposed far apart.
DARK = CurateConfig(limits=PairLimits(exposure=Limit(warn=3, fail=4, unit="stops")))


def shoot(folder: Path, scenes: int, calibration: RigCalibration | None = GEOMETRY) -> Session:
    rig: FakeRig = fake_rig(frames=5)
    with rig, Session.create(folder, "outing", rig.profile, calibration) as session:
        shooter = Shooter(session, rig)
        shooter.set_exposure(0.125)
        for index in range(scenes):
            scene = session.add_scene(f"desk-{index}", f"office-{index}", "office")
            assert shooter.shoot(scene).verdict != "fail"
    return session


def test_depth_is_fused_and_moved_to_the_photo(tmp_path: Path) -> None:
    shoot(tmp_path / "session", 2)
    found = collect_session(tmp_path / "session", tmp_path / "out", workers=1)
    assert [take.id for take in found.takes] == ["desk-0_1", "desk-1_1"]
    assert [scene.environment for scene in found.scenes] == ["office", "office"]
    take = found.takes[0]
    assert (take.depth_frames, take.intrinsics) == (5, GEOMETRY.photo)
    depth = read_depth(Path(found.root) / take.files["depth"].path)
    assert depth.shape == (160, 240)
    seen = depth > 0
    assert seen.mean() > 0.3
    # A wall at 1.2 m; a camera that stands beside the other sees it at the same depth.
    assert np.abs(depth[seen].astype(int) - 1200).max() <= 3


def test_the_collection_can_be_curated(tmp_path: Path) -> None:
    shoot(tmp_path / "session", 1)
    found = collect_session(tmp_path / "session", tmp_path / "out", workers=1)
    curation = curate_collection(found, tmp_path / "triples", workers=1)
    assert not curation.failed
    assert [entry.id for entry in curation.triples] == ["desk-0_1"]


def test_a_second_run_does_only_what_changed(tmp_path: Path) -> None:
    shoot(tmp_path / "session", 2)
    first = collect_session(tmp_path / "session", tmp_path / "out", workers=1)
    maps = sorted((tmp_path / "out/depth").glob("*.png"))
    times = [path.stat().st_mtime_ns for path in maps]
    maps[1].unlink()
    second = collect_session(tmp_path / "session", tmp_path / "out", workers=1)
    assert second == first
    again = [path.stat().st_mtime_ns for path in maps]
    assert again[0] == times[0]
    assert again[1] > times[1]


def test_rejected_and_failed_takes_are_left_out_with_the_reason(tmp_path: Path) -> None:
    shoot(tmp_path / "session", 3)
    with Session.open(tmp_path / "session") as session:
        session.reject("desk-0_1", "somebody walked in")
    path = tmp_path / "session/scenes/desk-1/desk-1_1" / TAKE
    record = load(TakeRecord, path)
    worse = (msgspec.structs.replace(record.checks[0], verdict="fail"), *record.checks[1:])
    path.write_bytes(encode(msgspec.structs.replace(record, checks=worse, verdict="fail")))
    found = collect_session(tmp_path / "session", tmp_path / "out", workers=1)
    assert [take.id for take in found.takes] == ["desk-2_1"]
    reasons = {entry.path: entry.reason for entry in found.audit}
    assert "rejected" in reasons["scenes/desk-0/rejected/desk-0_1"]
    assert record.checks[0].name in reasons["scenes/desk-1/desk-1_1"]


def test_a_changed_burst_is_left_out_and_named(tmp_path: Path) -> None:
    shoot(tmp_path / "session", 2)
    burst = tmp_path / "session/scenes/desk-1/desk-1_1/depth.h5"
    burst.write_bytes(burst.read_bytes() + b"x")
    found = collect_session(tmp_path / "session", tmp_path / "out", workers=1)
    assert [take.id for take in found.takes] == ["desk-0_1"]
    assert [(entry.path, "changed" in entry.reason) for entry in found.audit] == [
        ("desk-1_1", True)
    ]


def test_a_session_without_calibration_says_what_to_do(tmp_path: Path) -> None:
    shoot(tmp_path / "session", 1, calibration=None)
    with pytest.raises(InputError, match=CALIBRATION) as caught:
        collect_session(tmp_path / "session", tmp_path / "out", workers=1)
    assert "Calibrate" in (caught.value.remedy or "")


def test_photos_of_another_size_than_calibrated_are_refused(tmp_path: Path) -> None:
    larger = msgspec.structs.replace(
        GEOMETRY, photo=msgspec.structs.replace(GEOMETRY.photo, width=480, height=320)
    )
    shoot(tmp_path / "session", 1, calibration=larger)
    with pytest.raises(InputError, match="240x160"):
        collect_session(tmp_path / "session", tmp_path / "out", workers=1)


def test_every_take_and_triple_names_the_calibration_and_carries_its_blur(tmp_path: Path) -> None:
    shoot(tmp_path / "session", 1, BLURRED)
    found = collect_session(tmp_path / "session", tmp_path / "out", workers=1)
    digest = sha256_file(tmp_path / "session" / CALIBRATION)
    (take,) = found.takes
    assert take.files["calibration"].sha256 == digest
    assert (Path(found.root) / take.files["calibration"].path).samefile(
        tmp_path / "session" / CALIBRATION
    )
    assert take.blur == BLUR
    curate_collection(found, tmp_path / "triples", DARK, workers=1)
    record = load(TripleRecord, tmp_path / "triples/triples/desk-0_1/triple.json")
    assert record.sources["calibration"].sha256 == digest
    assert record.blur == BLUR


def test_a_calibration_made_later_takes_the_place_of_the_session_s_own(tmp_path: Path) -> None:
    shoot(tmp_path / "session", 1, calibration=None)
    later = tmp_path / "later.json"
    with pytest.raises(InputError, match="no such file") as caught:
        collect_session(tmp_path / "session", tmp_path / "out", workers=1, calibration=later)
    assert "idfd calibrate solve" in (caught.value.remedy or "")
    later.write_bytes(encode(BLURRED))
    found = collect_session(tmp_path / "session", tmp_path / "out", workers=1, calibration=later)
    (take,) = found.takes
    assert take.blur == BLUR
    assert (Path(found.root) / take.files["calibration"].path).samefile(later)
    assert take.files["calibration"].sha256 == sha256_file(later)


def _times(folder: Path, pattern: str) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in sorted(folder.glob(pattern))}


def test_a_changed_calibration_does_again_what_rests_on_it(tmp_path: Path) -> None:
    shoot(tmp_path / "session", 1, BLURRED)
    calibration = tmp_path / "session" / CALIBRATION

    def process() -> tuple[dict[str, int], dict[str, int], dict[str, int]]:
        found = collect_session(tmp_path / "session", tmp_path / "out", workers=1)
        curate_collection(found, tmp_path / "triples", DARK, workers=1)
        return (
            _times(tmp_path / "out", "depth/*.png"),
            _times(tmp_path / "triples", "fits/*.json"),
            _times(tmp_path / "triples", "triples/*/triple.json"),
        )

    first = process()
    assert all(first)
    assert process() == first
    # Another focus: depth and alignment do not ask for it, the record of the triple does.
    moved = msgspec.structs.replace(BLUR, focus_distance_m=1.2)
    calibration.write_bytes(encode(msgspec.structs.replace(GEOMETRY, blur=moved)))
    second = process()
    assert second[:2] == first[:2]
    assert second[2] != first[2]
    record = load(TripleRecord, tmp_path / "triples/triples/desk-0_1/triple.json")
    assert record.blur == moved
    assert record.sources["calibration"].sha256 == sha256_file(calibration)
    # Another place of the depth camera: nothing may stay.
    nearer = msgspec.structs.replace(GEOMETRY.depth_to_photo, translation_mm=(-20.0, 0.0, 0.0))
    calibration.write_bytes(encode(msgspec.structs.replace(BLURRED, depth_to_photo=nearer)))
    third = process()
    assert all(new != old for new, old in zip(third, second, strict=True))


def test_a_take_at_another_aperture_gets_no_blur_and_is_named(tmp_path: Path) -> None:
    wider = msgspec.structs.replace(BLUR, f_number=4.0)
    shoot(tmp_path / "session", 1, msgspec.structs.replace(GEOMETRY, blur=wider))
    found = collect_session(tmp_path / "session", tmp_path / "out", workers=1)
    (take,) = found.takes
    assert take.blur is None
    assert "calibration" in take.files
    (entry,) = found.audit
    assert entry.path == "desk-0_1/defocus"
    assert "shot at f/2.8, but the blur was calibrated at f/4" in entry.reason


def test_a_blur_of_other_photos_is_refused(tmp_path: Path) -> None:
    shoot(tmp_path / "session", 1)
    later = tmp_path / "later.json"
    for change, words in (
        ({"width": 480, "height": 320}, "480x320.*240x160"),
        ({"centre": (119.5, 82.0)}, r"\(119.5, 82.0\).*\(119.5, 79.5\) within a pixel"),
    ):
        other = msgspec.structs.replace(BLUR, **change)
        later.write_bytes(encode(msgspec.structs.replace(GEOMETRY, blur=other)))
        with pytest.raises(InputError, match=f"{words}.*idfd calibrate defocus"):
            collect_session(tmp_path / "session", tmp_path / "out", workers=1, calibration=later)


def test_the_command_tells_how_many_takes_have_a_calibrated_blur(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shoot(tmp_path / "session", 2)
    later = tmp_path / "later.json"
    later.write_bytes(encode(BLURRED))
    for options, count in (([], 0), (["--calibration", str(later)], 2)):
        arguments = ["process", "session", str(tmp_path / "session"), "-o", str(tmp_path / "out")]
        with pytest.raises(SystemExit) as caught:
            main([*arguments, "--workers", "1", *options])
        assert caught.value.code == 0
        assert f"2 takes of 2 scenes, {count} with a calibrated blur" in capsys.readouterr().out
