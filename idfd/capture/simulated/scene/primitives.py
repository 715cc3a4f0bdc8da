"""Building blocks of scenes: meshes with texture coordinates in metres.

Meshes stand on the floor plane z = 0 unless said otherwise and face -y. Triangles run
counter-clockwise seen from outside; sheets (:func:`sheet`, leaves, cloth) have one side only, and
renderers must turn their normals towards the viewer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]
Window = tuple[float, float, float, float]
"""Part of a texture that a sheet shows: left, top, right, bottom, in texture units."""
SMALLEST_M2 = 1e-9
"""Twice the area of the smallest triangle that is kept; float32 vertices are exact to 2e-7 m."""


_HALVES = np.array([(0, 2, 3), (0, 3, 1)])
"""Triangles of a rectangle: corners upper left, upper right, lower left, lower right."""


@dataclass(frozen=True, eq=False)
class Mesh:
    """Triangles without a material.

    Attributes:
        vertices: (V, 3) float64, metres.
        triangles: (T, 3) int64.
        uv: Texture coordinates of each triangle's corners, (T, 3, 2) float64: metres along the
            surface, or texture units where the maker was given a window.
        smooth: Whether the surface is curved, to be shaded with interpolated normals.
    """

    vertices: Array
    triangles: NDArray[np.int64]
    uv: Array
    smooth: bool = False

    def moved(self, x: float = 0.0, y: float = 0.0, z: float = 0.0) -> Mesh:
        """Shifted, metres."""
        return replace(self, vertices=self.vertices + np.array([x, y, z]))

    def turned(self, angle: float, axis: str = "z") -> Mesh:
        """Turned about an axis through the origin, radians, right-handed."""
        first, second = {"x": (1, 2), "y": (2, 0), "z": (0, 1)}[axis]
        vertices = self.vertices.copy()
        cos, sin = np.cos(angle), np.sin(angle)
        a, b = self.vertices[:, first], self.vertices[:, second]
        vertices[:, first], vertices[:, second] = cos * a - sin * b, sin * a + cos * b
        return replace(self, vertices=vertices)

    def scaled(self, x: float, y: float, z: float) -> Mesh:
        """Stretched along the axes by positive factors."""
        return replace(self, vertices=self.vertices * np.array([x, y, z]))


def merge(meshes: Sequence[Mesh]) -> Mesh:
    """One mesh of several; it is smooth if the first is."""
    starts = np.cumsum([0] + [len(mesh.vertices) for mesh in meshes[:-1]])
    return Mesh(
        np.concatenate([mesh.vertices for mesh in meshes]),
        np.concatenate([m.triangles + start for m, start in zip(meshes, starts, strict=True)]),
        np.concatenate([mesh.uv for mesh in meshes]),
        meshes[0].smooth,
    )


def cleaned(mesh: Mesh) -> Mesh:
    """Without triangles that have no area and thus no normal, such as those at poles."""
    a, b, c = (mesh.vertices[mesh.triangles[:, k]].astype(np.float32) for k in range(3))
    doubled = np.linalg.norm(np.cross(b - a, c - a), axis=1)
    real = doubled > SMALLEST_M2
    return replace(mesh, triangles=mesh.triangles[real], uv=mesh.uv[real])


def patch(
    points: ArrayLike,
    uv: ArrayLike | None = None,
    *,
    closed: bool = False,
    smooth: bool = True,
) -> Mesh:
    """A surface through a grid of points.

    The outside is where rows (downwards in the picture) and columns (to the right) are seen in
    this order, as on a page.

    Args:
        points: (M, N, 3) metres.
        uv: (M, N, 2), or (M, N + 1, 2) where closed; by default the lengths along the grid.
        closed: The last column joins the first.
        smooth: See :class:`Mesh`.
    """
    grid = np.asarray(points, np.float64)
    rows, columns = grid.shape[:2]
    ring = np.concatenate([grid, grid[:, :1]], 1) if closed else grid
    corner_uv = _lengths(ring) if uv is None else np.asarray(uv, np.float64)
    triangles = _cells(rows, columns + closed)
    texture = corner_uv.reshape(-1, 2)[triangles]
    if closed:
        row, column = np.divmod(triangles, columns + 1)
        triangles = row * columns + column % columns
    return Mesh(grid.reshape(-1, 3), triangles, texture, smooth)


def sheet(width: float, height: float, window: Window | None = None) -> Mesh:
    """An upright rectangle that faces -y, its lower edge's middle at the origin."""
    x, left, top, right, bottom = width / 2, *(window or (0.0, 0.0, width, height))
    vertices = np.array([(-x, 0, height), (x, 0, height), (-x, 0, 0), (x, 0, 0)])
    uv = np.array([(left, top), (right, top), (left, bottom), (right, bottom)])
    return Mesh(vertices, _HALVES, uv[_HALVES])


