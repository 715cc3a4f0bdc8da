"""Views of a board by cameras whose truth is known: numpy only, no pictures."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from idfd.calibration.boards.geometry import corners_mm
from idfd.calibration.projection import project
from idfd.calibration.solve.poses import Pose, turn
from idfd.calibration.views import CameraName, Detection, View
from idfd.model.board import Board
from idfd.model.camera import Intrinsics

BOARD = Board(columns=14, rows=9, square_mm=40.0, marker_mm=30.0)
PHOTO = Intrinsics(
    width=6016,
    height=4016,
    fx=2352.0,
    fy=2351.2,
    cx=3020.4,
    cy=1994.7,
    model="brown_conrady",
    distortion=(-0.11, 0.035, 2.5e-4, -1.8e-4, -0.0045),
)
DEFOCUSED = Intrinsics(
    width=6016,
    height=4016,
    fx=2354.1,
    fy=2353.2,
    cx=3021.1,
    cy=1994.0,
    model="brown_conrady",
    distortion=(-0.1098, 0.0349, 2.5e-4, -1.8e-4, -0.0045),
)
DEPTH = Intrinsics(
    width=640,
    height=576,
    fx=504.6,
    fy=504.7,
    cx=321.9,
    cy=327.3,
    model="rational",
    distortion=(5.55, 3.41, 3.6e-5, -7e-5, 0.155, 5.89, 5.05, 0.93),
)
MOUNT = Pose(turn(np.array([0.06, -0.03, 0.008])), np.array([32.0, -61.0, 12.0]))
"""Depth camera to photo camera."""


@dataclass(frozen=True)
class Noise:
    """Deviation per axis of corners, and of what a view's corners share, as a share of it."""

    px: float = 0.15
    shared: float = 0.0


def poses(seed: int, count: int, near: float = 450.0, far: float = 1500.0) -> list[Pose]:
    """As a person would hold a board: tilted every way, near and far, all over the picture."""
    rng = np.random.default_rng(seed)
    out = []
    for place in range(count):
        distance = near * (far / near) ** rng.uniform()
        tilt, way = np.radians(rng.uniform(10, 45)), 2 * np.pi * (place + rng.uniform()) / count
        axis = np.array([np.cos(way), np.sin(way), 0.0])
        rotation = turn(tilt * axis) @ turn(np.array([0, 0, rng.uniform(-0.4, 0.4)]))
        reach = 0.55 * max(distance - 250, 0.0)
        shift = np.array([rng.uniform(-1.2, 1.2) * reach, rng.uniform(-0.8, 0.8) * reach, distance])
        out.append(Pose(rotation, shift))
    return out


def see(
    camera: Intrinsics,
    pose: Pose,
    rng: np.random.Generator,
    noise: Noise,
    board: Board = BOARD,
    bend: Callable[[NDArray[np.float64]], NDArray[np.float64]] | None = None,
) -> Detection | None:
    """Corners inside the picture with noise; None where there are too few."""
    corners = corners_mm(board)
    pixels = project(camera, pose.apply(corners if bend is None else bend(corners)))
    margin = 5.0
    inside = (
        np.isfinite(pixels).all(axis=1)
        & (pixels > margin).all(axis=1)
        & (pixels < np.array([camera.width, camera.height]) - 1 - margin).all(axis=1)
    )
    if inside.sum() < 12:
        return None
    ids = np.flatnonzero(inside)
    seen = pixels[inside] + rng.normal(0, noise.px, (len(ids), 2))
    if noise.shared:
        seen += noise.shared * noise.px * _smooth(corners[ids], rng)
    return Detection(
        ids=ids.astype(np.int64),
        pixels=seen,
        deviation_px=np.full(len(ids), noise.px),
        size=(camera.width, camera.height),
    )


def _smooth(corners: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    """An error that neighbours share: a random quadratic and cubic over the board, unit size."""
    x, y = (corners[:, :2] / np.abs(corners[:, :2]).max(axis=0)).T
    basis = np.stack([x * y, x * x, y * y, x**3, y**3, x * x * y], axis=1)
    return basis @ rng.normal(0, 1, (6, 2))


def views(
    seed: int,
    count: int = 20,
    cameras: Mapping[CameraName, Intrinsics] | None = None,
    mount: Pose = MOUNT,
    noise: Mapping[CameraName, Noise] | Noise = Noise(),
) -> tuple[View, ...]:
    """Views by one or more cameras."""
    cameras = cameras or {"photo": PHOTO}
    rng = np.random.default_rng(1000 + seed)
    out = []
    for place, pose in enumerate(poses(seed, count)):
        seen = {}
        for name, camera in cameras.items():
            there = mount.inverse().after(pose) if name == "depth" else pose
            own = noise if isinstance(noise, Noise) else noise[name]
            detection = see(camera, there, rng, own)
            if detection is not None:
                seen[name] = detection
        out.append(View(f"view-{place + 1:02d}", seen))
    return tuple(out)
