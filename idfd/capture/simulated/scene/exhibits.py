"""What museums show and what they show it on. Sizes in metres."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from idfd.capture.simulated.scene import materials
from idfd.capture.simulated.scene.items import Item, Part, Top
from idfd.capture.simulated.scene.materials import Material
from idfd.capture.simulated.scene.primitives import (
    Array,
    ball,
    box,
    curve,
    cylinder,
    extrude,
    lathe,
    tube,
)

Rng = np.random.Generator


def plinth(width: float, height: float, body: Material) -> Item:
    """A pedestal for one exhibit."""
    return Item(
        "plinth",
        ((body, box(width, width, height)),),
        (Top((0, 0, height), width * 0.2, width * 0.2),),
    )


def amphora(rng: Rng) -> Item:
    """A large vase with two handles."""
    height = rng.uniform(0.38, 0.55)
    z = np.array([1.0, 0.97, 0.9, 0.78, 0.66, 0.5, 0.34, 0.16, 0.04, 0.0, 0.0])
    radius = np.array([0.2, 0.21, 0.13, 0.13, 0.3, 0.4, 0.36, 0.22, 0.16, 0.2, 0.0])
    clay = (materials.TERRACOTTA, materials.BRONZE, materials.BLUE_GLAZE)[int(rng.integers(3))]
    parts: list[Part] = [(clay, lathe(np.stack([radius, z], -1) * height, 36))]
    for side in (-1, 1):
        path = [(0.12, 0, 0.9), (0.3, 0, 0.88), (0.34, 0, 0.74), (0.28, 0, 0.66)]
        parts.append((clay, tube(curve(path, 14) * height * [side, 1, 1], 0.011)))
    return Item("amphora", tuple(parts))


def bust(rng: Rng) -> Item:
    """A head on shoulders, in marble or bronze."""
    stone = (materials.WHITE_MARBLE, materials.BRONZE)[int(rng.integers(2))]
    size = rng.uniform(0.9, 1.15)
    foot = lathe(np.array([(0.05, 0.12), (0.045, 0.08), (0.09, 0.02), (0.09, 0), (0, 0)]), 24)
    parts = (
        foot,
        ball(0.19, 0.1, 0.13, 0.8, 28).moved(z=0.2),
        cylinder(0.055, 0.14, 0.05, 20).moved(z=0.26),
        ball(0.082, 0.1, 0.125, 0.9, 28).moved(y=-0.01, z=0.47),
        ball(0.015, 0.03, 0.03, 1, 12).moved(y=-0.11, z=0.46),
        ball(0.088, 0.095, 0.08, 1, 24).moved(y=0.02, z=0.52),
    )
    return Item("bust", tuple((stone, part.scaled(size, size, size)) for part in parts))


def knot(rng: Rng) -> Item:
    """A modern sculpture: a torus knot on a rod."""
    metal = (materials.CHROME, materials.BRASS, materials.BRONZE)[int(rng.integers(3))]
    p, q = ((2, 3), (3, 2), (2, 5))[int(rng.integers(3))]
    t = np.linspace(0, 2 * np.pi, 140)
    radius = 0.12 + 0.05 * np.cos(q * t)
    path = np.stack(
        [radius * np.cos(p * t), 0.05 * np.sin(q * t), radius * np.sin(p * t) + 0.3], -1
    )
    return Item("sculpture", (
        (metal, tube(path, 0.018, 12)),
        (materials.BLACK_STEEL, cylinder(0.006, 0.14, segments=10)),
        (materials.BLACK_STEEL, cylinder(0.1, 0.02, segments=28)),
    ))  # fmt: skip


def case(width: float, depth: float, height: float, body: Material) -> Item:
    """A display case: a base under a frame of 10 mm bars; its glass is not modelled."""
    base = 0.8
    parts: list[Part] = [
        (body, box(width, depth, base)),
        (materials.BLACK_VELVET, box(width - 0.03, depth - 0.03, 0.006).moved(z=base)),
    ]
    x, y = width / 2 - 0.005, depth / 2 - 0.005
    for sx in (-1, 1):
        for sy in (-1, 1):
            bar = box(0.01, 0.01, height - base).moved(sx * x, sy * y, base)
            parts.append((materials.BRASS, bar))
    for side in (-1, 1):
        long, short = box(width, 0.01, 0.01), box(0.01, depth, 0.01)
        parts.append((materials.BRASS, long.moved(0, side * y, height - 0.01)))
        parts.append((materials.BRASS, short.moved(side * x, 0, height - 0.01)))
    return Item("case", tuple(parts), (Top((0, 0, base + 0.006), width - 0.1, depth - 0.1),))


def barrier(points: Array) -> Item:
    """Chrome posts joined by velvet ropes that sag; (N, 2) metres."""
    parts: list[Part] = []
    for x, y in points:
        post = [
            (0, 0.95),
            (0.03, 0.93),
            (0.018, 0.88),
            (0.018, 0.03),
            (0.15, 0.015),
            (0.15, 0),
            (0, 0),
        ]
        parts.append((materials.CHROME, lathe(post, 24).moved(x, y)))
    for (x0, y0), (x1, y1) in pairwise(points):
        t = np.linspace(0, 1, 20)
        sag = 0.88 - 0.9 * t * (1 - t)
        path = np.stack([x0 + (x1 - x0) * t, y0 + (y1 - y0) * t, sag], -1)
        parts.append((materials.BLACK_VELVET, tube(path, 0.016, 10)))
    return Item("barrier", tuple(parts))


def bench(width: float, wood: Material) -> Item:
    """A slatted museum bench on steel frames."""
    parts: list[Part] = [
        (wood, box(width, 0.07, 0.03).moved(y=y, z=0.43)) for y in np.linspace(-0.18, 0.18, 5)
    ]
    for x in (-width / 2 + 0.12, width / 2 - 0.12):
        frame = [(x, -0.2, 0.0), (x, -0.2, 0.42), (x, 0.2, 0.42), (x, 0.2, 0.0)]
        parts.append((materials.BLACK_STEEL, tube(frame, 0.012)))
    return Item("bench", tuple(parts))


def crystal(rng: Rng) -> Item:
    """A crystal of prisms: edges at many angles."""
    parts: list[Part] = []
    for k in range(9):
        corners = np.arange(6) * np.pi / 3
        width = rng.uniform(0.015, 0.03)
        ring = np.stack([np.cos(corners), np.sin(corners)], -1) * width
        prism = extrude(ring, rng.uniform(0.1, 0.24)).turned(rng.uniform(-0.7, 0.7), "x")
        parts.append(
            (
                materials.BLUE_GLAZE if k % 3 else materials.WHITE_MARBLE,
                prism.turned(k * 0.7).moved(z=0.02),
            )
        )
    return Item("crystal", tuple(parts))
