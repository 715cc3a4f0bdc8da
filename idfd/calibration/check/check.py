"""Hold a calibration against new scenes, without a board."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np

from idfd.calibration.check.alignment import Alignment, measure_alignment
from idfd.calibration.check.matching import match_cameras
from idfd.calibration.check.outlines import Outlines, find_outlines
from idfd.calibration.check.overlay import draw_overlay
from idfd.calibration.check.pose import PoseMeasurement, angle_between, expected_pose, fit_pose
from idfd.calibration.check.takes import Scene, SceneTake, read_scene
from idfd.calibration.depth import steady_depth
from idfd.calibration.projection import project
from idfd.errors import InputError
from idfd.model import schema
from idfd.model.limits import Limit, worst
from idfd.model.provenance import Provenance, Sha256, provenance
from idfd.model.rig import RigCalibration
from idfd.model.schema import Document, Record
from idfd.model.triple import Check
from idfd.storage.durable import write_bytes
from idfd.storage.hashing import sha256_bytes
from idfd.storage.images import encode_png

ADVICE = {
    "rig_drift": "The cameras moved against each other since the calibration: tighten the bracket "
    "and calibrate again",
    "reprojection": "Points of the depth camera miss their places in the photo: see that the "
    "calibration is of this rig, lens and focus, then calibrate again",
    "depth_edges": "Depth lies beside the edges of the photo: look at the overlay, then calibrate "
    "again",
}
"""What to do when a check warns or fails, by its name."""
_CONTRADICTION = 3.0
"""Drift over reprojection error, both as angles, beyond which they cannot both be right."""


class CheckLimits(Record, frozen=True, kw_only=True):
    """What a scene is held against; ``docs/calibration-check.md`` says how they were chosen.

    Attributes:
        rig_drift: How far the photo camera has turned or moved against the depth camera since the
            calibration, as points 1 to 2.5 m away see it.
        reprojection: Median distance of matched points from where the calibration puts them.
        depth_edges: Movement that brings outlines of the depth camera onto edges of the photo.
        edges_deviation_deg: Largest standard deviation of that movement at which it is judged.
        edges_contrast: Least height of its optimum over other movements, in standard deviations
            of these, at which it is judged.
    """

    rig_drift: Limit = Limit(0.25, 0.6, "degrees")
    reprojection: Limit = Limit(0.25, 0.6, "degrees")
    depth_edges: Limit = Limit(0.15, 0.4, "degrees")
    edges_deviation_deg: float = 0.15
    edges_contrast: float = 4.5


class TakeCheck(Record, frozen=True, kw_only=True):
    """One scene.

    Attributes:
        take: Its name.
        checks: Values against limits.
        measures: What the values rest on, by name.
        missing: Checks that could not be made, with the reason.
        verdict: The worst of the checks; None where none could be made.
    """

    take: str
    checks: tuple[Check, ...]
    measures: dict[str, float]
    missing: dict[str, str]
    verdict: Literal["pass", "warn", "fail"] | None


class CalibrationCheck(Document, frozen=True, kw_only=True):
    """A calibration, held against scenes.

    Attributes:
        calibration: SHA-256 of the calibration.
        against: What ``rig_drift`` is measured from: the ``reference`` frame that the calibration
            holds, or its own ``geometry`` with the factory calibration of the depth camera.
        takes: One entry for each scene.
        verdict: The worst of them.
        provenance: Code and limits.
    """

    SCHEMA: ClassVar[str] = "idfd/calibration-check"
    VERSION: ClassVar[str] = "1.0.0"

    calibration: Sha256
    against: Literal["reference", "geometry"]
    takes: tuple[TakeCheck, ...]
    verdict: Literal["pass", "warn", "fail"]
    provenance: Provenance


def check_rig(
    rig: RigCalibration,
    takes: Sequence[SceneTake],
    *,
    limits: CheckLimits = CheckLimits(),
    overlay: Path | None = None,
) -> CalibrationCheck:
    """Check whether a calibration is still true.

    Args:
        rig: The calibration.
        takes: Scenes that were shot with the rig as it is now.
        limits: What they are held against.
        overlay: Folder for a picture of each scene with the depth camera's outlines drawn in.

    Raises:
        InputError: A file is missing or damaged or of another camera, or no scene tells anything.
        SchemaError: A burst is damaged.
        StorageError: A picture cannot be written.
    """
    checked = []
    for take in takes:
        scene = read_scene(take, rig.photo)
        if scene.burst.depth.shape[1:] != (rig.depth.height, rig.depth.width):
            height, width = scene.burst.depth.shape[1:]
            raise InputError(
                f"the depth camera recorded {width}x{height}",
                where=take.burst,
                limit=f"{rig.depth.width}x{rig.depth.height}, as in the calibration",
                remedy="Use the calibration of that depth mode",
            )
        outlines = find_outlines(steady_depth(scene.burst), rig)
        checked.append(_check(take.name, scene, outlines, rig, limits))
        if overlay is not None:
            picture = draw_overlay(scene, outlines)
            write_bytes(overlay / f"{take.name}.png", encode_png(picture))
    verdicts = [take.verdict for take in checked if take.verdict is not None]
    if not verdicts:
        reasons = "; ".join(f"{name}: {why}" for name, why in checked[0].missing.items())
        raise InputError(
            f"no scene tells anything about the calibration ({reasons})",
            where=takes[0].photo.parent,
            remedy="Shoot a scene with texture and with things standing free 1 to 3 m away",
        )
    return CalibrationCheck(
        calibration=sha256_bytes(schema.encode(rig)),
        against="geometry" if rig.reference is None else "reference",
        takes=tuple(checked),
        verdict=worst(verdicts),
        provenance=provenance({"limits": limits}),
    )


def _check(
    name: str, scene: Scene, outlines: Outlines, rig: RigCalibration, limits: CheckLimits
) -> TakeCheck:
    px_per_degree = float(np.radians(1) * rig.photo.fx)
    matches = match_cameras(scene.photo, scene.factor, scene.burst, rig.photo, None)
    pose = fit_pose([matches]) if matches is not None else None
    alignment = measure_alignment(scene.photo, scene.factor, rig.photo.fx, outlines)
    checks: list[Check] = []
    missing: dict[str, str] = {}
    measures: dict[str, float] = {}
    if pose is not None:
        drift, reprojection = _of_pose(pose, rig, limits, px_per_degree)
        measures["matched_points"] = len(pose.points)
        # A rig that moved takes its points along; few points can fit a far pose by chance.
        far = drift.value * px_per_degree > _CONTRADICTION * reprojection.value
        if far and drift.verdict != "pass" and reprojection.verdict == "pass":
            missing["rig_drift"] = "the points lie where the calibration puts them, or nearly so"
            checks.append(reprojection)
        else:
            checks += [drift, reprojection]
    else:
        reason = (
            "too little that both cameras see"
            if scene.burst.colour
            else "the burst has no colour images"
        )
        missing |= {"rig_drift": reason, "reprojection": reason}
    if alignment is None:
        missing["depth_edges"] = "too few outlines of things before others"
    else:
        measures |= _of_edges(alignment)
        if alignment.contrast < limits.edges_contrast:
            missing["depth_edges"] = "the photo shows no edges where the outlines are"
        elif alignment.deviation > limits.edges_deviation_deg * px_per_degree:
            missing["depth_edges"] = f"known to ± {alignment.deviation:.1f} px only"
        else:
            limit = _in_pixels(limits.depth_edges, px_per_degree)
            checks.append(limit.judge("depth_edges", alignment.displacement))
    return TakeCheck(
        take=name,
        checks=tuple(checks),
        measures=measures,
        missing=missing,
        verdict=worst([check.verdict for check in checks]) if checks else None,
    )


def _of_pose(
    pose: PoseMeasurement, rig: RigCalibration, limits: CheckLimits, px_per_degree: float
) -> tuple[Check, Check]:
    before = rig.reference or expected_pose(rig.depth_to_photo, pose.depth_to_colour)
    placed = project(rig.photo, rig.depth_to_photo.apply(pose.points))
    error = np.linalg.norm(placed - pose.pixels, axis=1)
    # A point that the calibration puts nowhere is as far off as can be.
    median = float(np.median(np.nan_to_num(error, nan=np.inf)))
    return (
        limits.rig_drift.judge("rig_drift", angle_between(before, pose.frame)),
        _in_pixels(limits.reprojection, px_per_degree).judge("reprojection", median),
    )


def _of_edges(alignment: Alignment) -> dict[str, float]:
    return {
        "edge_shift_x_px": round(alignment.shift[0], 3),
        "edge_shift_y_px": round(alignment.shift[1], 3),
        "edge_deviation_px": round(alignment.deviation, 3),
        "edge_contrast": round(alignment.contrast, 2),
        "edge_points": alignment.points,
    }


def _in_pixels(limit: Limit, px_per_degree: float) -> Limit:
    """A limit on an angle as a limit on pixels of the photo at full size."""
    return Limit(round(limit.warn * px_per_degree, 2), round(limit.fail * px_per_degree, 2), "px")
