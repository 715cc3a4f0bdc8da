"""Sessions become triples: what is used, what is left out, what is done again."""

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
from idfd.model.curation import Curation
from idfd.model.defocus import DefocusModel
from idfd.model.limits import Limit
from idfd.model.rig import RigCalibration
from idfd.model.schema import encode, load
from idfd.model.session import CALIBRATION, TAKE, TakeRecord
from idfd.model.triple import TripleRecord
from idfd.processing.check import SceneLimits
from idfd.processing.config import ProcessConfig
from idfd.processing.pipeline.local import LocalScheduler
from idfd.processing.pipeline.run import Choice, Outcome, process
from idfd.processing.pipeline.sources import merge, open_source
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
LIMITS = SceneLimits(
    # The photos of the fake rig are exposed far apart, and their blur is that of no lens.
    exposure=Limit(warn=3, fail=4, unit="stops"),
    sharpness=Limit(warn=0, fail=0, unit="times", higher_is_better=True),
    blur_ratio=Limit(warn=99, fail=99, unit="times"),
    blur_correlation=Limit(warn=-1, fail=-1, unit="", higher_is_better=True),
)
CONFIG = ProcessConfig(limits=LIMITS)


def shoot(folder: Path, scenes: int, calibration: RigCalibration | None = GEOMETRY) -> Session:
    rig: FakeRig = fake_rig(frames=5)
    with rig, Session.create(folder, "outing", rig.profile, calibration) as session:
        shooter = Shooter(session, rig)
        shooter.set_exposure(0.125)
        for index in range(scenes):
            scene = session.add_scene(f"desk-{index}", f"office-{index}", "office")
            assert shooter.shoot(scene).verdict != "fail"
    return session


def run(
    session: Path, output: Path, choice: Choice = Choice(), calibration: Path | None = None
) -> Outcome:
    """Process in this process, which starts at once."""
    with LocalScheduler(1) as scheduler:
        source = open_source(session, calibration=calibration)
        return process(source, output, CONFIG, scheduler, choice)


def curated(outcome: Outcome) -> Curation:
    assert outcome.curation is not None
    return outcome.curation


def record_of(output: Path, take: str = "desk-0_1") -> TripleRecord:
    return load(TripleRecord, output / "triples" / take / "triple.json")


def test_depth_is_fused_and_moved_to_the_photo(tmp_path: Path) -> None:
    shoot(tmp_path / "session", 2)
    found = curated(run(tmp_path / "session", tmp_path / "out"))
    assert [entry.id for entry in found.triples] == ["desk-0_1", "desk-1_1"]
    assert [scene.environment for scene in found.scenes] == ["office", "office"]
    record = record_of(tmp_path / "out")
    crop = record.crop
    assert record.intrinsics == GEOMETRY.photo.cropped(crop.x, crop.y, crop.width, crop.height)
    assert set(record.stages) == {
        "denoise", "align", "crop", "register", "inpaint", "normalise",
    }  # fmt: skip
    depth = read_depth(tmp_path / "out/triples/desk-0_1/depth.png")
    assert (crop.width, crop.height) == found.size == depth.shape[::-1]
    # A wall at 1.2 m; a camera that stands beside the other sees it at the same depth.
    seen = depth > 0
    assert seen.mean() > 0.9
    assert np.abs(depth[seen].astype(int) - 1200).max() <= 3
    uncertainty = np.load(tmp_path / "out/triples/desk-0_1/uncertainty.npy")
    assert uncertainty.dtype == np.float16
    assert np.isfinite(uncertainty[seen]).all()


def test_rejected_and_failed_takes_are_left_out_with_the_reason(tmp_path: Path) -> None:
    shoot(tmp_path / "session", 3)
    with Session.open(tmp_path / "session") as session:
        session.reject("desk-0_1", "somebody walked in")
    path = tmp_path / "session/scenes/desk-1/desk-1_1" / TAKE
    record = load(TakeRecord, path)
    worse = (msgspec.structs.replace(record.checks[0], verdict="fail"), *record.checks[1:])
    path.write_bytes(encode(msgspec.structs.replace(record, checks=worse, verdict="fail")))
    found = curated(run(tmp_path / "session", tmp_path / "out"))
    assert [entry.id for entry in found.triples] == ["desk-2_1"]
    reasons = {entry.path: entry.reason for entry in found.audit}
    assert "rejected" in reasons["scenes/desk-0/rejected/desk-0_1"]
    assert record.checks[0].name in reasons["scenes/desk-1/desk-1_1"]


def test_a_changed_burst_is_named_and_the_rest_go_on(tmp_path: Path) -> None:
    shoot(tmp_path / "session", 2)
    burst = tmp_path / "session/scenes/desk-1/desk-1_1/depth.h5"
    burst.write_bytes(burst.read_bytes() + b"x")
    found = run(tmp_path / "session", tmp_path / "out")
    assert [entry.id for entry in curated(found).triples] == ["desk-0_1"]
    assert "depth.h5" in found.failed["desk-1_1"]
    assert "changed" in found.failed["desk-1_1"]


def test_a_session_without_calibration_says_what_to_do_for_each_take(tmp_path: Path) -> None:
    shoot(tmp_path / "session", 1, calibration=None)
    found = run(tmp_path / "session", tmp_path / "out")
    assert "idfd calibrate solve" in found.failed["desk-0_1"]


@pytest.mark.parametrize("damage", [b"{}", b"", b"{", b"NaN"])
def test_a_damaged_calibration_is_an_error_of_each_take(tmp_path: Path, damage: bytes) -> None:
    shoot(tmp_path / "session", 1)
    (tmp_path / "session" / CALIBRATION).write_bytes(damage)
    found = run(tmp_path / "session", tmp_path / "out")
    assert CALIBRATION in found.failed["desk-0_1"]


