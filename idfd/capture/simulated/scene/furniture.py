"""Furniture: tables, seats, shelves, beds, cabinets. All sizes in metres."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from idfd.capture.simulated.scene import materials
from idfd.capture.simulated.scene.items import Item, Part, Top
from idfd.capture.simulated.scene.materials import Material
from idfd.capture.simulated.scene.pictures import spine_window
from idfd.capture.simulated.scene.primitives import (
    Mesh,
    ball,
    box,
    curve,
    cylinder,
    patch,
    sheet,
    slab,
    tube,
)

Rng = np.random.Generator


def table(width: float, depth: float, height: float, top: Material, legs: Material) -> Item:
    """A table with an apron and four tapered legs."""
    x, y = width / 2 - 0.05, depth / 2 - 0.05
    parts: list[Part] = [(top, box(width, depth, 0.03).moved(z=height - 0.03))]
    parts += [
        (legs, cylinder(0.014, height - 0.03, 0.024, 12).moved(sx * x, sy * y))
        for sx in (-1, 1)
        for sy in (-1, 1)
    ]
    parts += [(legs, box(2 * x, 0.018, 0.07).moved(0, side * y, height - 0.1)) for side in (-1, 1)]
    parts += [(legs, box(0.018, 2 * y, 0.07).moved(side * x, 0, height - 0.1)) for side in (-1, 1)]
    return Item("table", tuple(parts), (Top((0, 0, height), width - 0.06, depth - 0.06),))


def round_table(radius: float, height: float, top: Material, foot: Material) -> Item:
    """A round table on one column with three feet."""
    parts: list[Part] = [
        (top, cylinder(radius, 0.025, segments=40).moved(z=height - 0.025)),
        (foot, cylinder(0.022, height - 0.1, segments=14).moved(z=0.075)),
    ]
    for angle in (0.4, 2.5, 4.6):
        leg = tube(curve([(0, 0, 0.16), (0.1, 0, 0.1), (radius * 0.85, 0, 0.012)], 10), 0.012)
        parts.append((foot, leg.turned(angle)))
    side = radius * 1.3
    return Item("table", tuple(parts), (Top((0, 0, height), side, side),))


def chair(frame: Material, seat: Material) -> Item:
    """A spindle-back chair with thin legs."""
    parts: list[Part] = [(seat, box(0.42, 0.4, 0.035).moved(z=0.44))]
    for side in (-1, 1):
        x = 0.18 * side
        parts.append((frame, tube([(x * 1.1, -0.2, 0), (x, -0.17, 0.44)], 0.013)))
        back = curve([(x * 1.1, 0.22, 0), (x, 0.18, 0.45), (x * 0.98, 0.25, 0.92)], 12)
        parts.append((frame, tube(back, 0.013)))
        parts.append((frame, tube([(x * 1.05, -0.19, 0.2), (x * 1.05, 0.2, 0.2)], 0.008, 6)))
    parts.append((frame, tube([(-0.19, 0, 0.2), (0.19, 0, 0.2)], 0.008, 6)))
    for x in np.linspace(-0.12, 0.12, 5):
        parts.append((frame, tube([(x, 0.185, 0.475), (x, 0.245, 0.88)], 0.006, 6)))
    rail = patch(
        np.stack(
            [
                [(x, 0.25 - 0.03 * np.cos(x * 8), z) for x in np.linspace(-0.19, 0.19, 9)]
                for z in (0.94, 0.86)
            ]
        )
    )
    parts.append((frame, rail))
    return Item("chair", tuple(parts))


def stool(height: float, frame: Material, seat: Material) -> Item:
    """A round stool on three splayed legs."""
    parts: list[Part] = [(seat, cylinder(0.17, 0.035, segments=28).moved(z=height - 0.035))]
    for angle in (0.3, 2.4, 4.5):
        parts.append((frame, tube([(0.21, 0, 0), (0.11, 0, height - 0.03)], 0.012).turned(angle)))
    angles = np.linspace(0, 2 * np.pi, 25)
    ring = np.stack([0.17 * np.cos(angles), 0.17 * np.sin(angles), 0 * angles + 0.2], -1)
    parts.append((frame, tube(ring, 0.006, 6)))
    return Item("stool", tuple(parts), (Top((0, 0, height), 0.24, 0.24),))


def sofa(width: float, cover: Material, cushion: Material) -> Item:
    """A sofa, or an armchair where narrow, with loose cushions."""
    seats = max(1, round((width - 0.3) / 0.65))
    inner = (width - 0.32) / seats
    parts: list[Part] = [(cover, ball(width / 2, 0.42, 0.14, 0.2).moved(z=0.24))]
    parts.append((cover, ball(width / 2, 0.12, 0.34, 0.3).moved(y=0.32, z=0.48)))
    for side in (-1, 1):
        arm = ball(0.09, 0.42, 0.2, 0.35).moved(side * (width / 2 - 0.09), 0, 0.4)
        parts.append((cover, arm))
        for y in (-0.33, 0.33):
            leg = cylinder(0.015, 0.12, 0.022, 10).moved(side * (width / 2 - 0.1), y)
            parts.append((materials.WALNUT, leg))
    for k in range(seats):
        x = (k - (seats - 1) / 2) * inner
        parts.append((cover, ball(inner / 2 - 0.01, 0.33, 0.08, 0.35).moved(x, -0.08, 0.43)))
        loose = ball(0.21, 0.07, 0.2, 0.55).turned(0.25, "x").turned(0.4 * (k % 2) - 0.2)
        parts.append((cushion, loose.moved(x * 0.8, 0.12, 0.68)))
    return Item("sofa", tuple(parts))


def bed(rng: Rng, width: float, frame: Material, linen: Material, cover: Material) -> Item:
    """A bed with a slatted head, pillows and a cover that hangs down in folds."""
    length = 2.0
    parts: list[Part] = [(frame, box(width, length, 0.12).moved(z=0.2))]
    for side in (-1, 1):
        for y in (-0.95, 0.95):
            parts.append((frame, box(0.06, 0.06, 0.2).moved(side * (width / 2 - 0.05), y)))
        post = cylinder(0.022, 1.05, segments=12).moved(side * (width / 2 - 0.03), length / 2)
        parts.append((frame, post))
    for z in (0.5, 1.0):
        parts.append((frame, box(width - 0.06, 0.03, 0.05).moved(0, length / 2, z)))
    for x in np.linspace(-width / 2 + 0.12, width / 2 - 0.12, 12):
        parts.append((frame, cylinder(0.009, 0.46, segments=8).moved(x, length / 2, 0.55)))
    parts.append((linen, ball(width / 2 - 0.02, length / 2 - 0.03, 0.11, 0.15).moved(z=0.42)))
    for x in (-width / 4, width / 4) if width > 1.2 else (0.0,):
        pillow = ball(0.3, 0.2, 0.09, 0.6).turned(rng.uniform(0.1, 0.35), "x")
        parts.append((linen, pillow.moved(x, 0.68, 0.6)))
    parts.append((cover, _bedspread(rng, width).moved(y=-0.3)))
    return Item("bed", tuple(parts), (Top((0, -0.4, 0.575), width * 0.6, 0.8, headroom=0.13),))


def bookcase(rng: Rng, width: float, height: float, wood: Material) -> Item:
    """An open bookcase, filled with books but for a few gaps for small things."""
    depth, board = 0.3, 0.022
    parts: list[Part] = [
        (wood, box(board, depth, height).moved(x=side * (width - board) / 2)) for side in (-1, 1)
    ]
    parts.append((wood, box(width, 0.01, height).moved(y=depth / 2 - 0.005)))
    count = max(2, round(height / 0.36))
    levels = np.linspace(0.06, height - board, count + 1)
    tops = [Top((0, 0, height), width - 0.1, depth - 0.06)]
    for z in levels:
        parts.append((wood, box(width - 2 * board, depth - 0.01, board).moved(z=z)))
    for z, above in pairwise(levels):
        gap = rng.uniform(0.12, 0.34) if rng.random() < 0.75 else 0.0
        left = -width / 2 + board + 0.005
        right = width / 2 - board - 0.005 - gap
        parts += _books(rng, left, right, z + board, above - z - board)
        if gap:
            tops.append(
                Top((right + gap / 2, -0.02, z + board), gap - 0.02, 0.2, headroom=above - z - 0.04)
            )
    return Item("bookcase", tuple(parts), tuple(tops))


def wall_shelf(rng: Rng, width: float, board: Material) -> Item:
    """A shelf on brackets with some books, its back at y = 0, its brackets' foot at z = 0."""
    depth, level = 0.24, 0.16
    parts: list[Part] = [(board, box(width, depth, 0.022).moved(y=-depth / 2, z=level))]
    for x in (-width / 2 + 0.12, width / 2 - 0.12):
        bracket = [(x, -0.005, 0.0), (x, -0.005, level - 0.006), (x, -depth + 0.04, level - 0.006)]
        parts.append((materials.BLACK_STEEL, tube(bracket, 0.006, 6)))
        brace = [(x, -0.005, 0.02), (x, -depth + 0.06, level - 0.006)]
        parts.append((materials.BLACK_STEEL, tube(brace, 0.004, 6)))
    split = rng.uniform(-0.2, 0.2) * width
    books = _books(rng, -width / 2 + 0.02, split, level + 0.022, 0.34)
    parts += [(material, mesh.moved(y=-0.1)) for material, mesh in books]
    free = width / 2 - split - 0.03
    centre = (split + 0.01 + free / 2, -depth / 2, level + 0.022)
    return Item("wall shelf", tuple(parts), (Top(centre, free, depth - 0.04),))


