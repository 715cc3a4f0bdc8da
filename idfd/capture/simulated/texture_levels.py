"""Textures at falling sizes in one flat array, so that far ones are read without aliasing."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray


def pack(
    textures: list[NDArray[np.float32]], largest_px: int
) -> tuple[NDArray[np.uint16], NDArray[np.int64], NDArray[np.int64]]:
    """Lay textures and their halvings one after the other; a texture used twice is kept once.

    Args:
        textures: (h, w, 3) linear albedo in [0, 1].
        largest_px: Longest side of the first level.

    Returns:
        Texels (N, 3) uint16 with 65535 for 1; start, width and height of each level,
        (S, L, 3); the number of levels of each texture (S,).
    """
    texels: list[NDArray[np.uint16]] = []
    known: dict[int, list[tuple[int, int, int]]] = {}
    start = 0
    for texture in textures:
        if id(texture) in known:
            continue
        rows = known[id(texture)] = []
        for level in _halvings(texture, largest_px):
            height, width = level.shape[:2]
            rows.append((start, width, height))
            texels.append((level.reshape(-1, 3) * 65535 + 0.5).astype(np.uint16))
            start += width * height
    count = np.array([len(known[id(texture)]) for texture in textures], np.int64)
    levels = np.zeros((len(textures), int(count.max()), 3), np.int64)
    for index, texture in enumerate(textures):
        levels[index, : count[index]] = known[id(texture)]
    return np.concatenate(texels), levels, count


def _halvings(texture: NDArray[np.float32], largest_px: int) -> list[NDArray[np.float32]]:
    level = np.ascontiguousarray(texture, np.float32)
    while max(level.shape[:2]) > largest_px:
        level = _half(level)
    levels = [level]
    while max(levels[-1].shape[:2]) > 1:
        levels.append(_half(levels[-1]))
    return levels


def _half(level: NDArray[np.float32]) -> NDArray[np.float32]:
    height, width = level.shape[:2]
    size = (max(width // 2, 1), max(height // 2, 1))
    return np.asarray(cv2.resize(level, size, interpolation=cv2.INTER_AREA), np.float32)
