"""Solutions as rows of the calibration report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from idfd.calibration.derivatives import parameter_names
from idfd.calibration.projection import project
from idfd.calibration.solve.bundle import solve
from idfd.calibration.solve.poses import Array, Pose, board_pose, inverse_left_jacobian
from idfd.calibration.solve.problem import MOUNT, Image, Problem, State, vector
from idfd.calibration.solve.robust import Fit
from idfd.calibration.solve.variance import interval_factor
from idfd.calibration.views import CameraName, Detection, View
from idfd.model.board import Board
from idfd.model.calibration import ApertureRow, CameraReport, ParameterRow, ViewReport
from idfd.model.camera import Intrinsics
from idfd.model.covariance import Covariance

_UNITS = {"fx": "px", "fy": "px", "cx": "px", "cy": "px"}


def parameter_row(
    name: str, value: float, unit: str, deviation: float | None, views: int
) -> ParameterRow:
    """A parameter with its 95 % interval, from a number of views."""
    half = None if deviation is None else interval_factor(views) * deviation
    return ParameterRow(
        name=name,
        value=value,
        unit=unit,
        deviation=deviation,
        low=None if half is None else value - half,
        high=None if half is None else value + half,
    )


def lens_rows(
    camera: CameraName, intrinsics: Intrinsics, covariance: Covariance, views: int
) -> tuple[ParameterRow, ...]:
    """Rows of a camera's parameters; without a deviation where they were held fixed."""
    rows = []
    for name, value in zip(parameter_names(intrinsics), vector(intrinsics), strict=True):
        full = f"{camera}.{name}"
        deviation = covariance.deviation(full) if full in covariance.names else None
        rows.append(parameter_row(name, float(value), _UNITS.get(name, ""), deviation, views))
    return tuple(rows)


def mount_rows(mount: Pose, covariance: Covariance, views: int) -> tuple[ParameterRow, ...]:
    """Rotation vector, its angle, translation and its length, with intervals."""
    import cv2

    rotation = cv2.Rodrigues(mount.rotation)[0].ravel().astype(np.float64)
    angle, length = np.linalg.norm(rotation), np.linalg.norm(mount.translation)
    # A small turn ω after exp(v) changes v by J(v)⁻¹ ω, with J the left Jacobian of SO(3).
    by_turn = inverse_left_jacobian(rotation)
    spread = covariance.block(MOUNT)
    turns, shifts = by_turn @ spread[:3, :3] @ by_turn.T, spread[3:, 3:]
    degree = float(np.degrees(1))
    rows = [
        (name, degree * value, "deg", degree * np.sqrt(variance))
        for name, value, variance in zip(
            ("rx", "ry", "rz", "angle"),
            (*rotation, angle),
            (*turns.diagonal(), _along(turns, rotation)),
            strict=True,
        )
    ] + [
        (name, value, "mm", np.sqrt(variance))
        for name, value, variance in zip(
            ("tx", "ty", "tz", "baseline"),
            (*mount.translation, length),
            (*shifts.diagonal(), _along(shifts, mount.translation)),
            strict=True,
        )
    ]
    return tuple(
        parameter_row(name, float(value), unit, float(deviation), views)
        for name, value, unit, deviation in rows
    )


def _along(spread: Array, direction: Array) -> float:
    """Variance in a direction; the mean of all where there is none."""
    length = float(np.linalg.norm(direction))
    if length < 1e-9:
        return float(np.trace(spread)) / 3
    return float(direction @ spread @ direction) / length**2


