"""All cameras of a rig together: lenses, boards, and where the depth camera is mounted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from idfd.calibration.solve import refusals, rows
from idfd.calibration.solve.camera import CameraSolution, solve_camera, solve_poses
from idfd.calibration.solve.config import SolveConfig
from idfd.calibration.solve.lens import near_given
from idfd.calibration.solve.poses import Pose, median_pose
from idfd.calibration.solve.problem import Image, Problem, State
from idfd.calibration.solve.reject import reject_views
from idfd.calibration.solve.robust import Fit, least_squares, noise, robust_fit
from idfd.calibration.solve.variance import joint_covariance
from idfd.calibration.views import CameraName, Dropped, View
from idfd.errors import InputError
from idfd.model.board import Board
from idfd.model.calibration import ApertureRow, CameraReport, ParameterRow
from idfd.model.camera import Extrinsics, Intrinsics
from idfd.model.covariance import Covariance

_MOVED = (
    "the board, the rig or the focus moved between the images of this view, which do not agree "
    "where the board stands"
)


_MOST_WORSE = 4.0
"""Noise of a camera's corners in the joint solution, over that in its own."""


@dataclass(frozen=True)
class RigSolution:
    """What views of a board say about a rig.

    Attributes:
        photo: The photo camera at its small aperture.
        defocused: At its large aperture, where it took views.
        depth: The depth camera, where it is known or took views.
        depth_to_photo: Between them, where both saw the board in a view.
        covariance: Of everything estimated, by the names of
            :class:`~idfd.model.rig.RigCalibration`.
        poses: Of the board in the photo camera's frame, by view.
        cameras: Reports, one for each camera with views.
        extrinsics: Rows of ``depth_to_photo``.
        apertures: Large against small aperture.
        dropped: Images and views left out, with the reason.
        warnings: What is weak, with what to add.
    """

    photo: Intrinsics
    defocused: Intrinsics | None
    depth: Intrinsics | None
    depth_to_photo: Extrinsics | None
    covariance: Covariance
    poses: Mapping[str, Pose]
    cameras: tuple[CameraReport, ...]
    extrinsics: tuple[ParameterRow, ...]
    apertures: tuple[ApertureRow, ...]
    dropped: tuple[Dropped, ...]
    warnings: tuple[str, ...]


def solve_rig(
    views: Sequence[View],
    board: Board,
    *,
    photo: Intrinsics | None = None,
    defocused: Intrinsics | None = None,
    depth: Intrinsics | None = None,
    config: SolveConfig | None = None,
) -> RigSolution:
    """Calibrate a rig from views of a board.

    Each camera is solved alone first, which rejects its bad views and chooses its lens model; then
    all unknowns are refined together. In one view the board stands still, so that its images at
    both apertures and in infrared share a pose.

    Args:
        views: What the cameras saw; two views may be seen by different cameras.
        board: What they show.
        photo: Intrinsics of the photo camera to hold fixed, or None to estimate them.
        defocused: The same at the large aperture.
        depth: The same of the depth camera: its factory calibration. Where the photo camera is
            estimated, focal lengths given are adjusted within what they may be off.
        config: Settings.

    Raises:
        InputError: No photo of the board, a camera that its views do not determine, or no view
            that both cameras saw.
    """
    config = config or SolveConfig()
    offered: Mapping[CameraName, Intrinsics | None] = {
        "photo": photo,
        "defocused": defocused,
        "depth": depth,
    }
    given = {name: one for name, one in offered.items() if one is not None}
    alone = _each_alone(views, board, given, config)
    if "photo" not in alone:
        raise InputError(
            "the board was found in no photo at the small aperture",
            limit="photos of the board, or intrinsics of the photo camera with one photo",
            remedy="Check that the board is the one described, in focus and wholly in the picture",
        )
    problem, state = _together(alone, given, config)
    moved: dict[str, str] = {}
    if config.robust and len(alone) > 1:
        problem, state = robust_fit(problem, state)
        problem, state, rejected = reject_views(problem, state, config, focal=False)
        moved = {view: f"{_MOVED}: {reason}" for view, reason in rejected.items()}
        _check_together(problem, alone, moved)
    fit = least_squares(problem, state, config)
    return _solution(views, board, alone, given, fit, moved)


def _each_alone(
    views: Sequence[View],
    board: Board,
    given: Mapping[CameraName, Intrinsics],
    config: SolveConfig,
) -> dict[CameraName, CameraSolution]:
    """Solutions of single cameras; the lens model of the photo camera holds at both apertures."""
    out: dict[CameraName, CameraSolution] = {}
    names: tuple[CameraName, ...] = ("photo", "defocused", "depth")
    for camera in names:
        if not any(camera in view.seen for view in views):
            continue
        if camera in given:
            out[camera] = solve_poses(views, camera, board, given[camera], config)
            continue
        own = config
        if camera == "defocused" and "photo" in out:
            model = out["photo"].intrinsics.model
            own = replace(config, lens=config.lens if model == "pinhole" else model)
        out[camera] = solve_camera(views, camera, board, own)
    return out


