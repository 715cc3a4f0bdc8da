from __future__ import annotations

import time

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from idfd.calibration.projection import project, ray_table, unproject
from idfd.model.camera import Intrinsics

KINECT = Intrinsics(
    width=640, height=576, fx=504.6, fy=504.7, cx=332.8, cy=348.8 - 15, model="rational",
    distortion=(0.55, -0.021, -7.2e-5, 2.1e-5, -0.0027, 0.89, 0.086, -0.014),
)  # fmt: skip
COLOUR = Intrinsics(
    width=1280, height=720, fx=610.2, fy=610.3, cx=637.4, cy=366.6, model="rational",
    distortion=(0.33, -2.49, -1.3e-4, -1.6e-4, 1.45, 0.21, -2.30, 1.375),
)  # fmt: skip
WIDE = Intrinsics(
    width=6016, height=4016, fx=2346.0, fy=2346.0, cx=3010.2, cy=2004.4, model="brown_conrady",
    distortion=(-0.03, 0.006, 2e-4, -1e-4, -4e-4),
)  # fmt: skip
PINHOLE = Intrinsics(width=640, height=480, fx=500, fy=510, cx=320.5, cy=240.25)
CAMERAS = {"kinect": KINECT, "colour": COLOUR, "wide": WIDE, "pinhole": PINHOLE}


def grid(camera: Intrinsics, step: int = 1) -> np.ndarray:
    """Pixels on the whole image, its borders included."""
    columns = np.unique([*np.arange(0, camera.width, step), camera.width - 1, -0.5])
    rows = np.unique([*np.arange(0, camera.height, step), camera.height - 1, -0.5])
    return np.stack(np.meshgrid(columns, rows), -1)


@pytest.fixture(params=list(CAMERAS))
def camera(request: pytest.FixtureRequest) -> Intrinsics:
    return CAMERAS[request.param]


def matrix(camera: Intrinsics) -> np.ndarray:
    return np.array([[camera.fx, 0, camera.cx], [0, camera.fy, camera.cy], [0, 0, 1.0]])


def test_round_trip_over_the_whole_image(camera: Intrinsics) -> None:
    pixels = grid(camera, 1 if camera.width < 2000 else 7)
    again = project(camera, unproject(camera, pixels))
    assert np.abs(again - pixels).max() < 1e-6


def test_project_agrees_with_opencv(camera: Intrinsics) -> None:
    rays = unproject(camera, grid(camera, 31)) * 1234.5
    seen, _ = cv2.projectPoints(
        rays.reshape(-1, 1, 3), np.zeros(3), np.zeros(3), matrix(camera),
        np.array(camera.distortion or [0.0] * 4),
    )  # fmt: skip
    assert np.abs(project(camera, rays).reshape(-1, 2) - seen[:, 0]).max() < 1e-9


def test_unproject_agrees_with_opencv_iterated_to_the_end(camera: Intrinsics) -> None:
    pixels = grid(camera, 31).reshape(-1, 1, 2).astype(np.float64)
    # OpenCV 4 has a function of its own for what OpenCV 5 takes as an argument.
    undistort = getattr(cv2, "undistortPointsIter", cv2.undistortPoints)
    expected = undistort(
        pixels, matrix(camera), np.array(camera.distortion or [0.0] * 4), R=None, P=None,
        criteria=(cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 1000, 1e-14),
    )[:, 0]  # fmt: skip
    found = unproject(camera, pixels[:, 0])[:, :2]
    # OpenCV's fixed-point iteration stops short of the corners of wide lenses.
    reached = np.abs(project(camera, np.c_[expected, np.ones(len(expected))]) - pixels[:, 0])
    good = reached.max(axis=1) < 1e-7
    assert good.mean() > 0.9
    assert np.abs(found - expected)[good].max() < 1e-9


@settings(deadline=None, max_examples=60)
@given(
    k=st.tuples(st.floats(-0.4, 0.4), st.floats(-0.1, 0.1), st.floats(-0.02, 0.02)),
    p=st.tuples(st.floats(-2e-3, 2e-3), st.floats(-2e-3, 2e-3)),
    x=st.floats(-3, 3),
    y=st.floats(-3, 3),
)
def test_rays_are_found_again_or_declared_missing(
    k: tuple[float, float, float], p: tuple[float, float], x: float, y: float
) -> None:
    lens = Intrinsics(
        width=100, height=100, fx=50, fy=50, cx=50, cy=50, model="brown_conrady",
        distortion=(k[0], k[1], *p, k[2]),
    )  # fmt: skip
    pixel = project(lens, np.array([x, y, 1.0]))
    ray = unproject(lens, pixel)
    assert np.isnan(ray[:2]).any() or np.abs(project(lens, ray) - pixel).max() < 1e-6


def test_a_fold_is_nan_and_not_nonsense() -> None:
    barrel = Intrinsics(
        width=100, height=100, fx=50, fy=50, cx=50, cy=50, model="brown_conrady",
        distortion=(-0.3, 0, 0, 0),
    )  # fmt: skip
    edge = 1 / np.sqrt(3 * 0.3)  # where r (1 − 0.3 r²) stops growing
    inside = project(barrel, np.array([edge - 1e-4, 0, 1]))
    assert np.isfinite(inside).all()
    assert np.isnan(project(barrel, np.array([edge + 1e-4, 0, 1]))).all()
    assert np.abs(unproject(barrel, inside)[0] - edge + 1e-4) < 1e-9
    beyond = 50 * (edge * (1 - 0.3 * edge**2)) + 50 + 1e-3
    assert np.isnan(unproject(barrel, np.array([beyond, 50.0]))[:2]).all()


def test_points_behind_the_camera_are_nan() -> None:
    assert np.isnan(project(PINHOLE, np.array([[0, 0, -1.0], [0, 0, 0], [1, 0, np.nan]]))).all()


def test_ray_table_is_every_pixel_once_and_read_only() -> None:
    table = ray_table(KINECT)
    assert table is ray_table(KINECT)
    assert table.shape == (576, 640, 2)
    assert not table.flags.writeable
    assert np.allclose(table[100, 200], unproject(KINECT, np.array([200, 100]))[:2], atol=0)


def test_centre_of_a_pixel_is_an_integer() -> None:
    assert np.allclose(project(PINHOLE, np.array([0, 0, 1.0])), [320.5, 240.25])
    assert np.allclose(unproject(PINHOLE, np.array([320.5, 240.25])), [0, 0, 1])


def test_unprojecting_a_kinect_image_is_quick() -> None:
    pixels = grid(KINECT).astype(np.float64)
    start = time.process_time()
    unproject(KINECT, pixels)
    assert time.process_time() - start < 3.0
