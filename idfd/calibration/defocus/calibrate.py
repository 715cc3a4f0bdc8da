"""From photos on disk to the blur in ``calibration.json``: of a board, or of flat surfaces."""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import median

import msgspec
import numpy as np
from numpy.typing import NDArray

from idfd.calibration.defocus.fit import DefocusFit, fit_defocus
from idfd.calibration.defocus.pairs import Pair, read_photos
from idfd.calibration.defocus.patches import (
    Patch,
    board_depth_m,
    board_patches,
    plane_patches,
)
from idfd.calibration.defocus.prints import Print
from idfd.calibration.observe import observe
from idfd.calibration.projection import project, unproject
from idfd.calibration.solve.poses import Pose, board_pose, turn
from idfd.errors import InputError
from idfd.model import schema
from idfd.model.board import Board
from idfd.model.calibration import CALIBRATION_REPORT, REPORT_PAGE, CalibrationReport
from idfd.model.camera import Intrinsics
from idfd.model.provenance import FileReference
from idfd.model.rig import RigCalibration
from idfd.storage.durable import write_bytes
from idfd.storage.hashing import sha256_bytes
from idfd.storage.images import read_bytes


def calibrate_board(
    pairs: Sequence[Pair], board: Board, rig: RigCalibration, workers: int
) -> DefocusFit:
    """Fit to pairs of photos of a board, whose pose is found in the sharp ones.

    Raises:
        InputError: The board is in no photo, or the photos cannot tell the lens.
    """
    from idfd.calibration.boards.geometry import corners_mm

    seen = observe([pair.small for pair in pairs], board, workers)
    corners, printed = corners_mm(board), Print.of(board)
    detections = {view.name: view.seen["photo"] for view in seen.views}
    patches: list[Patch] = []
    for pair in pairs:
        detection = detections.get(pair.view)
        pose = None
        if detection is not None:
            pose = _refined_pose(rig.photo, corners[detection.ids], detection.pixels)
        if pose is None:
            continue
        small, large = read_photos(pair, rig.photo)
        # The blur at the large aperture is seen best against the same print at the small one,
        # which has the same ink, light and bumps; that at the small one only against the ideal.
        depth = board_depth_m(printed, pose, rig.photo)
        centres = project(rig.photo, pose.apply(corners))
        patches += plane_patches(pair.view, small, large, depth, rig.photo, centres=centres)
        patches += board_patches(pair.view, small, printed, corners, pose, rig.photo, large=False)
    return _fit(patches, pairs, rig)


def calibrate_planes(
    pairs: Sequence[Pair], distances_m: Mapping[str, float], rig: RigCalibration
) -> DefocusFit:
    """Fit to pairs of photos of textured surfaces that stand square to the optical axis.

    Args:
        pairs: The photos.
        distances_m: Distance of the surface from the lens along the axis, by view.
        rig: For the camera.

    Raises:
        InputError: A view without a distance, or the photos cannot tell the lens.
    """
    patches: list[Patch] = []
    for pair in pairs:
        if pair.view not in distances_m:
            raise InputError(
                f"no distance is given for the view '{pair.view}'",
                limit=f"one for each of {', '.join(pair.view for pair in pairs)}",
                remedy="Add a line 'view,distance_m' to the file of distances",
            )
        small, large = read_photos(pair, rig.photo)
        depth = _square_to_axis(distances_m[pair.view])
        patches += plane_patches(pair.view, small, large, depth, rig.photo)
    return _fit(patches, pairs, rig)


def read_distances(path: Path) -> dict[str, float]:
    """Distances by view from a CSV file with the columns ``view`` and ``distance_m``.

    Raises:
        InputError: Not such a file, or a distance that is no positive number.
    """
    text = read_bytes(path).decode("utf-8-sig", errors="replace")
    rows = list(csv.DictReader(text.splitlines()))
    distances: dict[str, float] = {}
    for number, row in enumerate(rows, 2):
        try:
            view, distance = row["view"].strip(), float(row["distance_m"])
        except (KeyError, TypeError, ValueError, AttributeError):
            distance = 0.0
        if not 0 < distance < np.inf:
            raise InputError(
                f"line {number} gives no distance",
                where=path,
                limit="a header 'view,distance_m' and lines such as '0007,1.25'",
            )
        distances[view] = distance
    if not distances:
        raise InputError("the file is empty", where=path, limit="columns 'view' and 'distance_m'")
    return distances


def write_blur(fit: DefocusFit, rig: RigCalibration, source: Path, output: Path) -> RigCalibration:
    """Write the calibration with its blur, and the report beside it where there is one.

    Args:
        fit: What was found.
        rig: The calibration that it was found with; all else in it is kept.
        source: File that ``rig`` was read from.
        output: File to write, which may be the same.

    Returns:
        The calibration as written.

    Raises:
        StorageError: It cannot be written; the old files are as before.
    """
    from idfd.calibration.report.page import write_report

    changed = msgspec.structs.replace(rig, blur=fit.model)
    report_path = source.parent / CALIBRATION_REPORT
    report = None
    if report_path.exists():
        report = schema.load(CalibrationReport, report_path)
        report = msgspec.structs.replace(report, blur=fit.rows)
        data = schema.encode(report)
        write_bytes(output.parent / CALIBRATION_REPORT, data)
        reference = FileReference(
            path=CALIBRATION_REPORT, sha256=sha256_bytes(data), bytes=len(data)
        )
        changed = msgspec.structs.replace(changed, sources={**rig.sources, "report": reference})
    write_bytes(output, schema.encode(changed))
    if report is not None:
        write_report(report, changed, output.parent / REPORT_PAGE)
    return changed


def _fit(patches: Sequence[Patch], pairs: Sequence[Pair], rig: RigCalibration) -> DefocusFit:
    def known(values: list[float | None]) -> float | None:
        there = [value for value in values if value is not None]
        return median(there) if there else None

    taken = [settings for pair in pairs for settings in pair.settings]
    return fit_defocus(
        patches,
        rig.photo,
        focal_length_mm=known([settings.focal_length_mm for settings in taken]),
        focus_prior_m=known([settings.focus_distance_m for settings in taken]),
    )


def _square_to_axis(
    distance_m: float,
) -> Callable[[NDArray[np.float64]], NDArray[np.float64]]:
    return lambda pixels: np.full(len(pixels), distance_m)


def _refined_pose(
    intrinsics: Intrinsics, points: NDArray[np.float64], pixels: NDArray[np.float64]
) -> Pose | None:
    """Pose of a board, by least squares on undistorted rays."""
    import cv2

    first = board_pose(intrinsics, points, pixels)
    if first is None:
        return None
    rays = unproject(intrinsics, pixels)[:, :2]
    good = np.isfinite(rays).all(axis=1)
    vector, shift = cv2.solvePnPRefineLM(
        points[good],
        rays[good],
        np.eye(3),
        None,
        cv2.Rodrigues(first.rotation)[0],
        first.translation.reshape(3, 1).copy(),
    )
    return Pose(turn(np.asarray(vector, np.float64).ravel()), np.asarray(shift, np.float64).ravel())
