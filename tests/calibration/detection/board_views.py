"""Views of boards with known corners: a print seen through a lens, blurred, noisy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from idfd.calibration.boards.geometry import corners_mm, picture, pixels_per_mm
from idfd.calibration.projection import project, ray_table
from idfd.model.board import Board
from idfd.model.camera import Intrinsics

Array = NDArray[np.float64]
CAMERA = Intrinsics(
    width=900,
    height=600,
    fx=680,
    fy=680,
    cx=447.3,
    cy=302.1,
    model="brown_conrady",
    distortion=(-0.12, 0.06, 0.0008, -0.0006),
)
CHARUCO = Board(columns=9, rows=6, square_mm=40, marker_mm=30, dictionary="DICT_4X4_50")
CHESSBOARD = Board(kind="chessboard", columns=10, rows=7, marker_mm=None, dictionary=None)
APRILGRID = Board(
    kind="aprilgrid",
    columns=6,
    rows=4,
    square_mm=60,
    marker_mm=None,
    gap_ratio=0.3,
    dictionary="DICT_APRILTAG_36h11",
)
_SAMPLES = 3


@dataclass(frozen=True)
class BoardView:
    """An image of a board and where its corners truly are."""

    image: NDArray[Any]
    corners: Array


def pose(
    turn_deg: tuple[float, float, float] = (0, 0, 0),
    place_mm: tuple[float, float, float] = (0, 0, 600),
) -> tuple[Array, Array]:
    """Rotation about x, y and then z, and translation, of a board before a camera."""
    x, y, z = (cv2.Rodrigues(a * np.eye(3)[k])[0] for k, a in enumerate(np.radians(turn_deg)))
    return z @ y @ x, np.array(place_mm, float)


def view(
    board: Board,
    rotation: Array,
    place_mm: Array,
    *,
    camera: Intrinsics = CAMERA,
    blur_px: float = 0.8,
    disk_px: float = 0,
    noise: float = 1.5,
    dark: float = 25,
    bright: float = 210,
    gamma: float = 1.0,
    seed: int = 0,
) -> BoardView:
    """A board in front of a grey wall.

    Each pixel is the mean of 3 x 3 rays; the print is blurred by a Gaussian and by a disk of
    diameter ``disk_px``, in linear light where ``gamma`` is not 1; noise comes last.
    """
    rate = pixels_per_mm(board, 4)
    paper = cv2.GaussianBlur(picture(board, 4), (0, 0), 0.8)
    middle = (np.array(paper.shape[::-1]) - 1) / 2
    step = (np.arange(_SAMPLES) + 0.5) / _SAMPLES - 0.5
    total = np.zeros((camera.height, camera.width), np.float64)
    rays = np.pad(ray_table(camera), ((0, 0), (0, 0), (0, 1)), constant_values=1)
    along_y, along_x = np.gradient(rays, axis=(0, 1))
    # The ray d meets the board's plane where rotation @ (x, y, 0) + place = s d.
    meet = np.linalg.inv(np.column_stack([rotation[:, 0], rotation[:, 1], place_mm])).T
    for down in step:
        for right in step:
            hit = (rays + right * along_x + down * along_y) @ meet
            at = (hit[..., :2] / hit[..., 2:] * rate + middle).astype(np.float32)
            at[~np.isfinite(at)] = -1e4
            total += cv2.remap(paper, at[..., 0], at[..., 1], cv2.INTER_LINEAR, borderValue=140)
    light = dark / 255 + (bright - dark) / 255 * total / _SAMPLES**2 / 255
    light = light**gamma
    if blur_px:
        light = np.asarray(cv2.GaussianBlur(light, (0, 0), blur_px), np.float64)
    if disk_px:
        spread = cv2.filter2D(light, -1, _disk(disk_px), borderType=cv2.BORDER_REFLECT)
        light = np.asarray(spread, np.float64)
    out = 255 * light ** (1 / gamma)
    out += np.random.default_rng(seed).normal(0, noise, out.shape)
    image = np.clip(np.rint(out), 0, 255).astype(np.uint8)
    return BoardView(image, project(camera, corners_mm(board) @ rotation.T + place_mm))


def _disk(diameter: float) -> Array:
    half = int(np.ceil(diameter / 2))
    fine = (np.arange((2 * half + 1) * 8) + 0.5) / 8 - half - 0.5
    inside = (np.hypot(fine[:, None], fine) <= diameter / 2).astype(np.float64)
    kernel = inside.reshape(2 * half + 1, 8, 2 * half + 1, 8).mean(axis=(1, 3))
    return kernel / kernel.sum()
