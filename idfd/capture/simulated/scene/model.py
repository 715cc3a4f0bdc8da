"""What a renderable scene is made of.

World frame: metres, x right, y forward, z up, the floor at z = 0. Camera frame: x right, y down,
z forward, as in OpenCV.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Surface:
    """A triangle mesh of one material.

    Attributes:
        name: What it is, such as ``table``.
        vertices: (V, 3) float32, metres, world frame.
        triangles: (T, 3) uint32.
        uv: Texture coordinates of each triangle's corners, (T, 3, 2) float32; the texture
            repeats with period 1, v runs down, and texel (i, j) of (h, w) is centred at
            u = (j + 0.5) / w, v = (i + 0.5) / h.
        texture: Linear albedo (reflectance) in [0, 1], (h, w, 3) float32.
        gloss: Strength of the mirror-like part in [0, 1]; 0 is matt.
        shininess: Exponent of the highlight (Blinn-Phong).
        infrared: Reflectance at 850 nm in [0, 1], of the whole surface.
        toner: The texture is printed with carbon, which is as dark there as in visible light:
            ``infrared`` is that of its white, and its red channel scales it.
        emission: Light that the surface gives off by itself, times its texture; 0 for none.
        smooth: Shade with interpolated vertex normals, as for curved surfaces.
    """

    name: str
    vertices: NDArray[np.float32]
    triangles: NDArray[np.uint32]
    uv: NDArray[np.float32]
    texture: NDArray[np.float32]
    gloss: float = 0.0
    shininess: float = 30.0
    infrared: float = 0.5
    toner: bool = False
    emission: float = 0.0
    smooth: bool = False


@dataclass(frozen=True)
class Light:
    """A spherical light.

    Attributes:
        position: World frame, metres.
        radius: Metres; larger lights throw softer shadows.
        intensity: Linear RGB radiant intensity; irradiance at distance d is intensity / d².
    """

    position: tuple[float, float, float]
    radius: float
    intensity: tuple[float, float, float]


@dataclass(frozen=True)
class Pose:
    """A camera in the world: ``x_camera = rotation @ x_world + translation``, metres."""

    rotation: NDArray[np.float64]
    translation: NDArray[np.float64]

    @staticmethod
    def look_at(
        eye: tuple[float, float, float], target: tuple[float, float, float], roll: float = 0.0
    ) -> Pose:
        """A camera at ``eye`` that looks at ``target``, level but for ``roll`` (radians)."""
        position = np.asarray(eye, np.float64)
        forward = np.asarray(target, np.float64) - position
        forward /= np.linalg.norm(forward)
        right = np.cross(forward, [0.0, 0.0, 1.0])
        right /= np.linalg.norm(right)
        down = np.cross(forward, right)
        cos, sin = np.cos(roll), np.sin(roll)
        rotation = np.stack([cos * right + sin * down, cos * down - sin * right, forward])
        return Pose(rotation, -rotation @ position)


@dataclass(frozen=True)
class SceneModel:
    """A scene, its light, and where the tripod stands.

    Attributes:
        name: Such as ``kitchen-3``.
        environment: bedroom, living_room, lab, kitchen, museum; or ``board``, ``plane``,
            ``points``.
        surfaces: The meshes.
        lights: The lights.
        ambient: Light from everywhere, linear RGB irradiance.
        pose: The photo camera.
    """

    name: str
    environment: str
    surfaces: tuple[Surface, ...]
    lights: tuple[Light, ...]
    ambient: tuple[float, float, float]
    pose: Pose
