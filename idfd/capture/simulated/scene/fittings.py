"""What all rooms are fitted with: walls, floors, windows, lamps and pictures, chosen by chance."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

import numpy as np

from idfd.capture.simulated.scene import decor, materials
from idfd.capture.simulated.scene.items import Item
from idfd.capture.simulated.scene.layout import WALLS, Layout
from idfd.capture.simulated.scene.materials import Material
from idfd.capture.simulated.scene.model import Light
from idfd.capture.simulated.scene.pigments import Colour, ink
from idfd.capture.simulated.scene.primitives import lathe

Rng = np.random.Generator
Choice = TypeVar("Choice")
CEILING = materials.paint("dedcd6", "f6f5f1")
DAYLIGHT: Colour = (1.0, 1.06, 1.15)
LAMPLIGHT: Colour = (1.0, 0.86, 0.66)


def empty_room(
    rng: Rng, widths: tuple[float, float], depths: tuple[float, float], height: float
) -> Layout:
    """A room of a size between limits, metres."""
    return Layout(rng.uniform(*widths), rng.uniform(*depths), height + rng.uniform(0, 0.1), rng)


def pick(rng: Rng, *choices: Choice) -> Choice:
    """One of the choices."""
    return choices[int(rng.integers(len(choices)))]


def seed(rng: Rng) -> int:
    """Seed of a texture; few different ones, so that textures are found in the cache."""
    return int(rng.integers(4))


def wall_paint(rng: Rng, *codes: tuple[str, str]) -> Material:
    """Paint in one of the colours."""
    return materials.paint(*pick(rng, *codes), seed=seed(rng))


def wooden_floor(rng: Rng) -> Material:
    """A floor of planks."""
    codes = pick(rng, ("6b452a", "b98a58"), ("8c6a45", "d8b98a"), ("3a261a", "7a5638"))
    return Material("floor", "planks", ink(*codes), 1.2, 0.25, 50, 0.6, texels=1024)


def stone_floor(rng: Rng, *codes: tuple[str, str]) -> Material:
    """Polished tiles in two colours."""
    return Material(
        "floor", "chess_tiles", ink(*pick(rng, *codes)), 1.6, 0.4, 100, 0.5, texels=1024
    )


def anywhere(room: Layout, item: Item, z: float = 0.0, gap: float = 0.03) -> Item | None:
    """Put an item against the first wall, in random order, that has room for it."""
    walls = room.rng.permutation(list(WALLS))
    tries = (room.against(item, str(wall), z=z, gap=gap) for wall in walls)
    return next((placed for placed in tries if placed), None)


def add_window(room: Layout, curtain: Material | None, sill: float = 0.85) -> None:
    """A window at one side that gives daylight, with a radiator by it where no curtain hangs."""
    rng = room.rng
    wall = pick(rng, "left", "right")
    width, height = rng.uniform(1.1, 1.5), room.height - sill - 0.45
    item = decor.window(width, height, materials.WHITE_LACQUER, curtain)
    lowest = -float(item.bounds[0, 2])
    at = rng.uniform(-0.5, 0.5)
    if not room.against(item, wall, at=at, z=max(sill, lowest + 0.05), gap=0.005):
        return
    low, high = room.boxes[-1]
    x = low[0] - 0.5 if wall == "right" else high[0] + 0.5
    place = (float(x), float(low[1] + high[1]) / 2, sill + height * 0.6)
    room.lights.append(light(place, 0.3, DAYLIGHT, 1.5))
    if curtain is None:
        room.against(decor.radiator(width * 0.8), wall, gap=0.04)


def add_pictures(room: Layout, count: int, frame: Material) -> None:
    """Pictures at eye level, from two sets so that few are seen twice."""
    canvases = [replace(materials.PAINTINGS, seed=seed(room.rng) * 2 + k) for k in range(2)]
    for k in range(count):
        width, height = room.rng.uniform((0.35, 0.3), (0.85, 0.65))
        picture = decor.framed(canvases[k // 4 % 2], k, width, height, frame)
        wall = pick(room.rng, *WALLS)
        room.against(picture, wall, z=room.rng.uniform(1.3, 1.55), gap=0.005)


def add_ceiling_lamp(room: Layout, strength: float) -> None:
    """A round lamp on the ceiling with its light just below it."""
    x, y = room.rng.uniform(-0.3, 0.3), room.depth / 2 + room.rng.uniform(-0.3, 0.3)
    disk = lathe([(0.18, 0.06), (0.16, 0.01), (0.0, 0.0)], 32)
    room.put(Item("ceiling lamp", ((materials.BULB, disk),)), x, y, z=room.height - 0.06)
    room.lights.append(light((x, y, room.height - 0.35), 0.12, LAMPLIGHT, strength))


def light(
    position: tuple[float, float, float], radius: float, colour: Colour, strength: float
) -> Light:
    """A light of a colour; strength is its irradiance at one metre."""
    red, green, blue = (strength * part for part in colour)
    x, y, z = (float(part) for part in position)
    return Light((x, y, z), radius, (red, green, blue))
