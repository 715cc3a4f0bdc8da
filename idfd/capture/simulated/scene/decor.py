"""What makes a room lived in: plants, lamps, pictures, curtains, cables. Sizes in metres."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from idfd.capture.simulated.scene import materials
from idfd.capture.simulated.scene.items import Item, Part, Top
from idfd.capture.simulated.scene.materials import Material
from idfd.capture.simulated.scene.pictures import cell_window
from idfd.capture.simulated.scene.primitives import (
    Mesh,
    ball,
    box,
    curve,
    cylinder,
    lathe,
    patch,
    sheet,
    slab,
    tube,
)

Rng = np.random.Generator


def plant(rng: Rng, height: float, pot: Material = materials.TERRACOTTA) -> Item:
    """A potted plant: bent stems of 3 to 6 mm with arching leaves."""
    size = 0.11 + 0.08 * min(height, 1.0)
    outline = [
        (size * 0.9, size * 1.5),
        (size, size * 1.6),
        (size, size * 1.35),
        (size * 0.88, size * 1.3),
        (size * 0.66, 0),
        (0, 0),
    ]
    parts: list[Part] = [(pot, lathe(outline, 24)), (pot, lathe(outline[:2][::-1], 24))]
    parts.append((materials.SOIL, cylinder(size * 0.9, 0.01, segments=24).moved(z=size * 1.4)))
    stems = int(rng.integers(5, 9))
    for k in range(stems):
        angle = 2 * np.pi * (k + rng.uniform(0, 0.6)) / stems
        lean, tall = rng.uniform(0.05, 0.3) * height, rng.uniform(0.55, 1.0) * (height - size)
        points = curve([(0, 0, 0), (lean * 0.25, 0, tall * 0.5), (lean, 0, tall)], 8)
        stem = tube(points, np.linspace(0.006, 0.003, 8), 6).turned(angle)
        parts.append((materials.STEM, stem.moved(z=size * 1.35)))
        for t in np.linspace(0.35, 1.0, int(rng.integers(4, 7))):
            start = points[round(t * 7)]
            blade = _leaf(rng, rng.uniform(0.12, 0.24) * min(1.0, 0.5 + height / 2))
            blade = blade.turned(rng.uniform(0, 2 * np.pi)).moved(*start).turned(angle)
            parts.append((materials.LEAF, blade.moved(z=size * 1.35)))
    return Item("plant", tuple(parts))


def floor_lamp(rng: Rng) -> Item:
    """A lamp with a shade on a 9 mm pole, with its cable on the floor."""
    height = rng.uniform(1.45, 1.65)
    metal = (materials.BRASS, materials.BLACK_STEEL, materials.CHROME)[int(rng.integers(3))]
    parts: list[Part] = [
        (metal, cylinder(0.14, 0.02, segments=32)),
        (metal, cylinder(0.009, height - 0.1, segments=10).moved(z=0.02)),
        (materials.SHADE, lathe([(0.13, height), (0.2, height - 0.28)], 32)),
    ]
    lead = curve([(0, 0.1, 0.006), (0.15, 0.2, 0.006), (0.1, 0.3, 0.006), (0.3, 0.35, 0.006)], 20)
    parts.append((materials.RUBBER, tube(lead, 0.0035, 6)))
    return Item("floor lamp", tuple(parts))


def pendant(drop: float, metal: Material) -> Item:
    """A lamp that hangs ``drop`` below the origin by a 5 mm cable."""
    profile = [(0.03, 0.12), (0.06, 0.11), (0.2, -0.02), (0.21, -0.06)]
    return Item(
        "pendant",
        (
            (materials.RUBBER, tube([(0, 0, 0), (0, 0, -drop)], 0.0025, 6)),
            (metal, lathe(profile, 32).moved(z=-drop - 0.12)),
            (materials.BULB, ball(0.05, 0.05, 0.05).moved(z=-drop - 0.1)),
        ),
    )


def framed(canvas: Material, index: int, width: float, height: float, wood: Material) -> Item:
    """A picture in a frame, its lower edge's middle at the origin, its back at y = 0."""
    x, rail = width / 2, 0.03
    parts: list[Part] = [
        (canvas, sheet(width, height, cell_window(index)).moved(y=-0.008)),
        (wood, box(width + 2 * rail, 0.025, rail).moved(y=-0.0125, z=height)),
        (wood, box(width + 2 * rail, 0.025, rail).moved(y=-0.0125, z=-rail)),
    ]
    for side in (-1, 1):
        parts.append((wood, box(rail, 0.025, height).moved(side * (x + rail / 2), -0.0125)))
    return Item("picture", tuple(parts))


def window(width: float, height: float, frame: Material, curtain: Material | None) -> Item:
    """A bright window with glazing bars and sill, its sill at z = 0, its back at y = 0."""
    parts: list[Part] = [
        (materials.DAYLIGHT, sheet(width, height, (0.0, 0.0, 1.0, 1.0)).moved(y=-0.01)),
        (frame, box(width + 0.16, 0.16, 0.025).moved(y=-0.08, z=-0.025)),
        (frame, box(width + 0.12, 0.04, 0.06).moved(y=-0.02, z=height)),
        (frame, box(width, 0.025, 0.03).moved(y=-0.02, z=height * 0.62)),
    ]
    for x in (-width / 2 - 0.03, 0.0, width / 2 + 0.03):
        parts.append((frame, box(0.05, 0.04, height).moved(x, -0.021)))
    if curtain:
        drop = height + 0.75
        for side in (-1, 1):
            hung = _curtain(0.42, drop, 0.1 * side).moved(side * (width / 2 + 0.12), -0.1)
            parts.append((curtain, hung.moved(z=height + 0.1 - drop)))
        rod = tube([(-width / 2 - 0.4, -0.1, 0), (width / 2 + 0.4, -0.1, 0)], 0.011)
        parts.append((materials.BLACK_STEEL, rod.moved(z=height + 0.12)))
    return Item("window", tuple(parts), (Top((0, -0.09, 0), width - 0.2, 0.12),))