def cabinet(
    width: float,
    depth: float,
    height: float,
    body: Material,
    knob: Material,
    columns: int,
    rows: int = 1,
    worktop: Material | None = None,
) -> Item:
    """A cabinet with doors (one row) or drawers, on a plinth; kitchens give it a worktop."""
    thick = 0.035 if worktop else 0.0
    inner = height - 0.08 - thick
    parts: list[Part] = [
        (body, box(width, depth - 0.02, inner).moved(y=0.01, z=0.08)),
        (materials.BLACK_PLASTIC, box(width - 0.02, depth - 0.1, 0.08).moved(y=0.02)),
    ]
    if worktop:
        parts.append((worktop, box(width + 0.01, depth + 0.03, thick).moved(z=height - thick)))
    wide, tall = width / columns, inner / rows
    for column in range(columns):
        for row in range(rows):
            x = (column + 0.5) * wide - width / 2
            z = 0.08 + row * tall
            front = box(wide - 0.006, 0.018, tall - 0.006).moved(x, -depth / 2 + 0.009, z + 0.003)
            parts.append((body, front))
            grip: list[tuple[float, float, float]]
            if rows > 1:
                half = min(0.08, wide / 4)
                grip = [(-half, 0, 0), (-half, -0.03, 0), (half, -0.03, 0), (half, 0, 0)]
                place = (x, -depth / 2, z + tall * 0.6)
            else:
                grip = [(0, 0, -0.07), (0, -0.03, -0.07), (0, -0.03, 0.07), (0, 0, 0.07)]
                side = 0.5 if column % 2 else -0.5
                place = (x + side * -(wide - 0.1), -depth / 2, z + tall * 0.75)
            parts.append((knob, tube(grip, 0.005, 6).moved(*place)))
    return Item("cabinet", tuple(parts), (Top((0, 0, height), width - 0.08, depth - 0.08),))