def slab(width: float, depth: float, window: Window | None = None) -> Mesh:
    """A level rectangle that faces up, its middle at the origin."""
    return sheet(width, depth, window).moved(z=-depth / 2).turned(-np.pi / 2, "x")


def box(width: float, depth: float, height: float) -> Mesh:
    """A box on the floor; the texture's u runs along the longer edge of each face."""
    unit = _unit_box()
    sizes = np.array([(width, height)] * 2 + [(depth, height)] * 2 + [(width, depth)] * 2)
    uv = unit.uv.reshape(6, -1, 2) * sizes[:, None]
    tall = sizes[:, 1] > sizes[:, 0]
    uv[tall] = uv[tall][..., ::-1]
    return Mesh(unit.vertices * [width, depth, height], unit.triangles, uv.reshape(-1, 3, 2))


def lathe(profile: ArrayLike, segments: int = 20, smooth: bool = True) -> Mesh:
    """A profile turned about the z axis.

    Args:
        profile: (N, 2) radius and height, metres, from top to bottom on the outside.
        segments: Corners of the circle.
        smooth: See :class:`Mesh`. A sharp edge needs its point twice.
    """
    outline = np.asarray(profile, np.float64)
    angles = np.arange(segments) * 2 * np.pi / segments
    circle = np.stack([np.sin(angles), -np.cos(angles)], -1)
    points = np.empty((len(outline), segments, 3))
    points[..., :2] = outline[:, None, :1] * circle
    points[..., 2] = outline[:, 1:]
    along = np.arange(segments + 1) / segments * 2 * np.pi * outline[:, 0].max()
    down = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(outline, axis=0), axis=1))])
    uv = np.stack(np.broadcast_arrays(along, down[:, None]), -1)
    return patch(points, uv, closed=True, smooth=smooth)


def cylinder(radius: float, height: float, top: float | None = None, segments: int = 20) -> Mesh:
    """A cylinder or cone with lids; ``top`` is the upper radius, by default the same."""
    upper = radius if top is None else top
    lid, side, foot = (
        [(0, height), (upper, height)],
        [(upper, height), (radius, 0)],
        [(radius, 0), (0, 0)],
    )
    return merge([lathe(part, segments) for part in (side, lid, foot)])


