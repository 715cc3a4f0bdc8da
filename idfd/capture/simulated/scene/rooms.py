"""The five environments of the dataset as seeded rooms."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from idfd.capture.simulated.scene import (
    decor,
    equipment,
    exhibits,
    furniture,
    homes,
    institutions,
    materials,
    tabletop,
)
from idfd.capture.simulated.scene.fittings import Rng, pick
from idfd.capture.simulated.scene.items import Item, Maker, dressed, surfaces
from idfd.capture.simulated.scene.layout import Layout
from idfd.capture.simulated.scene.model import SceneModel
from idfd.capture.simulated.scene.station import choose
from idfd.errors import InputError

AMBIENT = (0.42, 0.42, 0.43)
"""Irradiance from what walls and ceiling scatter; lamps and windows add 0.3 to 1.5."""


@dataclass(frozen=True)
class Style:
    """How an environment is furnished.

    Attributes:
        furnish: Builds and furnishes the room.
        props: Makes things for the foreground of a view.
        small: Makers of small things for tables and shelves.
    """

    furnish: Callable[[Rng], Layout]
    props: Callable[[Rng], list[Item]]
    small: Sequence[Maker]


def build_scene(environment: str, scene: str, view: int, seed: int) -> SceneModel:
    """A furnished room with the tripod in it.

    Args:
        environment: One of :data:`ENVIRONMENTS`.
        scene: Name of the scene; the room and its furniture follow from it, the environment and
            the seed.
        view: Number of the view, from 0: moves the tripod and shuffles the small things.
        seed: Of the whole simulated world, from 0.

    Returns:
        The scene, the same for the same arguments. Irradiance in the middle of the room is
        about 1.

    Raises:
        InputError: Unknown environment, or a negative number.
    """
    if environment not in STYLES:
        raise InputError(
            f"environment {environment!r} is not known", limit=f"one of {', '.join(STYLES)}"
        )
    if view < 0 or seed < 0:
        raise InputError(f"view {view} and seed {seed}", limit="whole numbers from 0")
    style = STYLES[environment]
    key = [seed, zlib.crc32(environment.encode()), zlib.crc32(scene.encode())]
    layout = style.furnish(np.random.default_rng([*key, 0]))
    rng = np.random.default_rng([*key, 1, view])
    props = [dressed(prop, style.small, rng, 1.0) for prop in style.props(rng)]
    pose = choose(layout, props, rng)
    items = [dressed(item, style.small, rng, 0.7) for item in layout.items]
    return SceneModel(
        name=f"{scene}-{view}",
        environment=environment,
        surfaces=surfaces(items),
        lights=tuple(layout.lights),
        ambient=AMBIENT,
        pose=pose,
    )


def _home_props(rng: Rng) -> list[Item]:
    wood = pick(rng, materials.OAK, materials.WALNUT, materials.PINE)
    props = [
        furniture.stool(0.62, wood, wood),
        furniture.chair(wood, wood),
        decor.plant(rng, 1.1),
        furniture.round_table(0.22, 0.7, wood, materials.BLACK_STEEL),
    ]
    return [props[int(k)] for k in rng.permutation(len(props))]


def _lab_props(rng: Rng) -> list[Item]:
    props = [
        furniture.stool(0.72, materials.CHROME, materials.BLACK_PLASTIC),
        furniture.table(0.5, 0.4, 0.85, materials.STEEL, materials.BLACK_STEEL),
        furniture.rack(0.5, 0.95, materials.CHROME, 2),
    ]
    return [props[int(k)] for k in rng.permutation(len(props))]


def _museum_props(rng: Rng) -> list[Item]:
    makers = (exhibits.bust, exhibits.amphora, exhibits.knot, exhibits.crystal)
    base = exhibits.plinth(0.34, rng.uniform(0.7, 0.9), materials.WHITE_MARBLE)
    ropes = exhibits.barrier(np.array([(-0.45, 0.0), (0.45, 0.0)]))
    props = [institutions.on_plinth(base, pick(rng, *makers)(rng)), ropes]
    return props if rng.random() < 0.7 else props[::-1]


_HOME = (
    tabletop.mug,
    tabletop.book_pile,
    tabletop.vase,
    tabletop.candlestick,
    tabletop.fruit_bowl,
    tabletop.box_camera,
    tabletop.globe,
    tabletop.laptop,
    tabletop.carton,
    tabletop.table_lamp,
    tabletop.pot_plant,
)
_LAB = (
    equipment.flask,
    equipment.tube_rack,
    equipment.retort_stand,
    equipment.microscope,
    equipment.monitor,
    tabletop.carton,
    tabletop.laptop,
    tabletop.book_pile,
    tabletop.box_camera,
    tabletop.desk_lamp,
)
_KITCHEN = (
    tabletop.mug,
    tabletop.bottle,
    tabletop.carton,
    tabletop.fruit_bowl,
    tabletop.saucepan,
    tabletop.utensils,
    tabletop.vase,
    tabletop.pot_plant,
)
_MUSEUM = (
    tabletop.vase,
    exhibits.crystal,
    tabletop.candlestick,
    tabletop.globe,
    tabletop.box_camera,
)

STYLES = {
    "bedroom": Style(homes.bedroom, _home_props, _HOME),
    "living_room": Style(homes.living_room, _home_props, _HOME),
    "lab": Style(institutions.lab, _lab_props, _LAB),
    "kitchen": Style(homes.kitchen, _home_props, _KITCHEN),
    "museum": Style(institutions.museum, _museum_props, _MUSEUM),
}
ENVIRONMENTS = tuple(STYLES)
"""The environments of the dataset."""
