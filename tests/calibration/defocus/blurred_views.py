"""Photos of a chessboard and of a texture with a blur that is known exactly.

Drawn from formulas at a fifth of a pixel and blurred there, without the code under test.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from idfd.calibration.boards import geometry
from idfd.calibration.defocus.patches import (
    Patch,
    Photo,
    board_depth_m,
    board_patches,
    plane_patches,
)
from idfd.calibration.defocus.prints import Print
from idfd.calibration.projection import project
from idfd.calibration.solve.poses import Pose, turn
from idfd.model.board import Board
from idfd.model.camera import Intrinsics

BOARD = Board(kind="chessboard", columns=9, rows=7, square_mm=40, marker_mm=None, dictionary=None)
CAMERA = Intrinsics(width=2256, height=1504, fx=880, fy=880, cx=1130, cy=748)
FINE = 5
APERTURES = (10.0, 2.8)


@dataclass(frozen=True)
class TrueLens:
    """A lens; names as in the defocus model."""

    scale: float = 4.4
    focus_m: float = 0.8
    ratio: float = 0.29
    floor: float = 0.55
    small_floor: float = 0.6
    shape: str = "disk"
    gain: float = 0.0
    curvature: float = 0.0

    def circle(self, depth_m: float, pixel: NDArray[np.float64]) -> float:
        """Signed diameter at the large aperture."""
        away = pixel - (CAMERA.cx, CAMERA.cy)
        rho2 = float(away @ away) * 4 / (CAMERA.width**2 + CAMERA.height**2)
        defocus = 1 / self.focus_m + self.curvature * rho2 - 1 / depth_m
        return self.scale * (1 + self.gain * rho2) * defocus

    def blur(
        self, fine: NDArray[np.float32], circle: float, floor: float, step: int = FINE
    ) -> NDArray[np.float32]:
        """A picture at a ``step``-th of a pixel, as pixels see it; the floor holds the pixel's."""
        if self.shape == "gaussian":
            spot = cv2.GaussianBlur(fine, (0, 0), max(abs(circle) / 4 * step, 1e-3))
        else:
            spot = cv2.filter2D(fine, -1, disk(abs(circle) * step), borderType=cv2.BORDER_REFLECT)
        # The sampling at a fifth of a pixel and the pixel itself blur too: 1/12 px² together.
        soft = cv2.GaussianBlur(spot, (0, 0), step * np.sqrt(floor**2 - 1 / 12))
        height, width = np.array(fine.shape) // step
        return soft.reshape(height, step, width, step).mean((1, 3)).astype(np.float32)


def disk(diameter: float) -> NDArray[np.float32]:
    """Kernel of an even disk, by the share of each pixel inside it."""
    reach = int(np.ceil(diameter / 2)) + 1
    part = (np.arange((2 * reach + 1) * 16) + 0.5) / 16 - reach - 0.5
    inside = part[:, None] ** 2 + part**2 <= (diameter / 2) ** 2
    side = 2 * reach + 1
    kernel = inside.reshape(side, 16, side, 16).mean((1, 3))
    if diameter < 0.2:
        kernel[reach, reach] = 1
    return (kernel / kernel.sum()).astype(np.float32)


def encoded(light: NDArray[np.float32], seed: int, noise: float = 0.002) -> NDArray[np.uint8]:
    """An sRGB photo of linear light with noise, (H, W) uint8."""
    noisy = np.clip(light + noise * np.random.default_rng(seed).standard_normal(light.shape), 0, 1)
    value = np.where(noisy <= 0.0031308, 12.92 * noisy, 1.055 * noisy ** (1 / 2.4) - 0.055)
    return np.rint(255 * value).astype(np.uint8)


def pose_at(distance_m: float, right: float = 0.0, down: float = 0.0, roll: float = 0.1) -> Pose:
    """A board square to the axis; ``right`` and ``down`` in tangents of the viewing angle."""
    return Pose(turn(np.array([0.0, 0.0, roll])), 1000 * distance_m * np.array([right, down, 1.0]))


