"""How the photo camera stands against the depth camera, from one take.

Points seen by both the photo and the depth camera's own colour camera are matched (ORB); the
depth frames give their places in space, so that the pose of the photo camera follows from
perspective n-point, whatever the scene looks like. Without a calibration of the rig the photo
camera is a pinhole by its focal length with one radial term that is fitted along.

A small turn and a small step look alike to a single take, so two poses are compared by what they
do: by how far they move points that stand where scenes are.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from idfd.calibration.kinect_factory import (
    COLOUR_RESOLUTIONS,
    FactoryCalibration,
    parse_factory_calibration,
)
from idfd.calibration.projection import project, ray_table, unproject
from idfd.capture.checking.pictures import Reduced
from idfd.errors import InputError, SchemaError
from idfd.model.burst import Burst
from idfd.model.camera import Intrinsics
from idfd.model.rig import ReferenceFrame

Array = NDArray[Any]
_FULL_FRAME_MM = 36.0
_FEATURES = 1500
_FOCAL_PX = 500.0  # more pixels find no better angle, and take longer
_LEAST_MATCHES = 30
_LARGEST_DISTANCE = 64
_LARGEST_ERROR_DEG = 0.5
_LARGEST_DEVIATION_DEG = 0.1
_DEPTH_CELL = 8
_REFINEMENTS = 8
_GRID_MM = np.array(
    [
        (x * z, y * z, z)
        for z in (1000.0, 2500.0)
        for y in (-0.4, 0.0, 0.4)
        for x in (-0.5, -0.25, 0.0, 0.25, 0.5)
    ]
)


def measure_pose(
    photo: Reduced, burst: Burst, camera: Intrinsics | None, focal_length_mm: float | None
) -> ReferenceFrame | None:
    """Pose of the photo camera against the depth camera's colour camera.

    Args:
        photo: The all-in-focus photo.
        burst: The depth frames with colour.
        camera: Intrinsics of the photo camera at full size, where they are known.
        focal_length_mm: Of the lens, for a sensor 36 mm wide, where they are not.

    Returns:
        None where it cannot be told within 0.1 degrees: no colour image or factory calibration,
        no focal length, or too little that both cameras see.
    """
    height, width = photo.rgb.shape[:2]
    if camera is not None and abs(camera.width / photo.factor - width) > 2:
        camera = None  # it is of another image size
    if camera is not None:
        focal = camera.fx / photo.factor
    elif focal_length_mm is not None:
        focal = focal_length_mm / _FULL_FRAME_MM * width
    else:
        return None
    view = _colour_view(burst)
    matched = view and _matches(photo.rgb, focal, view[0], view[1].fx)
    if not view or not matched:
        return None
    in_photo, in_colour = matched
    points = _places(in_colour, burst, view[1], view[2])
    if camera is None:
        seen_at = in_photo - ((width - 1) / 2, (height - 1) / 2)
    else:
        seen_at = unproject(camera, (in_photo + 0.5) * photo.factor - 0.5)[:, :2] * focal
    known = np.isfinite(points).all(axis=1) & np.isfinite(seen_at).all(axis=1)
    return _pose(points[known], seen_at[known], focal, lens_known=camera is not None)


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


def _colour_view(burst: Burst) -> tuple[NDArray[np.uint8], Intrinsics, FactoryCalibration] | None:
    """The middle colour image as grey, its intrinsics and the factory calibration."""
    if not burst.colour:
        return None
    data = np.frombuffer(burst.colour[len(burst) // 2], np.uint8)
    grey = cv2.imdecode(data, cv2.IMREAD_GRAYSCALE)
    if grey is None:
        return None
    size = (grey.shape[1], grey.shape[0])
    name = next((name for name, w in COLOUR_RESOLUTIONS.items() if w.size == size), None)
    try:
        factory = parse_factory_calibration(burst.calibration, burst.mode, name)
    except (InputError, SchemaError):
        # A foreign calibration makes this one check impossible, not the take.
        return None
    if factory.colour is None:
        return None
    return np.asarray(grey, np.uint8), factory.colour, factory


def _matches(
    photo: NDArray[np.uint8], focal: float, image: NDArray[np.uint8], image_focal: float
) -> tuple[Array, Array] | None:
    """Points seen in both, (N, 2) pixels in each, found at the scale of the coarser one."""
    orb = cv2.ORB_create(_FEATURES, fastThreshold=7)  # type: ignore[attr-defined,unused-ignore]
    equalise = cv2.createCLAHE(3.0, (8, 8))
    coarser = min(focal, image_focal, _FOCAL_PX)
    found = []
    for grey, own in ((cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY), focal), (image, image_focal)):
        scale = coarser / own
        small = cv2.resize(grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        keys, marks = orb.detectAndCompute(equalise.apply(small), None)
        if marks is None or len(keys) < _LEAST_MATCHES:
            return None
        pixels = np.array([key.pt for key in keys], np.float64)
        found.append(((pixels + 0.5) / scale - 0.5, marks))
    (at, marks), (other_at, other_marks) = found
    pairs = cv2.BFMatcher(cv2.NORM_HAMMING, crossCheck=True).match(marks, other_marks)
    near = [pair for pair in pairs if pair.distance < _LARGEST_DISTANCE]
    if len(near) < _LEAST_MATCHES:
        return None
    return at[[pair.queryIdx for pair in near]], other_at[[pair.trainIdx for pair in near]]


def _places(pixels: Array, burst: Burst, colour: Intrinsics, factory: FactoryCalibration) -> Array:
    """Places in the colour camera's frame of what is seen at its pixels, (N, 3) mm, or NaN."""
    depth = burst.depth[len(burst) // 2].astype(np.float64)
    # Every second pixel in both directions is plenty for cells of eight.
    rays, depth = ray_table(factory.depth)[::2, ::2], depth[::2, ::2]
    usable = (depth > 0) & np.isfinite(rays[..., 0])
    points = np.concatenate([rays[usable], np.ones((np.count_nonzero(usable), 1))], axis=1)
    points = factory.depth_to_colour.apply(points * depth[usable][:, None])
    cells = np.floor(project(colour, points) / _DEPTH_CELL)
    columns, rows = colour.width // _DEPTH_CELL + 1, colour.height // _DEPTH_CELL + 1
    inside = (cells >= 0).all(axis=1) & (cells[:, 0] < columns) & (cells[:, 1] < rows)
    nearest = np.full((rows, columns), np.inf)
    x, y = cells[inside].astype(int).T
    np.minimum.at(nearest, (y, x), points[inside, 2])
    cell = np.floor(pixels / _DEPTH_CELL).astype(int)
    z = nearest[cell[:, 1], cell[:, 0]]
    z[~np.isfinite(z)] = np.nan
    return unproject(colour, pixels) * z[:, None]


def _pose(
    points: Array, seen_at: Array, focal: float, *, lens_known: bool
) -> ReferenceFrame | None:
    if len(points) < _LEAST_MATCHES:
        return None
    matrix = np.diag([focal, focal, 1.0])
    cv2.setRNGSeed(0)  # the same take gives the same value
    limit_px = focal * np.radians(_LARGEST_ERROR_DEG)
    done, rotation, translation, inliers = cv2.solvePnPRansac(
        points, seen_at, matrix, None, iterationsCount=500, reprojectionError=limit_px,
        confidence=0.999, flags=cv2.SOLVEPNP_SQPNP,
    )  # fmt: skip
    if not done or inliers is None or len(inliers) < _LEAST_MATCHES:
        return None
    points, seen_at = points[inliers[:, 0]], seen_at[inliers[:, 0]]
    # Columns of the Jacobian: rotation, translation, and the first radial term.
    free = [0, 1, 2, 3, 4, 5] + ([] if lens_known else [10])
    pose = np.concatenate([rotation.ravel(), translation.ravel(), [0.0]])
    for _ in range(_REFINEMENTS):
        lens = np.array([pose[6], 0, 0, 0, 0])
        found, jacobian = cv2.projectPoints(points, pose[:3], pose[3:6], matrix, lens)
        error = (seen_at - found[:, 0]).ravel()
        slope = jacobian[:, free]
        normal = slope.T @ slope
        pose[: len(free)] += np.linalg.solve(normal, slope.T @ error)
    variance = float(error @ error) / max(1, len(error) - len(free))
    covariance = np.linalg.inv(normal)[:6, :6] * variance
    on_grid = cv2.projectPoints(_GRID_MM, pose[:3], pose[3:6], matrix, None)[1][:, :6]
    spread = np.einsum("ij,jk,ik->i", on_grid, covariance, on_grid).reshape(-1, 2).sum(axis=1)
    deviation = float(np.degrees(np.sqrt(np.median(spread)) / focal))
    if not deviation < _LARGEST_DEVIATION_DEG:
        return None
    x, y, z, tx, ty, tz = (round(float(value), 6) for value in pose[:6])
    return ReferenceFrame(
        rotation=(x, y, z),
        translation_mm=(tx, ty, tz),
        matches=len(points),
        deviation_deg=round(deviation, 4),
    )
