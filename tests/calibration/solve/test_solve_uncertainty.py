"""Propagated uncertainty against Monte Carlo."""

from __future__ import annotations

from functools import cache

import msgspec
import numpy as np
from solver_worlds import BOARD, DEPTH, PHOTO, Noise, views

from idfd.calibration.projection import project, unproject
from idfd.calibration.solve.config import SolveConfig
from idfd.calibration.solve.poses import Pose
from idfd.calibration.solve.problem import vector, with_vector
from idfd.calibration.solve.rig import solve_rig
from idfd.calibration.solve.uncertainty import depth_error_rows, photo_pixel_deviation
from idfd.model.rig import RigCalibration

# Draws of a rational lens, whose coefficients trade off, would fold.
INFRARED = msgspec.structs.replace(
    DEPTH, model="brown_conrady", distortion=(0.09, -0.07, 3.6e-5, -7e-5, 0.01)
)


@cache
def rig() -> RigCalibration:
    seen = views(3, 14, {"photo": PHOTO, "depth": INFRARED}, noise=Noise(0.1))
    found = solve_rig(seen, BOARD, config=SolveConfig(lens="brown_conrady"))
    assert found.depth is not None
    assert found.depth_to_photo is not None
    return RigCalibration(
        photo=found.photo,
        depth=found.depth,
        depth_to_photo=found.depth_to_photo,
        origin="calibrated",
        covariance=found.covariance,
    )


def test_deviation_is_that_of_drawn_calibrations() -> None:
    calibration = rig()
    assert calibration.covariance is not None
    pixels = np.array([[320.0, 288.0], [150, 200], [500, 400], [320, 480]])
    depth = np.array([600.0, 900.0, 2500.0, 3800.0])
    points = photo_points(calibration, pixels, depth, None)
    rng = np.random.default_rng(0)
    draws = rng.multivariate_normal(
        np.zeros(len(calibration.covariance.names)),
        np.array(calibration.covariance.matrix),
        800,
        method="eigh",
    )
    away = np.array([photo_points(calibration, pixels, depth, draw) for draw in draws]) - points
    expected = np.sqrt((away**2).sum(axis=2).mean(axis=0))
    found = photo_pixel_deviation(calibration, pixels, depth)
    np.testing.assert_allclose(found, expected, rtol=0.08)


def photo_points(
    calibration: RigCalibration, pixels: np.ndarray, depth: np.ndarray, error: np.ndarray | None
) -> np.ndarray:
    """Where pixels of the depth camera are seen in the photo, with an error of the parameters."""
    photo, lens = calibration.photo, calibration.depth
    mount = Pose(
        np.array(calibration.depth_to_photo.rotation),
        np.array(calibration.depth_to_photo.translation_mm),
    )
    if error is not None:
        first, second = len(vector(photo)), len(vector(lens))
        photo = with_vector(photo, vector(photo) + error[:first])
        lens = with_vector(lens, vector(lens) + error[first : first + second])
        mount = mount.moved(error[first + second :])
    return project(photo, mount.apply(unproject(lens, pixels) * depth[:, None]))


def test_rows_over_depth() -> None:
    rows = depth_error_rows(rig(), (0.5, 1.0, 3.8))
    assert [row.depth_m for row in rows] == [0.5, 1.0, 3.8]
    assert all(0 < row.median_px < row.largest_px for row in rows)


def test_points_that_the_photo_does_not_show_have_no_deviation() -> None:
    calibration = rig()
    found = photo_pixel_deviation(calibration, np.array([[320.0, 288.0]]), np.array([-500.0]))
    assert np.isnan(found).all()


def test_exact_calibration_has_no_deviation() -> None:
    exact = RigCalibration(
        photo=PHOTO, depth=DEPTH, depth_to_photo=rig().depth_to_photo, origin="simulated"
    )
    assert depth_error_rows(exact, (1.0,)) == ()
