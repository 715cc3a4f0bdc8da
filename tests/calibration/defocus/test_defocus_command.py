"""``idfd calibrate defocus`` on folders of photos, and what it writes."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from blurred_views import BOARD, CAMERA, TrueLens, board_light, encoded, pose_at, window_of
from click.testing import CliRunner, Result

from idfd.calibration.defocus.calibrate import read_distances
from idfd.calibration.defocus.pairs import find_pairs
from idfd.calibration.sources import ImageSource
from idfd.calibration.views import CameraName
from idfd.cli.calibrate import calibrate
from idfd.errors import IdfdError, InputError
from idfd.model import schema
from idfd.model.calibration import CalibrationReport
from idfd.model.camera import CameraSettings, Extrinsics, Intrinsics
from idfd.model.provenance import provenance
from idfd.model.rig import RigCalibration
from idfd.storage.hashing import sha256_bytes

LENS = TrueLens(scale=8.0, focus_m=1.2)
DEPTHS = (0.9, 1.2, 1.7, 2.8)
OPTIONS = ("--photos", "sharp*.png", "--defocused", "wide*.png", "--f-numbers", "10", "2.8")
RIG = RigCalibration(
    photo=CAMERA,
    depth=Intrinsics(width=640, height=576, fx=504, fy=504, cx=320, cy=288),
    depth_to_photo=Extrinsics(
        source="depth",
        target="photo",
        rotation=((1, 0, 0), (0, 1, 0), (0, 0, 1)),
        translation_mm=(90, 0, 20),
    ),
    focus_distance_m=1.25,
    origin="calibrated",
)


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("boards")
    half = 208
    for number, depth in enumerate(DEPTHS):
        pose = pose_at(depth, 0.05 * number, -0.03 * number)
        left, top = window_of(pose, half)
        fine = board_light(pose, (left, top), (2 * half, 2 * half))
        circle = LENS.circle(depth, np.array([CAMERA.cx, CAMERA.cy]))
        for name, part, floor in (
            ("sharp", LENS.ratio, LENS.small_floor),
            ("wide", 1.0, LENS.floor),
        ):
            light = np.full((CAMERA.height, CAMERA.width), 0.3, np.float32)
            seen = LENS.blur(fine, part * circle, floor)
            light[top : top + 2 * half, left : left + 2 * half] = seen
            image = encoded(light, 2 * number + (name == "wide"))
            cv2.imwrite(str(folder / f"{name}_{number}.png"), image)
    (folder / "board.json").write_bytes(schema.encode(BOARD))
    return folder


@pytest.fixture
def calibration(tmp_path: Path) -> Path:
    path = tmp_path / "calibration.json"
    path.write_bytes(schema.encode(RIG))
    return path


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(calibrate, ["defocus", *map(str, arguments)])


def test_board_photos_give_the_blur_and_keep_the_rest(photos: Path, calibration: Path) -> None:
    report = CalibrationReport(
        board=BOARD, cameras=(), checks=(), verdict="pass", images={}, provenance=provenance()
    )
    beside = calibration.parent / "report.json"
    beside.write_bytes(schema.encode(report))
    # The report says which board it was.
    done = run(photos, "--calibration", calibration, *OPTIONS)
    assert done.exit_code == 0, done.output
    assert "focus distance" in done.output
    written = schema.load(RigCalibration, calibration)
    assert written.blur is not None
    assert written.blur.focus_distance_m == pytest.approx(LENS.focus_m, rel=0.02)
    assert written.blur.scale_px_m == pytest.approx(LENS.scale, rel=0.03)
    assert written.blur.psf == "disk"
    assert (written.photo, written.depth, written.focus_distance_m) == (CAMERA, RIG.depth, 1.25)
    rows = schema.load(CalibrationReport, beside).blur
    assert {row.f_number for row in rows} == {10.0, 2.8}
    assert written.sources["report"].sha256 == sha256_bytes(beside.read_bytes())
    page = (calibration.parent / "report.html").read_text(encoding="utf-8")
    assert "blur" in page.lower()


def test_a_list_of_distances_does_without_a_board(photos: Path, calibration: Path) -> None:
    distances = calibration.parent / "distances.csv"
    lines = [f"{number},{depth}" for number, depth in enumerate(DEPTHS)]
    distances.write_text("\n".join(["view,distance_m", *lines]), encoding="utf-8")
    output = calibration.parent / "other" / "calibration.json"
    before = calibration.read_bytes()
    done = run(
        photos, "--calibration", calibration, "--distances", distances, "-o", output, "--json",
        *OPTIONS,
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    told = json.loads(done.output[done.output.index("{") :])
    assert told["blur"]["scale_px_m"] == pytest.approx(LENS.scale, rel=0.03)
    assert calibration.read_bytes() == before
    written = schema.load(RigCalibration, output)
    assert written.blur is not None
    assert written.blur.scale_px_m == pytest.approx(told["blur"]["scale_px_m"])


def test_a_refused_fit_leaves_the_calibration_as_it_was(photos: Path, calibration: Path) -> None:
    before = calibration.read_bytes()
    done = run(
        photos, "--calibration", calibration, "--board", photos / "board.json",
        "--photos", "sharp_[01].png", "--defocused", "wide_[01].png", "--f-numbers", "10", "2.8",
    )  # fmt: skip
    assert isinstance(done.exception, IdfdError)
    assert "at least 3 views" in str(done.exception)
    assert calibration.read_bytes() == before
    assert [path.name for path in calibration.parent.iterdir()] == ["calibration.json"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--photos", "sharp*.png"), "only one of the apertures"),
        (("--photos", "sharp*.png", "--defocused", "wide*.png"), "does not say its aperture"),
        (
            ("--photos", "wide*.png", "--defocused", "sharp*.png", "--f-numbers", "2.8", "10"),
            "Swap the two",
        ),
        (("--photos", "*.png"), "only one of the apertures"),
    ],
)
def test_unclear_photos_are_refused(
    photos: Path, calibration: Path, arguments: tuple[str, ...], message: str
) -> None:
    done = run(photos, "--calibration", calibration, *arguments)
    assert isinstance(done.exception, InputError)
    assert message in str(done.exception)


def test_photos_of_another_size_are_refused(photos: Path, calibration: Path) -> None:
    other = Intrinsics(width=1000, height=800, fx=500, fy=500, cx=500, cy=400)
    data = schema.encode(
        RigCalibration(
            photo=other, depth=RIG.depth, depth_to_photo=RIG.depth_to_photo, origin="calibrated"
        )
    )
    calibration.write_bytes(data)
    done = run(photos, "--calibration", calibration, "--board", photos / "board.json", *OPTIONS)
    assert isinstance(done.exception, InputError)
    assert "2256x1504" in str(done.exception)


def test_a_focus_that_moved_is_named(tmp_path: Path) -> None:
    def source(view: str, number: float, focus: float) -> ImageSource:
        settings = CameraSettings(f_number=number, focus_distance_m=focus)
        camera: CameraName = "photo" if number > 5 else "defocused"
        return ImageSource(view, camera, tmp_path / view, view, settings=settings)

    images = [
        source(view, number, 1.4 if view == "c" else 0.8)
        for view in "abcde"
        for number in (10.0, 2.8)
    ]
    with pytest.raises(InputError, match=r"focused elsewhere in c \(1.40 m\).*0.80 m"):
        find_pairs(images)
    kept = [image for image in images if image.view != "c"]
    assert [pair.view for pair in find_pairs(kept)] == ["a", "b", "d", "e"]


@pytest.mark.parametrize(
    "text",
    ["view,distance_m\n1,-2\n", "view,distance_m\n1,far\n", "view,distance\n1,2\n",
     "view,distance_m\n1\n", "view,distance_m\n"],
)  # fmt: skip
def test_broken_lists_of_distances_are_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "distances.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match="distance"):
        read_distances(path)


def test_options_of_the_other_way_are_refused_and_not_ignored(
    photos: Path, calibration: Path
) -> None:
    for arguments, message in (
        (("--calibration", calibration, "--split", "train"), "--split: only with scenes"),
        (("--calibration", calibration, "--views", "9"), "--views: only with scenes"),
        (("-o", calibration, *OPTIONS), "only with --calibration"),
    ):
        done = run(photos, *arguments)
        assert done.exit_code == 2
        assert message in done.output
