"""What cameras see of scenes, by Open3D, for tests of their geometry."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from idfd.capture.simulated.scene.model import SceneModel

FOCAL_OVER_WIDTH = 14 / 36
"""A 14 mm lens before a full-frame sensor."""


class View:
    """Rays into a scene."""

    def __init__(self, scene: SceneModel) -> None:
        open3d = pytest.importorskip("open3d")
        self.scene = scene
        self.eye = -scene.pose.rotation.T @ scene.pose.translation
        self._tensor = open3d.core.Tensor
        self._caster = open3d.t.geometry.RaycastingScene()
        for surface in scene.surfaces:
            vertices, triangles = self._tensor(surface.vertices), self._tensor(surface.triangles)
            self._caster.add_triangles(vertices, triangles)

    def cast(
        self, origin: NDArray[np.float64], directions: NDArray[np.float64]
    ) -> tuple[NDArray[np.float32], NDArray[np.uint32]]:
        """Distance in lengths of the direction and number of the surface hit, each (N,)."""
        rays = np.concatenate([np.broadcast_to(origin, directions.shape), directions], 1)
        hits = self._caster.cast_rays(self._tensor(rays.astype(np.float32)))
        return hits["t_hit"].numpy(), hits["geometry_ids"].numpy()

    def picture(self, width: int) -> tuple[NDArray[np.float32], NDArray[np.uint32]]:
        """Depth along the axis and surface of each pixel of the photo camera, (H, W)."""
        height = width * 2 // 3
        x, y = np.meshgrid(np.arange(width) - (width - 1) / 2, np.arange(height) - (height - 1) / 2)
        focal = FOCAL_OVER_WIDTH * width
        rays = np.stack([x / focal, y / focal, np.ones_like(x)], -1).reshape(-1, 3)
        depth, surface = self.cast(self.eye, rays @ self.scene.pose.rotation)
        return depth.reshape(height, width), surface.reshape(height, width)