def radiator(width: float) -> Item:
    """A ribbed radiator under a window."""
    parts: list[Part] = [
        (materials.WHITE_LACQUER, ball(0.022, 0.05, 0.25, 0.5, 12).moved(x, 0, 0.4))
        for x in np.linspace(-width / 2, width / 2, round(width / 0.06))
    ]
    x = -width / 2
    bend = curve([(x, 0, 0.2), (x - 0.06, 0, 0.2), (x - 0.08, 0, 0.02)], 10)
    return Item("radiator", (*parts, (materials.CHROME, tube(bend, 0.009))))


def rug(width: float, depth: float, codes: tuple[str, ...], seed: int) -> Item:
    """A patterned rug, 8 mm thick."""
    pile = replace(materials.cloth("rug", "rug", codes, 0.0, seed), texels=1024)
    top = slab(width, depth, (0.0, 0.0, 1.0, 1.0)).moved(z=0.008)
    return Item("rug", ((pile, top),))


def cable(rng: Rng, reach: float, radius: float = 0.004) -> Item:
    """A cable that wanders over the floor along x."""
    knots = np.zeros((7, 3))
    knots[:, 0] = np.linspace(-reach / 2, reach / 2, 7)
    knots[:, 1] = rng.uniform(-0.18, 0.18, 7)
    knots[:, 2] = radius
    path = curve(knots, 48)
    path[:, 2] = radius
    return Item("cable", ((materials.RUBBER, tube(path, radius, 6)),))


def hanging_cables(rng: Rng, width: float) -> Item:
    """Cables of 6 to 12 mm that hang in loops from hooks on a rail, the loops' foot at z = 0."""
    parts: list[Part] = [(materials.STEEL, box(width, 0.03, 0.04).moved(y=-0.015, z=0.9))]
    colours = (materials.RUBBER, materials.RED_GLAZE, materials.NAVY_LACQUER, materials.RUBBER)
    for k, x in enumerate(np.linspace(-width / 2 + 0.15, width / 2 - 0.15, 7)):
        drop, spread = rng.uniform(0.45, 0.85), rng.uniform(0.06, 0.12)
        y = -0.06 - 0.02 * rng.random()
        loop = [
            (-0.01, y, 0.9),
            (-spread, y, 0.9 - drop * 0.6),
            (0, y, 0.9 - drop),
            (spread, y, 0.9 - drop * 0.6),
            (0.01, y, 0.9),
        ]
        lead = tube(curve(loop, 30), rng.uniform(0.003, 0.006), 8)
        parts.append((colours[k % 4], lead.moved(x)))
        parts.append((materials.STEEL, tube([(x, 0, 0.9), (x, -0.09, 0.905)], 0.004, 6)))
    return Item("cables", tuple(parts))


def door(width: float, height: float, leaf: Material) -> Item:
    """A panelled door with its case, its back at y = 0."""
    parts: list[Part] = [(leaf, box(width, 0.03, height).moved(y=-0.015))]
    for z, tall in ((0.15, height * 0.4), (height * 0.4 + 0.28, height * 0.6 - 0.42)):
        parts.append((leaf, box(width - 0.26, 0.012, tall).moved(y=-0.036, z=z)))
    for side in (-1, 1):
        parts.append((leaf, box(0.08, 0.05, height).moved(side * (width / 2 + 0.04), -0.025)))
    parts.append((leaf, box(width + 0.16, 0.05, 0.08).moved(0, -0.025, height)))
    grip = [(0, 0, 0), (0, -0.05, 0), (-0.11, -0.05, 0)]
    parts.append((materials.CHROME, tube(grip, 0.009).moved(width / 2 - 0.07, -0.03, 1.02)))
    return Item("door", tuple(parts))


def _leaf(rng: Rng, length: float) -> Mesh:
    """A pointed blade that rises along x and bends down at its tip."""
    t = np.linspace(0, 1, 7)
    width = length * rng.uniform(0.14, 0.24) * np.sin(np.pi * t**0.8)
    rise = rng.uniform(0.2, 0.6) * t - rng.uniform(0.4, 0.8) * t**2
    keel = np.array([-1.0, 0.0, 1.0])
    points = np.empty((7, 3, 3))
    points[..., 0] = (length * t)[:, None]
    points[..., 1] = width[:, None] * keel
    points[..., 2] = (length * rise)[:, None] + 0.35 * width[:, None] * np.abs(keel)
    uv = np.stack(np.broadcast_arrays((keel + 1) / 2, t[:, None]), -1)
    return patch(points, uv)


def _curtain(width: float, height: float, phase: float) -> Mesh:
    """Hanging cloth with folds that widen downwards, its lower edge at z = 0."""
    x, z = np.meshgrid(np.linspace(-width / 2, width / 2, 49), np.linspace(height, 0, 12))
    depth = 0.02 + 0.02 * (height - z) / height
    y = depth * np.sin(x * 70 + phase + 0.6 * np.sin(z * 2.5))
    return patch(np.stack([x * (0.9 + 0.1 * (height - z) / height), y, z], -1))
