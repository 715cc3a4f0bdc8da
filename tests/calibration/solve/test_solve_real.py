"""Real photographs with known answers: Microsoft's Azure Kinect and OpenCV's stereo set."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from solver_photos import CHESSBOARD, KINECT_BOARD, charuco, chessboard, microsoft, read_grey

from idfd.calibration.boards.geometry import corners_mm
from idfd.calibration.detection.detect import detect
from idfd.calibration.solve.camera import solve_camera
from idfd.calibration.solve.config import SolveConfig
from idfd.calibration.solve.rig import RigSolution, solve_rig
from idfd.calibration.views import View
from idfd.model.camera import Extrinsics, Intrinsics

pytestmark = pytest.mark.real
KINECT = "calib/azure_kinect_charuco/example_files"
PLAIN = SolveConfig(robust=False, lens="brown_conrady")


@pytest.fixture(scope="module")
def pair(real_data: Path) -> View:
    """The board in one colour and one infrared image, with the corners of OpenCV.

    What is known of this pair was found with such corners. A single infrared image leaves the
    shift down open: windows of half a side of 3 to 7 px move it from -1.1 to -2.3 mm, for which
    a deviation of 0.4 mm is reported.
    """
    folder = real_data / KINECT
    return View(
        "pair",
        {
            "photo": charuco(folder / "calibration/color-0.jpg"),
            "depth": charuco(folder / "registration/ir-0.png", window=4),
        },
    )


@pytest.fixture(scope="module")
def stereo(real_data: Path) -> list[View]:
    """OpenCV's 13 pairs."""
    folder = real_data / "calib/opencv_stereo"
    return [
        View(
            left.stem[4:],
            {"photo": chessboard(left), "depth": chessboard(folder / f"right{left.stem[4:]}.jpg")},
        )
        for left in sorted(folder.glob("left[0-9][0-9].jpg"))
    ]


def test_colour_camera_agrees_with_microsoft(real_data: Path) -> None:
    photos = sorted((real_data / KINECT / "calibration").glob("*.jpg"))
    assert len(photos) == 10
    seen = [View(photo.stem, {"photo": detect(read_grey(photo), KINECT_BOARD)}) for photo in photos]
    found = solve_camera(seen, "photo", KINECT_BOARD)
    assert found.intrinsics.model == "rational"
    assert found.intrinsics.fx == pytest.approx(1960.95, rel=1e-3)
    assert found.intrinsics.fy == pytest.approx(1960.94, rel=1e-3)
    assert found.intrinsics.cx == pytest.approx(2053.05, abs=5)
    assert found.intrinsics.cy == pytest.approx(1556.20, abs=5)
    assert found.dropped == {}


def test_one_pair_gives_the_mount(real_data: Path, pair: View) -> None:
    folder = real_data / KINECT / "registration"
    found = solve_rig(
        [pair],
        KINECT_BOARD,
        photo=microsoft(folder / "calib_color.yml"),
        depth=microsoft(folder / "calib_ir.yml"),
    )
    near_the_pair(found.depth_to_photo)
    rows = {row.name: row for row in found.extrinsics}
    for name, truth in (("tx", -32.50), ("ty", -1.67), ("tz", 4.35), ("angle", 5.06)):
        assert abs(rows[name].value - truth) < 3 * (rows[name].deviation or 0)


def near_the_pair(mount: Extrinsics | None) -> None:
    assert mount is not None
    np.testing.assert_allclose(mount.translation_mm, (-32.50, -1.67, 4.35), atol=0.5)
    angle = np.degrees(np.linalg.norm(cv2.Rodrigues(np.array(mount.rotation))[0]))
    assert angle == pytest.approx(5.06, abs=0.1)


def test_eight_coefficients_are_never_cut_to_five(real_data: Path, pair: View) -> None:
    """OpenCV drops k4 to k6 of given intrinsics unless it is told that there are any."""
    folder = real_data / KINECT / "registration"
    cameras = [microsoft(folder / f"calib_{name}.yml") for name in ("ir", "color")]
    ids = np.intersect1d(pair.seen["depth"].ids, pair.seen["photo"].ids)
    infrared, colour = (
        one.pixels[np.isin(one.ids, ids)].astype(np.float32)
        for one in (pair.seen["depth"], pair.seen["photo"])
    )

    def opencv(flags: int) -> tuple[float, NDArray[np.float64]]:
        out = cv2.stereoCalibrate(
            [corners_mm(KINECT_BOARD)[ids].astype(np.float32)],
            [infrared],
            [colour],
            matrix(cameras[0]),
            np.array(cameras[0].distortion),
            matrix(cameras[1]),
            np.array(cameras[1].distortion),
            (1024, 1024),
            flags=flags | cv2.CALIB_FIX_INTRINSIC,
        )
        return float(out[0]), np.array(out[6], np.float64).ravel()

    trapped, nonsense = opencv(0)
    assert trapped > 20
    assert np.abs(nonsense - (-32.5, -1.67, 4.35)).max() > 5
    right, translation = opencv(cv2.CALIB_RATIONAL_MODEL)
    assert right < 0.4
    ours = solve_rig([pair], KINECT_BOARD, photo=cameras[1], depth=cameras[0])
    assert ours.depth_to_photo is not None
    near_the_pair(ours.depth_to_photo)
    np.testing.assert_allclose(ours.depth_to_photo.translation_mm, translation, atol=0.3)


def test_stereo_set_reproduces_what_is_published(stereo: list[View]) -> None:
    """Root mean square errors 0.41, 0.46 and 0.45 px, baseline 3.344 squares."""
    assert len(stereo) == 13
    left = solve_camera(stereo, "photo", CHESSBOARD, PLAIN)
    right = solve_camera(stereo, "depth", CHESSBOARD, PLAIN)
    assert left.report.rms_px == pytest.approx(0.408, abs=0.005)
    assert right.report.rms_px == pytest.approx(0.458, abs=0.005)
    assert left.intrinsics.fx == pytest.approx(536.07, rel=1e-3)
    both = solve_rig(
        stereo, CHESSBOARD, photo=left.intrinsics, depth=right.intrinsics, config=PLAIN
    )
    assert rms(both) == pytest.approx(0.447, abs=0.005)
    assert baseline(both) == pytest.approx(3.344, rel=1e-3)
    together = solve_rig(stereo, CHESSBOARD, config=PLAIN)
    assert baseline(together) == pytest.approx(3.344, rel=5e-3)


def test_stereo_set_has_corners_that_do_not_fit(stereo: list[View]) -> None:
    """A few corners several pixels off make most of the published error."""
    found = solve_rig(stereo, CHESSBOARD)
    assert rms(found) < 0.25
    left_out = sum(len(view.left_out) for camera in found.cameras for view in camera.views)
    assert 10 <= left_out <= 60
    assert found.dropped == ()
    assert baseline(found) == pytest.approx(3.344, rel=0.01)


def matrix(camera: Intrinsics) -> NDArray[np.float64]:
    return np.array([[camera.fx, 0, camera.cx], [0, camera.fy, camera.cy], [0, 0, 1.0]])


def rms(found: RigSolution) -> float:
    """Of both cameras together, as OpenCV reports it."""
    return float(np.sqrt(np.mean([camera.rms_px**2 for camera in found.cameras])))


def baseline(found: RigSolution) -> float:
    assert found.depth_to_photo is not None
    return float(np.linalg.norm(found.depth_to_photo.translation_mm))
