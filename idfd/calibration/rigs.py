"""Calibrate a rig: views of a board become the rig's documents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import median

import msgspec
import numpy as np
from numpy.typing import NDArray

from idfd.calibration.boards.geometry import corners_mm
from idfd.calibration.check.reference import measure_reference
from idfd.calibration.check.takes import SceneTake
from idfd.calibration.formats.cameras import Cameras
from idfd.calibration.formats.files import write_cameras
from idfd.calibration.kinect_factory import parse_factory_calibration
from idfd.calibration.observe import Observed, observe
from idfd.calibration.report.page import write_report
from idfd.calibration.solve.config import SolveConfig
from idfd.calibration.solve.poses import Pose
from idfd.calibration.solve.rig import RigSolution, solve_rig
from idfd.calibration.solve.uncertainty import depth_error_rows
from idfd.calibration.sources import BURST_SUFFIXES, ImageSource, find_images
from idfd.calibration.views import CameraName, Dropped
from idfd.model import schema
from idfd.model.board import Board
from idfd.model.calibration import (
    CALIBRATION_REPORT,
    REPORT_PAGE,
    CalibrationReport,
    CameraReport,
)
from idfd.model.camera import Intrinsics
from idfd.model.limits import Limit, worst
from idfd.model.provenance import FileReference, provenance
from idfd.model.rig import RigCalibration
from idfd.model.session import CALIBRATION
from idfd.model.triple import Check
from idfd.storage.durable import write_bytes
from idfd.storage.hashing import sha256_bytes

CAMERA_FILE = "camera.yml"
_DEPTHS_M = np.round(np.arange(0.5, 3.81, 0.1), 3)
_LEAST_DEPTHS = 6
"""Corners with depth from which a view tells the size of the print."""


@dataclass(frozen=True)
class RigLimits:
    """What a calibration is held against; ``docs/calibration.md`` says why.

    Attributes:
        reprojection: Root mean square error of the corners, the worst camera.
        focal_length: Half of the 95 % interval of the focal lengths estimated, over their value,
            the worst.
        pixel_error: Predicted standard deviation of depth pixels in the photo, median over the
            view, at the worst depth from 0.5 to 3.8 m.
        left_out: Share of the images that were left out.
        print_scale: Size of the board as the depth camera measures it against the size that was
            given: a print that was fitted to the page.
        aperture_shift: Difference of the focal lengths at both apertures: focus that moved.
    """

    reprojection: Limit = Limit(0.7, 1.5, "px")
    focal_length: Limit = Limit(0.2, 1.0, "%")
    pixel_error: Limit = Limit(1.0, 5.0, "px")
    left_out: Limit = Limit(0.25, 0.6, "of images")
    print_scale: Limit = Limit(2.0, 4.0, "%")
    aperture_shift: Limit = Limit(0.2, 1.0, "%")


@dataclass(frozen=True)
class Calibrated:
    """What came out of a calibration.

    Attributes:
        solution: The numbers.
        report: What was seen, and how far it can be trusted.
        rig: The calibration of the rig; None where only one camera was calibrated.
    """

    solution: RigSolution
    report: CalibrationReport
    rig: RigCalibration | None


def calibrate_rig(
    source: Path,
    board: Board,
    output: Path,
    *,
    patterns: Mapping[CameraName, str] | None = None,
    given: Mapping[CameraName, Intrinsics] | None = None,
    config: SolveConfig | None = None,
    workers: int,
) -> Calibrated:
    """Calibrate from a session or a folder, and write what came out.

    ``output`` receives ``calibration.json`` (or, of a single camera, ``camera.yml`` in OpenCV's
    format), ``report.json`` and ``report.html``.

    Args:
        source: A session whose takes look at a board, or a folder of images.
        board: What they show.
        output: Folder for the results.
        patterns: For a folder, the files of each camera; see
            :func:`~idfd.calibration.sources.find_images`.
        given: Intrinsics that are known, by camera. Bursts bring the factory calibration of the
            depth camera along, which is used unless another is given.
        config: Settings of the solver.
        workers: Images looked at together.

    Raises:
        InputError: No usable image, views that do not determine a camera, cameras that contradict
            each other; the message says what to add or to leave out.
        StorageError: The output cannot be written.
    """
    config = config or SolveConfig()
    images = find_images(source, patterns)
    seen = observe(images, board, workers)
    held = dict(given or {})
    factory = _factory(seen)
    if factory is not None and "depth" not in held:
        held["depth"] = factory
    solution = solve_rig(
        seen.views,
        board,
        photo=held.get("photo"),
        defocused=held.get("defocused"),
        depth=held.get("depth"),
        config=config,
    )
    if factory is not None and held.get("depth") is factory:
        solution = replace(solution, cameras=_from_factory(solution.cameras))
    rig = _rig(solution, seen, images, config)
    report = _report(solution, rig, seen, images, board, config)
    rig = _write(output, report, rig, solution)
    return Calibrated(solution, report, rig)


def _factory(seen: Observed) -> Intrinsics | None:
    if seen.factory is None or seen.mode is None:
        return None
    return parse_factory_calibration(seen.factory, seen.mode).depth


def _from_factory(cameras: Sequence[CameraReport]) -> tuple[CameraReport, ...]:
    return tuple(
        msgspec.structs.replace(camera, origin="factory") if camera.camera == "depth" else camera
        for camera in cameras
    )


def _rig(
    solution: RigSolution, seen: Observed, images: Sequence[ImageSource], config: SolveConfig
) -> RigCalibration | None:
    if solution.depth is None or solution.depth_to_photo is None:
        return None
    distances = [
        settings.focus_distance_m
        for settings in seen.settings.values()
        if settings is not None and settings.focus_distance_m is not None
    ]
    return RigCalibration(
        photo=solution.photo,
        defocused=solution.defocused,
        depth=solution.depth,
        depth_to_photo=solution.depth_to_photo,
        focus_distance_m=median(distances) if distances else None,
        origin="calibrated",
        covariance=solution.covariance,
        reference=measure_reference(solution.photo, _takes(images)),
        provenance=provenance(asdict(config)),
    )


def _takes(images: Sequence[ImageSource]) -> list[SceneTake]:
    """Photos with the bursts that were taken together with them."""
    usable = [item for item in images if item.problem is None]
    photos = {item.view: item.path for item in usable if item.camera == "photo"}
    return [
        SceneTake(item.view, photos[item.view], item.path)
        for item in usable
        if item.view in photos and item.path.suffix.lower() in BURST_SUFFIXES
    ]


def _report(
    solution: RigSolution,
    rig: RigCalibration | None,
    seen: Observed,
    images: Sequence[ImageSource],
    board: Board,
    config: SolveConfig,
) -> CalibrationReport:
    pixel_error = () if rig is None else depth_error_rows(rig, _DEPTHS_M)
    dropped = (*seen.dropped, *solution.dropped)
    values: dict[str, float] = {
        "reprojection": max(camera.rms_px for camera in solution.cameras),
        "left_out": len({(d.view, d.camera) for d in dropped}) / len(images),
    }
    focal = _focal_intervals(solution.cameras)
    if focal:
        values["focal_length"] = max(focal)
    if pixel_error:
        values["pixel_error"] = max(row.median_px for row in pixel_error)
    scale = print_scale(solution, seen, board)
    if scale is not None:
        values["print_scale"] = 100 * abs(scale - 1)
    if solution.defocused is not None and solution.apertures:
        ratio = solution.defocused.fx / solution.photo.fx
        values["aperture_shift"] = 100 * abs(ratio - 1)
    checks = judge(values)
    return CalibrationReport(
        board=board,
        cameras=solution.cameras,
        extrinsics=solution.extrinsics,
        pixel_error=pixel_error,
        apertures=solution.apertures,
        dropped=tuple((_name(item), item.reason) for item in dropped),
        checks=checks,
        verdict=worst([check.verdict for check in checks]),
        images=seen.files,
        provenance=provenance(asdict(config)),
    )


def judge(values: Mapping[str, float], limits: RigLimits = RigLimits()) -> tuple[Check, ...]:
    """Hold measured values against their limits; what was not measured is absent."""
    known: dict[str, Limit] = vars(limits)
    return tuple(limit.judge(name, values[name]) for name, limit in known.items() if name in values)


def _focal_intervals(cameras: Sequence[CameraReport]) -> list[float]:
    """Half of the interval of each focal length over its value, percent."""
    return [
        100 * (row.high - row.value) / row.value
        for camera in cameras
        for row in camera.parameters
        if row.name in ("fx", "fy") and row.high is not None
    ]


def _name(item: Dropped) -> str:
    return item.view if item.camera is None else f"{item.view}/{item.camera}"


def print_scale(solution: RigSolution, seen: Observed, board: Board) -> float | None:
    """Size of the printed board over the size that it should have, by the depth camera.

    The pose of the board in the infrared image gives the depth of its corners for a board of the
    given size; the sensor measures depth itself. Median over corners and views.

    Returns:
        The ratio, or None where no view has depth at enough corners.
    """
    if solution.depth_to_photo is None:
        return None
    mount = Pose(
        np.array(solution.depth_to_photo.rotation), np.array(solution.depth_to_photo.translation_mm)
    )
    corners = corners_mm(board)
    ratios = []
    for view in seen.views:
        depth, detection = seen.depth_mm.get(view.name), view.seen.get("depth")
        pose = solution.poses.get(view.name)
        if depth is None or detection is None or pose is None:
            continue
        expected = mount.inverse().after(pose).apply(corners[detection.ids])[:, 2]
        measured = _at(depth, detection.pixels)
        valid = measured > 0
        if np.count_nonzero(valid) >= _LEAST_DEPTHS:
            ratios.append(float(np.median(measured[valid] / expected[valid])))
    return median(ratios) if ratios else None


def _at(depth: NDArray[np.float64], pixels: NDArray[np.float64]) -> NDArray[np.float64]:
    """Depth at the nearest pixels."""
    column, row = np.rint(pixels).astype(int).T
    return depth[np.clip(row, 0, depth.shape[0] - 1), np.clip(column, 0, depth.shape[1] - 1)]


def _write(
    output: Path, report: CalibrationReport, rig: RigCalibration | None, solution: RigSolution
) -> RigCalibration | None:
    """Write the documents; ``calibration.json`` names the report that it came with."""
    data = schema.encode(report)
    write_bytes(output / CALIBRATION_REPORT, data)
    if rig is None:
        write_cameras(output / CAMERA_FILE, Cameras({"photo": solution.photo}), "opencv")
    else:
        reference = FileReference(
            path=CALIBRATION_REPORT, sha256=sha256_bytes(data), bytes=len(data)
        )
        rig = msgspec.structs.replace(rig, sources={"report": reference})
        write_bytes(output / CALIBRATION, schema.encode(rig))
    write_report(report, rig, output / REPORT_PAGE)
    return rig
