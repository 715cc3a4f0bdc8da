"""Small scenes whose geometry is known in closed form."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from idfd.capture.simulated.scene.model import Light, Pose, SceneModel, Surface

Point = tuple[float, float, float]
AHEAD = Pose.look_at((0.0, 0.0, 0.0), (0.0, 1.0, 0.0))
"""At the origin, looking along +y: camera (x, y, z) is world (x, z, -y)."""


def checks(squares: int, dark: Point, light: Point, side: int = 256) -> np.ndarray:
    index = np.arange(side) * squares // side
    white = (np.add.outer(index, index) % 2)[..., None].astype(np.float32)
    return (white * np.array(light) + (1 - white) * np.array(dark)).astype(np.float32)


GREY = checks(1, (0.5, 0.5, 0.5), (0.5, 0.5, 0.5), 2)


def quad(corners: Sequence[Point], texture: np.ndarray = GREY, **finish: Any) -> Surface:
    """A flat patch; ``corners`` go round it, the first is the texture's upper left."""
    uv = np.array([[[0, 0], [1, 0], [1, 1]], [[0, 0], [1, 1], [0, 1]]], np.float32)
    triangles = np.array([[0, 1, 2], [0, 2, 3]], np.uint32)
    finish = {"name": "patch", **finish}
    return Surface(
        vertices=np.array(corners, np.float32),
        triangles=triangles,
        uv=uv,
        texture=texture,
        **finish,
    )


def upright(x: float, y: float, z: float, width: float, height: float, **more: Any) -> Surface:
    """A patch that faces the camera at depth ``y``, with its centre at (x, z)."""
    a, b = width / 2, height / 2
    corners = [(x - a, y, z + b), (x + a, y, z + b), (x + a, y, z - b), (x - a, y, z - b)]
    return quad(corners, **more)


def scene(
    *surfaces: Surface, pose: Pose = AHEAD, lights: bool = True, name: str = "x"
) -> SceneModel:
    lamps = (Light((-0.6, -0.5, 0.8), 0.05, (3, 3, 3)),) if lights else ()
    return SceneModel(name, "board", surfaces, lamps, (0.4, 0.4, 0.4), pose)


def corner_room() -> SceneModel:
    """A floor and two walls that meet, with a card before them; seen from 1.2 m above the floor."""
    texture = checks(12, (0.3, 0.3, 0.35), (0.7, 0.68, 0.6))
    floor = [(-2.0, -1.0, 0.0), (2.0, -1.0, 0.0), (2.0, 2.5, 0.0), (-2.0, 2.5, 0.0)]
    back = [(-2.0, 2.5, 3.0), (2.0, 2.5, 3.0), (2.0, 2.5, 0.0), (-2.0, 2.5, 0.0)]
    side = [(1.0, -1.0, 3.0), (1.0, 2.5, 3.0), (1.0, 2.5, 0.0), (1.0, -1.0, 0.0)]
    card = [(-0.5, 0.9, 1.4), (-0.1, 0.9, 1.4), (-0.1, 0.9, 0.9), (-0.5, 0.9, 0.9)]
    return SceneModel(
        "corner",
        "board",
        tuple(quad(c, texture) for c in (floor, back, side, card)),
        (Light((-0.5, 0.5, 2.5), 0.1, (5, 5, 5)),),
        (0.4, 0.4, 0.4),
        Pose.look_at((0, 0, 1.2), (0, 2, 1.0)),
    )
