"""Chessboards: found by OpenCV in a small picture, numbered so that cameras agree.

A chessboard with an odd sum of columns and rows has one way up, told by the colour of its corner
squares. Others look the same upside down (square ones with odd numbers also on their sides), and
are numbered from the upper left of the image: right for cameras that are mounted about the same way
up. A chessboard never tells whether it is mirrored.
"""

from __future__ import annotations

from itertools import islice
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from idfd.calibration.detection.levels import level, levels
from idfd.model.board import Board

Array = NDArray[np.float64]
_PLAIN = cv2.CALIB_CB_ADAPTIVE_THRESH | cv2.CALIB_CB_NORMALIZE_IMAGE
_THOROUGH = cv2.CALIB_CB_NORMALIZE_IMAGE


def find_chessboard(image: NDArray[Any], board: Board) -> Array | None:
    """Inner corners to a pixel or so, numbered as those of the board, (N, 2); None without."""
    inner = (board.columns - 1, board.rows - 1)
    # Squares need not be read, only seen: neither a large photo's full size nor more is needed.
    for scale in islice((scale for scale in levels(image) if scale <= 1), 2):
        plain = level(image, scale)
        for picture, thorough in ((plain, False), (plain.evened(), False), (plain, True)):
            if thorough:
                found, corners = cv2.findChessboardCornersSB(
                    picture.picture, inner, flags=_THOROUGH
                )
            else:
                found, corners = cv2.findChessboardCorners(picture.picture, inner, flags=_PLAIN)
            if found:
                grid = picture.to_image(np.asarray(corners, np.float64).reshape(-1, 2))
                return _numbered(grid.reshape(inner[1], inner[0], 2), image, board).reshape(-1, 2)
    return None


def _numbered(grid: Array, image: NDArray[Any], board: Board) -> Array:
    across, down = grid[:, -1] - grid[:, 0], grid[-1] - grid[0]
    across, down = across.mean(axis=0), down.mean(axis=0)
    if across[0] * down[1] - across[1] * down[0] < 0:
        grid = grid[:, ::-1]
    if (board.columns + board.rows) % 2:
        return grid if _first_is_black(grid, image) else grid[::-1, ::-1]
    turns = [grid, grid[::-1, ::-1]]
    if board.columns == board.rows:
        sides = [np.rot90(grid, 1), np.rot90(grid, 3)]
        # On an even board a quarter turn swaps black and white.
        turns = [*turns, *sides]
        turns = [turn for turn in turns if _first_is_black(turn, image)]
    return max(turns, key=_uprightness)


def _uprightness(grid: Array) -> float:
    across = (grid[:, -1] - grid[:, 0]).mean(axis=0)
    down = (grid[-1] - grid[0]).mean(axis=0)
    return float(across[0] / np.linalg.norm(across) + down[1] / np.linalg.norm(down))


def _first_is_black(grid: Array, image: NDArray[Any]) -> bool:
    """Whether the squares of the upper left one's colour are the darker ones."""
    middles = (grid[:-1, :-1] + grid[1:, :-1] + grid[:-1, 1:] + grid[1:, 1:]) / 4
    at = middles.astype(np.float32)
    seen = cv2.remap(image, at[..., 0], at[..., 1], cv2.INTER_LINEAR).astype(np.float64)
    row, column = np.indices(seen.shape)
    even = (row + column) % 2 == 0
    return bool(seen[even].mean() < seen[~even].mean())
