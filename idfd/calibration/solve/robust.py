"""Robust fits: the noise of each camera, corners that do not fit, and views that do not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from idfd.calibration.solve.bundle import solve
from idfd.calibration.solve.config import SolveConfig
from idfd.calibration.solve.poses import Array
from idfd.calibration.solve.problem import Image, Problem, State, residuals
from idfd.calibration.views import CameraName

_RAYLEIGH_MEDIAN = float(np.sqrt(2 * np.log(2)))
_CAUCHY = 2.385
"""Scale at which Cauchy's loss is 95 % efficient on Gaussian noise."""
_MOST_ROUNDS = 12


@dataclass(frozen=True)
class Fit:
    """A solution and what it rests on.

    Attributes:
        problem: Least squares over the corners used, with deviations as estimated.
        state: Its solution.
        images: All corners, with deviations as estimated.
        kept: Corners used, (N,) bool for each of ``images``.
    """

    problem: Problem
    state: State
    images: tuple[Image, ...]
    kept: tuple[NDArray[np.bool_], ...]


def robust_fit(problem: Problem, state: State) -> tuple[Problem, State]:
    """Solve with Cauchy's loss from a wide scale down, estimating the noise of each camera.

    Returns:
        The problem with the deviations found, and its solution.
    """
    total = np.inf
    for _ in range(_MOST_ROUNDS):
        images = _as_seen(problem.images, residuals(problem, state))
        before, total = total, sum(float(image.deviation.sum()) for image in images)
        solved = replace(problem, images=images, cauchy=_CAUCHY)
        state = solve(solved, state, tolerance=1e-5)
        if abs(total - before) < 0.01 * total:
            break
    return solved, state


def least_squares(problem: Problem, state: State, config: SolveConfig) -> Fit:
    """Plain least squares, after corners that do not fit are left out where that is asked for.

    The covariance of the answer is then that of least squares.
    """
    kept = tuple(np.ones(len(image.board), bool) for image in problem.images)
    problem = replace(problem, cauchy=None)
    for _ in range(2):
        if config.robust:
            kept = tuple(
                _near(image, gap, config.corner_limit)
                for image, gap in zip(problem.images, residuals(problem, state), strict=True)
            )
        scale = _scale(problem, state, kept, shared=not config.robust)
        problem = replace(problem, images=_rescaled(problem.images, scale))
        state = solve(replace(problem, images=_subset(problem.images, kept)), state)
    return Fit(replace(problem, images=_subset(problem.images, kept)), state, problem.images, kept)


def noise(images: Sequence[Image]) -> dict[CameraName, float]:
    """Mean deviation of the corners of each camera, pixels."""
    found: dict[CameraName, list[Array]] = {}
    for image in images:
        found.setdefault(image.camera, []).append(image.deviation)
    return {camera: float(np.concatenate(parts).mean()) for camera, parts in found.items()}


def _near(image: Image, gap: Array, limit: float) -> NDArray[np.bool_]:
    near: NDArray[np.bool_] = np.hypot(*gap.T) <= limit * image.deviation
    # An image most of whose corners do not fit is for the test of views; it must keep its pose.
    return near if 2 * near.sum() >= len(near) else np.ones_like(near)


def _as_seen(images: Sequence[Image], gaps: Sequence[Array]) -> tuple[Image, ...]:
    """Images whose deviations fit the median residual of each camera."""
    scale = {}
    for camera in {image.camera for image in images}:
        sizes = [
            np.hypot(*gap.T) / image.deviation
            for image, gap in zip(images, gaps, strict=True)
            if image.camera == camera
        ]
        scale[camera] = max(float(np.nanmedian(np.concatenate(sizes))) / _RAYLEIGH_MEDIAN, 1e-9)
    return _rescaled(images, scale)


def _scale(
    problem: Problem, state: State, kept: Sequence[NDArray[np.bool_]], *, shared: bool
) -> dict[CameraName, float]:
    """Root mean square residual of each camera, in deviations, for the freedom left.

    ``shared`` gives all cameras the same, so that the weights stay as they were given.
    """
    squares: dict[CameraName, float] = {}
    left: dict[CameraName, float] = {}
    for image, gap, keep in zip(problem.images, residuals(problem, state), kept, strict=True):
        camera = image.camera
        if camera not in squares:
            estimated = camera in problem.free
            left[camera] = -(4.0 + len(state.cameras[camera].distortion)) if estimated else 0.0
        seeing = sum(other.view == image.view for other in problem.images)
        squares[camera] = squares.get(camera, 0.0) + float(
            ((gap[keep] / image.deviation[keep, None]) ** 2).sum()
        )
        left[camera] += 2 * int(keep.sum()) - 6 / seeing
    if shared:
        every = sum(squares.values()) / max(sum(left.values()), 1.0)
        return dict.fromkeys(squares, max(float(np.sqrt(every)), 1e-9))
    return {
        camera: max(float(np.sqrt(squares[camera] / max(left[camera], 1.0))), 1e-9)
        for camera in squares
    }


def _rescaled(images: Sequence[Image], scale: Mapping[CameraName, float]) -> tuple[Image, ...]:
    return tuple(
        replace(image, deviation=image.deviation * scale[image.camera]) for image in images
    )


def _subset(images: Sequence[Image], kept: Sequence[NDArray[np.bool_]]) -> tuple[Image, ...]:
    return tuple(image.only(keep) for image, keep in zip(images, kept, strict=True))
