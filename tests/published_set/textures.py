"""Procedural textures in linear light, each drawn from a random generator."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

Texture = NDArray[np.float32]
"""Linear RGB in [0, 1], (H, W, 3) float32."""


def noise(rng: np.random.Generator, width: int, height: int) -> Texture:
    """Fractal noise like plaster or stone: octaves of smoothed noise between two colours."""
    value = np.zeros((height, width), np.float32)
    for octave in range(2, 8):
        cells = (min(height, 2**octave), min(width, 2**octave))
        coarse = rng.normal(size=cells).astype(np.float32)
        fine = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
        value += np.asarray(fine, np.float32) * np.float32(0.85**octave)
    mix = 1 / (1 + np.exp(-2.5 * value / value.std()))
    return _blend(rng, mix)


def checker(rng: np.random.Generator, width: int, height: int) -> Texture:
    """A rotated checkerboard."""
    u, v = _rotated(rng, width, height)
    cell = rng.uniform(9, 26)
    return _blend(rng, ((np.floor(u / cell) + np.floor(v / cell)) % 2).astype(np.float32))


def stripes(rng: np.random.Generator, width: int, height: int) -> Texture:
    """Rotated stripes with smooth edges."""
    u, _ = _rotated(rng, width, height)
    wave = np.sin(2 * np.pi * u / rng.uniform(8, 24))
    return _blend(rng, np.clip(0.5 + 1.5 * wave, 0, 1))


def planks(rng: np.random.Generator, width: int, height: int) -> Texture:
    """Rows of boards with grain and dark joints."""
    rows = np.arange(height)[:, None] // max(12, height // 9)
    shift = rng.uniform(0, width, rows.max() + 1)[rows]
    columns = ((np.arange(width)[None] + shift) // max(40, width // 3)).astype(int)
    tone = rng.uniform(0.25, 0.9, (rows.max() + 1, columns.max() + 1))[rows, columns]
    grain = cv2.GaussianBlur(
        rng.standard_normal((height, width), np.float32), (0, 0), sigmaX=9, sigmaY=0.6
    )
    joints = (np.diff(columns, axis=1, prepend=columns[:, :1]) != 0) | (
        np.diff(rows, axis=0, prepend=rows[:1]) != 0
    )
    return _blend(rng, np.clip(tone + 1.2 * grain, 0, 1) * np.where(joints, 0.3, 1))


def text(rng: np.random.Generator, width: int, height: int) -> Texture:
    """Lines of letters on paper."""
    page = np.full((height, width), 255, np.uint8)
    size = rng.uniform(0.4, 0.8)
    letters = np.array(list("ABCDEFGHKLMNPRSTUVXYZ 23456789 "))
    for line in range(int(24 * size), height + 20, int(34 * size)):
        words = "".join(rng.choice(letters, 2 + width // int(16 * size)))
        cv2.putText(page, words, (-4, line), cv2.FONT_HERSHEY_DUPLEX, size, 0, 1, cv2.LINE_AA)
    return _blend(rng, page / 255, contrast=0.6)


TEXTURES: tuple[Callable[[np.random.Generator, int, int], Texture], ...] = (
    noise,
    checker,
    stripes,
    planks,
    text,
)


def _blend(rng: np.random.Generator, mix: NDArray[np.floating], contrast: float = 0.35) -> Texture:
    """Mix a dark and a bright colour and add a fine grain, so that no area is flat."""
    dark = rng.uniform(0.02, 0.2, 3)
    bright = np.clip(dark + contrast * rng.uniform(0.8, 1.6) * rng.uniform(0.5, 1, 3), 0, 0.9)
    share = np.asarray(mix, np.float32)[..., None]
    colour = dark.astype(np.float32) + (bright - dark).astype(np.float32) * share
    grain = cv2.GaussianBlur(rng.standard_normal(mix.shape, np.float32), (0, 0), 0.7)
    bumpy = colour * (1 + 0.25 * np.asarray(grain, np.float32)[..., None])
    return np.asarray(np.clip(bumpy, 0.003, 0.95), np.float32)


def _rotated(
    rng: np.random.Generator, width: int, height: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    angle = rng.uniform(0, np.pi)
    y, x = np.mgrid[:height, :width]
    return x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
