"""Ray tracing of scenes: Open3D's Embree scene finds hits, numba kernels shade them."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from idfd.calibration.projection import unproject
from idfd.errors import MissingDependencyError
from idfd.model.camera import Intrinsics
from idfd.progress import track

if TYPE_CHECKING:
    from idfd.capture.simulated.kernels import Tables
    from idfd.capture.simulated.scene.model import Pose, SceneModel, Surface

Window = tuple[int, int, int, int]
"""x, y, width and height of a part of an image, pixels."""

_RAYS_PER_TILE = 1 << 18
_TILES_WORTH_A_BAR = 128
_AMBIENT_REACH_M = 0.6


@dataclass(frozen=True)
class Hits:
    """Where rays end.

    Attributes:
        distance: (N,) float32 in lengths of the ray's direction; infinite for a miss.
        triangle: (N,) uint32.
        barycentric: (N, 2) float32.
    """

    distance: NDArray[np.float32]
    triangle: NDArray[np.uint32]
    barycentric: NDArray[np.float32]


@dataclass(frozen=True)
class Pupil:
    """The opening that light enters a camera through; the default is a pinhole.

    Attributes:
        diameter_m: Its diameter.
        focus_m: Depth of the plane in focus.
    """

    diameter_m: float = 0.0
    focus_m: float = 1.0


class TracedScene:
    """A scene ready to be looked at from anywhere.

    Args:
        scene: What there is.
        texture_px: Textures are reduced to this side length, which saves time where pixels are
            coarse.

    Raises:
        MissingDependencyError: Open3D or numba is not installed.
    """

    def __init__(self, scene: SceneModel, texture_px: int = 4096) -> None:
        _require()
        import open3d

        vertices, triangles, owner = _merged(scene.surfaces)
        self.tables = _tables(scene, vertices, triangles, owner, texture_px)
        self._embree = open3d.t.geometry.RaycastingScene()
        self._tensor = open3d.core.Tensor
        self._embree.add_triangles(
            self._tensor.from_numpy(vertices), self._tensor.from_numpy(triangles)
        )

    def cast(self, rays: NDArray[np.float32]) -> Hits:
        """First hits of (N, 6) rays, origin and direction, float32."""
        found = self._embree.cast_rays(self._tensor.from_numpy(rays))
        return Hits(
            found["t_hit"].numpy(), found["primitive_ids"].numpy(), found["primitive_uvs"].numpy()
        )

    def hidden(self, rays: NDArray[np.float32]) -> NDArray[np.bool_]:
        """Whether anything stands within one length of each ray's direction, (N,) bool."""
        blocked: NDArray[np.bool_] = self._embree.test_occlusions(
            self._tensor.from_numpy(rays), tnear=0.0, tfar=1.0
        ).numpy()
        return blocked

    def radiance(
        self,
        camera: Intrinsics,
        pose: Pose,
        samples: int,
        looks: int = 1,
        pupil: Pupil = Pupil(),
        window: Window | None = None,
    ) -> NDArray[np.float32]:
        """Mean radiance that each pixel receives, linear RGB, (h, w, 3) float32.

        Args:
            camera: How chief rays meet the sensor.
            pose: Where it stands.
            samples: Rays per pixel; one goes through the pixel's centre, more are spread over
                the pixel and the pupil.
            looks: Rays per sample that look whether light reaches it.
            pupil: The lens's opening.
            window: Part of the image; None is all of it. A window's pixels equal those of the
                whole image.
        """
        from idfd.capture.simulated import kernels

        left, top, width, height = window or (0, 0, camera.width, camera.height)
        out = np.empty((height, width, 3), np.float32)
        beam = kernels.Beam(1 / camera.fx, pupil.diameter_m, pupil.focus_m, 1 / math.sqrt(samples))

        def render(tile: Window) -> None:
            x, y, columns, rows = tile
            rays = self.rays(camera, pose, samples, pupil, tile)
            hits = self.cast(rays)
            light = np.empty((len(rays) * looks, 3), np.float32)
            shadow = np.empty((len(rays) * looks, 6), np.float32)
            kernels.shade(
                self.tables, beam, (x, y), columns, samples, rays, hits.distance, hits.triangle,
                hits.barycentric, looks, _AMBIENT_REACH_M, shadow, light,
            )  # fmt: skip
            part = np.empty((rows * columns, 3), np.float32)
            kernels.gather(light, self.hidden(shadow), samples * looks, part)
            out[y - top : y - top + rows, x - left : x - left + columns] = part.reshape(
                rows, columns, 3
            )

        each_tile((left, top, width, height), samples * looks, render)
        return out

    def rays(
        self, camera: Intrinsics, pose: Pose, samples: int, pupil: Pupil, window: Window
    ) -> NDArray[np.float32]:
        """Rays of a window, (h · w · samples, 6) float32, pixel by pixel.

        Directions have length 1 along the optical axis, so that hit distances are depths.
        """
        from idfd.capture.simulated import kernels

        x, y, width, height = window
        rays = np.empty((width * height * samples, 6), np.float32)
        kernels.aim(
            _chief_rays(camera, window), (x, y), samples, pupil.diameter_m, pupil.focus_m,
            np.ascontiguousarray(pose.rotation.T), -pose.rotation.T @ pose.translation, rays,
        )  # fmt: skip
        return rays

    def depth(
        self, camera: Intrinsics, pose: Pose, window: Window | None = None
    ) -> NDArray[np.float32]:
        """Depth along the optical axis at the pixels' centres, metres, (h, w) float32.

        Infinite where a ray leaves the scene.
        """
        left, top, width, height = window or (0, 0, camera.width, camera.height)
        out = np.empty((height, width), np.float32)

        def measure(tile: Window) -> None:
            x, y, columns, rows = tile
            hits = self.cast(self.rays(camera, pose, 1, Pupil(), tile))
            out[y - top : y - top + rows, x - left : x - left + columns] = hits.distance.reshape(
                rows, columns
            )

        each_tile((left, top, width, height), 1, measure)
        return out


