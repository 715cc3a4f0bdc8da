"""How the photo camera stands against the depth camera, from scenes.

From points that both cameras see (:mod:`idfd.calibration.check.matching`) the pose of the photo
camera follows by perspective n-point, whatever the scene looks like. Without a calibration of the
rig the photo camera is a pinhole by its focal length with one radial term that is fitted along.

A small turn and a small step look alike to a single take, so two poses are compared by what they
do: by how far they move points that stand where scenes are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from idfd.calibration.check.matching import Matches
from idfd.model.camera import Extrinsics
from idfd.model.rig import ReferenceFrame

_LEAST_MATCHES = 30
_LARGEST_ERROR_DEG = 0.5
_LARGEST_DEVIATION_DEG = 0.1
_REFINEMENTS = 8
_GRID_MM = np.array(
    [
        (x * z, y * z, z)
        for z in (1000.0, 2500.0)
        for y in (-0.4, 0.0, 0.4)
        for x in (-0.5, -0.25, 0.0, 0.25, 0.5)
    ]
)


@dataclass(frozen=True)
class PoseMeasurement:
    """Where the photo camera stands, and what says so.

    Attributes:
        frame: The pose against the depth camera's colour camera.
        points: Points that agree with it, in the depth camera's frame, (N, 3) mm.
        pixels: Where the photo shows them, (N, 2) pixels of the photo at full size.
        depth_to_colour: Inside the depth camera, by its factory calibration.
    """

    frame: ReferenceFrame
    points: NDArray[np.float64]
    pixels: NDArray[np.float64]
    depth_to_colour: Extrinsics


def fit_pose(matches: Sequence[Matches]) -> PoseMeasurement | None:
    """Pose of the photo camera against the depth camera's colour camera.

    Args:
        matches: Of one take, or of several that were shot with the same photo camera.

    Returns:
        None where it cannot be told within 0.1 degrees.
    """
    points = np.concatenate([each.in_colour for each in matches])
    seen_at = np.concatenate([each.seen_at for each in matches])
    if len(points) < _LEAST_MATCHES:
        return None
    focal, lens_known = matches[0].focal_px, matches[0].lens_known
    matrix = np.diag([focal, focal, 1.0])
    cv2.setRNGSeed(0)  # the same take gives the same value
    limit_px = focal * np.radians(_LARGEST_ERROR_DEG)
    done, rotation, translation, inliers = cv2.solvePnPRansac(
        points, seen_at, matrix, None, iterationsCount=500, reprojectionError=limit_px,
        confidence=0.999, flags=cv2.SOLVEPNP_SQPNP,
    )  # fmt: skip
    if not done or inliers is None or len(inliers) < _LEAST_MATCHES:
        return None
    agree = np.asarray(inliers[:, 0], np.intp)
    points, seen_at = points[agree], seen_at[agree]
    # Columns of the Jacobian: rotation, translation, and the first radial term.
    free = [0, 1, 2, 3, 4, 5] + ([] if lens_known else [10])
    pose = np.concatenate([rotation.ravel(), translation.ravel(), [0.0]])
    for _ in range(_REFINEMENTS):
        lens = np.array([pose[6], 0, 0, 0, 0])
        found, jacobian = cv2.projectPoints(points, pose[:3], pose[3:6], matrix, lens)
        error = seen_at - found[:, 0]
        # Cauchy's weights: what is half wrong (a reflection, a repeated pattern) pulls little.
        length = np.linalg.norm(error, axis=1)
        weight = np.repeat(1 / (1 + (length / (2 * np.median(length) + 1e-9)) ** 2), 2)
        slope = jacobian[:, free]
        normal = slope.T @ (weight[:, None] * slope)
        pose[: len(free)] += np.linalg.solve(normal, slope.T @ (weight * error.ravel()))
    # The sandwich holds whatever the errors' distribution (White 1980).
    pull = slope * (weight * error.ravel())[:, None]
    inverse = np.linalg.inv(normal)
    covariance = (inverse @ (pull.T @ pull) @ inverse)[:6, :6]
    on_grid = cv2.projectPoints(_GRID_MM, pose[:3], pose[3:6], matrix, None)[1][:, :6]
    spread = np.einsum("ij,jk,ik->i", on_grid, covariance, on_grid).reshape(-1, 2).sum(axis=1)
    deviation = float(np.degrees(np.sqrt(np.median(spread)) / focal))
    if not deviation < _LARGEST_DEVIATION_DEG:
        return None
    x, y, z, tx, ty, tz = (round(float(value), 6) for value in pose[:6])
    frame = ReferenceFrame(
        rotation=(x, y, z),
        translation_mm=(tx, ty, tz),
        matches=len(points),
        deviation_deg=round(deviation, 4),
    )
    return PoseMeasurement(
        frame,
        points=np.concatenate([each.points for each in matches])[agree],
        pixels=np.concatenate([each.pixels for each in matches])[agree],
        depth_to_colour=matches[0].depth_to_colour,
    )


def expected_pose(depth_to_photo: Extrinsics, depth_to_colour: Extrinsics) -> ReferenceFrame:
    """The pose that a calibration and the depth camera's factory calibration lead to."""
    rotation = np.array(depth_to_photo.rotation) @ np.array(depth_to_colour.rotation).T
    step = depth_to_photo.translation_mm - rotation @ depth_to_colour.translation_mm
    x, y, z = (float(value) for value in cv2.Rodrigues(rotation)[0].ravel())
    tx, ty, tz = (float(value) for value in step)
    return ReferenceFrame(
        rotation=(x, y, z), translation_mm=(tx, ty, tz), matches=0, deviation_deg=0.0
    )


def angle_between(first: ReferenceFrame, second: ReferenceFrame) -> float:
    """How far points 1 to 2.5 m away move in the photo from one pose to another, degrees.

    The median over a grid that fills the depth camera's view.
    """
    seen = []
    for pose in (first, second):
        rotation = cv2.Rodrigues(np.array(pose.rotation))[0]
        points = _GRID_MM @ rotation.T + pose.translation_mm
        seen.append(points / np.linalg.norm(points, axis=1, keepdims=True))
    # The arc sine of the chord is exact for small angles, where the arc cosine is not.
    chords = np.linalg.norm(seen[0] - seen[1], axis=1)
    return float(np.median(np.degrees(2 * np.arcsin(np.minimum(chords / 2, 1)))))