def window_of(pose: Pose, half: int) -> tuple[int, int]:
    """Corner of a window of ``2 half`` pixels about the board's middle."""
    middle = CAMERA.fx * pose.translation[:2] / pose.translation[2] + (CAMERA.cx, CAMERA.cy)
    return int(middle[0]) - half, int(middle[1]) - half


def board_light(pose: Pose, corner: tuple[int, int], size: tuple[int, int]) -> NDArray[np.float32]:
    """A chessboard before grey, at a fifth of a pixel, (5 H, 5 W) linear light."""
    columns, rows = (
        start - 0.5 + (np.arange(count * FINE) + 0.5) / FINE
        for start, count in zip(corner, size, strict=True)
    )
    x, y = np.meshgrid((columns - CAMERA.cx) / CAMERA.fx, (rows - CAMERA.cy) / CAMERA.fy)
    depth = pose.translation[2]
    flat = np.stack([x * depth - pose.translation[0], y * depth - pose.translation[1]], -1)
    place = flat @ pose.rotation[:2, :2]
    cell = np.floor(place / BOARD.square_mm + np.array([BOARD.columns, BOARD.rows]) / 2)
    black = (cell.sum(-1) % 2 == 0) & (cell >= 0).all(-1)
    black &= (cell < (BOARD.columns, BOARD.rows)).all(-1)
    on_paper = (np.abs(place) < np.array(geometry.size_mm(BOARD)) / 2 + BOARD.margin_mm).all(-1)
    return np.where(black, 0.03, np.where(on_paper, 0.7, 0.3)).astype(np.float32)


def board_photos(
    lens: TrueLens, pose: Pose, seed: int, half: int = 84
) -> tuple[Photo, Photo, tuple[int, int]]:
    """A window of the photos at the small and the large aperture, and its corner."""
    corner = window_of(pose, half)
    fine = board_light(pose, corner, (2 * half, 2 * half))
    circle = lens.circle(pose.translation[2] / 1000, np.array(corner) + half)
    small = lens.blur(fine, lens.ratio * circle, lens.small_floor)
    large = lens.blur(fine, circle, lens.floor)
    return (
        Photo(encoded(small, 2 * seed), APERTURES[0], corner),
        Photo(encoded(large, 2 * seed + 1), APERTURES[1], corner),
        corner,
    )


def board_view(lens: TrueLens, pose: Pose, seed: int, most: int = 6) -> list[Patch]:
    """Patches of one stand of the board, as ``calibrate defocus`` cuts them."""
    small, large, _ = board_photos(lens, pose, seed)
    printed = Print.of(BOARD)
    corners = geometry.corners_mm(BOARD)
    depth = board_depth_m(printed, pose, CAMERA)
    name, centres = f"view{seed}", project(CAMERA, pose.apply(corners))
    return [
        *plane_patches(name, small, large, depth, CAMERA, centres=centres, most=most),
        *board_patches(name, small, printed, corners, pose, CAMERA, large=False, most=most),
    ]


def texture_view(lens: TrueLens, distance_m: float, seed: int, most: int = 6) -> list[Patch]:
    """Patches of a rough texture that fills the view, square to the axis."""
    half = 84
    rng = np.random.default_rng(seed)
    size = 2 * half * FINE
    noise = sum(
        np.asarray(
            cv2.resize(
                rng.standard_normal((size // step + 1, size // step + 1)), (size, size),
                interpolation=cv2.INTER_NEAREST,
            )
        )
        for step in (10, 25, 50, 100)
    )  # fmt: skip
    fine = (0.35 + 0.3 * np.tanh(noise / 2)).astype(np.float32)
    corner = (int(CAMERA.cx) - half, int(CAMERA.cy) - half)
    circle = lens.circle(distance_m, np.array([CAMERA.cx, CAMERA.cy]))
    small = encoded(lens.blur(fine, lens.ratio * circle, lens.small_floor), seed)
    large = encoded(lens.blur(fine, circle, lens.floor), seed + 1000)
    return plane_patches(
        f"view{seed}",
        Photo(small, APERTURES[0], corner),
        Photo(large, APERTURES[1], corner),
        lambda pixels: np.full(len(pixels), distance_m),
        CAMERA,
        most=most,
    )