def each_tile(window: Window, samples: int, work: Callable[[Window], None]) -> None:
    """Work on full-width strips of a window in threads, each with a bounded number of rays.

    Long work is reported on standard error.
    """
    x, y, width, height = window
    rows = max(1, _RAYS_PER_TILE // (width * samples))
    tiles = [(x, y + k, width, min(rows, height - k)) for k in range(0, height, rows)]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        done: Iterable[None] = pool.map(work, tiles)
        if len(tiles) > _TILES_WORTH_A_BAR:
            done = track(done, len(tiles), "render")
        for _ in done:
            pass


@lru_cache(maxsize=32)
def _chief_rays(camera: Intrinsics, window: Window) -> NDArray[np.float64]:
    """Rays of a window and one pixel more on each side, (h + 2, w + 2, 2): x / z and y / z.

    The margin gives the slopes that spread samples over a pixel.
    """
    x, y, width, height = window
    grid = np.meshgrid(np.arange(x - 1, x + width + 1), np.arange(y - 1, y + height + 1))
    return np.ascontiguousarray(unproject(camera, np.stack(grid, -1))[..., :2])


def _merged(
    surfaces: tuple[Surface, ...],
) -> tuple[NDArray[np.float32], NDArray[np.uint32], NDArray[np.int32]]:
    """All surfaces as one mesh, and the surface of each triangle."""
    starts = np.cumsum([0, *(len(s.vertices) for s in surfaces[:-1])]).astype(np.uint32)
    triangles = [s.triangles + start for s, start in zip(surfaces, starts, strict=True)]
    owner = np.repeat(np.arange(len(surfaces), dtype=np.int32), [len(t) for t in triangles])
    vertices = np.concatenate([s.vertices for s in surfaces]).astype(np.float32)
    return vertices, np.concatenate(triangles).astype(np.uint32), owner


def _tables(
    scene: SceneModel,
    vertices: NDArray[np.float32],
    triangles: NDArray[np.uint32],
    owner: NDArray[np.int32],
    texture_px: int,
) -> Tables:
    from idfd.capture.simulated.kernels import Tables
    from idfd.capture.simulated.texture_levels import pack

    surfaces = scene.surfaces
    corners = vertices[triangles]
    across = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    texels, levels, count = pack([s.texture for s in surfaces], texture_px)
    uv = np.concatenate([s.uv for s in surfaces]).astype(np.float32)
    side, other = uv[:, 1] - uv[:, 0], uv[:, 2] - uv[:, 0]
    area = np.abs(side[:, 0] * other[:, 1] - side[:, 1] * other[:, 0])
    size = (levels[:, 0, 1] * levels[:, 0, 2])[owner]
    return Tables(
        uv=uv,
        normals=_corner_normals(surfaces, vertices, triangles, across, owner),
        density=np.sqrt(area * size / np.maximum(np.linalg.norm(across, axis=1), 1e-12)).astype(
            np.float32
        ),
        owner=owner,
        finish=np.array(
            [(s.gloss, s.shininess, s.infrared, s.emission, s.toner) for s in surfaces], np.float32
        ),
        levels=levels,
        depth=count,
        texels=texels,
        lights=np.array(
            [(*light.position, light.radius, *light.intensity) for light in scene.lights],
            np.float32,
        ).reshape(-1, 7),
        ambient=np.array(scene.ambient, np.float32),
    )


def _corner_normals(
    surfaces: tuple[Surface, ...],
    vertices: NDArray[np.float32],
    triangles: NDArray[np.uint32],
    across: NDArray[np.float32],
    owner: NDArray[np.int32],
) -> NDArray[np.float32]:
    """Unit normals at the corners of each triangle: its own, or its vertices' if smooth."""
    flat = across / np.maximum(np.linalg.norm(across, axis=1, keepdims=True), 1e-20)
    normals = np.repeat(flat[:, None], 3, axis=1)
    smooth = np.array([s.smooth for s in surfaces], bool)[owner]
    # Weighted by area, as the cross products are.
    total = np.zeros_like(vertices)
    for corner in range(3):
        np.add.at(total, triangles[smooth, corner], across[smooth])
    total /= np.maximum(np.linalg.norm(total, axis=1, keepdims=True), 1e-20)
    normals[smooth] = total[triangles[smooth]]
    return normals.astype(np.float32)


def _require() -> None:
    from importlib.util import find_spec

    missing = [name for name in ("open3d", "numba") if find_spec(name) is None]
    if missing:
        raise MissingDependencyError(
            f"rendering needs {' and '.join(missing)}",
            remedy="Install them with 'pip install idfd[simulate]'",
        )
