"""Arranging a room: its shell, and things that stand in it without running into each other."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from idfd.capture.simulated.scene.items import Item, Part, overlap
from idfd.capture.simulated.scene.materials import Material
from idfd.capture.simulated.scene.model import Light
from idfd.capture.simulated.scene.primitives import Array, box, sheet, slab

TRIES = 24
SINK_M = 0.005
"""How far the slanted feet of chairs may reach into the floor."""
WALLS = {"back": 0.0, "left": np.pi / 2, "front": np.pi, "right": -np.pi / 2}
"""How far things are turned that stand with their back to a wall, radians."""


class Layout:
    """A room that is being furnished: x from -width/2 to width/2, y from 0 to depth.

    Args:
        width: Along x, metres.
        depth: Along y, metres.
        height: Of the ceiling, metres.
        rng: Chooses places.
    """

    def __init__(self, width: float, depth: float, height: float, rng: np.random.Generator) -> None:
        self.width = width
        self.depth = depth
        self.height = height
        self.rng = rng
        self.items: list[Item] = []
        self.boxes: list[Array] = []
        self.lights: list[Light] = []

    def shell(
        self, walls: Sequence[Material], floor: Material, ceiling: Material, trim: Material
    ) -> None:
        """Walls (back, left, front, right), floor, ceiling and skirting boards."""
        parts: list[Part] = [
            (floor, slab(self.width, self.depth).moved(y=self.depth / 2)),
            (
                ceiling,
                slab(self.width, self.depth)
                .turned(np.pi, "x")
                .moved(y=self.depth / 2, z=self.height),
            ),
        ]
        for wall, material in zip(WALLS, walls, strict=True):
            length, distance = self._run(wall)
            panel = sheet(length, self.height).moved(y=distance)
            board = box(length, 0.012, 0.08).moved(y=distance - 0.006)
            for surface, mesh in ((material, panel), (trim, board)):
                parts.append((surface, mesh.turned(WALLS[wall]).moved(y=self.depth / 2)))
        self.items.append(Item("shell", tuple(parts)))

    def put(self, item: Item, x: float, y: float, angle: float = 0.0, z: float = 0.0) -> None:
        """Place without asking: rugs, cables, ceiling lamps."""
        self.items.append(item.turned(angle).moved(x, y, z))

    def against(
        self, item: Item, wall: str, at: float | None = None, z: float = 0.0, gap: float = 0.02
    ) -> Item | None:
        """Stand or hang an item with its back to a wall.

        Args:
            item: The item.
            wall: back, left, front or right.
            at: Where along the wall, -1 (left as one faces it) to 1; by default a free place.
            z: Height, metres.
            gap: Between item and wall, metres.

        Returns:
            The item at its place, or None where no free place was found and it is left out.
        """
        placed = item.turned(WALLS[wall])
        bounds = placed.bounds
        along = np.array([np.cos(WALLS[wall]), np.sin(WALLS[wall])])
        outward = np.array([-along[1], along[0]])
        length, distance = self._run(wall)
        room = (length - np.ptp(bounds[:, :2] @ along)) / 2 - 0.02
        for _ in range(1 if at is not None else TRIES):
            share = self.rng.uniform(-1, 1) if at is None else at
            x = share * max(room, 0.0) - (bounds[:, :2] @ along).mean()
            y = distance - gap - (bounds[:, :2] @ outward).max()
            place = x * along + y * outward + [0, self.depth / 2]
            accepted = self.accept(placed, float(place[0]), float(place[1]), z)
            if accepted:
                return accepted
        return None

    def stand(
        self, item: Item, around: tuple[float, float], spread: float, angle: float
    ) -> Item | None:
        """Stand an item on the floor near a place, turned by about an angle.

        Args:
            item: The item.
            around: x and y, metres.
            spread: Half the side of the square to search, metres.
            angle: Radians; varied by up to 0.08.

        Returns:
            The item at its place, or None where no free place was found.
        """
        turned = item.turned(angle + self.rng.uniform(-0.08, 0.08))
        places = around + self.rng.uniform(-spread, spread, (TRIES, 2))
        tries = (self.accept(turned, float(x), float(y)) for x, y in places)
        return next((placed for placed in tries if placed), None)

    def accept(self, item: Item, x: float, y: float, z: float = 0.0) -> Item | None:
        """Move an item to a place and keep it if it lies in the room and touches nothing."""
        bounds = item.bounds + np.array([x, y, z])
        low, high = bounds
        inside = (
            low[0] >= -self.width / 2 and high[0] <= self.width / 2
            and low[1] >= 0 and high[1] <= self.depth
            and low[2] >= -SINK_M and high[2] <= self.height
        )  # fmt: skip
        if not inside or any(overlap(bounds, other) for other in self.boxes):
            return None
        placed = item.moved(x, y, z)
        self.items.append(placed)
        self.boxes.append(bounds)
        return placed

    def _run(self, wall: str) -> tuple[float, float]:
        """Length of a wall and its distance from the middle of the room."""
        if wall in ("back", "front"):
            return self.width, self.depth / 2
        return self.depth, self.width / 2