def test_photos_of_another_size_than_calibrated_are_refused(tmp_path: Path) -> None:
    larger = msgspec.structs.replace(
        GEOMETRY, photo=msgspec.structs.replace(GEOMETRY.photo, width=480, height=320)
    )
    shoot(tmp_path / "session", 1, calibration=larger)
    found = run(tmp_path / "session", tmp_path / "out")
    assert "240x160" in found.failed["desk-0_1"]


def test_a_calibration_made_later_takes_the_place_of_the_session_s_own(tmp_path: Path) -> None:
    shoot(tmp_path / "session", 1, calibration=None)
    later = tmp_path / "later.json"
    with pytest.raises(InputError, match="cannot be read"):
        run(tmp_path / "session", tmp_path / "out", calibration=later)
    later.write_bytes(encode(BLURRED))
    assert not run(tmp_path / "session", tmp_path / "out", calibration=later).failed
    record = record_of(tmp_path / "out")
    assert record.blur == BLUR
    assert record.sources["calibration"].sha256 == sha256_file(later)
    assert record.sources["calibration"].path == "../later.json"


def test_a_changed_calibration_does_again_what_rests_on_it(tmp_path: Path) -> None:
    shoot(tmp_path / "session", 1, BLURRED)
    calibration = tmp_path / "session" / CALIBRATION

    def ran() -> set[str]:
        outcome = run(tmp_path / "session", tmp_path / "out")
        return {stage for stage, count in outcome.ran.items() if count}

    assert len(ran()) == 7
    assert ran() == set()
    # Another focus: depth and alignment do not ask for it, the record of the triple does.
    moved = msgspec.structs.replace(BLUR, focus_distance_m=1.2)
    calibration.write_bytes(encode(msgspec.structs.replace(GEOMETRY, blur=moved)))
    assert ran() == {"check"}
    assert record_of(tmp_path / "out").blur == moved
    # Another place of the depth camera: only what does not look at it stays.
    nearer = msgspec.structs.replace(GEOMETRY.depth_to_photo, translation_mm=(-20.0, 0.0, 0.0))
    calibration.write_bytes(encode(msgspec.structs.replace(BLURRED, depth_to_photo=nearer)))
    assert ran() == {"crop", "register", "inpaint", "normalise", "check"}


def test_a_take_at_another_aperture_gets_no_blur(tmp_path: Path) -> None:
    wider = msgspec.structs.replace(BLUR, f_number=4.0)
    shoot(tmp_path / "session", 1, msgspec.structs.replace(GEOMETRY, blur=wider))
    (entry,) = curated(run(tmp_path / "session", tmp_path / "out")).triples
    assert record_of(tmp_path / "out").blur is None
    assert "shot at f/2.8, but the blur was calibrated at f/4" in entry.reasons[-1]


def test_a_blur_of_other_photos_is_refused(tmp_path: Path) -> None:
    shoot(tmp_path / "session", 1)
    later = tmp_path / "later.json"
    for change, words in (
        ({"width": 480, "height": 320}, "480x320"),
        ({"centre": (119.5, 82.0)}, "(119.5, 82.0)"),
    ):
        other = msgspec.structs.replace(BLUR, **change)
        later.write_bytes(encode(msgspec.structs.replace(GEOMETRY, blur=other)))
        found = run(tmp_path / "session", tmp_path / "out", calibration=later)
        assert words in found.failed["desk-0_1"]
        assert "idfd calibrate defocus" in found.failed["desk-0_1"]


def test_sessions_with_the_same_names_are_told_apart_by_a_prefix(tmp_path: Path) -> None:
    shoot(tmp_path / "monday", 1)
    shoot(tmp_path / "tuesday", 1)
    both = [open_source(tmp_path / day) for day in ("monday", "tuesday")]
    with pytest.raises(InputError, match="desk-0_1.*--prefix"):
        merge(both, prefix=False)
    both[1].name = "later"
    together = merge(both, prefix=True)
    assert [take.id for take in together.takes] == ["outing-desk-0_1", "later-desk-0_1"]
    # A room is one room however often it is visited.
    assert {scene.group for scene in together.scenes} == {"office-0"}
    with LocalScheduler(1) as scheduler:
        found = process(together, tmp_path / "out", CONFIG, scheduler)
    assert not found.failed
    assert len(curated(found).triples) == 2


def test_only_stage_force_and_dry_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shoot(tmp_path / "session", 2)
    settings = tmp_path / "settings.yaml"
    settings.write_text(
        "limits:\n  exposure: {warn: 3, fail: 4, unit: stops}\n"
        "  sharpness: {warn: 0, fail: 0, unit: times, higher_is_better: true}\n"
    )

    def command(*options: str) -> str:
        arguments = ["process", str(tmp_path / "session"), "-o", str(tmp_path / "out")]
        with pytest.raises(SystemExit) as caught:
            main([*arguments, "--workers", "1", "--config", str(settings), *options])
        assert caught.value.code == 0
        return capsys.readouterr().out

    assert "desk-1_1" in command("--dry-run")
    assert not (tmp_path / "out").exists()
    assert "denoise 1\n" in command("--stage", "denoise", "--only", "desk-0")
    assert "desk-0_1" in (said := command("--dry-run", "--only", "desk-0"))
    assert "desk-1_1" not in said
    assert "up to date" in said
    assert "denoise 1, align 2" in command()
    assert "nothing changed" in command()
    assert "denoise 1, align 1, crop 1" in command("--force", "--only", "*1_1")
    # The index still knows the take that was left alone.
    assert "2 triples" in command()
    assert "forced" in command("--dry-run", "--force")
