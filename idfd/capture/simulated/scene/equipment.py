"""What stands in laboratories and kitchens. Sizes in metres."""

from __future__ import annotations

import numpy as np

from idfd.capture.simulated.scene import materials
from idfd.capture.simulated.scene.items import Item, Part, Top
from idfd.capture.simulated.scene.pictures import cell_window
from idfd.capture.simulated.scene.primitives import (
    ball,
    box,
    curve,
    cylinder,
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
