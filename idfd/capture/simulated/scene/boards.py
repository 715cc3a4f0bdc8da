"""Scenes of known geometry: calibration boards, a textured wall, a grid of points of light."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from idfd.calibration.boards.geometry import picture, pixels_per_mm
from idfd.capture.simulated.scene import materials
from idfd.capture.simulated.scene.items import Item, surfaces
from idfd.capture.simulated.scene.model import Light, Pose, SceneModel, Surface
from idfd.capture.simulated.scene.pigments import ink
from idfd.capture.simulated.scene.primitives import Array, Mesh, merge, sheet
from idfd.model.board import Board

EYE_M = (0.0, 0.0, 1.3)
"""Where the camera stands; it looks level along +y."""
WHITE, BLACK = 0.85, 0.03
"""Albedo of printed paper, in visible light and in the infrared."""
_PX_PER_MM = 2.0


@dataclass(frozen=True)
class BoardPose:
    """Where a board is held before the camera.

    Attributes:
        distance_m: Depth of its middle along the camera's axis.
        right_m: Its middle, to the right of the axis.
        down_m: Its middle, below the axis.
        tilt_deg: Turned about the camera's x axis; positive brings the upper edge nearer.
        turn_deg: Turned about the camera's y axis; positive takes the right edge farther.
        roll_deg: Turned about the camera's z axis, clockwise in the picture.
    """

    distance_m: float = 0.8
    right_m: float = 0.0
    down_m: float = 0.0
    tilt_deg: float = 0.0
    turn_deg: float = 0.0
    roll_deg: float = 0.0

    def to_camera(self, points: ArrayLike) -> Array:
        """Points on the board, (..., 3) metres, in the photo camera's frame."""
        place = [self.right_m, self.down_m, self.distance_m]
        return np.asarray(points, np.float64) @ self.rotation.T + place

    @property
    def rotation(self) -> Array:
        """From the board's frame (x right, y down, z into the print) to the photo camera's."""
        tilt, turn, roll = np.radians([self.tilt_deg, self.turn_deg, self.roll_deg])
        return _rotation(0, tilt) @ _rotation(1, -turn) @ _rotation(2, roll)


def board_scene(
    board: Board, pose: BoardPose = BoardPose(), wall_m: float | None = None
) -> SceneModel:
    """A flat board before a wall.

    What :func:`idfd.calibration.boards.geometry.corners_mm` gives lies at ``pose.to_camera`` of it
    (in metres) in the camera's frame.

    Args:
        board: What is printed.
        pose: Where it is held.
        wall_m: Depth of the wall behind it; by default a metre behind its farthest corner.
    """
    camera = _level_pose()
    texture = _print(board)
    # Not from the board's size: the margin of its picture is rounded.
    half = np.array(texture.shape[1::-1]) / pixels_per_mm(board, _PX_PER_MM) / 2000
    outline = np.array([(x, y, 0.0) for y in (-half[1], half[1]) for x in (-half[0], half[0])])
    if wall_m is None:
        wall_m = float(pose.to_camera(outline)[:, 2].max()) + 1.0
    flat = sheet(2 * half[0], 2 * half[1], (0.0, 0.0, 1.0, 1.0)).moved(z=-half[1])
    points = np.stack([flat.vertices[:, 0], -flat.vertices[:, 2], flat.vertices[:, 1]], -1)
    seen = replace(flat, vertices=_to_world(camera, pose.to_camera(points)))
    paper = replace(_surface("board", seen, texture), infrared=1.0, toner=True)
    wall = surfaces([Item("wall", ((materials.paint("9aa3a8", "c8ced2"), _wall(wall_m)),))])
    light = Light((-0.8, 0.3, 2.2), 0.2, (0.9, 0.9, 0.9))
    return SceneModel("board", "board", (paper, *wall), (light,), (0.6, 0.6, 0.6), camera)


