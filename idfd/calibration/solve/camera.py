"""One camera: its lens from views of a board."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from idfd.calibration.solve import choice, refusals, rows
from idfd.calibration.solve.bundle import solve
from idfd.calibration.solve.config import SolveConfig
from idfd.calibration.solve.lens import (
    COEFFICIENTS,
    LensModel,
    as_model,
    first_guess,
    holds,
    small_coefficients,
)
from idfd.calibration.solve.poses import Pose, board_pose
from idfd.calibration.solve.problem import Image, Problem, State
from idfd.calibration.solve.reject import reject_views
from idfd.calibration.solve.robust import Fit, least_squares, noise, robust_fit
from idfd.calibration.solve.variance import joint_covariance
from idfd.calibration.views import CameraName, View
from idfd.model.board import Board
from idfd.model.calibration import CameraReport
from idfd.model.camera import Intrinsics
from idfd.model.covariance import Covariance

_FEWEST_CORNERS = 6
_PRIOR_STEPS = 4


@dataclass(frozen=True)
class CameraSolution:
    """What views of a board say about one camera.

    Attributes:
        intrinsics: The lens, with the model chosen.
        covariance: Of ``photo.fx`` and so on, by the camera's name.
        poses: Of the board in the camera's frame, for the views used.
        dropped: Views left out, with the reason.
        report: Parameters, held-out errors, views with their residuals.
        warnings: What is weak about the views, with what to add.
        fit: What the joint adjustment of a rig starts from.
    """

    intrinsics: Intrinsics
    covariance: Covariance
    poses: Mapping[str, Pose]
    dropped: Mapping[str, str]
    report: CameraReport
    warnings: tuple[str, ...]
    fit: Fit

    @property
    def noise(self) -> float:
        """Mean standard deviation of a corner, per axis, pixels."""
        (found,) = noise(self.fit.images).values()
        return found


def solve_camera(
    views: Sequence[View],
    camera: CameraName,
    board: Board,
    config: SolveConfig | None = None,
) -> CameraSolution:
    """Intrinsics of one camera.

    Args:
        views: Those without the camera are passed over.
        camera: Which one.
        board: What they show.
        config: Settings.

    Returns:
        Intrinsics with their covariance, and what became of every view.

    Raises:
        InputError: The views do not determine the camera (the remedy says what to add), or they
            are of different sizes.
    """
    config = config or SolveConfig()
    images = images_of(views, (camera,), board)
    size = refusals.check_set(views, camera, images)
    guess = first_guess(images, size)
    if guess is None:
        raise refusals.undetermined(camera)
    images, poses, dropped = _with_poses(images, guess)
    refusals.check_coverage(views, camera, board, guess, set(dropped))
    problem, state = Problem(images, free=(camera,)), State({camera: guess}, poses)
    starts: dict[LensModel, State] = {}
    for model in COEFFICIENTS:
        # The smaller model first: the larger one starts from it.
        problem, state = _start(*_as_model(problem, state, model), config)
        starts[model] = state
    # The larger model judges: what it cannot explain either is not the lens.
    judge: LensModel = "rational" if config.lens == "auto" else config.lens
    if config.robust:
        judged = _start(*_as_model(problem, starts[judge], judge), config)
        problem, starts[judge], rejected = reject_views(*judged, config)
        dropped |= rejected
        refusals.check_left(camera, len(problem.images), dropped)
    fits = {model: _fit(problem, starts[model], model, config) for model in COEFFICIENTS}
    errors = {
        model: choice.held_out(
            replace(fit.problem, images=fits[judge].problem.images), fit.state, config.folds
        )
        for model, fit in fits.items()
    }
    chosen = choice.better(errors) if config.lens == "auto" else config.lens
    fit = fits[chosen]
    intrinsics = fit.state.cameras[camera]
    spread = joint_covariance(fit)
    warnings = refusals.check_result(views, camera, board, intrinsics, spread, set(dropped), config)
    report = rows.camera_report(
        camera,
        "boards",
        fit,
        spread,
        {name: error.rms_px for name, error in errors.items()},
        views,
        dropped,
        board,
    )
    return CameraSolution(intrinsics, spread, fit.state.poses, dropped, report, warnings, fit)


def solve_poses(
    views: Sequence[View],
    camera: CameraName,
    board: Board,
    intrinsics: Intrinsics,
    config: SolveConfig | None = None,
) -> CameraSolution:
    """Poses of the board for a camera that is known, which one view is enough for.

    Raises:
        InputError: The images are not of the camera's size, or none shows enough of the board.
    """
    config = config or SolveConfig()
    images = images_of(views, (camera,), board)
    refusals.check_given(views, camera, intrinsics)
    images, poses, dropped = _with_poses(images, intrinsics)
    if not images:
        raise refusals.undetermined(camera)
    problem, state = Problem(images, free=()), State({camera: intrinsics}, poses)
    if config.robust:
        problem, state = robust_fit(problem, state)
        problem, state, rejected = reject_views(problem, state, config)
        dropped |= rejected
    fit = least_squares(problem, state, config)
    nothing = Covariance(names=(), matrix=())
    report = rows.camera_report(camera, "given", fit, nothing, {}, views, dropped, board)
    return CameraSolution(intrinsics, nothing, fit.state.poses, dropped, report, (), fit)


def images_of(
    views: Sequence[View], cameras: Sequence[CameraName], board: Board
) -> tuple[Image, ...]:
    """Corners of a board as observations, for some cameras."""
    from idfd.calibration.boards.geometry import corners_mm

    corners = corners_mm(board)
    return tuple(
        Image(view.name, camera, corners[seen.ids], seen.pixels, seen.deviation_px)
        for view in views
        for camera in cameras
        if (seen := view.seen.get(camera)) is not None
    )


def _with_poses(
    images: Sequence[Image], guess: Intrinsics
) -> tuple[tuple[Image, ...], dict[str, Pose], dict[str, str]]:
    """Images whose corners give a pose, the poses by view, and the reasons for the others."""
    poses: dict[str, Pose] = {}
    dropped: dict[str, str] = {}
    for image in images:
        if len(image.board) < _FEWEST_CORNERS:
            dropped[image.view] = (
                f"only {len(image.board)} corners were found; {_FEWEST_CORNERS} are needed"
            )
        elif (pose := board_pose(guess, image.board, image.pixels)) is None:
            dropped[image.view] = "its corners lie on one line"
        else:
            poses[image.view] = pose
    return tuple(image for image in images if image.view in poses), poses, dropped


def _start(problem: Problem, state: State, config: SolveConfig) -> tuple[Problem, State]:
    """A first solution, robust where that is asked for."""
    if config.robust:
        return robust_fit(problem, state)
    return problem, solve(problem, state)


def _as_model(
    problem: Problem, state: State, model: LensModel, tightness: float = 1.0
) -> tuple[Problem, State]:
    (camera,) = problem.free
    intrinsics = as_model(state.cameras[camera], model)
    priors = {camera: small_coefficients(intrinsics, model, tightness)}
    return replace(problem, prior=priors), replace(state, cameras={camera: intrinsics})


def _fit(problem: Problem, state: State, model: LensModel, config: SolveConfig) -> Fit:
    """Least squares with a lens model; the prior is tightened until the lens holds everywhere."""
    (camera,) = problem.free
    for step in range(_PRIOR_STEPS):
        tight, start = _as_model(problem, state, model, 10.0**step)
        tight, start = _start(tight, start, config)
        fit = least_squares(tight, start, config)
        if holds(fit.state.cameras[camera]):
            break
    return fit
