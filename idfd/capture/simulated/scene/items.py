"""Items: things made of several materials that are placed as one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from idfd.capture.simulated.scene.materials import Material
from idfd.capture.simulated.scene.model import Surface
from idfd.capture.simulated.scene.primitives import Array, Mesh, cleaned, merge

Part = tuple[Material, Mesh]


@dataclass(frozen=True)
class Top:
    """A level area that small things can stand on.

    Attributes:
        centre: Metres.
        width: Along x before turning, metres.
        depth: Along y before turning.
        angle: How far it is turned about z, radians.
        headroom: Free height above it, metres.
    """

    centre: tuple[float, float, float]
    width: float
    depth: float
    angle: float = 0.0
    headroom: float = 0.55

    def point(self, x: float, y: float) -> tuple[float, float, float]:
        """A place given from the centre along the turned axes, metres."""
        cos, sin = np.cos(self.angle), np.sin(self.angle)
        a, b, c = self.centre
        return float(a + cos * x - sin * y), float(b + sin * x + cos * y), c


@dataclass(frozen=True)
class Item:
    """A thing that stands at the origin, faces -y and has its back towards +y.

    Attributes:
        name: Such as ``chair``.
        parts: Meshes with their materials.
        tops: Where small things can stand.
    """

    name: str
    parts: tuple[Part, ...]
    tops: tuple[Top, ...] = ()

    def moved(self, x: float = 0.0, y: float = 0.0, z: float = 0.0) -> Item:
        """Shifted, metres."""
        tops = (
            replace(t, centre=(t.centre[0] + x, t.centre[1] + y, t.centre[2] + z))
            for t in self.tops
        )
        return Item(self.name, tuple((m, p.moved(x, y, z)) for m, p in self.parts), tuple(tops))

    def turned(self, angle: float) -> Item:
        """Turned about the z axis through the origin, radians."""
        spin = Top((0.0, 0.0, 0.0), 0.0, 0.0, angle)
        tops = (
            replace(t, centre=(*spin.point(*t.centre[:2])[:2], t.centre[2]), angle=t.angle + angle)
            for t in self.tops
        )
        return Item(self.name, tuple((m, p.turned(angle)) for m, p in self.parts), tuple(tops))

    @cached_property
    def bounds(self) -> Array:
        """Lower and upper corner of the axis-aligned box around it, (2, 3) metres."""
        low = np.min([mesh.vertices.min(0) for _, mesh in self.parts], axis=0)
        high = np.max([mesh.vertices.max(0) for _, mesh in self.parts], axis=0)
        return np.stack([low, high])


Maker = Callable[[np.random.Generator], Item]
"""Makes one small thing by chance."""


def overlap(first: Array, second: Array) -> bool:
    """Whether two axis-aligned boxes, (2, 3) each, share more than a millimetre."""
    shared = np.minimum(first[1], second[1]) - np.maximum(first[0], second[0])
    return bool((shared > 1e-3).all())


def dressed(item: Item, makers: Sequence[Maker], rng: np.random.Generator, share: float) -> Item:
    """An item with small things on its tops.

    Args:
        item: The item.
        makers: Make the small things.
        rng: Chooses them and their places.
        share: How many of the places are tried; fewer are filled, for what does not fit is left
            out.
    """
    parts = list(item.parts)
    for top in item.tops:
        taken: list[Array] = []
        places = 1 + int(6 * min(top.width, 1.5) * top.depth / 0.3)
        for _ in range(places):
            if rng.random() > share:
                continue
            thing = makers[int(rng.integers(len(makers)))](rng).turned(rng.uniform(-0.5, 0.5))
            low, high = thing.bounds
            free = (np.array([top.width, top.depth]) - (high - low)[:2]) / 2
            if free.min() < 0 or high[2] > top.headroom:
                continue
            centre = (low + high)[:2] / 2
            x, y = rng.uniform(-free, free) - centre
            bounds = thing.bounds + np.array([x, y, 0.0])
            if not any(overlap(bounds, other) for other in taken):
                taken.append(bounds)
                parts += thing.turned(top.angle).moved(*top.point(x, y)).parts
    return Item(item.name, tuple(parts))


def surfaces(items: Iterable[Item]) -> tuple[Surface, ...]:
    """Merge everything of one material into one surface."""
    groups: dict[tuple[Material, bool], list[Mesh]] = {}
    for item in items:
        for material, mesh in item.parts:
            groups.setdefault((material, mesh.smooth), []).append(mesh)
    return tuple(_surface(material, meshes) for (material, _), meshes in groups.items())


def _surface(material: Material, meshes: list[Mesh]) -> Surface:
    if material.size_m:
        # Each piece is cut from another place of the texture, so that no two boards look alike.
        places = np.outer(np.arange(len(meshes)), [0.6180339887, 0.7548776662]) % 1
        meshes = [
            replace(mesh, uv=mesh.uv / material.size_m + place)
            for mesh, place in zip(meshes, places, strict=True)
        ]
    mesh = cleaned(merge(meshes))
    return Surface(
        name=material.name,
        vertices=mesh.vertices.astype(np.float32),
        triangles=mesh.triangles.astype(np.uint32),
        uv=mesh.uv.astype(np.float32),
        texture=material.texture(),
        gloss=material.gloss,
        shininess=material.shininess,
        infrared=material.infrared,
        emission=material.emission,
        smooth=mesh.smooth,
    )
