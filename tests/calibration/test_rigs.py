"""From a folder of images to the documents of a calibration."""

from __future__ import annotations

from pathlib import Path

import cv2
import msgspec
import numpy as np
import pytest
from board_views import CAMERA, CHARUCO, pose, view

from idfd.calibration.formats.files import read_cameras
from idfd.calibration.rigs import Calibrated, calibrate_rig, judge
from idfd.calibration.views import CameraName
from idfd.errors import InputError
from idfd.model import schema
from idfd.model.calibration import CalibrationReport
from idfd.model.rig import RigCalibration
from idfd.storage.hashing import sha256_file

DEPTH = msgspec.structs.replace(
    CAMERA, width=640, height=576, fx=504.0, fy=504.0, cx=322.0, cy=290.0
)
MOUNT = pose((1.5, -2.0, 0.4), (60.0, -10.0, 8.0))
"""From the depth camera to the photo camera."""
POSES = [
    ((25, 0, 3), (-60, 20, 430)),
    ((-28, 10, -4), (70, -30, 520)),
    ((0, 30, 8), (30, 40, 610)),
    ((5, -32, -8), (-60, -45, 480)),
    ((30, 25, 0), (110, 60, 700)),
    ((-25, -28, 5), (-120, 50, 680)),
    ((3, 4, -15), (10, 0, 380)),
    ((-15, 30, 10), (100, -70, 560)),
]


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("images")
    turn, shift = MOUNT
    for number, (angles, place) in enumerate(POSES):
        rotation, at = pose(angles, place)
        photo = view(CHARUCO, rotation, at, seed=number)
        cv2.imwrite(str(folder / f"photo{number}.png"), photo.image)
        infrared = view(
            CHARUCO, turn.T @ rotation, turn.T @ (at - shift), camera=DEPTH, seed=100 + number
        )
        cv2.imwrite(str(folder / f"infrared{number}.png"), infrared.image)
    (folder / "photo8.png").write_bytes((folder / "photo0.png").read_bytes()[:5000])
    return folder


@pytest.fixture(scope="module")
def rig(images: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Calibrated]:
    output = tmp_path_factory.mktemp("rig")
    patterns: dict[CameraName, str] = {"photo": "photo*.png", "depth": "infrared*.png"}
    done = calibrate_rig(
        images, CHARUCO, output, patterns=patterns, given={"depth": DEPTH}, workers=2
    )
    return output, done


def test_two_cameras_become_the_calibration_of_a_rig(rig: tuple[Path, Calibrated]) -> None:
    output, done = rig
    found = schema.load(RigCalibration, output / "calibration.json")
    assert found == done.rig
    assert found.origin == "calibrated"
    assert found.photo.fx == pytest.approx(CAMERA.fx, rel=5e-4)
    assert found.photo.cx == pytest.approx(CAMERA.cx, abs=0.5)
    turn, shift = MOUNT
    np.testing.assert_allclose(found.depth_to_photo.translation_mm, shift, atol=0.3)
    between = np.array(found.depth_to_photo.rotation) @ turn.T
    assert np.degrees(np.linalg.norm(cv2.Rodrigues(between)[0])) < 0.02


def test_documents_name_what_they_were_made_from(rig: tuple[Path, Calibrated]) -> None:
    output, done = rig
    assert done.rig is not None
    source = done.rig.sources["report"]
    assert source.sha256 == sha256_file(output / source.path)
    report = schema.load(CalibrationReport, output / "report.json")
    assert report.board == CHARUCO
    assert set(report.images) >= {"0/photo", "0/depth"}
    assert all(image.bytes > 1000 for image in report.images.values())
    page = (output / "report.html").read_text()
    assert sha256_file(output / "calibration.json") in page


def test_a_damaged_image_is_named_and_the_rest_goes_on(rig: tuple[Path, Calibrated]) -> None:
    _, done = rig
    assert [name for name, _ in done.report.dropped] == ["8/photo"]
    assert "truncated" in done.report.dropped[0][1]
    checks = {check.name: check for check in done.report.checks}
    assert checks["left_out"].value == pytest.approx(1 / 17, abs=1e-3)
    assert {"reprojection", "focal_length", "pixel_error"} <= checks.keys()
    # There are no bursts that could tell the size of the print, and only one aperture.
    assert not {"print_scale", "aperture_shift"} & checks.keys()


def test_one_camera_becomes_a_camera_file(images: Path, tmp_path: Path) -> None:
    done = calibrate_rig(images, CHARUCO, tmp_path, patterns={"photo": "photo?.png"}, workers=2)
    assert done.rig is None
    assert not (tmp_path / "calibration.json").exists()
    _, camera = read_cameras(tmp_path / "camera.yml").single("camera.yml")
    assert camera.width == CAMERA.width
    assert camera.fx == pytest.approx(done.solution.photo.fx)
    assert camera.fx == pytest.approx(CAMERA.fx, rel=1e-3)
    assert "Photo camera" in (tmp_path / "report.html").read_text()


def test_nothing_is_written_where_the_views_tell_nothing(images: Path, tmp_path: Path) -> None:
    output = tmp_path / "output"
    with pytest.raises(InputError, match="Add|Take"):
        calibrate_rig(images, CHARUCO, output, patterns={"photo": "photo[01].png"}, workers=1)
    assert not output.exists()


@pytest.mark.parametrize(("error", "verdict"), [(0.3, "pass"), (1.0, "warn"), (2.0, "fail")])
def test_values_are_held_against_limits(error: float, verdict: str) -> None:
    (check,) = judge({"reprojection": error})
    assert (check.name, check.verdict) == ("reprojection", verdict)
