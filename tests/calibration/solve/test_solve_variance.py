"""Intervals cover the truth, also where a view's corners err together."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from solver_worlds import BOARD, DEPTH, MOUNT, PHOTO, Noise, poses, views

from idfd.calibration.solve import variance
from idfd.calibration.solve.bundle import normal_equations
from idfd.calibration.solve.camera import images_of
from idfd.calibration.solve.config import SolveConfig
from idfd.calibration.solve.lens import small_coefficients
from idfd.calibration.solve.problem import Problem, State, vector
from idfd.calibration.solve.robust import least_squares
from idfd.calibration.solve.variance import covariance, interval_factor, shrunk
from idfd.calibration.views import CameraName
from idfd.model.camera import Intrinsics

SEEDS, VIEWS = 50, 20


def scores(shared: float) -> NDArray[np.float64]:
    """Errors of the parameters over their deviations, (SEEDS, 15)."""
    cameras: dict[CameraName, Intrinsics] = {"photo": PHOTO, "depth": DEPTH}
    out = []
    for seed in range(SEEDS):
        seen = views(seed, VIEWS, cameras, noise=Noise(0.15, shared))
        problem = Problem(
            images_of(seen, ("photo", "depth"), BOARD),
            free=("photo",),
            prior={"photo": small_coefficients(PHOTO, "brown_conrady")},
        )
        held = dict(zip(problem.views, poses(seed, VIEWS), strict=True))
        fit = least_squares(problem, State(cameras, held, MOUNT), SolveConfig())
        assert fit.state.mount is not None
        turned = fit.state.mount.rotation @ MOUNT.rotation.T
        error = np.concatenate(
            [
                vector(fit.state.cameras["photo"]) - vector(PHOTO),
                # A small turn: half the antisymmetric part.
                [turned[2, 1], turned[0, 2], turned[1, 0]],
                fit.state.mount.translation - MOUNT.translation,
            ]
        )
        out.append(error / np.sqrt(covariance(fit.problem, fit.state).diagonal()))
    return np.array(out)


@pytest.mark.parametrize("shared", [0.0, 1.5], ids=["independent", "shared by view"])
def test_intervals_cover_the_truth(shared: float) -> None:
    covered = np.abs(scores(shared)) < interval_factor(VIEWS)
    assert 0.92 < covered.mean() < 0.985
    # Of one parameter: 50 draws of 95 % are at most 85 % once in 100.
    assert covered.mean(axis=0).min() >= 0.84


@pytest.mark.parametrize("deviation_px", [0.02, 0.2])
def test_errors_that_all_corners_share_count_where_corners_are_fine(deviation_px: float) -> None:
    """Of 96 corners with 0.02 px, 0.005 px in common may do six times what their noise does."""
    problem = Problem(images_of(views(0, 4), ("photo",), BOARD), ("photo",))
    images = [
        replace(image, deviation=np.full(len(image.pixels), deviation_px))
        for image in problem.images
    ]
    problem = replace(problem, images=tuple(images))
    state = State({"photo": PHOTO}, dict(zip(problem.views, poses(0, 4), strict=True)))
    independent = normal_equations(problem, state).reduced()[0].sum(axis=0)
    times = np.linalg.eigvals(covariance(problem, state) @ independent).real
    hidden = [len(image.pixels) * (0.005 / deviation_px) ** 2 for image in images]
    assert 1 + min(hidden) - 0.01 < times.min() <= times.max() < 1 + max(hidden) + 0.01


def test_covariance_of_few_views_is_that_of_independent_errors(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(variance, "SHARED_PX", 0.0)
    seen = views(0, 4)
    problem = Problem(images_of(seen, ("photo",), BOARD), ("photo",))
    state = State({"photo": PHOTO}, dict(zip(problem.views, poses(0, 4), strict=True)))
    fit = least_squares(problem, state, SolveConfig())
    information, _ = normal_equations(fit.problem, fit.state).reduced()
    np.testing.assert_allclose(
        covariance(fit.problem, fit.state), np.linalg.inv(information.sum(axis=0)), rtol=1e-4
    )
    assert interval_factor(4) == pytest.approx(1.96, abs=0.001)
    assert interval_factor(20) == pytest.approx(2.093, abs=0.001)


def test_shrinking_keeps_the_size_and_finds_what_is_there() -> None:
    rng = np.random.default_rng(2)
    many = rng.normal(0, [3.0, 1.0, 0.5], (4000, 3)) / np.sqrt(4000)
    np.testing.assert_allclose(shrunk(many, np.eye(3)), np.diag([9, 1, 0.25]), atol=0.5)
    few = rng.normal(0, 1, (10, 24)) / np.sqrt(10)
    found = shrunk(few, np.eye(24))
    # Ten draws span ten directions: without shrinking 14 eigenvalues would be 0.
    assert np.linalg.eigvalsh(found).min() > 0.5
    assert np.trace(found) / 24 == pytest.approx(1.0, rel=0.3)
