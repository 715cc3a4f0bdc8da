"""What stands in laboratories, kitchens and museums. Sizes in metres."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from idfd.capture.simulated.scene import materials
from idfd.capture.simulated.scene.items import Item, Part, Top
from idfd.capture.simulated.scene.materials import Material
from idfd.capture.simulated.scene.pictures import cell_window
from idfd.capture.simulated.scene.primitives import (
    Array,
    ball,
    box,
    curve,
    cylinder,
    extrude,
    lathe,
    sheet,
    tube,
)

Rng = np.random.Generator


def monitor(rng: Rng) -> Item:
    """A flat screen on a stand."""
    window = cell_window(int(rng.integers(4)))
    parts: list[Part] = [
        (materials.BLACK_PLASTIC, box(0.56, 0.03, 0.34).moved(y=0.017, z=0.12)),
        (materials.SCREEN, sheet(0.54, 0.31, window).moved(z=0.135)),
        (materials.BLACK_PLASTIC, cylinder(0.02, 0.16, segments=12).moved(y=0.06)),
        (materials.BLACK_PLASTIC, box(0.24, 0.18, 0.012).moved(y=0.03)),
    ]
    return Item("monitor", tuple(parts))


def flask(rng: Rng) -> Item:
    """A conical flask of glazed or dark glass."""
    size = rng.uniform(0.7, 1.3)
    side = np.array([(0.018, 0.16), (0.016, 0.15), (0.016, 0.11), (0.055, 0.015), (0.05, 0)])
    glass = (materials.BLUE_GLAZE, materials.GREEN_GLASS, materials.DARK_GLASS)
    return Item("flask", ((glass[int(rng.integers(3))], lathe([*side * size, (0, 0)], 24)),))


def tube_rack(rng: Rng) -> Item:
    """Test tubes of 16 mm in a rack of rods."""
    parts: list[Part] = [
        (materials.PINE, box(0.26, 0.07, 0.012)),
        (materials.PINE, box(0.26, 0.07, 0.008).moved(z=0.1)),
    ]
    for x in (-0.125, 0.125):
        parts.append((materials.PINE, box(0.01, 0.07, 0.1).moved(x)))
    fills = (materials.RED_GLAZE, materials.BLUE_GLAZE, materials.GREEN_GLASS, materials.BRASS)
    for x in np.linspace(-0.1, 0.1, 6):
        glass = cylinder(0.008, 0.15, segments=12).moved(x, 0, 0.012)
        parts.append((fills[int(rng.integers(4))], glass))
    return Item("test tubes", tuple(parts))


def retort_stand(rng: Rng) -> Item:
    """A rod of 10 mm with a clamp, a ring and a hose."""
    height = rng.uniform(0.6, 0.75)
    angles = np.linspace(0, 2 * np.pi, 19)
    ring = np.stack([0.05 * np.cos(angles) + 0.13, 0.05 * np.sin(angles), 0 * angles], -1)
    hose = curve([(0.13, 0, 0.4), (0.2, 0.05, 0.3), (0.16, -0.08, 0.12), (0.3, -0.1, 0.012)], 30)
    return Item("stand", (
        (materials.BLACK_STEEL, box(0.2, 0.13, 0.018)),
        (materials.STEEL, cylinder(0.005, height, segments=10)),
        (materials.STEEL, tube([(-0.02, 0, 0.42), (0.09, 0, 0.42)], 0.005, 6)),
        (materials.STEEL, tube(ring, 0.003, 6).moved(z=0.42)),
        (materials.RUBBER, tube(hose, 0.005, 6)),
    ))  # fmt: skip


def microscope(_: Rng) -> Item:
    """A microscope: a foot, an arm, a stage and a slanted tube."""
    arm = curve([(0, 0.08, 0.03), (0, 0.11, 0.16), (0, 0.06, 0.28), (0, 0.0, 0.3)], 14)
    white, black = materials.WHITE_LACQUER, materials.BLACK_PLASTIC
    return Item("microscope", (
        (white, box(0.16, 0.2, 0.03)),
        (white, tube(arm, 0.022, 12)),
        (black, box(0.14, 0.13, 0.012).moved(z=0.13)),
        (materials.CHROME, cylinder(0.012, 0.1, 0.018, 16).moved(0, -0.01, 0.17)),
        (black, cylinder(0.02, 0.16, segments=16).turned(0.7, "x").moved(0, 0.02, 0.29)),
    ))  # fmt: skip


def optics_bench(rng: Rng, width: float, depth: float) -> Item:
    """A black breadboard with posts, lenses and mirrors, on a steel frame."""
    height = 0.88
    parts: list[Part] = [(materials.ANODISED, box(width, depth, 0.06).moved(z=height - 0.06))]
    for x in (-width / 2 + 0.08, width / 2 - 0.08):
        for y in (-depth / 2 + 0.08, depth / 2 - 0.08):
            parts.append((materials.STEEL, box(0.06, 0.06, height - 0.06).moved(x, y)))
    for x in np.arange(-width / 2 + 0.15, width / 2 - 0.1, 0.16):
        y, z = rng.uniform(-depth / 4, depth / 4), height
        post = cylinder(0.0065, 0.12, segments=10).moved(x, y, z)
        ring = lathe(
            [(0.026, 0.008), (0.026, -0.008), (0.019, -0.008), (0.019, 0.008), (0.026, 0.008)], 24
        )
        turned = ring.turned(np.pi / 2, "x").turned(rng.uniform(0.8, 2.2)).moved(x, y, z + 0.14)
        parts += [(materials.STEEL, post), (materials.BLACK_STEEL, turned)]
        parts.append((materials.BLACK_STEEL, cylinder(0.016, 0.03, segments=16).moved(x, y, z)))
    return Item("optics bench", tuple(parts), (Top((0, 0.15, height), width * 0.8, depth * 0.4),))


def sink() -> Item:
    """A steel basin with a bent tap, to lie on a worktop."""
    tap = curve([(0, 0.2, 0), (0, 0.2, 0.24), (0, 0.14, 0.32), (0, 0.05, 0.3), (0, 0.04, 0.24)], 24)
    rim = 0.012
    return Item("sink", (
        (materials.STEEL, box(0.5, rim, 0.01).moved(y=-0.2)),
        (materials.STEEL, box(0.5, rim, 0.01).moved(y=0.16)),
        (materials.STEEL, box(rim, 0.36, 0.01).moved(-0.25, -0.02)),
        (materials.STEEL, box(rim, 0.36, 0.01).moved(0.25, -0.02)),
        (materials.DARK_GLASS, box(0.48, 0.34, 0.004).moved(y=-0.02)),
        (materials.CHROME, tube(tap, 0.011, 12)),
        (materials.CHROME, cylinder(0.02, 0.05, segments=16).moved(y=0.2)),
    ))  # fmt: skip


def hanging_rail(rng: Rng) -> Item:
    """Ladles and pans on a rail of 12 mm, its back at y = 0, their lowest point above z = 0."""
    parts: list[Part] = [(materials.CHROME, tube([(-0.4, -0.05, 0.4), (0.4, -0.05, 0.4)], 0.006))]
    for x in (-0.38, 0.38):
        parts.append((materials.CHROME, tube([(x, 0, 0.4), (x, -0.05, 0.4)], 0.005, 6)))
    metals = (materials.CHROME, materials.BLACK_STEEL, materials.PINE, materials.BRASS)
    for x in np.linspace(-0.32, 0.32, 6):
        metal, length = metals[int(rng.integers(4))], rng.uniform(0.2, 0.28)
        parts.append((metal, tube([(x, -0.06, 0.4), (x, -0.06, 0.4 - length)], 0.004, 6)))
        head = ball(rng.uniform(0.025, 0.045), 0.014, 0.04, 0.9, 16)
        parts.append((metal, head.moved(x, -0.06, 0.36 - length)))
    return Item("rail", tuple(parts))


def oven() -> Item:
    """A cooker: a glass hob above a dark glass door with a bar."""
    bar = tube([(-0.24, -0.34, 0.7), (0.24, -0.34, 0.7)], 0.008)
    parts: list[Part] = [
        (materials.STEEL, box(0.6, 0.6, 0.89)),
        (materials.DARK_GLASS, box(0.5, 0.012, 0.42).moved(y=-0.303, z=0.22)),
        (materials.DARK_GLASS, box(0.58, 0.54, 0.008).moved(z=0.89)),
        (materials.CHROME, bar),
    ]
    for x in (-0.24, 0.24):
        parts.append((materials.CHROME, tube([(x, -0.3, 0.7), (x, -0.34, 0.7)], 0.006, 6)))
    for x in np.linspace(-0.22, 0.22, 5):
        knob = cylinder(0.02, 0.025, segments=16).turned(np.pi / 2, "x")
        parts.append((materials.BLACK_PLASTIC, knob.moved(x, -0.3, 0.81)))
    return Item("oven", tuple(parts), (Top((0, 0, 0.898), 0.5, 0.5),))


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
    for z in (height - 0.01,):
        for side in (-1, 1):
            parts.append((materials.BRASS, box(width, 0.01, 0.01).moved(0, side * y, z)))
            parts.append((materials.BRASS, box(0.01, depth, 0.01).moved(side * x, 0, z)))
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
    outline = [
        (-0.2, 0.0),
        (-0.17, 0.0),
        (-0.17, 0.4),
        (0.17, 0.4),
        (0.17, 0.0),
        (0.2, 0.0),
        (0.2, 0.43),
        (-0.2, 0.43),
    ]
    for x in (-width / 2 + 0.12, width / 2 - 0.12):
        line = [(x, a, b) for a, b in (outline[0], outline[7], outline[6], outline[5])]
        parts.append((materials.BLACK_STEEL, tube(np.array(line), 0.012)))
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
