"""Bedrooms, living rooms and kitchens."""

from __future__ import annotations

import numpy as np

from idfd.capture.simulated.scene import decor, equipment, furniture, materials
from idfd.capture.simulated.scene.fittings import (
    CEILING,
    LAMPLIGHT,
    Rng,
    add_ceiling_lamp,
    add_pictures,
    add_window,
    anywhere,
    empty_room,
    light,
    pick,
    seed,
    stone_floor,
    wall_paint,
    wooden_floor,
)
from idfd.capture.simulated.scene.layout import Layout
from idfd.capture.simulated.scene.materials import Material
from idfd.capture.simulated.scene.pigments import ink


def bedroom(rng: Rng) -> Layout:
    """A bed with night stands, a wardrobe, a desk with a chair, a window with curtains."""
    room = empty_room(rng, (3.6, 4.2), (3.8, 4.4), 2.55)
    wood = pick(rng, materials.OAK, materials.WALNUT, materials.PINE)
    lacquer = pick(rng, materials.WHITE_LACQUER, materials.SAGE_LACQUER, materials.NAVY_LACQUER)
    wall = wall_paint(rng, ("c9c2b4", "e2dccf"), ("aebbc4", "cfd9df"), ("c7b3a3", "e0d1c4"))
    prints = (("d9d2c0", "7f8f7a"), ("c9d0d6", "4a6078"), ("e3d3c3", "a86a52"))
    papered = materials.wallpaper(*pick(rng, *prints), seed=seed(rng))
    room.shell((papered, wall, wall, wall), wooden_floor(rng), CEILING, materials.WHITE_LACQUER)
    linen = materials.cloth("linen", "weave", ("cfcabf", "f2efe8"), 0.3, 1)
    tartans = (
        ("7c2f2a", "1f2d40", "d9cdb4"),
        ("2f5a4a", "e0d8c0", "23303a"),
        ("c98a3d", "6b3d2a", "efe3c8"),
    )
    plaid = materials.cloth("plaid", "plaid", pick(rng, *tartans), 0.5, seed(rng))
    bed = furniture.bed(rng, pick(rng, 1.2, 1.4, 1.6), wood, linen, plaid)
    room.against(bed, "back", rng.uniform(-0.35, 0.35))
    for _ in range(2):
        stand = furniture.cabinet(0.42, 0.36, 0.5, wood, materials.BRASS, 1, 2)
        room.against(stand, "back")
    add_window(room, pick(rng, linen, plaid))
    wardrobe = furniture.cabinet(rng.uniform(1.0, 1.5), 0.55, 2.0, lacquer, materials.STEEL, 2)
    room.against(wardrobe, "front")
    desk = anywhere(room, furniture.table(1.0, 0.5, 0.74, wood, materials.BLACK_STEEL))
    if desk:
        top = desk.tops[0]
        x, y, _ = top.point(0.0, -0.66)
        room.stand(furniture.chair(wood, materials.BLACK_VELVET), (x, y), 0.1, top.angle + np.pi)
    anywhere(room, decor.door(0.8, 2.0, lacquer))
    anywhere(room, furniture.bookcase(rng, rng.uniform(0.6, 0.9), rng.uniform(1.1, 1.9), wood))
    anywhere(room, decor.floor_lamp(rng))
    anywhere(room, decor.plant(rng, rng.uniform(0.9, 1.4)))
    anywhere(room, furniture.wall_shelf(rng, 0.8, wood), z=1.35)
    add_pictures(room, 5, wood)
    rug = decor.rug(1.6, 1.1, ("6b2a26", "d8c7a0", "27405a", "a8763c"), seed(rng))
    room.put(rug, rng.uniform(-0.4, 0.4), 1.4)
    add_ceiling_lamp(room, 0.75)
    return room