def aperture_rows(
    photo: Intrinsics, defocused: Intrinsics, covariance: Covariance
) -> tuple[ApertureRow, ...]:
    """Large minus small aperture: focal length, centre, and what the focal length does at the edge.

    Boards that both apertures saw tie the two together, so that differences are known better than
    the values.
    """
    names = ("fx", "fy", "cx", "cy")
    change = (vector(defocused) - vector(photo))[:4]
    spread = covariance.block(
        [f"{camera}.{name}" for camera in ("defocused", "photo") for name in names]
    )
    signs = np.hstack([np.eye(4), -np.eye(4)])
    # The scale is that of both focal lengths together, at half the width of the photo.
    edge = photo.width / 4 * np.array([1 / photo.fx, 1 / photo.fy, 0, 0])
    by_row = np.vstack([np.eye(4), edge])
    deviations = np.sqrt((by_row @ signs @ spread @ signs.T @ by_row.T).diagonal())
    return tuple(
        ApertureRow(name=name, difference=float(value), deviation=float(deviation), unit="px")
        for name, value, deviation in zip(
            (*names, "scale at the edge"), by_row @ change, deviations, strict=True
        )
    )


def camera_report(
    camera: CameraName,
    origin: Literal["boards", "factory", "given"],
    fit: Fit,
    covariance: Covariance,
    held_out: Mapping[str, float],
    views: Sequence[View],
    dropped: Mapping[str, str],
    board: Board,
) -> CameraReport:
    """What is reported about one camera of a solution."""
    from idfd.calibration.boards.geometry import corners_mm

    corners = corners_mm(board)
    intrinsics = fit.state.cameras[camera]
    kept = {
        image.view: keep
        for image, keep in zip(fit.images, fit.kept, strict=True)
        if image.camera == camera
    }
    reports = tuple(
        _used(view.name, view.seen[camera], kept[view.name], fit.state, camera, corners)
        if view.name in kept
        else _unused(view.name, view.seen[camera], intrinsics, corners, dropped.get(view.name))
        for view in views
        if camera in view.seen
    )
    gaps = np.array([gap for report in reports if report.used for gap in report.residuals_px])
    return CameraReport(
        camera=camera,
        origin=origin,
        intrinsics=intrinsics,
        held_out_px=dict(held_out),
        rms_px=_rms(gaps),
        parameters=lens_rows(camera, intrinsics, covariance, len(fit.problem.views)),
        views=reports,
    )


def _used(
    name: str,
    seen: Detection,
    kept: NDArray[np.bool_],
    state: State,
    camera: CameraName,
    corners: Array,
) -> ViewReport:
    pose = state.board_in(camera, name)
    gap = seen.pixels - project(state.cameras[camera], pose.apply(corners[seen.ids]))
    return _view_report(name, None, pose, seen.pixels[kept], gap[kept], seen.pixels[~kept])


def _unused(
    name: str, seen: Detection, intrinsics: Intrinsics, corners: Array, reason: str | None
) -> ViewReport:
    """With the pose that suits the view itself best, where its corners give one."""
    board = corners[seen.ids]
    pose = board_pose(intrinsics, board, seen.pixels)
    if pose is None:
        return ViewReport(name=name, used=False, reason=reason, pixels=_pairs(seen.pixels))
    image = Image(name, "photo", board, seen.pixels, seen.deviation_px)
    alone = solve(Problem((image,), free=()), State({"photo": intrinsics}, {name: pose}))
    gap = seen.pixels - project(intrinsics, alone.poses[name].apply(board))
    good = np.isfinite(gap).all(axis=1)
    return _view_report(
        name,
        reason or "no other camera saw the board in it",
        alone.poses[name],
        seen.pixels[good],
        gap[good],
        seen.pixels[~good],
    )


def _view_report(
    name: str, reason: str | None, pose: Pose, pixels: Array, gap: Array, left_out: Array
) -> ViewReport:
    return ViewReport(
        name=name,
        used=reason is None,
        reason=reason,
        rms_px=_rms(gap),
        distance_mm=float(np.linalg.norm(pose.translation)),
        tilt_deg=float(np.degrees(np.arccos(np.clip(abs(pose.rotation[2, 2]), 0, 1)))),
        pixels=_pairs(pixels),
        residuals_px=_pairs(gap),
        left_out=_pairs(left_out),
    )


def _rms(gaps: Array) -> float:
    return float(np.sqrt((gaps**2).sum(axis=-1).mean())) if len(gaps) else 0.0


def _pairs(array: Array) -> tuple[tuple[float, float], ...]:
    return tuple((float(x), float(y)) for x, y in array)
