"""Small things that stand on tables and shelves. Sizes in metres."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from idfd.capture.simulated.scene import materials
from idfd.capture.simulated.scene.decor import plant
from idfd.capture.simulated.scene.items import Item, Part
from idfd.capture.simulated.scene.pictures import cell_window, spine_window
from idfd.capture.simulated.scene.primitives import (
    ball,
    box,
    curve,
    cylinder,
    lathe,
    sheet,
    slab,
    tube,
)

Rng = np.random.Generator
_GLAZES = (materials.CERAMIC, materials.BLUE_GLAZE, materials.RED_GLAZE, materials.WHITE_LACQUER)


def mug(rng: Rng) -> Item:
    """A mug with a handle."""
    glaze = _GLAZES[int(rng.integers(4))]
    side = [(0.034, 0.01), (0.037, 0.095), (0.041, 0.095), (0.04, 0.008), (0.03, 0), (0, 0)]
    handle = curve([(0.038, 0, 0.08), (0.07, 0, 0.07), (0.066, 0, 0.035), (0.037, 0, 0.022)], 12)
    floor = lathe([(0, 0.01), (0.034, 0.01)], 20)
    return Item("mug", ((glaze, lathe(side)), (glaze, floor), (glaze, tube(handle, 0.005))))


def bottle(rng: Rng) -> Item:
    """A bottle with a label."""
    dark = bool(rng.integers(2))
    glass = materials.GREEN_GLASS if dark else materials.DARK_GLASS
    height = rng.uniform(0.26, 0.32)
    side = [
        (0.013, height),
        (0.015, height * 0.7),
        (0.036, height * 0.55),
        (0.037, 0.01),
        (0.033, 0),
        (0, 0),
    ]
    label = lathe([(0.0378, 0.13), (0.0376, 0.04)], 24)
    # The label goes round once: one cell of the atlas, whatever its size in metres.
    left, top, right, bottom = cell_window(int(rng.integers(16)), 4)
    share = label.uv / label.uv.max((0, 1))
    uv = np.array([left, top]) + share * np.array([right - left, bottom - top])
    label = replace(label, uv=uv)
    return Item("bottle", ((glass, lathe(side, 24)), (materials.PAPER, label)))


def carton(rng: Rng) -> Item:
    """A printed box."""
    width, depth, height = rng.uniform((0.06, 0.05, 0.08), (0.2, 0.12, 0.26))
    parts: list[Part] = []
    for k, (wide, deep) in enumerate(((width, depth), (depth, width)) * 2):
        window = cell_window(int(rng.integers(16)), 4)
        parts.append(
            (materials.PAPER, sheet(wide, height, window).moved(y=-deep / 2).turned(k * np.pi / 2))
        )
    lid = slab(width, depth, cell_window(int(rng.integers(16)), 4)).moved(z=height)
    return Item("carton", (*parts, (materials.PAPER, lid)))


def book_pile(rng: Rng) -> Item:
    """Books lying on each other, turned a little."""
    parts: list[Part] = []
    z = 0.0
    for _ in range(int(rng.integers(2, 6))):
        wide, deep, thick = rng.uniform((0.17, 0.12, 0.015), (0.26, 0.18, 0.045))
        turn = rng.uniform(-0.3, 0.3)
        left, _, right, _ = spine_window(int(rng.integers(1000)))
        # Spines read along u when the book lies: the window is turned by the sheet's own side.
        spine = sheet(thick, wide, (left, 0.0, right, 1.0)).turned(np.pi / 2, "y")
        spine = spine.moved(-wide / 2, -deep / 2, thick / 2)
        cover = slab(wide, deep, (left, 0.2, right, 0.8)).moved(z=thick)
        block = box(wide - 0.006, deep - 0.004, thick - 0.002).moved(y=0.003, z=0.0005)
        for material, mesh in (
            (materials.SPINES, spine),
            (materials.SPINES, cover),
            (materials.PAGES, block),
        ):
            parts.append((material, mesh.turned(turn).moved(z=z)))
        z += thick + 0.0005
    return Item("books", tuple(parts))


def fruit_bowl(rng: Rng) -> Item:
    """A shallow bowl with apples and oranges."""
    glaze = _GLAZES[int(rng.integers(3))]
    outline = [
        (0, 0.015),
        (0.08, 0.025),
        (0.128, 0.07),
        (0.134, 0.07),
        (0.085, 0.012),
        (0.05, 0),
        (0, 0),
    ]
    parts: list[Part] = [(glaze, lathe(outline, 32))]
    skins = (materials.RED_GLAZE, materials.BRASS, materials.TERRACOTTA, materials.LEAF)
    for k in range(6):
        angle, radius = k * 1.25, rng.uniform(0.033, 0.04)
        x, y = (0.07 * np.cos(angle), 0.07 * np.sin(angle)) if k < 5 else (0.0, 0.0)
        z = 0.06 if k < 5 else 0.1
        parts.append(
            (skins[int(rng.integers(4))], ball(radius, radius, radius * 0.92, 1, 16).moved(x, y, z))
        )
    return Item("bowl", tuple(parts))


def vase(rng: Rng) -> Item:
    """A glazed vase with dry twigs of 2 to 4 mm."""
    glaze = _GLAZES[int(rng.integers(3))]
    height = rng.uniform(0.18, 0.34)
    z = np.linspace(1, 0, 14)
    belly = rng.uniform(0.05, 0.08)
    radius = belly * (0.45 + 0.55 * np.sin(np.pi * np.clip(z * 0.9, 0, 1)) ** rng.uniform(0.7, 1.8))
    side = np.stack([radius, z * height], -1)
    parts: list[Part] = [(glaze, lathe([*side, (0, 0)], 28))]
    for k in range(int(rng.integers(3, 7))):
        lean = rng.uniform(0.03, 0.16)
        path = curve(
            [
                (0, 0, height * 0.5),
                (lean * 0.2, 0, height * 1.2),
                (lean, rng.uniform(-0.04, 0.04), height + rng.uniform(0.15, 0.35)),
            ],
            9,
        )
        twig = tube(path, np.linspace(0.002, 0.001, 9), 5).turned(k * 1.9)
        parts.append((materials.WALNUT, twig))
        bud = ball(0.008, 0.008, 0.014, 1, 8).moved(*path[-1]).turned(k * 1.9)
        parts.append((materials.RED_GLAZE if k % 2 else materials.PAPER_WHITE, bud))
    return Item("vase", tuple(parts))


def candlestick(rng: Rng) -> Item:
    """A candle on a turned brass stick."""
    height = rng.uniform(0.14, 0.26)
    foot = [
        (0.02, height),
        (0.009, height * 0.92),
        (0.009, height * 0.6),
        (0.016, height * 0.5),
        (0.009, height * 0.4),
        (0.012, height * 0.12),
        (0.045, 0.012),
        (0.045, 0),
        (0, 0),
    ]
    candle = cylinder(0.011, 0.15, segments=14).moved(z=height)
    return Item("candle", ((materials.BRASS, lathe(foot)), (materials.PAPER_WHITE, candle)))


def saucepan(rng: Rng) -> Item:
    """A steel saucepan with a lid and a black handle."""
    radius, height = rng.uniform(0.08, 0.12), rng.uniform(0.08, 0.16)
    knob = ball(0.014, 0.014, 0.012, 1, 12).moved(z=height + 0.035)
    grip = tube([(radius, 0, height * 0.8), (radius + 0.16, 0, height * 0.95)], 0.009)
    turn = rng.uniform(0, 2 * np.pi)
    return Item("saucepan", (
        (materials.CHROME, lathe([(radius, height), (radius, 0.005), (0, 0)], 32)),
        (materials.CHROME, lathe([(0, height + 0.025), (radius, height)], 32)),
        (materials.BLACK_PLASTIC, knob),
        (materials.BLACK_PLASTIC, grip.turned(turn)),
    ))  # fmt: skip


def utensils(rng: Rng) -> Item:
    """A jar of spoons and whisks: handles of 3 to 6 mm."""
    parts: list[Part] = [(_GLAZES[int(rng.integers(3))], cylinder(0.055, 0.15, segments=24))]
    for k in range(7):
        tip = (0.07 * np.cos(k * 0.9), 0.07 * np.sin(k * 0.9), rng.uniform(0.27, 0.36))
        metal = (materials.CHROME, materials.PINE, materials.BLACK_PLASTIC)[k % 3]
        parts.append((metal, tube([(0, 0, 0.1), tip], rng.uniform(0.003, 0.006), 6)))
        parts.append((metal, ball(0.022, 0.008, 0.032, 1, 12).turned(k).moved(*tip)))
    return Item("utensils", tuple(parts))


def laptop(rng: Rng) -> Item:
    """An open laptop."""
    screen = sheet(0.31, 0.19, cell_window(int(rng.integers(4)))).moved(y=-0.001, z=0.008)
    lid = box(0.33, 0.008, 0.22).moved(y=0.0045)
    parts: list[Part] = [(materials.STEEL, box(0.33, 0.23, 0.016))]
    parts.append((materials.BLACK_PLASTIC, box(0.28, 0.1, 0.003).moved(y=0.03, z=0.016)))
    for material, mesh in ((materials.SCREEN, screen), (materials.STEEL, lid)):
        parts.append((material, mesh.turned(-0.3, "x").moved(y=0.115, z=0.016)))
    return Item("laptop", tuple(parts))


def box_camera(_: Rng) -> Item:
    """An old camera: black leather, a chrome-rimmed lens."""
    barrel = cylinder(0.032, 0.05, 0.028, 24).turned(np.pi / 2, "x")
    return Item("camera", (
        (materials.BLACK_PLASTIC, box(0.14, 0.06, 0.09)),
        (materials.BLACK_PLASTIC, box(0.05, 0.05, 0.025).moved(z=0.09)),
        (materials.CHROME, barrel.moved(0, -0.025, 0.045)),
        (materials.DARK_GLASS, cylinder(0.022, 0.003, segments=20).turned(np.pi / 2, "x")
         .moved(0, -0.0755, 0.045)),
    ))  # fmt: skip


def globe(_: Rng) -> Item:
    """A ball in a brass ring."""
    angles = np.linspace(0.3, 2 * np.pi - 0.3, 24)
    ring = np.stack([0.125 * np.sin(angles), 0 * angles, 0.2 + 0.125 * np.cos(angles)], -1)
    return Item("globe", (
        (materials.BLUE_GLAZE, ball(0.11, 0.11, 0.11, 1, 28).moved(z=0.2)),
        (materials.BRASS, tube(ring, 0.005, 6)),
        (materials.WALNUT, lathe([(0.012, 0.08), (0.015, 0.03), (0.08, 0.02), (0.085, 0)], 28)),
    ))  # fmt: skip


def table_lamp(rng: Rng) -> Item:
    """A small lamp with a turned foot."""
    glaze = (materials.BLUE_GLAZE, materials.CERAMIC, materials.BRASS)[int(rng.integers(3))]
    foot = [(0.012, 0.24), (0.02, 0.2), (0.06, 0.12), (0.05, 0.04), (0.065, 0.0), (0, 0)]
    shade = lathe([(0.075, 0.4), (0.13, 0.23)], 28)
    return Item("lamp", ((glaze, lathe(foot, 24)), (materials.SHADE, shade)))


def desk_lamp(_: Rng) -> Item:
    """A jointed lamp on rods of 5 mm."""
    black = materials.BLACK_STEEL
    elbow, head = (-0.12, 0.0, 0.36), (0.16, 0.0, 0.46)
    parts: list[Part] = [(black, cylinder(0.085, 0.02, segments=24))]
    for y in (-0.012, 0.012):
        parts.append((black, tube([(0, y, 0.02), (elbow[0], y, elbow[2])], 0.005, 6)))
        parts.append((black, tube([(elbow[0], y, elbow[2]), (head[0], y, head[2])], 0.005, 6)))
    cone = lathe([(0.02, 0.06), (0.03, 0.05), (0.075, -0.06)], 24)
    parts.append((black, cone.turned(0.5, "y").moved(*head)))
    parts.append(
        (materials.BULB, ball(0.025, 0.025, 0.03).moved(head[0] - 0.01, 0, head[2] - 0.02))
    )
    return Item("desk lamp", tuple(parts))


def pot_plant(rng: Rng) -> Item:
    """A small plant."""
    return plant(rng, rng.uniform(0.28, 0.4), _GLAZES[int(rng.integers(3))])