def living_room(rng: Rng) -> Layout:
    """A sofa group around a low table, bookcases, a low cabinet, lamps and plants."""
    room = empty_room(rng, (4.0, 4.6), (3.8, 4.4), 2.65)
    wood = pick(rng, materials.OAK, materials.WALNUT, materials.ASH)
    wall = wall_paint(rng, ("c4bfb2", "ded9cd"), ("8f9f93", "b4c1b6"), ("b98f74", "d8b59b"))
    accent = wall_paint(rng, ("2f4450", "4d6675"), ("6b3f33", "8f5b4b"), ("c9b98e", "e2d6b4"))
    room.shell((accent, wall, wall, wall), wooden_floor(rng), CEILING, materials.WHITE_LACQUER)
    dyes = (("3d4a52", "6f7f88"), ("7a5c3c", "b08d62"), ("4a5b3c", "7d9168"))
    cover = materials.cloth("cover", "weave", pick(rng, *dyes), 0.25, 2)
    tartans = (("b5472f", "e6dcc3", "27435f"), ("d8a748", "3a3a3c", "efe6d2"))
    cushion = materials.cloth("cushion", "plaid", pick(rng, *tartans), 0.35, 3)
    add_window(room, pick(rng, cushion, cover))
    sofa = furniture.sofa(rng.uniform(1.6, 2.0), cover, cushion)
    room.against(sofa, "back", rng.uniform(-0.5, 0.5), gap=0.06)
    room.against(furniture.cabinet(1.3, 0.4, 0.45, wood, materials.BLACK_STEEL, 3), "front")
    anywhere(room, furniture.bookcase(rng, rng.uniform(0.8, 1.2), rng.uniform(1.7, 2.1), wood))
    anywhere(room, furniture.bookcase(rng, 0.7, rng.uniform(0.8, 1.3), wood))
    anywhere(room, decor.door(0.8, 2.0, materials.WHITE_LACQUER))
    x, y = 0.0, room.depth - 1.75
    room.stand(furniture.table(1.0, 0.55, 0.42, wood, materials.BLACK_STEEL), (x, y), 0.25, 0.0)
    chair = furniture.sofa(0.85, cushion, cover)
    room.stand(chair, (x + pick(rng, -1.3, 1.3), y - 0.2), 0.4, rng.uniform(-2, 2))
    side = furniture.round_table(0.24, 0.55, wood, materials.BLACK_STEEL)
    room.stand(side, (x, y + 0.4), 1.2, 0.0)
    anywhere(room, decor.floor_lamp(rng))
    for _ in range(2):
        pot = pick(rng, materials.TERRACOTTA, materials.BLUE_GLAZE, materials.CERAMIC)
        anywhere(room, decor.plant(rng, rng.uniform(0.8, 1.5), pot))
    anywhere(room, furniture.wall_shelf(rng, 1.0, wood), z=1.4)
    add_pictures(room, 6, pick(rng, materials.WALNUT, materials.BRASS, materials.BLACK_STEEL))
    room.put(decor.rug(2.2, 1.5, ("27405a", "c9b58a", "7c2f2a", "3f5a4a"), seed(rng)), x, y)
    add_ceiling_lamp(room, 1.3)
    return room


def kitchen(rng: Rng) -> Layout:
    """A kitchen line with oven, sink and wall cabinets, a fridge, a table with chairs."""
    room = empty_room(rng, (3.6, 4.4), (3.7, 4.4), 2.55)
    fronts = (materials.WHITE_LACQUER, materials.SAGE_LACQUER, materials.NAVY_LACQUER)
    front = pick(rng, *fronts, materials.PINE)
    worktop = pick(rng, materials.GRANITE, materials.OAK, materials.WHITE_MARBLE)
    wall = wall_paint(rng, ("d2cbb9", "e8e3d6"), ("b9c3b4", "d6ddd2"), ("d8b98a", "ecd6b4"))
    glazes = (
        ("dcdad2", "f2f1ec", "8a8780"),
        ("4d7c86", "8fb7bd", "e4e0d6"),
        ("8f3f2c", "c07a55", "d9cfbf"),
    )
    tiled = Material("tiles", "tiles", ink(*pick(rng, *glazes)), 0.6, 0.5, 150, 0.6)
    floor = stone_floor(rng, ("2b2c2e", "d8d4c8"), ("7d4a35", "cbb391"), ("5a6a6a", "c9ccc6"))
    room.shell((tiled, wall, wall, wall), floor, CEILING, materials.WHITE_LACQUER)
    add_window(room, None, sill=1.0)
    room.against(equipment.oven(), "back", 0.0, gap=0.03)
    half = room.width / 2 - 0.36
    for at, rows in ((-1.0, 1), (1.0, 3)):
        line = furniture.cabinet(half, 0.6, 0.9, front, materials.STEEL, 2, rows, worktop)
        room.against(line, "back", at)
        hung = furniture.cabinet(rng.uniform(0.8, 1.1), 0.33, 0.65, front, materials.STEEL, 2)
        room.against(hung, "back", at * 0.85, z=1.45)
    room.put(equipment.sink(), -room.width / 4 - 0.15, room.depth - 0.32, z=0.9)
    room.against(equipment.hanging_rail(rng), "back", 0.0, z=1.15, gap=0.005)
    fridge = furniture.cabinet(0.6, 0.62, 1.85, materials.STEEL, materials.CHROME, 1)
    room.against(fridge, pick(rng, "left", "right"))
    wood = pick(rng, materials.OAK, materials.PINE, materials.WALNUT)
    x, y = rng.uniform(-0.4, 0.4), room.depth / 2 - 0.25
    table = room.stand(furniture.table(1.2, 0.75, 0.75, wood, wood), (x, y), 0.2, 0.0)
    if table:
        top = table.tops[0]
        for dx, dy, angle in ((-0.3, -0.78, np.pi), (0.35, 0.78, 0.0), (1.0, 0.0, -np.pi / 2)):
            px, py, _ = top.point(dx, dy)
            room.stand(furniture.chair(wood, wood), (px, py), 0.1, top.angle + angle)
    room.against(furniture.rack(0.8, 1.6, materials.BLACK_STEEL), "front")
    anywhere(room, decor.door(0.8, 2.0, materials.WHITE_LACQUER))
    anywhere(room, furniture.wall_shelf(rng, 0.9, wood), z=1.4)
    anywhere(room, decor.plant(rng, 0.8))
    add_pictures(room, 3, wood)
    shade = pick(rng, materials.BRASS, materials.BLACK_STEEL, materials.STEEL)
    room.put(decor.pendant(0.65, shade), x, y, z=room.height)
    room.lights.append(light((x, y, room.height - 0.95), 0.06, LAMPLIGHT, 0.7))
    return room
