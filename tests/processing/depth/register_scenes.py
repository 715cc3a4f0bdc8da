"""A scene whose depth is known in closed form, in double precision, from any camera."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from idfd.calibration.projection import project, ray_table
from idfd.model.camera import Extrinsics, Intrinsics
from idfd.model.rig import RigCalibration

Array = NDArray[np.float64]
BENT = (0.08, -0.05, 0.0004, -0.0003, 0.01)
RATIONAL = (0.52, -2.7, 0.0007, -0.0002, 1.5, 0.4, -2.5, 1.4)


def lens_camera(width: int, height: int, f: float, distortion: tuple[float, ...]) -> Intrinsics:
    models: dict[int, Literal["pinhole", "brown_conrady", "rational"]] = {
        0: "pinhole", 5: "brown_conrady", 8: "rational",
    }  # fmt: skip
    return Intrinsics(
        width=width, height=height, fx=f, fy=f * 1.01, cx=width / 2 - 0.7, cy=height / 2 + 0.3,
        model=models[len(distortion)], distortion=distortion,
    )  # fmt: skip


def bent_rig(
    photo: Intrinsics | None = None,
    depth: Intrinsics | None = None,
    turn: tuple[float, float, float] = (0.02, -0.05, 0.01),
    shift: tuple[float, float, float] = (-60.0, 8.0, -12.0),
) -> RigCalibration:
    rows = cv2.Rodrigues(np.array(turn, np.float64))[0].tolist()
    return RigCalibration(
        photo=photo or lens_camera(600, 400, 330.0, BENT),
        depth=depth or lens_camera(160, 144, 126.0, RATIONAL),
        depth_to_photo=Extrinsics(
            source="depth",
            target="photo",
            rotation=(tuple(rows[0]), tuple(rows[1]), tuple(rows[2])),
            translation_mm=shift,
        ),
        origin="nominal",
    )


@dataclass(frozen=True)
class Scene:
    """A back wall, a slanted wall, a box and a ball, in the depth camera's frame, mm."""

    wall: tuple[float, float, float, float] = (0.1, -0.05, 1.0, 2400.0)
    side: tuple[float, float, float, float] = (0.95, 0.0, 0.3, 1500.0)
    box: tuple[tuple[float, float, float], tuple[float, float, float]] = (
        (-500.0, -200.0, 1200.0), (-150.0, 350.0, 1500.0),
    )  # fmt: skip
    ball: tuple[float, float, float, float] = (350.0, 100.0, 1500.0, 220.0)

    def cast(self, origin: Array, directions: Array) -> Array:
        """Multiples of the directions (..., 3) at which rays from a point hit something first."""
        best = np.full(directions.shape[:-1], np.inf)

        def take(t: Array) -> None:
            np.copyto(best, t, where=np.isfinite(t) & (t > 0) & (t < best))

        with np.errstate(all="ignore"):
            for a, b, c, far in (self.wall, self.side):
                normal = np.array([a, b, c])
                take((far - origin @ normal) / (directions @ normal))
            low, high = (np.array(corner) for corner in self.box)
            ends = (low - origin) / directions, (high - origin) / directions
            enter = np.minimum(*ends).max(axis=-1)
            take(np.where(enter <= np.maximum(*ends).min(axis=-1), enter, np.inf))
            centre = origin - np.array(self.ball[:3])
            a_, b_ = (directions**2).sum(-1), directions @ centre
            root = b_ * b_ - a_ * (centre @ centre - self.ball[3] ** 2)
            take((-b_ - np.sqrt(root)) / a_)
        return best

    def depth_view(self, rig: RigCalibration) -> Array:
        """Depth on the depth camera's pixels, along its axis; 0 = none."""
        return _finite(self.cast(np.zeros(3), _rays(rig.depth)))

    def photo_view(self, rig: RigCalibration) -> tuple[Array, Array]:
        """Depth on the photo's pixels along its axis, and the points in the depth frame."""
        rotation = np.array(rig.depth_to_photo.rotation)
        origin = -rotation.T @ np.array(rig.depth_to_photo.translation_mm)
        directions = _rays(rig.photo) @ rotation
        depth = _finite(self.cast(origin, directions))
        return depth, origin + directions * depth[..., None]

    def hidden(self, rig: RigCalibration, points: Array) -> NDArray[np.bool_]:
        """Points that something stands before, as the depth camera sees it."""
        return self.cast(np.zeros(3), points) < 1 - 1e-6


def depth_pixels(rig: RigCalibration, points: Array) -> Array:
    """Pixels of the depth camera at which points of its frame are seen, NaN outside."""
    pixels = project(rig.depth, points)
    last = np.array([rig.depth.width - 1, rig.depth.height - 1])
    pixels[~((pixels >= 0) & (pixels <= last)).all(axis=-1)] = np.nan
    return pixels


def _rays(camera: Intrinsics) -> Array:
    table = ray_table(camera)
    return np.concatenate([table, np.ones((*table.shape[:2], 1))], axis=-1)


def _finite(depth: Array) -> Array:
    return np.where(np.isfinite(depth), depth, 0.0)
