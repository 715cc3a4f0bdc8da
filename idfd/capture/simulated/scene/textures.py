"""Procedural textures: linear albedo that repeats without a seam.

Each pattern takes a random generator, a size in texels and a palette of linear colours. All are
drawn by NumPy and OpenCV from seeds, so that no picture needs to be shipped.
"""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from idfd.capture.simulated.scene import pictures
from idfd.capture.simulated.scene.pigments import (
    Colour,
    Texture,
    axes,
    mix,
    nearest_edge,
    noise,
    soft,
    streaks,
)

CACHED = 40
"""Textures kept; a view of a room needs about 25, of 1 to 12 MB."""


@lru_cache(CACHED)
def texture(pattern: str, seed: int, palette: tuple[Colour, ...], size: int) -> Texture:
    """A texture, read-only, (size, size, 3) float32 linear albedo in [0, 1]."""
    rng = np.random.default_rng([seed, size])
    image = np.clip(PATTERNS[pattern](rng, size, palette), 0.0, 1.0).astype(np.float32)
    image.setflags(write=False)
    return image


def plain(rng: np.random.Generator, size: int, palette: tuple[Colour, ...]) -> Texture:
    """Moulded plastic, paint on metal: one colour with a faint grain."""
    return mix(palette[0], palette[-1], 0.5 + 0.06 * noise(rng, size, 6, 9, 1.0))


def plaster(rng: np.random.Generator, size: int, palette: tuple[Colour, ...]) -> Texture:
    """Rolled paint: grain of the roller under faint larger stains."""
    grain = noise(rng, size, 6, 9, 1.05)
    stains = noise(rng, size, 1, 4, 0.8)
    return mix(palette[0], palette[-1], 0.5 + 0.2 * grain + 0.1 * stains)


