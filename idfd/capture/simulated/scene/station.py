"""Where the tripod stands: free floor from which near, middle and far things are seen."""

from __future__ import annotations

from itertools import islice

import numpy as np

from idfd.capture.simulated.scene.items import Item
from idfd.capture.simulated.scene.layout import Layout
from idfd.capture.simulated.scene.model import Pose
from idfd.capture.simulated.scene.primitives import Array

CLEARANCE_M = 0.45
"""Free radius about the tripod's axis, so that its legs find room."""
TRIPOD_M = 1.9
"""Things that begin above this height do not bother the tripod or its operator."""
RANGE_M = (0.5, 3.8)
"""Depths that the Kinect measures in its NFOV mode, along its axis."""
LAYERS_M = (0.5, 1.0, 1.6, 2.3, 3.1, 3.8)
"""Borders of depth layers; a good view has things in each."""
_CANDIDATES = 1000
_COMPARED = 6
"""Few, so that the views of a room differ."""


def choose(layout: Layout, props: list[Item], rng: np.random.Generator) -> Pose:
    """Choose the best of some random stations and put one of the props close before it.

    The prop is what a photographer would move into the foreground: it gives the view something
    at 0.6 to 1 m, where the lens is focused.

    Returns:
        The camera's pose, 1.2 to 1.4 m above the floor, looking slightly down.
    """
    candidates = (_candidate(layout, rng) for _ in range(_CANDIDATES))
    free = (station for station in candidates if _clear(layout, station[0]))
    ranked = sorted(
        islice(free, _COMPARED), key=lambda station: -_score(layout, Pose.look_at(*station))
    )
    for eye, target in ranked:
        for prop in props:
            if _foreground(layout, prop, eye, target, rng):
                return Pose.look_at(eye, target)
    return Pose.look_at(*ranked[0])


Point = tuple[float, float, float]


def _candidate(layout: Layout, rng: np.random.Generator) -> tuple[Point, Point]:
    """A place near the walls and a target across the room."""
    edge = CLEARANCE_M + 0.02
    x = rng.uniform(-layout.width / 2 + edge, layout.width / 2 - edge)
    y = rng.uniform(edge, layout.depth - edge)
    across = np.array([-x, layout.depth / 2 - y])
    across /= max(float(np.linalg.norm(across)), 0.3)
    turn = rng.uniform(-0.5, 0.5)
    cos, sin = np.cos(turn), np.sin(turn)
    dx, dy = cos * across[0] - sin * across[1], sin * across[0] + cos * across[1]
    height = rng.uniform(1.2, 1.4)
    reach = 2.5
    drop = reach * np.tan(np.radians(rng.uniform(7, 15)))
    return (x, y, height), (x + reach * dx, y + reach * dy, height - drop)


def _clear(layout: Layout, eye: Point) -> bool:
    place = np.array(eye[:2])
    for low, high in layout.boxes:
        if low[2] < TRIPOD_M and high[2] > 0.03:
            gap = np.maximum(np.maximum(low[:2] - place, place - high[:2]), 0)
            if np.linalg.norm(gap) < CLEARANCE_M:
                return False
    return True


def _score(layout: Layout, pose: Pose) -> float:
    """Share of the view in range, and how evenly the layers are filled."""
    depth = _box_depth(layout, pose)
    in_range = float(((depth > RANGE_M[0]) & (depth < RANGE_M[1])).mean())
    shares = np.histogram(depth, LAYERS_M)[0] / depth.size
    return in_range + 3.0 * float(np.minimum(shares, 0.12).sum())


def _box_depth(layout: Layout, pose: Pose) -> Array:
    """Coarse depth map, metres along the axis, of the items' bounding boxes and the walls."""
    x, y = np.meshgrid(np.linspace(-1.2, 1.2, 21), np.linspace(-0.8, 0.8, 13))
    rays = np.stack([x, y, np.ones_like(x)], -1).reshape(-1, 3) @ pose.rotation
    eye = -pose.rotation.T @ pose.translation
    shell = np.array([[-layout.width / 2, 0, 0], [layout.width / 2, layout.depth, layout.height]])
    boxes = np.stack([*layout.boxes, shell])
    with np.errstate(divide="ignore"):
        slabs = (boxes[:, :, None] - eye) / rays
    enter, leave = slabs.min(1).max(-1), slabs.max(1).min(-1)
    hit = (enter[:-1] < leave[:-1]) & (enter[:-1] > 0)
    return np.minimum(np.where(hit, enter[:-1], np.inf).min(0), leave[-1])


def _foreground(
    layout: Layout, prop: Item, eye: Point, target: Point, rng: np.random.Generator
) -> bool:
    """Try to stand the prop close before the camera, clear of the tripod."""
    ahead = np.array(target[:2]) - eye[:2]
    ahead /= np.linalg.norm(ahead)
    aside = np.array([-ahead[1], ahead[0]])
    turned = prop.turned(np.arctan2(ahead[1], ahead[0]) - np.pi / 2 + rng.uniform(-0.5, 0.5))
    for _ in range(8):
        x, y = eye[:2] + rng.uniform(0.72, 1.0) * ahead + rng.uniform(-0.45, 0.45) * aside
        low, high = turned.bounds[:, :2] + [x, y]
        gap = np.maximum(np.maximum(low - eye[:2], eye[:2] - high), 0)
        if np.linalg.norm(gap) >= CLEARANCE_M and layout.accept(turned, x, y):
            return True
    return False
