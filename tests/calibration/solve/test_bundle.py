"""The adjustment against finite differences, OpenCV and scipy."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from solver_worlds import BOARD, DEPTH, MOUNT, PHOTO, Noise, poses, views

from idfd.calibration.boards.geometry import corners_mm
from idfd.calibration.solve.bundle import cost, normal_equations, solve
from idfd.calibration.solve.camera import images_of, solve_camera
from idfd.calibration.solve.config import SolveConfig
from idfd.calibration.solve.lens import small_coefficients
from idfd.calibration.solve.poses import Pose, turn
from idfd.calibration.solve.problem import (
    Problem,
    State,
    parameters,
    residuals,
    vector,
    with_vector,
)
from idfd.calibration.solve.rig import solve_rig
from idfd.calibration.views import CameraName, View
from idfd.model.camera import Intrinsics

PLAIN = SolveConfig(robust=False, lens="brown_conrady")
CAMERAS: dict[CameraName, Intrinsics] = {"photo": PHOTO, "depth": DEPTH}


def _problem(cauchy: float | None) -> tuple[Problem, State]:
    seen = views(1, 4, CAMERAS)
    seen = (*seen[:3], View(seen[3].name, {"photo": seen[3].seen["photo"]}))
    problem = Problem(
        images_of(seen, ("photo", "depth"), BOARD),
        free=("depth", "photo"),
        prior={"depth": small_coefficients(DEPTH, "rational")},
        cauchy=cauchy,
    )
    held = dict(zip(problem.views, poses(1, 4), strict=True))
    # Off the solution, so that no part of the gradient vanishes.
    held = {
        name: pose.moved(np.array([1, -2, 1, 300, 200, 900]) * 1e-4) for name, pose in held.items()
    }
    return problem, State(CAMERAS, held, MOUNT)


def _nudged(problem: Problem, state: State, step: NDArray[np.float64]) -> State:
    """The state after a step of all parameters: cameras, mount, poses."""
    cameras, place = dict(state.cameras), 0
    for camera in problem.free:
        size = len(vector(cameras[camera]))
        cameras[camera] = with_vector(
            cameras[camera], vector(cameras[camera]) + step[place : place + size]
        )
        place += size
    assert state.mount is not None
    mount = state.mount.moved(step[place : place + 6])
    moved = step[place + 6 :].reshape(-1, 6)
    held = {
        view: state.poses[view].moved(one) for view, one in zip(problem.views, moved, strict=True)
    }
    return State(cameras, held, mount)


@pytest.mark.parametrize("cauchy", [None, 2.0])
def test_gradient_is_that_of_the_cost(cauchy: float | None) -> None:
    problem, state = _problem(cauchy)
    normal = normal_equations(problem, state)
    size = len(parameters(problem, state))
    downhill = np.concatenate([normal.ga.sum(axis=0) + normal.gprior, normal.gc.ravel()])
    information = np.concatenate(
        [
            normal.a.sum(axis=0).diagonal() + normal.prior.diagonal(),
            *(c.diagonal() for c in normal.c),
        ]
    )
    for place in range(size + 6 * len(problem.views)):
        step = np.zeros(size + 6 * len(problem.views))
        step[place] = 1e-3 / np.sqrt(information[place])
        slope = (
            cost(problem, _nudged(problem, state, step))
            - cost(problem, _nudged(problem, state, -step))
        ) / (2 * step[place])
        assert slope == pytest.approx(
            -2 * downhill[place], rel=1e-4, abs=1e-3 * np.sqrt(information[place])
        ), place


def test_step_is_that_of_the_whole_system() -> None:
    problem, state = _problem(None)
    normal = normal_equations(problem, state)
    size, count = len(parameters(problem, state)), len(problem.views)
    whole = np.zeros((size + 6 * count, size + 6 * count))
    whole[:size, :size] = normal.a.sum(axis=0) + normal.prior
    for view in range(count):
        part = slice(size + 6 * view, size + 6 * view + 6)
        whole[:size, part], whole[part, :size] = normal.b[view], normal.b[view].T
        whole[part, part] = normal.c[view]
    right = np.concatenate([normal.ga.sum(axis=0) + normal.gprior, normal.gc.ravel()])
    scale = 1 / np.sqrt(whole.diagonal())
    expected = scale * np.linalg.solve(whole * np.outer(scale, scale), scale * right)
    step, steps = normal.step()
    np.testing.assert_allclose(step, expected[:size], rtol=1e-5)
    np.testing.assert_allclose(steps.ravel(), expected[size:], rtol=1e-5, atol=1e-12)


@pytest.mark.parametrize("cauchy", [None, 2.0])
def test_solution_is_that_of_scipy(cauchy: float | None) -> None:
    from scipy.optimize import least_squares

    problem, state = _problem(cauchy)
    problem = replace(problem, free=("photo",), prior={})
    images = [image.only(np.arange(len(image.board)) % 4 == 0) for image in problem.images]
    problem = replace(problem, images=tuple(images))
    size = len(parameters(problem, state)) + 6 * len(problem.views)
    information = normal_equations(problem, state)
    scale = 1 / np.sqrt(
        np.concatenate(
            [
                information.a.sum(axis=0).diagonal(),
                *(one.diagonal() for one in information.c),
            ]
        )
    )

    def roots(step: NDArray[np.float64]) -> NDArray[np.float64]:
        gaps = residuals(problem, _nudged(problem, state, step * scale))
        white = np.concatenate(
            [
                gap / image.deviation[:, None]
                for gap, image in zip(gaps, problem.images, strict=True)
            ]
        )
        if cauchy is not None:
            square = (white**2).sum(axis=1, keepdims=True) / cauchy**2
            white = white * np.sqrt(np.log1p(square) / square)
        out: NDArray[np.float64] = white.ravel()
        return out

    oracle = least_squares(roots, np.zeros(size), xtol=1e-14, ftol=1e-14, gtol=1e-10)
    ours = solve(problem, state)
    assert cost(problem, ours) <= 2 * oracle.cost * (1 + 1e-6)
    theirs = _nudged(problem, state, oracle.x * scale)
    assert ours.cameras["photo"].fx == pytest.approx(theirs.cameras["photo"].fx, rel=1e-5)


def test_one_camera_agrees_with_opencv() -> None:
    seen = views(2, 12, {"photo": PHOTO}, noise=Noise(0.3))
    images = images_of(seen, ("photo",), BOARD)
    rms, matrix, distortion, _, _ = cv2.calibrateCamera(
        [image.board.astype(np.float32) for image in images],
        [image.pixels.astype(np.float32).reshape(-1, 1, 2) for image in images],
        (PHOTO.width, PHOTO.height),
        np.eye(3),
        np.zeros(5),
        criteria=(cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_COUNT, 200, 1e-15),
    )
    ours = solve_camera(seen, "photo", BOARD, PLAIN)
    found = ours.intrinsics
    assert ours.report.rms_px == pytest.approx(rms, rel=1e-5)
    np.testing.assert_allclose(
        [found.fx, found.fy, found.cx, found.cy],
        matrix[[0, 1, 0, 1], [0, 1, 2, 2]],
        rtol=1e-4,
    )
    np.testing.assert_allclose(found.distortion, distortion.ravel(), rtol=1e-2, atol=1e-5)


def test_two_cameras_agree_with_opencv() -> None:
    right = PHOTO.cropped(200, 100, 5600, 3800)
    mount = Pose(turn(np.array([0.02, -0.05, 0.01])), np.array([120.0, 4.0, -3.0]))
    both: dict[CameraName, Intrinsics] = {"photo": PHOTO, "depth": right}
    seen = [_common(view) for view in views(5, 10, both, mount)]
    ours = solve_rig(seen, BOARD, config=PLAIN)
    assert ours.depth is not None
    assert ours.depth_to_photo is not None
    corners = corners_mm(BOARD).astype(np.float32)
    stereo = cv2.stereoCalibrate(
        [corners[view.seen["photo"].ids] for view in seen],
        [view.seen["depth"].pixels.astype(np.float32) for view in seen],
        [view.seen["photo"].pixels.astype(np.float32) for view in seen],
        _matrix(right),
        np.array(right.distortion),
        _matrix(PHOTO),
        np.array(PHOTO.distortion),
        (PHOTO.width, PHOTO.height),
        flags=cv2.CALIB_USE_INTRINSIC_GUESS,
        criteria=(cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_COUNT, 200, 1e-15),
    )
    np.testing.assert_allclose(_matrix(ours.depth), stereo[1], rtol=3e-4)
    np.testing.assert_allclose(_matrix(ours.photo), stereo[3], rtol=3e-4)
    # OpenCV 4 stops a little before the end: ours must fit as well, and be near.
    rms = np.sqrt(np.mean([camera.rms_px**2 for camera in ours.cameras]))
    assert rms < stereo[0] * (1 + 1e-6)
    assert rms == pytest.approx(stereo[0], rel=1e-3)
    np.testing.assert_allclose(ours.depth_to_photo.rotation, stereo[5], atol=1e-4)
    np.testing.assert_allclose(ours.depth_to_photo.translation_mm, stereo[6].ravel(), atol=0.1)


def _common(view: View) -> View:
    """Only corners that both cameras saw, as OpenCV wants them."""
    ids = np.intersect1d(view.seen["photo"].ids, view.seen["depth"].ids)
    seen = {}
    for name, one in view.seen.items():
        keep = np.isin(one.ids, ids)
        seen[name] = replace(
            one, ids=ids, pixels=one.pixels[keep], deviation_px=one.deviation_px[keep]
        )
    return View(view.name, seen)


def _matrix(camera: Intrinsics) -> NDArray[np.float64]:
    return np.array([[camera.fx, 0, camera.cx], [0, camera.fy, camera.cy], [0, 0, 1.0]])
