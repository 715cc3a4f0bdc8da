"""Points that the photo camera and the depth camera both see, on any scene.

Features of the photo and of the depth camera's own colour image are matched (ORB, then patches by
least squares, Lucas and Kanade 1981); the depth frames give their places in space.
"""

from __future__ import annotations

from dataclasses import dataclass
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
from idfd.errors import InputError, SchemaError
from idfd.model.burst import Burst
from idfd.model.camera import Extrinsics, Intrinsics

Array = NDArray[Any]
_FULL_FRAME_MM = 36.0
_FEATURES = 1500
_FOCAL_PX = 500.0  # more pixels find no better angle, and take longer
_LARGEST_DISTANCE = 64
_PATCH = 15
_LARGEST_STEP_PX = 4.0
_DEPTH_CELL = 8
_LARGEST_JUMP = 0.2


@dataclass(frozen=True)
class Matches:
    """Points that both cameras see; some are wrong.

    Attributes:
        points: In the depth camera's frame, (N, 3) mm.
        pixels: In the photo at full size, (N, 2) pixels.
        seen_at: The same as a pinhole of ``focal_px`` would see them, (N, 2) pixels from its
            principal point.
        focal_px: Of the photo as it was given.
        lens_known: Whether the lens's distortion is out of ``seen_at``.
        depth_to_colour: Inside the depth camera, by its factory calibration.
    """

    points: NDArray[np.float64]
    pixels: NDArray[np.float64]
    seen_at: NDArray[np.float64]
    focal_px: float
    lens_known: bool
    depth_to_colour: Extrinsics

    @property
    def in_colour(self) -> NDArray[np.float64]:
        """The points in the colour camera's frame, (N, 3) mm."""
        return self.depth_to_colour.apply(self.points)


def match_cameras(
    photo: NDArray[np.uint8],
    factor: float,
    burst: Burst,
    camera: Intrinsics | None,
    focal_length_mm: float | None,
) -> Matches | None:
    """Match the photo with the depth camera.

    Args:
        photo: The all-in-focus photo, grey, (H, W) uint8, possibly at reduced size.
        factor: Full-size pixels per pixel of it.
        burst: The depth frames with colour.
        camera: Intrinsics of the photo camera at full size, where they are known.
        focal_length_mm: Of the lens, for a sensor 36 mm wide, where they are not.

    Returns:
        None where nothing can be matched: no colour image or factory calibration, no focal
        length, or no features.
    """
    height, width = photo.shape
    if camera is not None and abs(camera.width / factor - width) > 2:
        camera = None  # it is of another image size
    if camera is not None:
        focal = camera.fx / factor
    elif focal_length_mm is not None:
        focal = focal_length_mm / _FULL_FRAME_MM * width
    else:
        return None
    view = _colour_view(burst)
    matched = view and _matches(photo, focal, view[0], view[1].fx)
    if not view or not matched:
        return None
    in_photo, in_colour = matched
    _, colour, factory = view
    points = _places(in_colour, burst, colour, factory)
    pixels = (in_photo + 0.5) * factor - 0.5
    if camera is None:
        seen_at = in_photo - ((width - 1) / 2, (height - 1) / 2)
    else:
        seen_at = unproject(camera, pixels)[:, :2] * focal
    known = np.isfinite(points).all(axis=1) & np.isfinite(seen_at).all(axis=1)
    to_colour = factory.depth_to_colour
    return Matches(
        points=(points[known] - to_colour.translation_mm) @ np.array(to_colour.rotation),
        pixels=pixels[known],
        seen_at=seen_at[known],
        focal_px=focal,
        lens_known=camera is not None,
        depth_to_colour=to_colour,
    )


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
    scales, found = [], []
    pictures: list[NDArray[np.uint8]] = []
    for grey, own in ((photo, focal), (image, image_focal)):
        scale = coarser / own
        small = cv2.resize(grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        pictures.append(np.asarray(equalise.apply(small), np.uint8))
        keys, marks = orb.detectAndCompute(pictures[-1], None)
        if marks is None or not len(keys):
            return None
        scales.append(scale)
        found.append((np.array([key.pt for key in keys], np.float64), marks))
    (at, marks), (other_at, other_marks) = found
    pairs = cv2.BFMatcher(cv2.NORM_HAMMING, crossCheck=True).match(marks, other_marks)
    near = [pair for pair in pairs if pair.distance < _LARGEST_DISTANCE]
    if not near:
        return None
    at, other_at = at[[pair.queryIdx for pair in near]], other_at[[pair.trainIdx for pair in near]]
    at = _refined(pictures, at, other_at)
    return (at + 0.5) / scales[0] - 0.5, (other_at + 0.5) / scales[1] - 0.5


def _refined(pictures: list[NDArray[np.uint8]], at: Array, other_at: Array) -> Array:
    """Places in the first picture at which the patches of the second fit best.

    Features lie on whole pixels of a pyramid, the patches around them fit to a fraction of one.
    """
    height, width = np.max([picture.shape for picture in pictures], axis=0)
    first, second = (
        cv2.copyMakeBorder(p, 0, height - p.shape[0], 0, width - p.shape[1], cv2.BORDER_REFLECT)
        for p in pictures
    )
    moved, done, _ = cv2.calcOpticalFlowPyrLK(
        second, first, other_at[:, None].astype(np.float32), at[:, None].astype(np.float32),
        winSize=(_PATCH, _PATCH), maxLevel=0, flags=cv2.OPTFLOW_USE_INITIAL_FLOW,
    )  # fmt: skip
    moved = moved[:, 0].astype(np.float64)
    good = (done[:, 0] > 0) & (np.linalg.norm(moved - at, axis=1) < _LARGEST_STEP_PX)
    return np.where(good[:, None], moved, at)


def _places(pixels: Array, burst: Burst, colour: Intrinsics, factory: FactoryCalibration) -> Array:
    """Places in the colour camera's frame of what is seen at its pixels, (N, 3) mm, or NaN.

    Where depth jumps nearby, a corner may be one of an outline before something else, which is no
    point in space: it moves over the background with the camera that looks.
    """
    depth = burst.depth[len(burst) // 2].astype(np.float64)
    # Every second pixel in both directions is plenty for cells of eight.
    rays, depth = ray_table(factory.depth)[::2, ::2], depth[::2, ::2]
    usable = (depth > 0) & np.isfinite(rays[..., 0])
    points = np.concatenate([rays[usable], np.ones((np.count_nonzero(usable), 1))], axis=1)
    points = factory.depth_to_colour.apply(points * depth[usable][:, None])
    cells = np.floor(project(colour, points) / _DEPTH_CELL)
    columns, rows = colour.width // _DEPTH_CELL + 1, colour.height // _DEPTH_CELL + 1
    inside = (cells >= 0).all(axis=1) & (cells[:, 0] < columns) & (cells[:, 1] < rows)
    nearest, farthest = np.full((rows, columns), np.inf), np.zeros((rows, columns))
    x, y = cells[inside].astype(int).T
    np.minimum.at(nearest, (y, x), points[inside, 2])
    np.maximum.at(farthest, (y, x), points[inside, 2])
    around = np.ones((3, 3))
    lowest = cv2.erode(nearest, around, borderType=cv2.BORDER_REPLICATE)
    jumps = cv2.dilate(farthest, around) > (1 + _LARGEST_JUMP) * lowest
    nearest[jumps | ~np.isfinite(nearest)] = np.nan
    cell = np.floor(pixels / _DEPTH_CELL).astype(int)
    return unproject(colour, pixels) * nearest[cell[:, 1], cell[:, 0], None]