def rack(width: float, height: float, frame: Material, shelves: int = 4) -> Item:
    """Wire shelves on four thin posts."""
    depth = 0.4
    parts: list[Part] = []
    for x in (-width / 2, width / 2):
        for y in (-depth / 2, depth / 2):
            parts.append((frame, cylinder(0.011, height, segments=8).moved(x, y)))
    tops = []
    for z in np.linspace(0.15, height - 0.05, shelves):
        for y in np.linspace(-depth / 2, depth / 2, 9):
            parts.append((frame, tube([(-width / 2, y, z), (width / 2, y, z)], 0.0035, 5)))
        for x in (-width / 2, 0, width / 2):
            parts.append(
                (frame, tube([(x, -depth / 2, z - 0.01), (x, depth / 2, z - 0.01)], 0.005, 5))
            )
        tops.append(
            Top((0, 0, z + 0.0035), width - 0.1, depth - 0.08, headroom=height / shelves - 0.1)
        )
    return Item("rack", tuple(parts), tuple(tops))


def _books(rng: Rng, left: float, right: float, floor: float, space: float) -> list[Part]:
    """A row of books between two places; the last one may lean."""
    parts: list[Part] = []
    x = left
    while True:
        thick, deep = rng.uniform(0.015, 0.05), rng.uniform(0.15, 0.23)
        tall = min(rng.uniform(0.18, 0.31), space - 0.02)
        if x + thick > right:
            return parts
        middle, front = x + thick / 2, -0.12 + rng.uniform(0, 0.04)
        window = spine_window(int(rng.integers(1000)))
        parts.append((materials.SPINES, sheet(thick, tall, window).moved(middle, front, floor)))
        block = box(thick - 0.002, deep, tall - 0.006).moved(
            middle, front + deep / 2 + 0.001, floor
        )
        parts.append((materials.PAGES, block))
        lid = slab(thick, deep, window).moved(middle, front + deep / 2, floor + tall)
        parts.append((materials.SPINES, lid))
        x += thick + (rng.uniform(0.01, 0.05) if rng.random() < 0.12 else 0.001)


def _bedspread(rng: Rng, width: float) -> Mesh:
    """A cloth over the lower part of a bed, wavy above and in folds at the sides."""
    across = np.linspace(-width / 2 - 0.24, width / 2 + 0.24, 61)
    along = np.linspace(0.55, -0.72, 41)
    x, y = np.meshgrid(across, along)
    hang = np.clip(np.abs(x) - (width / 2), 0, None)
    wave = sum(
        rng.uniform(0.002, 0.006) * np.sin(a * x + b * y + c)
        for a, b, c in rng.uniform(-14, 14, (7, 3))
    )
    fold = 0.02 * np.sin(y * 38 + rng.uniform(0, 6)) * np.minimum(hang / 0.1, 1)
    side = np.sign(x) * (np.minimum(np.abs(x), width / 2 + 0.02) + fold + 0.02)
    points = np.stack([np.where(hang > 0, side, x), y, 0.555 + wave - hang], -1)
    return patch(points)
