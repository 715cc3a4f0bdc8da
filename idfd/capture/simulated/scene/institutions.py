"""Laboratories and museums."""

from __future__ import annotations

import numpy as np

from idfd.capture.simulated.scene import decor, equipment, exhibits, furniture, materials
from idfd.capture.simulated.scene.fittings import (
    CEILING,
    DAYLIGHT,
    LAMPLIGHT,
    Rng,
    add_ceiling_lamp,
    add_pictures,
    add_window,
    anywhere,
    empty_room,
    light,
    pick,
    stone_floor,
    wall_paint,
    wooden_floor,
)
from idfd.capture.simulated.scene.items import Item
from idfd.capture.simulated.scene.layout import WALLS, Layout
from idfd.capture.simulated.scene.materials import Material
from idfd.capture.simulated.scene.pigments import ink


def lab(rng: Rng) -> Layout:
    """An optics laboratory: a black breadboard, benches with screens, racks, cables."""
    room = empty_room(rng, (4.0, 4.6), (4.0, 4.6), 2.7)
    wall = wall_paint(rng, ("c6cbcc", "e0e4e4"), ("cfcabd", "e6e2d8"), ("a9b8c0", "c6d2d8"))
    chips = ink("8d9294", "5b6063", "b9bcbc", "3c4042")
    floor = Material("floor", "terrazzo", chips, 0.7, 0.2, 60, 0.5, texels=1024)
    room.shell((wall,) * 4, floor, CEILING, materials.BLACK_PLASTIC)
    breadboard = equipment.optics_bench(rng, rng.uniform(1.4, 1.8), 0.8)
    room.against(breadboard, "back", rng.uniform(-0.8, 0.8), gap=0.3)
    add_window(room, None, sill=1.15)
    steel, white = materials.STEEL, materials.WHITE_LACQUER
    colour = pick(rng, materials.GREY_LACQUER, materials.NAVY_LACQUER, materials.WHITE_LACQUER)
    for side in ("left", "right"):
        bench = furniture.cabinet(rng.uniform(1.3, 1.8), 0.65, 0.9, colour, steel, 3, 3, white)
        room.against(bench, side)
        room.against(furniture.wall_shelf(rng, 1.0, materials.STEEL), side, z=1.5)
    room.against(furniture.rack(1.0, 1.8, materials.CHROME), "back")
    room.against(furniture.rack(0.9, 1.8, materials.BLACK_STEEL), "front")
    room.against(furniture.table(1.3, 0.65, 0.74, materials.ASH, materials.STEEL), "front")
    anywhere(room, decor.door(0.85, 2.0, materials.GREY_LACQUER))
    for place in ((-0.7, 1.8), (0.7, 2.2)):
        seat = furniture.stool(0.62, materials.CHROME, materials.BLACK_PLASTIC)
        room.stand(seat, place, 0.5, 0.0)
    trolley = furniture.table(0.9, 0.6, 0.85, materials.STEEL, materials.BLACK_STEEL)
    room.stand(trolley, (0.0, room.depth / 2), 0.6, 0.0)
    for _ in range(4):
        lead = decor.cable(rng, rng.uniform(1.0, 2.0), rng.uniform(0.003, 0.008))
        y = rng.uniform(1.2, room.depth - 1.2)
        room.put(lead, rng.uniform(-0.6, 0.6), y, rng.uniform(-0.7, 0.7))
    room.against(decor.hanging_cables(rng, 1.6), pick(rng, "back", "left", "right"), z=1.45)
    add_pictures(room, 4, materials.BLACK_STEEL)
    add_ceiling_lamp(room, 1.0)
    return room


def museum(rng: Rng) -> Layout:
    """A gallery: plinths with sculptures and vases, a display case, ropes, paintings."""
    room = empty_room(rng, (4.2, 4.8), (4.2, 4.7), 3.0)
    wall = wall_paint(
        rng, ("7d3a36", "a55c52"), ("4f746a", "719a8c"), ("c9c4b8", "e4e0d6"), ("5b6f92", "8096b5")
    )
    stone = stone_floor(rng, ("3a3433", "d6cfc0"), ("6b5a4a", "cfc0a8"))
    floor = pick(rng, stone, wooden_floor(rng))
    room.shell((wall,) * 4, floor, CEILING, materials.WALNUT)
    ropes = exhibits.barrier(np.array([(-1.1, 0.0), (0.0, 0.0), (1.1, 0.0)]))
    room.against(ropes, pick(rng, "back", "left"), gap=0.5)
    makers = (exhibits.bust, exhibits.amphora, exhibits.knot, exhibits.crystal)
    stones = (materials.WHITE_MARBLE, materials.BLACK_MARBLE, materials.WHITE_LACQUER)
    for k in range(7):
        body = pick(rng, *stones, materials.BLACK_STEEL)
        base = exhibits.plinth(rng.uniform(0.36, 0.46), rng.uniform(0.75, 1.1), body)
        item = on_plinth(base, makers[k % 4](rng))
        if k < 3:
            place = rng.uniform(-1.2, 1.2), rng.uniform(1.5, room.depth - 1)
            room.stand(item, place, 0.6, rng.uniform(-np.pi, np.pi))
        else:
            anywhere(room, item, gap=0.12)
    glass = exhibits.case(rng.uniform(0.8, 1.1), 0.55, 1.5, materials.WALNUT)
    middle = (rng.uniform(-0.8, 0.8), room.depth / 2)
    room.stand(glass, middle, 0.8, pick(rng, 0.0, np.pi / 2))
    seat = exhibits.bench(1.3, materials.OAK)
    room.stand(seat, (0.0, room.depth / 2), 1.2, pick(rng, 0.0, np.pi / 2))
    anywhere(room, decor.door(1.0, 2.2, materials.WALNUT))
    frame = pick(rng, materials.BRASS, materials.WALNUT, materials.BLACK_STEEL)
    add_pictures(room, 4 * len(WALLS), frame)
    for x in (-1.0, 1.0):
        lamp = (x, room.depth * (0.4 + 0.15 * x), room.height - 0.4)
        room.lights.append(light(lamp, 0.1, LAMPLIGHT, 1.7))
    skylight = (0.0, room.depth / 2, room.height - 0.35)
    room.lights.append(light(skylight, 0.5, DAYLIGHT, 1.6))
    return room


def on_plinth(base: Item, shown: Item) -> Item:
    """An exhibit on its pedestal."""
    return Item(shown.name, base.parts + shown.moved(z=base.tops[0].centre[2]).parts)
