"""The simulated Kinect's optics, and how it is screwed to the photo camera.

The numbers are of the kind that factories write into real devices, and belong to none.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from idfd.capture.simulated.scene.model import Pose
from idfd.model.camera import Extrinsics, Intrinsics

SERIAL = "000000000000"

DEPTH = Intrinsics(
    width=640,
    height=576,
    fx=504.31,
    fy=504.42,
    cx=327.56,
    cy=334.83,
    model="rational",
    distortion=(0.5312, -0.0189, -6.4e-5, 2.9e-5, -0.0024, 0.8713, 0.0838, -0.0131),
)
"""NFOV unbinned."""

COLOUR = Intrinsics(
    width=1280,
    height=720,
    fx=608.17,
    fy=608.05,
    cx=639.42,
    cy=366.73,
    model="rational",
    distortion=(0.3514, -2.4418, -1.1e-4, -1.4e-4, 1.4173, 0.2307, -2.2561, 1.3402),
)
"""The colour camera at 720p."""


def _rotation(degrees: tuple[float, float, float]) -> NDArray[np.float64]:
    """Rotation about x, then y, then z."""
    (cx, cy, cz), (sx, sy, sz) = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    about_x = np.array([[1, 0, 0], [0, cx, -sx], [0, sx, cx]])
    about_y = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    about_z = np.array([[cz, -sz, 0], [sz, cz, 0], [0, 0, 1]])
    return about_z @ about_y @ about_x


def _extrinsics(
    source: str,
    target: str,
    degrees: tuple[float, float, float],
    translation_mm: tuple[float, float, float],
) -> Extrinsics:
    first, second, third = _rotation(degrees).tolist()
    return Extrinsics(
        source=source,
        target=target,
        rotation=(tuple(first), tuple(second), tuple(third)),
        translation_mm=translation_mm,
    )


DEPTH_TO_PHOTO = _extrinsics("depth", "photo", (-1.6, 2.1, 0.4), (91.5, -13.8, 20.6))
"""The Kinect stands to the right of the lens, turned a little inwards and up."""

DEPTH_TO_COLOUR = _extrinsics("depth", "colour", (5.0, 0.03, 0.07), (-32.04, -2.11, 3.87))


def beside(pose: Pose, to_known: Extrinsics) -> Pose:
    """Pose of the camera that ``to_known`` leads from, beside one whose pose is known."""
    rotation = np.array(to_known.rotation).T
    offset = np.array(to_known.translation_mm) / 1000
    return Pose(rotation @ pose.rotation, rotation @ (pose.translation - offset))


def colour_pose(depth: Pose) -> Pose:
    """Pose of the Kinect's colour camera, from that of its depth camera."""
    rotation = np.array(DEPTH_TO_COLOUR.rotation)
    offset = np.array(DEPTH_TO_COLOUR.translation_mm) / 1000
    return Pose(rotation @ depth.rotation, rotation @ depth.translation + offset)