def ball(x: float, y: float, z: float, power: float = 1.0, segments: int = 20) -> Mesh:
    """A superellipsoid about the origin with half-axes in metres.

    Powers under 1 give cushions and rounded boxes (Barr, "Superquadrics and angle-preserving
    transformations", 1981); 1 gives an ellipsoid.
    """
    latitude = np.linspace(np.pi / 2, -np.pi / 2, segments // 2 + 1)[:, None]
    longitude = np.arange(segments) * 2 * np.pi / segments - np.pi / 2
    points = np.stack(
        np.broadcast_arrays(
            x * _power(np.cos(latitude), power) * _power(np.cos(longitude), power),
            y * _power(np.cos(latitude), power) * _power(np.sin(longitude), power),
            z * _power(np.sin(latitude), power),
        ),
        -1,
    )
    body = patch(points, closed=True)
    # Seen along the axis that each triangle faces most: no poles where the texture is pinched.
    corners = body.vertices[body.triangles]
    normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    across = np.array([(1, 2), (0, 2), (0, 1)])[np.abs(normal).argmax(1)]
    return replace(body, uv=np.take_along_axis(corners, across[:, None], 2))


def tube(path: ArrayLike, radius: float | ArrayLike, segments: int = 8) -> Mesh:
    """A pipe, wire or leg along a line of points, (N, 3) metres; radius may be one per point."""
    line = np.asarray(path, np.float64)
    tangent = np.gradient(line, axis=0)
    tangent /= np.linalg.norm(tangent, axis=1, keepdims=True)
    side = np.empty_like(line)
    # Any vector off the line starts the frame; carrying it along keeps the pipe from twisting.
    carried = np.eye(3)[np.argmin(np.abs(tangent[0]))]
    for i, direction in enumerate(tangent):
        carried = carried - direction * (carried @ direction)
        carried = carried / np.linalg.norm(carried)
        side[i] = carried
    other = np.cross(tangent, side)
    angles = np.arange(segments) * 2 * np.pi / segments
    ring = np.cos(angles)[:, None] * side[:, None] + np.sin(angles)[:, None] * other[:, None]
    radii = np.broadcast_to(np.asarray(radius, np.float64), len(line))[:, None, None]
    ends = np.broadcast_to(line[[0, -1], None], (2, segments, 3))
    points = np.concatenate([ends[:1], line[:, None] + radii * ring, ends[1:]])
    return patch(points[::-1], closed=True)


def curve(points: ArrayLike, count: int = 24) -> Array:
    """A smooth line (Catmull-Rom spline) through points, (N, 3) to (count, 3)."""
    knots = np.asarray(points, np.float64)
    padded = np.concatenate([2 * knots[:1] - knots[1:2], knots, 2 * knots[-1:] - knots[-2:-1]])
    position = np.linspace(0, len(knots) - 1, count)
    segment = np.minimum(position.astype(int), len(knots) - 2)
    t = (position - segment)[:, None]
    a, b, c, d = (padded[segment + k] for k in range(4))
    return 0.5 * (
        2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * (b - c) + d - a) * t**3
    )


def extrude(outline: ArrayLike, height: float) -> Mesh:
    """A prism on the floor over a star-shaped outline, (N, 2) metres, counter-clockwise."""
    ring = np.asarray(outline, np.float64)
    low = np.concatenate([ring, np.zeros((len(ring), 1))], 1)
    high = low + np.array([0, 0, height])
    middle = np.broadcast_to(ring.mean(0), ring.shape)
    centre_high = np.concatenate([middle, high[:, 2:]], 1)
    centre_low = np.concatenate([middle, low[:, 2:]], 1)
    pairs = ((high, low), (centre_high, high), (low, centre_low))
    return merge([patch(np.stack(pair), closed=True, smooth=False) for pair in pairs])


@lru_cache(1)
def _unit_box() -> Mesh:
    """Faces in front, behind, right, left, above and below."""
    side = sheet(1, 1).moved(y=-0.5)
    lids = [slab(1, 1).moved(z=1), slab(1, 1).turned(np.pi, "x")]
    return merge([*(side.turned(angle) for angle in np.array([0, 2, 1, -1]) * np.pi / 2), *lids])


@lru_cache(512)
def _cells(rows: int, columns: int) -> NDArray[np.int64]:
    """Two triangles for each cell of a grid whose points are numbered row by row."""
    index = np.arange(rows * columns).reshape(rows, columns)
    a, b = index[:-1, :-1].ravel(), index[1:, :-1].ravel()
    c, d = index[1:, 1:].ravel(), index[:-1, 1:].ravel()
    return np.concatenate([np.stack([a, b, c], -1), np.stack([a, c, d], -1)])


def _lengths(grid: Array) -> Array:
    """Texture coordinates in metres: mean lengths along the columns and the rows."""
    across = np.linalg.norm(np.diff(grid, axis=1), axis=-1).max(0)
    down = np.linalg.norm(np.diff(grid, axis=0), axis=-1).mean(1)
    u = np.concatenate([[0], np.cumsum(across)])
    v = np.concatenate([[0], np.cumsum(down)])
    return np.stack(np.broadcast_arrays(u, v[:, None]), -1)


def _power(value: Array, exponent: float) -> Array:
    # A small power would blow up the 1e-16 that stands for the zero of a sine.
    size = np.where(np.abs(value) < 1e-12, 0.0, np.abs(value))
    return np.sign(value) * size**exponent
