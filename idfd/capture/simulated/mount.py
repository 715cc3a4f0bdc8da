"""The simulated cameras' optics, and how they are screwed to each other.

The numbers are of the kind that factories write into real devices, and belong to none.
"""

from __future__ import annotations

from dataclasses import dataclass

import msgspec
import numpy as np
from numpy.typing import NDArray

from idfd.capture.simulated.lens import CENTRE, DISTORTION, FOCAL_LENGTH_MM, Lens
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


_DEGREES, _PLACE_MM = (-1.6, 2.1, 0.4), (91.5, -13.8, 20.6)
DEPTH_TO_PHOTO = _extrinsics("depth", "photo", _DEGREES, _PLACE_MM)
"""The Kinect stands to the right of the lens, turned a little inwards and up."""

DEPTH_TO_COLOUR = _extrinsics("depth", "colour", (5.0, 0.03, 0.07), (-32.04, -2.11, 3.87))


@dataclass(frozen=True)
class Mount:
    """A rig as it was built: no two are alike, and calibration has to find out how it is.

    Attributes:
        focal_length_mm: Of the photo camera's lens.
        centre: See :class:`~.lens.Lens`.
        distortion: See there.
        depth: The depth camera.
        depth_to_photo: How it stands beside the lens.
    """

    focal_length_mm: float = FOCAL_LENGTH_MM
    centre: tuple[float, float] = CENTRE
    distortion: tuple[float, ...] = DISTORTION
    depth: Intrinsics = DEPTH
    depth_to_photo: Extrinsics = DEPTH_TO_PHOTO

    def lens(self, width: int, height: int, focus_distance_m: float) -> Lens:
        """The lens before a sensor of some pixels."""
        return Lens(
            width, height, focus_distance_m, self.focal_length_mm, self.centre, self.distortion
        )


def mount_of(rig: int) -> Mount:
    """The mount of rig number ``rig``: 0 is as the drawing says, all others differ by chance.

    Focal lengths differ by up to 2 %, principal points by 0.4 % of the width, the depth camera's
    place by 15 mm and 3 degrees. Every second lens has a rational distortion.
    """
    if rig == 0:
        return Mount()
    random = np.random.default_rng([rig, 0xB0A2D])

    def near(values: tuple[float, ...], by: float) -> tuple[float, ...]:
        factors = 1 + random.uniform(-by, by, len(values))
        return tuple(float(v) for v in np.array(values) * factors)

    turn = tuple((np.array(_DEGREES) + random.uniform(-3, 3, 3)).tolist())
    place = tuple((np.array(_PLACE_MM) + random.uniform(-15, 15, 3)).tolist())
    x, y = random.uniform(-0.004, 0.004, 2).tolist()
    distortion = near(DISTORTION, 0.5)
    if rig % 2 == 0:
        distortion = _as_rational(distortion, *random.uniform((0.05, 0.0), (0.2, 0.02)).tolist())
    fx, fy = near((DEPTH.fx, DEPTH.fy), 0.004)
    cx, cy = (np.array([DEPTH.cx, DEPTH.cy]) + random.uniform(-4, 4, 2)).tolist()
    return Mount(
        focal_length_mm=near((FOCAL_LENGTH_MM,), 0.02)[0],
        centre=(x, y),
        distortion=distortion,
        depth=msgspec.structs.replace(
            DEPTH, fx=fx, fy=fy, cx=cx, cy=cy, distortion=near(DEPTH.distortion, 0.02)
        ),
        depth_to_photo=_extrinsics("depth", "photo", turn, place),
    )


def _as_rational(brown: tuple[float, ...], k4: float, k5: float) -> tuple[float, ...]:
    """About the same distortion with a denominator: the numerator is multiplied by it."""
    k1, k2, p1, p2, k3 = brown
    return (k1 + k4, k2 + k1 * k4 + k5, p1, p2, k3 + k2 * k4 + k1 * k5, k4, k5, 0.0)


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
