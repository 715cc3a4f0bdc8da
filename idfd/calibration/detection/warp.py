"""A smooth map from a board to a picture, from what was found of it."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from idfd.calibration.detection.sampling import Surroundings

Array = NDArray[np.float64]
_POINTS_PER_TERM = 5
_DRAWS, _REFITS = 300, 3
"""Samples of RANSAC: with half of the points right, all would be wrong once in 1e8 times."""


class Warp:
    """A homography, and a polynomial for what the lens bends beside it.

    Args:
        board: (N, 2) mm, at least four points that are not on a line.
        pixels: (N, 2).
        limit_px: Points farther than this from the homography are left out; may be infinite.

    Attributes:
        kept: Which points it rests on, (N,); none where there is no such map.
    """

    def __init__(self, board: Array, pixels: Array, limit_px: float) -> None:
        self._degree = 0
        self._matrix, self.kept = _homography(board, pixels, limit_px)
        if not self.kept.any():
            return
        chosen = board[self.kept]
        self._middle = chosen.mean(axis=0)
        self._size = float(np.ptp(chosen, axis=0).max()) / 2
        # Lenses bend by cubic terms; fewer points are trusted with fewer terms.
        terms = len(chosen) // _POINTS_PER_TERM
        self._degree = 3 if terms >= 10 else 2 if terms >= 6 else 0
        if self._degree:
            rest = pixels[self.kept] - self._straight(chosen)
            self._bend = np.linalg.lstsq(self._powers(chosen), rest, rcond=1e-6)[0]

    def __call__(self, board: Array) -> Array:
        """Pixels of board points, (N, 2); NaN behind the camera."""
        pixels = self._straight(board)
        return pixels + self._powers(board) @ self._bend if self._degree else pixels

    def around(self, board: Array, length: float) -> Surroundings:
        """How the board lies round points of it, seen over ``length`` mm to each side."""
        right, down = np.array([length, 0.0]), np.array([0.0, length])
        middle = self(board)
        x = [self(board + step) - middle for step in (right, -right)]
        y = [self(board + step) - middle for step in (down, -down)]
        both = [self(board + step) - middle for step in (right + down, -right - down)]
        axes = np.stack([x[0] - x[1], y[0] - y[1]], axis=2) / (2 * length)
        xx, yy = (x[0] + x[1]) / 2, (y[0] + y[1]) / 2
        xy = (both[0] + both[1]) / 2 - xx - yy
        return Surroundings(axes, np.stack([xx, xy, yy], axis=2) / length**2)

    def _straight(self, board: Array) -> Array:
        rays = np.column_stack([board, np.ones(len(board))]) @ self._matrix.T
        # The points it was found from are in front of the camera.
        front = rays[:, 2] * (self._matrix[2] @ [*self._middle, 1.0]) > 0
        return np.where(front[:, None], rays[:, :2] / rays[:, 2:], np.nan)

    def _powers(self, board: Array) -> Array:
        x, y = ((board - self._middle) / self._size).T
        columns = [
            x**i * y**j for i in range(self._degree + 1) for j in range(self._degree + 1 - i)
        ]
        return np.stack(columns, axis=1)


def _homography(board: Array, pixels: Array, limit_px: float) -> tuple[Array, NDArray[np.bool_]]:
    """The homography of most points, and which those are: none where there is none."""
    nothing, kept = np.zeros(len(board), bool), np.ones(len(board), bool)
    if np.isinf(limit_px):
        matrix = np.asarray(cv2.findHomography(board, pixels)[0], np.float64)
        return matrix, kept if matrix.shape == (3, 3) else nothing
    found = cv2.findHomography(board, pixels, cv2.RANSAC, limit_px, maxIters=_DRAWS)[0]
    for _ in range(_REFITS):
        matrix = np.asarray(found, np.float64)
        if matrix.shape != (3, 3):
            return matrix, nothing
        # RANSAC's own choice is that of four points, which may lie beside each other.
        away = cv2.perspectiveTransform(board[:, None], matrix)[:, 0] - pixels
        kept = np.linalg.norm(away, axis=1) <= limit_px
        if np.count_nonzero(kept) < 4:
            return matrix, nothing
        found = cv2.findHomography(board[kept], pixels[kept])[0]
    return matrix, kept
