"""The ideal picture of a flat print: what a photo of it would show without any blur."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from idfd.calibration.boards import geometry
from idfd.calibration.projection import unproject
from idfd.calibration.solve.poses import Pose
from idfd.model.board import Board
from idfd.model.camera import Intrinsics

Array = NDArray[np.float64]
_FINE = 6
"""Samples along a pixel's side."""
SOFTNESS_PX = 0.45
"""Standard deviation of the Gaussian that ideal pictures are blurred by before they are cut into
pixels: without it, they would hold frequencies beyond the pixels' that later blur cannot tell."""
DRAWN_VARIANCE = SOFTNESS_PX**2 + 1 / 12
"""Variance of the blur in ideal pictures, with that of the pixel's square, px²."""
_STEP = 4
"""Pixels between exact rays; between them the map onto the print is linear to 1e-3 px."""


@dataclass(frozen=True)
class Print:
    """A drawing whose edges all lie between pixels, its middle at the board's origin.

    Attributes:
        picture: (H, W) uint8, with the paper around the pattern.
        px_per_mm: Its scale.
    """

    picture: NDArray[np.uint8]
    px_per_mm: float

    @classmethod
    def of(cls, board: Board) -> Print:
        """Of a calibration board, at the lowest resolution that shows it exactly."""
        least = 1.0
        return cls(geometry.picture(board, least), geometry.pixels_per_mm(board, least))


def plane_depth_mm(pose: Pose, rays: Array) -> Array:
    """Depth at which rays (..., 3) with z = 1 meet the plane of a board, (...) millimetres."""
    normal = pose.rotation[:, 2]
    return np.asarray(normal @ pose.translation / (rays @ normal))


def on_board_mm(pose: Pose, rays: Array) -> Array:
    """Where on a board rays (..., 3) with z = 1 meet it, (..., 2) millimetres."""
    points = rays * plane_depth_mm(pose, rays)[..., None] - pose.translation
    return np.asarray((points @ pose.rotation)[..., :2])


def draw_print(
    printed: Print, pose: Pose, intrinsics: Intrinsics, window: tuple[int, int, int]
) -> tuple[NDArray[np.float32], NDArray[np.bool_], float]:
    """Picture of a print in a square window of a photo, with a blur of :data:`DRAWN_VARIANCE`.

    The drawing is looked up at its nearest pixel, which is exact for a drawing in black and white
    whose edges lie between pixels, whatever its resolution.

    Args:
        printed: The print.
        pose: From the board's frame to the camera's.
        intrinsics: The camera at the whole photo's size.
        window: Left column, upper row and side, pixels; it may leave the photo.

    Returns:
        (side, side) float32 in [0, 1]; where the whole pixel lies on the print, (side, side) bool;
        depth at the window's middle, mm.
    """
    left, top, side = window
    # Corners of the window are edges of pixels, half a pixel off their centres.
    coarse = np.arange(0, side + _STEP, _STEP) - 0.5
    grid = np.stack(np.meshgrid(left + coarse, top + coarse), -1)
    lattice = on_board_mm(pose, unproject(intrinsics, grid)) * printed.px_per_mm
    height, width = printed.picture.shape
    lattice += ((width - 1) / 2, (height - 1) / 2)
    fine = (np.arange(side * _FINE) + 0.5) / _FINE - 0.5
    place = (fine + 0.5) / _STEP
    index = np.minimum(place.astype(int), len(coarse) - 2)
    share = (place - index)[:, None]
    weights = np.zeros((len(fine), len(coarse)))
    weights[np.arange(len(fine)), index] = 1 - share[:, 0]
    weights[np.arange(len(fine)), index + 1] = share[:, 0]
    columns, rows = (
        (weights @ lattice[..., axis] @ weights.T).astype(np.float32) for axis in range(2)
    )
    # NaN, where no ray ends, would be cast to some number.
    inside = (columns > -0.5) & (columns < width - 0.5) & (rows > -0.5) & (rows < height - 0.5)
    columns[~inside] = rows[~inside] = -1e4
    seen: Any = cv2.remap(
        printed.picture, columns, rows, cv2.INTER_NEAREST, borderMode=cv2.BORDER_CONSTANT
    )
    cells = (side, _FINE, side, _FINE)
    seen = cv2.GaussianBlur(seen.astype(np.float32), (0, 0), SOFTNESS_PX * _FINE)
    picture = (seen.reshape(cells).mean((1, 3)) / 255).astype(np.float32)
    middle = unproject(intrinsics, np.array([left + side / 2 - 0.5, top + side / 2 - 0.5]))
    depth = float(plane_depth_mm(pose, middle))
    return picture, inside.reshape(cells).all((1, 3)), depth