def wallpaper(rng: np.random.Generator, size: int, palette: tuple[Colour, ...]) -> Texture:
    """Printed paper: a motif of petals on a half-drop repeat, between thin stripes."""
    repeats, petals = 4, int(rng.integers(4, 8))
    u, v = axes(size // repeats)
    value = np.zeros_like(u)
    for shift in (0.0, 0.5):
        x, y = (u + shift) % 1 - 0.5, (v + shift) % 1 - 0.5
        radius, angle = np.hypot(x, y), np.arctan2(y, x)
        edge = 0.16 + 0.08 * np.cos(petals * angle)
        value = np.maximum(value, soft((edge - radius) * 60) - soft((0.05 - radius) * 60))
        value = np.maximum(value, 0.7 * soft((0.012 - np.abs(np.abs(x) - 0.47)) * 200))
    paper = 0.04 * noise(rng, size, 6, 9, 1.0)
    return mix(palette[0], palette[1], 0.85 * np.tile(value, (repeats, repeats)) + paper)


def planks(rng: np.random.Generator, size: int, palette: tuple[Colour, ...]) -> Texture:
    """A floor of boards along u, of several tones, with grain and dark joints."""
    rows = 8
    u, v = axes(size)
    row = np.arange(size) * rows // size
    along = 2 * (u + rng.random(rows, np.float32)[row][:, None])
    tone = rng.random((rows, 2), np.float32)[row[:, None], along.astype(np.int8) % 2] - 0.5
    gap = np.minimum(nearest_edge(v * rows) / rows, nearest_edge(along) / 2)
    joint = soft(gap * (2 * size) - 3)
    return mix(palette[0], palette[-1], 0.5 + 0.5 * tone + 0.22 * _grain(rng, size)) * (
        0.25 + 0.75 * joint[..., None]
    )


def wood(rng: np.random.Generator, size: int, palette: tuple[Colour, ...]) -> Texture:
    """Sawn wood with its grain along u."""
    return mix(palette[0], palette[-1], 0.5 + 0.3 * _grain(rng, size))


def weave(rng: np.random.Generator, size: int, palette: tuple[Colour, ...]) -> Texture:
    """Cloth: threads over and under, of uneven tone."""
    threads = size // 8
    u, v = axes(size)
    wave_u, wave_v = np.sin(2 * np.pi * threads * u), np.sin(2 * np.pi * threads * v)
    over = 0.25 * wave_u * wave_v + 0.12 * (wave_u + wave_v)
    uneven = 0.16 * streaks(rng, size, 2) + 0.16 * streaks(rng, size, 2).T
    return mix(palette[0], palette[-1], 0.5 + over + uneven)


def plaid(rng: np.random.Generator, size: int, palette: tuple[Colour, ...]) -> Texture:
    """A tartan: bands of colours crossing, on a weave."""
    bands = np.zeros((size, 3), np.float32)
    edges = np.sort(rng.choice(np.arange(4, 60), 9, replace=False)) * size // 64
    for k, (start, stop) in enumerate(zip([0, *edges], [*edges, size], strict=True)):
        bands[start:stop] = palette[k % len(palette)]
    cloth = weave(rng, size, ((0.75,) * 3, (1.0,) * 3))
    return 0.5 * (bands[None] + bands[:, None]) * cloth


def tiles(rng: np.random.Generator, size: int, palette: tuple[Colour, ...]) -> Texture:
    """Four by four glazed tiles of slightly different tone with grout of the last colour."""
    count = 4
    u, v = axes(size)
    cell = np.arange(size) * count // size
    tone = 0.6 * rng.random((count, count), np.float32)[cell[:, None], cell[None]] - 0.3
    inside = np.minimum(nearest_edge(u * count), nearest_edge(v * count))
    face = mix(palette[0], palette[1], 0.5 + tone + 0.12 * noise(rng, size, 3, 8, 0.9))
    return mix(face, palette[-1], soft((0.018 - inside) * 250))


def chess_tiles(rng: np.random.Generator, size: int, palette: tuple[Colour, ...]) -> Texture:
    """Stone tiles of two colours in a checkerboard."""
    cell = np.arange(size) * 4 // size
    odd = ((cell[:, None] + cell[None]) % 2).astype(np.float32)
    u, v = axes(size)
    inside = np.minimum(nearest_edge(u * 4), nearest_edge(v * 4))
    veins = 0.12 * _veins(rng, size)
    stone = mix(palette[0], palette[1], odd * 0.8 + 0.1 + veins * (1 - 2 * odd))
    return stone * (0.5 + 0.5 * soft((inside - 0.008) * 400))[..., None]


def marble(rng: np.random.Generator, size: int, palette: tuple[Colour, ...]) -> Texture:
    """Polished stone with veins."""
    return mix(palette[0], palette[-1], 0.75 * _veins(rng, size) + 0.06 * noise(rng, size, 5, 9, 1))


def terrazzo(rng: np.random.Generator, size: int, palette: tuple[Colour, ...]) -> Texture:
    """Granite or terrazzo: chips of all colours after the first in a ground of the first."""
    image = mix(palette[0], palette[0], noise(rng, size, 7, 9, 1.0))
    image *= (1 + 0.12 * noise(rng, size, 6, 9, 1.1))[..., None]
    count = 1600
    centres, radii = rng.integers(0, size, (count, 2)), rng.gamma(2.0, size / 700, count)
    turns, kinds = rng.uniform(0, 180, count), rng.integers(1, len(palette), count)
    for centre, radius, turn, kind in zip(centres, radii, turns, kinds, strict=True):
        axes = (int(radius) + 1, int(radius * 0.6) + 1)
        colour = tuple(float(c) for c in palette[kind])
        cv2.ellipse(image, centre.tolist(), axes, float(turn), 0, 360, colour, -1, cv2.LINE_8)
    return image


def brushed(rng: np.random.Generator, size: int, palette: tuple[Colour, ...]) -> Texture:
    """Metal with fine scratches along u."""
    return mix(palette[0], palette[-1], 0.5 + 0.25 * streaks(rng, size, 2))


def pegboard(rng: np.random.Generator, size: int, palette: tuple[Colour, ...]) -> Texture:
    """A plate with a grid of threaded holes: optical tables, pegboards."""
    u, v = axes(size)
    radius = np.hypot(u * 8 % 1 - 0.5, v * 8 % 1 - 0.5)
    ground = mix(palette[0], palette[-1], 0.35 + 0.15 * noise(rng, size, 5, 9, 1.0))
    return ground * (0.15 + 0.85 * soft((np.abs(radius - 0.08) - 0.06) * 90))[..., None]


def leaf(rng: np.random.Generator, size: int, palette: tuple[Colour, ...]) -> Texture:
    """A leaf along v with a midrib and veins."""
    u, v = axes(size)
    side = np.abs(u % 1 - 0.5)
    ribs = 0.5 + 0.5 * np.cos(2 * np.pi * (v * 12 - side * 10))
    value = 0.4 + 0.25 * ribs**4 + 0.5 * soft((0.02 - side) * 200)
    return mix(palette[0], palette[-1], value + 0.1 * noise(rng, size, 3, 8, 0.9))


def checker(rng: np.random.Generator, size: int, palette: tuple[Colour, ...]) -> Texture:
    """Eight by eight squares, in each a few smaller ones: structure at many scales."""
    image = np.zeros((size, size), np.float32)
    for cells in (8, 32, 128):
        fine = rng.uniform(-1, 1, (cells, cells)).astype(np.float32)
        image += cv2.resize(fine, (size, size), interpolation=cv2.INTER_NEAREST)
    return mix(palette[0], palette[-1], 0.5 + 0.3 * image)


def _grain(rng: np.random.Generator, size: int) -> NDArray[np.float32]:
    """Rings of wood cut along u: waves across, bent by slow noise, and pores."""
    _, v = axes(size)
    rings = np.sin(2 * np.pi * (14 * v + 0.25 * noise(rng, size, 1, 3, 0.6)))
    return 0.45 * rings + 0.8 * streaks(rng, size, 1)


def _veins(rng: np.random.Generator, size: int) -> NDArray[np.float32]:
    """Thin dark lines where two noises cross zero."""
    first, second = noise(rng, size, 1, 8, 0.62), noise(rng, size, 2, 9, 0.6)
    return np.exp(-np.abs(first) * 9) + 0.5 * np.exp(-np.abs(second) * 12)


PATTERNS = {
    "plain": plain,
    "plaster": plaster,
    "wallpaper": wallpaper,
    "planks": planks,
    "wood": wood,
    "weave": weave,
    "plaid": plaid,
    "tiles": tiles,
    "chess_tiles": chess_tiles,
    "marble": marble,
    "terrazzo": terrazzo,
    "brushed": brushed,
    "pegboard": pegboard,
    "leaf": leaf,
    "checker": checker,
    "spines": pictures.spines,
    "paintings": pictures.paintings,
    "screens": pictures.screens,
    "labels": pictures.labels,
    "rug": pictures.rug,
    "outdoors": pictures.outdoors,
}
"""All patterns by name."""