def plane_scene(distance_m: float, seed: int = 0) -> SceneModel:
    """A wall across the view at an exact depth, with structure at many scales."""
    palette = ink("202428", "e4e0d8")
    material = materials.Material(
        "wall", "checker", palette, 0.5, infrared=0.6, texels=1024, seed=seed
    )
    wall = surfaces([Item("wall", ((material, _wall(distance_m)),))])
    light = Light((0.0, -0.3, 2.0), 0.2, (0.4, 0.4, 0.4))
    return SceneModel("plane", "plane", wall, (light,), (0.8, 0.8, 0.8), _level_pose())


def point_grid(
    distance_m: float,
    columns: int = 7,
    rows: int = 5,
    spacing: float = 0.1,
    diameter: float = 2e-4,
) -> SceneModel:
    """Small disks of light on black at an exact depth, for measuring blur against theory.

    Args:
        distance_m: Depth of all disks.
        columns: Disks across, centred on the camera's axis.
        rows: Disks down.
        spacing: Distance between disks over their depth, so that pictures of grids at all depths
            have the same spacing.
        diameter: Of a disk over its depth; a pixel of a 24-megapixel full-frame camera with 14 mm
            covers 4.3e-4.
    """
    camera = _level_pose()
    angles = np.arange(16) * 2 * np.pi / 16
    # A polygon of the disk's area rather than one inside it.
    radius = diameter / 2 / np.sqrt(np.sinc(2 / 16))
    fan = np.zeros((17, 3))
    # Counter-clockwise for the camera, whose y axis runs down.
    fan[1:, :2] = np.stack([np.cos(angles), -np.sin(angles)], -1) * radius
    edge = np.arange(16)
    triangles = np.stack([0 * edge, edge + 1, (edge + 1) % 16 + 1], -1)
    disks = []
    for row in range(rows):
        for column in range(columns):
            middle = [(column - (columns - 1) / 2) * spacing, (row - (rows - 1) / 2) * spacing, 1.0]
            points = _to_world(camera, (fan + middle) * distance_m)
            disks.append(Mesh(points, triangles, np.zeros((16, 3, 2))))
    glow = _surface("points", merge(disks), np.ones((2, 2, 3), np.float32), emission=1.0)
    return SceneModel("points", "points", (glow,), (), (0.0, 0.0, 0.0), camera)


def _level_pose() -> Pose:
    x, y, z = EYE_M
    return Pose.look_at(EYE_M, (x, y + 1.0, z))


def _to_world(camera: Pose, points: ArrayLike) -> Array:
    return (np.asarray(points, np.float64) - camera.translation) @ camera.rotation


def _wall(distance_m: float) -> Mesh:
    """A wall that fills the view of a 14 mm lens, its middle on the camera's axis."""
    side = 4.0 * distance_m
    x, y, z = EYE_M
    return sheet(side, side).moved(x, y + distance_m, z - side / 2)


@lru_cache(4)
def _print(board: Board) -> NDArray[np.float32]:
    grey = np.where(picture(board, _PX_PER_MM) > 127, WHITE, BLACK).astype(np.float32)
    return np.repeat(grey[..., None], 3, axis=2)


def _surface(name: str, mesh: Mesh, texture: NDArray[np.float32], emission: float = 0.0) -> Surface:
    return Surface(
        name=name,
        vertices=mesh.vertices.astype(np.float32),
        triangles=mesh.triangles.astype(np.uint32),
        uv=mesh.uv.astype(np.float32),
        texture=texture,
        infrared=0.6,
        emission=emission,
    )


def _rotation(axis: int, angle: float) -> Array:
    """About a coordinate axis, right-handed, radians."""
    cos, sin = np.cos(angle), np.sin(angle)
    matrix = np.eye(3)
    a, b = (axis + 1) % 3, (axis + 2) % 3
    matrix[a, a], matrix[a, b], matrix[b, a], matrix[b, b] = cos, -sin, sin, cos
    return matrix
