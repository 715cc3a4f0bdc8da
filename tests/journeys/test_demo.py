"""Every user's path, from the rendered rig on, through the command line as a user types it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import cv2
import h5py
import msgspec
import numpy as np
import pytest

from idfd import IDFD
from idfd.capture.session.reader import SessionReader
from idfd.capture.session.verify import verify_session
from idfd.cli.main import main
from idfd.model import schema
from idfd.model.board import Board
from idfd.model.calibration import CalibrationReport
from idfd.model.rig import RigCalibration
from idfd.model.triple import DepthSource, TripleRecord
from idfd.processing.depth.maps import DepthMap
from idfd.processing.depth.register import register
from idfd.storage.images import read_depth


def run(*arguments: object) -> int:
    with pytest.raises(SystemExit) as caught:
        main([str(argument) for argument in arguments])
    return int(str(caught.value.code))


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("demo")
    assert run("demo", "-o", folder, "--scenes", 5) == 0
    return folder


def test_the_demo_leaves_what_it_says(demo: Path) -> None:
    for name in ("report.html", "demo.card.html", "demo.card.md", "demo.h5", "session/index.html"):
        assert (demo / name).stat().st_size > 100
    page = (demo / "report.html").read_text()
    # Portable: nothing is fetched from anywhere.
    assert not re.findall(r"(?:src|href)=[\"']?(?:https?:|//)", page)


def test_registered_depth_is_the_truth(demo: Path) -> None:
    """Depth on the photo's pixels against the geometry of the rooms, of two sources.

    Without the sensor's errors what is left is rounding to millimetres. The fused burst keeps the
    multipath bias of the rendered Kinect, a few millimetres, which no fusion removes.
    """
    rig = schema.load(RigCalibration, demo / "session/calibration.json")
    folders = sorted((demo / "processed/triples").iterdir())
    assert len(folders) == 5
    for folder in folders:
        record = schema.load(TripleRecord, folder / "triple.json")
        with h5py.File(demo / f"session/scenes/{record.scene}/{record.id}/truth.h5") as file:
            truth = np.asarray(file["photo/depth"], np.float64)[record.crop.window]
            ideal = np.rint(np.asarray(file["kinect/depth"])).astype(np.uint16)
        exact = register(DepthMap.of_image(ideal, DepthSource.FUSED), rig, record.crop).depth
        fused = read_depth(folder / "depth.png")
        for depth, median_mm in ((exact, 0.4), (fused, 8.0)):
            both = (depth > 0) & (truth > 0)
            assert both.mean() > 0.5
            error = np.abs(depth - truth)[both]
            assert np.median(error) < median_mm
            # At edges a pixel of the photo may lie on the other side.
            assert np.mean(error < 30) > 0.96


def test_the_calibration_is_the_rig(demo: Path) -> None:
    found = schema.load(RigCalibration, demo / "calibration/calibration.json")
    true = schema.load(RigCalibration, demo / "session/calibration.json")
    for name, most in (("fx", 0.0005 * true.photo.fx), ("fy", 0.0005 * true.photo.fy),
                       ("cx", 0.5), ("cy", 0.5)):  # fmt: skip
        assert abs(getattr(found.photo, name) - getattr(true.photo, name)) < most
    mounts = (found.depth_to_photo, true.depth_to_photo)
    shifts, turns = ([np.array(getattr(mount, name)) for mount in mounts]
                     for name in ("translation_mm", "rotation"))  # fmt: skip
    assert np.linalg.norm(shifts[0] - shifts[1]) < 0.3
    assert np.degrees(np.linalg.norm(cv2.Rodrigues(turns[0] @ turns[1].T)[0])) < 0.02
    assert found.reference is not None
    # The draft renderer blurs more than its lens would; see docs/simulated-rig.md.
    assert found.blur is not None
    assert found.blur.focus_distance_m == pytest.approx(true.focus_distance_m, rel=0.1)


def test_a_print_of_the_wrong_size_is_found_out(demo: Path, tmp_path: Path) -> None:
    board = schema.load(Board, demo / "boards/board.json")
    wrong = msgspec.structs.replace(board, square_mm=board.square_mm * 1.03)
    (tmp_path / "wrong.json").write_bytes(schema.encode(wrong))
    out = tmp_path / "calibration"
    run("calibrate", "solve", demo / "boards", "--board", tmp_path / "wrong.json", "-o", out)
    checks = {c.name: c for c in schema.load(CalibrationReport, out / "report.json").checks}
    assert checks["print_scale"].verdict == "warn"
    assert checks["print_scale"].value == pytest.approx(100 * (1 - 1 / 1.03), abs=1.0)


def test_a_calibration_is_checked_on_other_scenes(demo: Path, tmp_path: Path) -> None:
    path = demo / "calibration/calibration.json"
    assert run("calibrate", "check", path, demo / "session", "--overlay", tmp_path) == 0
    assert list(tmp_path.glob("*.png"))
    rig = schema.load(RigCalibration, path)
    bump = cv2.Rodrigues(np.radians([0.0, 1.0, 0.0]))[0] @ np.array(rig.depth_to_photo.rotation)
    rows = tuple(tuple(float(value) for value in row) for row in bump)
    moved = msgspec.structs.replace(rig.depth_to_photo, rotation=rows)
    bumped = msgspec.structs.replace(rig, depth_to_photo=moved, reference=None)
    (tmp_path / "bumped.json").write_bytes(schema.encode(bumped))
    assert run("calibrate", "check", tmp_path / "bumped.json", demo / "session") == 1


def test_the_release_holds_the_metric_defocus_map(demo: Path) -> None:
    everything = IDFD(demo / "demo.h5", split="train")
    assert everything.has_defocus
    triple = everything[0]
    assert triple.defocus is not None
    assert np.array_equal(np.isfinite(triple.defocus), triple.measured & (triple.depth > 0))


def test_the_photos_were_taken_as_planned(demo: Path) -> None:
    session = SessionReader(demo / "session")
    for take in session.takes():
        assert (take.all_in_focus.f_number, take.defocused.f_number) == (10.0, 2.8)
        assert abs(take.exposure_residual_stops or 0) < 0.05
        assert take.simulated
    assert not verify_session(demo / "session").damage


def test_a_second_demo_changes_nothing(demo: Path) -> None:
    before = (demo / "demo.h5").read_bytes()
    assert run("demo", "-o", demo, "--scenes", 5) == 0
    assert (demo / "demo.h5").read_bytes() == before


def test_the_maintainer_draws_splits_and_shows(
    demo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    splits, release = tmp_path / "splits.json", tmp_path / "own.h5"
    assert run("release", "split", demo / "processed", "-o", splits,
               "--share", "train=0.6", "--share", "test=0.4") == 0  # fmt: skip
    assert run("release", "build", demo / "processed", "-o", release, "--version", "1.2.3",
               "--splits", splits, "--name", "own") == 0  # fmt: skip
    capsys.readouterr()
    assert run("release", "verify", release, "--json") == 0
    report = json.loads(capsys.readouterr().out)
    assert report["findings"] == []
    assert report["checked"]["array checksum"] > 20
    assert run("release", "info", release, "--json") == 0
    assert json.loads(capsys.readouterr().out)["version"] == "1.2.3"
    picture = tmp_path / "triple.png"
    assert run("release", "show", release, IDFD(release).ids[0], "-o", picture) == 0
    assert run("release", "show", release, "-o", tmp_path / "sheet.png") == 0
    for path in (picture, tmp_path / "sheet.png"):
        image = cv2.imread(str(path))
        assert image is not None
        assert image.shape[1] > 400


def test_the_researcher_scores_own_predictions(
    demo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    test = IDFD(demo / "demo.h5", split="test")
    folder = tmp_path / "mine"
    (folder / "depth").mkdir(parents=True)
    for triple in test:
        guess = np.where(triple.depth > 0, triple.depth.astype(np.uint32) + 100, 1000)
        cv2.imwrite(str(folder / "depth" / f"{triple.record.id}.png"), guess.astype(np.uint16))
    results = tmp_path / "mine.json"
    assert run("benchmark", "evaluate", demo / "demo.h5", "--predictions", folder,
               "-o", results) == 0  # fmt: skip
    found = json.loads(results.read_text())
    assert found["metrics"]["rmse"]["mean"] == pytest.approx(0.1, abs=1e-6)
    page = tmp_path / "report.html"
    others = [demo / "results" / f"{name}.json" for name in ("identity", "median-depth")]
    assert run("benchmark", "report", results, *others, "-o", page) == 0
    assert "median-depth" in page.read_text()
    capsys.readouterr()


def test_a_damaged_release_is_refused_by_verify(demo: Path, tmp_path: Path) -> None:
    data = bytearray((demo / "demo.h5").read_bytes())
    data[-5000] ^= 0x10
    bad = tmp_path / "bad.h5"
    bad.write_bytes(data)
    assert run("release", "verify", bad) == 1
