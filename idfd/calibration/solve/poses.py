"""Rigid transforms, and where a board stands from one image of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from idfd.calibration.projection import project, unproject
from idfd.model.camera import Extrinsics, Intrinsics

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Pose:
    """``x_to = rotation @ x_from + translation``, (3, 3) and (3,) float64, millimetres."""

    rotation: Array
    translation: Array

    def apply(self, points: Array) -> Array:
        """Transform points (N, 3)."""
        moved: Array = points @ self.rotation.T + self.translation
        return moved

    def after(self, first: Pose) -> Pose:
        """``first``, then this one."""
        return Pose(
            self.rotation @ first.rotation, self.rotation @ first.translation + self.translation
        )

    def inverse(self) -> Pose:
        """Back again."""
        return Pose(self.rotation.T, -self.rotation.T @ self.translation)

    def moved(self, step: Array) -> Pose:
        """With a small turn applied after the rotation and a shift: ``step`` is (6,)."""
        return Pose(turn(step[:3]) @ self.rotation, self.translation + step[3:])

    def extrinsics(self, source: str, target: str) -> Extrinsics:
        """As a record."""
        left, _, right = np.linalg.svd(self.rotation)
        a, b, c = ((float(x), float(y), float(z)) for x, y, z in left @ right)
        x, y, z = (float(value) for value in self.translation)
        return Extrinsics(
            source=source, target=target, rotation=(a, b, c), translation_mm=(x, y, z)
        )


def cross_matrix(vectors: Array) -> Array:
    """``[v]×`` of vectors (..., 3): (..., 3, 3), with ``[v]× w = v × w``."""
    out = np.zeros((*vectors.shape, 3))
    out[..., 0, 1], out[..., 0, 2], out[..., 1, 2] = (
        -vectors[..., 2],
        vectors[..., 1],
        -vectors[..., 0],
    )
    out[..., 1, 0], out[..., 2, 0], out[..., 2, 1] = (
        vectors[..., 2],
        -vectors[..., 1],
        vectors[..., 0],
    )
    return out


def turn(vector: Array) -> Array:
    """Rotation matrices (..., 3, 3) of rotation vectors (..., 3), radians (Rodrigues)."""
    angle = np.linalg.norm(vector, axis=-1)[..., None, None]
    cross = cross_matrix(vector)
    first, second = np.sinc(angle / np.pi), 0.5 * np.sinc(angle / (2 * np.pi)) ** 2
    rotation: Array = np.eye(3) + first * cross + second * cross @ cross
    return rotation


def inverse_left_jacobian(vector: Array) -> Array:
    """How a rotation vector changes with a small turn applied after it, (3, 3).

    ``exp(d) exp(vector) ≈ exp(vector + inverse_left_jacobian(vector) @ d)`` (Barfoot, "State
    estimation for robotics", section 7.1).
    """
    half = float(np.linalg.norm(vector)) / 2
    cross = cross_matrix(vector)
    # (1 − h cot h) / (2h)² tends to 1/12.
    factor = 1 / 12 if half < 1e-4 else (1 - half / np.tan(half)) / (4 * half**2)
    out: Array = np.eye(3) - cross / 2 + factor * cross @ cross
    return out


def median_pose(poses: list[Pose]) -> Pose:
    """Component-wise median, put back on the rotations: one wrong pose does not move it."""
    rotation: Array = np.median(np.array([pose.rotation for pose in poses]), axis=0)
    left, _, right = np.linalg.svd(rotation)
    flip = np.diag([1.0, 1.0, float(np.linalg.det(left @ right))])
    return Pose(left @ flip @ right, np.median(np.array([p.translation for p in poses]), axis=0))


def board_pose(intrinsics: Intrinsics, board: Array, pixels: Array) -> Pose | None:
    """Pose of a flat board in the frame of the camera that sees it.

    The better of the two solutions of infinitesimal plane-based pose estimation (Collins and
    Bartoli, IJCV 2014): near enough for an adjustment to start from.

    Args:
        intrinsics: The camera.
        board: (N, 3) corners in millimetres, z = 0.
        pixels: (N, 2) where they are seen.

    Returns:
        The pose, or None where the corners determine none.
    """
    import cv2

    rays = unproject(intrinsics, pixels)[:, :2]
    good = np.isfinite(rays).all(axis=1)
    flat = board[good, :2] - board[good, :2].mean(axis=0)
    if good.sum() < 4 or np.linalg.svd(flat, compute_uv=False)[1] < 1e-3 * np.abs(flat).max():
        return None
    count, turns, shifts, _ = cv2.solvePnPGeneric(
        board[good], rays[good], np.eye(3), None, flags=cv2.SOLVEPNP_IPPE
    )
    best, least = None, np.inf
    for vector, shift in zip(turns[:count], shifts[:count], strict=True):
        pose = Pose(turn(vector.ravel().astype(np.float64)), shift.ravel().astype(np.float64))
        error = float(np.nanmedian(np.abs(project(intrinsics, pose.apply(board)) - pixels)))
        if error < least and pose.translation[2] > 0:
            best, least = pose, error
    return best
