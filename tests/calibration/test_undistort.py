from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lens_strategies import lens_cameras

from idfd.calibration.projection import project, unproject
from idfd.calibration.undistort import undistort_maps, undistorted_intrinsics
from idfd.errors import InputError
from idfd.model.camera import Intrinsics

BARREL = Intrinsics(
    width=301, height=201, fx=117.0, fy=117.0, cx=150.6, cy=100.2, model="brown_conrady",
    distortion=(-0.055, 0.031, 2e-4, -1e-4, -6e-3),
)  # fmt: skip
PINCUSHION = Intrinsics(
    width=301, height=201, fx=300.0, fy=301.0, cx=148.0, cy=103.0, model="rational",
    distortion=(0.45, -0.021, -7.2e-5, 2.1e-5, -0.0027, 0.19, 0.086, -0.014),
)  # fmt: skip
LENSES = pytest.mark.parametrize("camera", [BARREL, PINCUSHION], ids=["barrel", "pincushion"])


def matrix(camera: Intrinsics) -> np.ndarray:
    return np.array([[camera.fx, 0, camera.cx], [0, camera.fy, camera.cy], [0, 0, 1.0]])


def all_pixels(camera: Intrinsics) -> np.ndarray:
    rows, columns = np.mgrid[: camera.height, : camera.width]
    return np.stack([columns, rows], -1)


@LENSES
@pytest.mark.parametrize("keep", ["valid", "all"])
def test_maps_are_those_of_opencv(camera: Intrinsics, keep: str) -> None:
    target = undistorted_intrinsics(camera, "valid" if keep == "valid" else "all")
    expected = cv2.initUndistortRectifyMap(
        matrix(camera), np.array(camera.distortion), None, matrix(target),
        (camera.width, camera.height), cv2.CV_32FC1,
    )  # fmt: skip
    found = undistort_maps(camera, target)
    assert found is undistort_maps(camera, target)
    for mine, other in zip(found, expected, strict=True):
        assert mine.dtype == np.float32
        assert not mine.flags.writeable
        assert np.abs(mine - other).max() < 1e-4


@LENSES
@pytest.mark.parametrize(("keep", "alpha"), [("valid", 0.0), ("all", 1.0)])
def test_cameras_are_close_to_those_of_opencv(camera: Intrinsics, keep: str, alpha: float) -> None:
    target = undistorted_intrinsics(camera, "valid" if keep == "valid" else "all")
    expected, _ = cv2.getOptimalNewCameraMatrix(
        matrix(camera), np.array(camera.distortion), (camera.width, camera.height), alpha
    )
    # OpenCV looks at 9 by 9 points of the border.
    assert np.abs(matrix(target) - expected).max() < 0.01 * camera.fx


@settings(deadline=None, max_examples=25)
@given(lens_cameras(("brown_conrady_5", "rational")), st.sampled_from([0, 1]))
def test_valid_shows_nothing_empty_and_all_leaves_nothing_out(large: Intrinsics, side: int) -> None:
    factor = 200 / large.width
    camera = Intrinsics(
        width=200, height=round(large.height * factor), fx=large.fx * factor,
        fy=large.fy * factor, cx=large.cx * factor, cy=large.cy * factor, model=large.model,
        distortion=large.distortion,
    )  # fmt: skip
    last = np.array([camera.width - 1, camera.height - 1])
    valid = undistorted_intrinsics(camera, "valid")
    columns, rows = undistort_maps(camera, valid)
    # The border is known at its pixels; between two of them a lens may bend it a little further.
    assert -1e-3 < columns.min() < columns.max() < last[0] + 1e-3
    assert -1e-3 < rows.min() < rows.max() < last[1] + 1e-3
    # The largest: each side touches the border of the photo somewhere. With distortion that turns
    # round (k3 against k1) it may touch just beyond a corner of the rectangle.
    inside = (columns, rows)[side]
    assert inside.min() < 0.05 or inside.max() > last[side] - 0.05
    every = undistorted_intrinsics(camera, "all")
    seen = project(every, unproject(camera, all_pixels(camera)))
    assert seen.min() > -1e-6
    assert (seen.reshape(-1, 2).max(axis=0) < last + 1e-6).all()


@LENSES
def test_straight_lines_come_out_straight(camera: Intrinsics) -> None:
    """A photo of a slanted edge, remapped, is the edge that the pinhole camera sees."""
    target = undistorted_intrinsics(camera)

    def edge(by: Intrinsics) -> np.ndarray:
        rays = unproject(by, all_pixels(by))
        away = 0.8 * camera.cx / camera.fx
        seen: np.ndarray = 1 / (1 + np.exp(-60 * (rays[..., 0] + 0.3 * rays[..., 1] - away)))
        return seen

    photo, expected = edge(camera), edge(target)
    maps = undistort_maps(camera, target)
    found = cv2.remap(photo.astype(np.float32), *maps, cv2.INTER_LINEAR)
    # The border of the target may fall between a pixel of the photo and nothing.
    inside = np.s_[2:-2, 2:-2]
    assert np.abs(found - expected)[inside].max() < 0.01
    assert np.abs(photo - expected)[inside].max() > 0.05


def test_a_camera_may_be_imitated_with_its_lens() -> None:
    columns, rows = undistort_maps(BARREL, BARREL)
    assert np.abs(columns - np.arange(301)).max() < 1e-4
    assert np.abs(rows - np.arange(201)[:, None]).max() < 1e-4


def test_rays_that_no_pixel_sees_lie_outside() -> None:
    folding = Intrinsics(
        width=100, height=100, fx=200, fy=200, cx=50, cy=50, model="brown_conrady",
        distortion=(-0.3, 0, 0, 0),
    )  # fmt: skip
    wide = Intrinsics(width=101, height=101, fx=10, fy=10, cx=50, cy=50)
    columns, rows = undistort_maps(folding, wide)
    assert np.isfinite(columns).all()
    assert (columns[0] < -1).all()
    assert (rows[0] < -1).all()
    assert abs(columns[50, 50] - 50) < 1e-6


def test_a_lens_that_folds_in_the_image_has_no_rectangle() -> None:
    folding = Intrinsics(
        width=100, height=100, fx=40, fy=40, cx=50, cy=50, model="brown_conrady",
        distortion=(-0.3, 0, 0, 0),
    )  # fmt: skip
    with pytest.raises(InputError, match="folds back"):
        undistorted_intrinsics(folding)


def test_a_pinhole_camera_stays_as_it_is() -> None:
    camera = Intrinsics(
        width=100, height=80, fx=40, fy=41, cx=50, cy=39, model="brown_conrady",
        distortion=(0.0, 0.0, 0.0, 0.0), pixel_pitch_um=5.9,
    )  # fmt: skip
    plain = undistorted_intrinsics(camera)
    assert plain.model == "pinhole"
    assert (plain.fx, plain.fy, plain.cx, plain.cy) == (40, 41, 50, 39)
    assert plain.pixel_pitch_um == 5.9