def _together(
    alone: Mapping[CameraName, CameraSolution],
    given: Mapping[CameraName, Intrinsics],
    config: SolveConfig,
) -> tuple[Problem, State]:
    """The joint problem, starting from the solutions of single cameras."""
    images: list[Image] = []
    poses: dict[str, Pose] = {}
    for camera, solution in alone.items():
        if camera != "depth":
            poses = {**solution.poses, **poses}
    mount = None
    if "depth" in alone:
        common = [view for view in alone["depth"].poses if view in poses]
        if not common:
            raise _no_common_view(alone)
        between = [poses[view].after(alone["depth"].poses[view].inverse()) for view in common]
        mount = median_pose(between)
        for view, pose in alone["depth"].poses.items():
            poses.setdefault(view, mount.after(pose))
    for solution in alone.values():
        images += solution.fit.images
    free = [camera for camera in alone if camera not in given]
    prior = {camera: alone[camera].fit.problem.prior[camera] for camera in free}
    if "depth" in alone and "depth" in given and "photo" in free and config.given_focal > 0:
        free.append("depth")
        prior["depth"] = near_given(given["depth"], config.given_focal)
    state = State({name: one.intrinsics for name, one in alone.items()}, poses, mount)
    return Problem(tuple(images), tuple(free), prior), state


def _no_common_view(alone: Mapping[CameraName, CameraSolution]) -> InputError:
    lost = [f"{v} ({c}: {why})" for c, one in alone.items() for v, why in one.dropped.items()]
    return InputError(
        "no view shows the board both in a photo and in the infrared image"
        + (f"; left out were {', '.join(lost[:4])}" if lost else ""),
        limit="views that both cameras see",
        remedy="Hold the board where both cameras see all of it, 0.5 to 1.5 m away",
    )


def _check_together(
    problem: Problem, alone: Mapping[CameraName, CameraSolution], moved: Mapping[str, str]
) -> None:
    """Refuse cameras that agree only while each is looked at alone."""
    seen: dict[str, set[CameraName]] = {}
    for image in problem.images:
        seen.setdefault(image.view, set()).add(image.camera)
    linked = "depth" not in alone or any("depth" in one and len(one) > 1 for one in seen.values())
    worse = {camera: one / alone[camera].noise for camera, one in noise(problem.images).items()}
    worst = max(worse, key=lambda camera: worse[camera])
    if not linked or len(moved) >= len(seen):
        listed = ", ".join(list(moved)[:5])
        what = f"{len(moved)} of {len(moved) + len(seen)} views contradict the others ({listed})"
    else:
        if worse[worst] < _MOST_WORSE:
            return
        what = f"the {worst} camera's corners fit {worse[worst]:.1f} times worse than alone"
    raise InputError(
        f"the cameras do not agree where the board stands: {what}",
        limit="a rigid rig, a board that stands still while a view is taken, and images that "
        "belong to it",
        remedy="Check that the images of a view were taken together and that intrinsics given are "
        "those of this camera; fasten both cameras and put the board on a stand",
    )


def _solution(
    views: Sequence[View],
    board: Board,
    alone: Mapping[CameraName, CameraSolution],
    given: Mapping[CameraName, Intrinsics],
    fit: Fit,
    moved: Mapping[str, str],
) -> RigSolution:
    cameras, mount, count = fit.state.cameras, fit.state.mount, len(fit.problem.views)
    spread = joint_covariance(fit)
    reports = tuple(
        rows.camera_report(
            camera,
            solution.report.origin,
            fit,
            spread,
            solution.report.held_out_px,
            views,
            {**solution.dropped, **moved},
            board,
        )
        for camera, solution in alone.items()
    )
    dropped = [
        Dropped(view, camera, reason)
        for camera, solution in alone.items()
        for view, reason in solution.dropped.items()
    ] + [Dropped(view, None, reason) for view, reason in moved.items()]
    return RigSolution(
        photo=cameras["photo"],
        defocused=cameras.get("defocused", given.get("defocused")),
        depth=cameras.get("depth", given.get("depth")),
        depth_to_photo=mount.extrinsics("depth", "photo") if mount else None,
        covariance=spread,
        poses={view: fit.state.poses[view] for view in fit.problem.views},
        cameras=reports,
        extrinsics=rows.mount_rows(mount, spread, count) if mount else (),
        apertures=rows.aperture_rows(cameras["photo"], cameras["defocused"], spread)
        if "defocused" in cameras
        else (),
        dropped=tuple(dropped),
        warnings=(
            *(text for solution in alone.values() for text in solution.warnings),
            *(
                text
                for name, one in given.items()
                for text in refusals.moved_focal(name, one, cameras.get(name, one))
            ),
            *refusals.few_views(fit.problem),
        ),
    )
