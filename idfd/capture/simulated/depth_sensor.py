"""A model of the Azure Kinect's depth camera in narrow field of view, unbinned.

A pixel adds up the phasors of the light that returns from its whole footprint: at the edge of a
thing it lies between front and back (flying pixels), or is given up where the phasors cancel.
Light that reached a surface by way of another arrives later and makes corners look deeper
(multipath). Noise grows as the returned light fades; too little light, too much light and too
short or too long a range give no depth.

Sources: Tölgyessy et al., "Evaluation of the Azure Kinect and its comparison to Kinect V1 and
Kinect V2", Sensors 2021 (noise against range); Bamji et al., "1 Mpixel 65 nm BSI 320 MHz
demodulated TOF image sensor", ISSCC 2018 (the sensor); Microsoft's specification (ranges, 17 mm).
"""

from __future__ import annotations

import math
import os
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from idfd.calibration.projection import ray_table
from idfd.capture.simulated.infrared import FAST_M, detour, returned
from idfd.capture.simulated.scene.model import Pose
from idfd.capture.simulated.tracer import Pupil, TracedScene, Window, each_tile
from idfd.model.camera import Intrinsics

RANGE_M = (0.5, 3.86)
"""Operating range, along the optical axis."""
NOISE_MM = 0.9
"""Standard deviation at reference brightness: reflectance 0.5 at 1 m, seen straight on."""
WORST_NOISE_MM = 17.0
"""Where it would be more, the device gives no depth."""

_REFERENCE = 0.5
_READ_SHARE = 0.08
_INFRARED_COUNTS = 700
"""At reference brightness. In a recording of a real device white surfaces send 1000 to 1300 counts
times the squared range in metres."""
_SHOT, _DARK = 0.8, 8.0
"""Variance of a frame's infrared per count, and its deviation without light, as in there."""
_SATURATED = 20 * _REFERENCE
_COHERENCE = 0.8
_SLOW_M = 7.5
"""Half a wavelength of the slow modulation (20 MHz): no ambiguity within the range."""
_HEXAGON_PX = 347


@lru_cache(maxsize=4)
def field(camera: Intrinsics) -> NDArray[np.bool_]:
    """Pixels that the infrared light reaches: a hexagon, cut off by the image, (H, W) bool."""
    rows, columns = np.mgrid[: camera.height, : camera.width]
    across = np.abs(columns - camera.cx)
    down = np.abs(rows - camera.height / 2 - 8)
    inside: NDArray[np.bool_] = across * math.sin(math.pi / 3) + down * 0.5 <= (
        _HEXAGON_PX * math.sin(math.pi / 3)
    )
    inside.flags.writeable = False
    return inside


class DepthView:
    """One scene from one pose, ready to give frames.

    Args:
        scene: The scene.
        camera: The depth camera.
        pose: Its pose.
        samples: Rays per pixel.
        seed: Seed of the noise.
    """

    def __init__(
        self,
        scene: TracedScene,
        camera: Intrinsics,
        pose: Pose,
        samples: int,
        seed: tuple[int, ...],
    ) -> None:
        self._scene = scene
        self._camera = camera
        self._pose = pose
        self._seed = seed
        self._range, self._light, coherence = self._mixed(samples)
        self._range += detour(scene, camera, pose)
        slant = np.sqrt(1 + (ray_table(camera) ** 2).sum(axis=-1)).astype(np.float32)
        self._depth_mm = 1000 * self._range / slant
        ratio = _REFERENCE / np.maximum(self._light, 1e-6)
        self._sigma_mm = NOISE_MM * np.sqrt(ratio + _READ_SHARE * ratio * ratio)
        self._sure = (
            field(camera)
            & (coherence > _COHERENCE)
            & (self._light < _SATURATED)
            & (self._depth_mm >= 1000 * RANGE_M[0])
            & (self._depth_mm <= 1000 * RANGE_M[1])
        )

    def geometry(self) -> NDArray[np.float32]:
        """True depth at the pixels' centres, (H, W) float32 mm; 0 outside of the field or scene."""
        depth = 1000 * self._scene.depth(self._camera, self._pose)
        return np.where(field(self._camera) & np.isfinite(depth), depth, 0).astype(np.float32)

    def expected(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Mean and standard deviation of the depth, (H, W) float32 mm; 0 where there is none."""
        valid = self._sure & (self._sigma_mm < WORST_NOISE_MM)
        zero = np.float32(0)
        return np.where(valid, self._depth_mm, zero), np.where(valid, self._sigma_mm, zero)

    def frames(self, count: int, first: int) -> tuple[NDArray[np.uint16], NDArray[np.uint16]]:
        """Frames ``first`` to ``first + count`` since the view began.

        Returns:
            Depth (count, H, W) uint16 mm, 0 = none, and infrared of the same shape.
        """
        lit = field(self._camera)
        shape = (count, *lit.shape)
        depth, infrared = np.empty(shape, np.uint16), np.empty(shape, np.uint16)

        def frame(index: int) -> None:
            random = np.random.default_rng([*self._seed, first + index])
            noise = random.standard_normal((2, *shape[1:]), np.float32)
            # Whether a dim pixel gets a depth differs from frame to frame.
            valid = self._sure & (self._sigma_mm * (1 + 0.08 * noise[1]) < WORST_NOISE_MM)
            measured = self._depth_mm + self._sigma_mm * noise[0]
            depth[index] = np.where(valid, np.clip(measured, 0, 65535) + 0.5, 0)
            bright = self._light * np.float32(_INFRARED_COUNTS / _REFERENCE)
            bright += noise[1] * np.sqrt(bright * np.float32(_SHOT) + np.float32(_DARK**2))
            infrared[index] = np.where(lit, np.clip(bright, 0, 65535) + 0.5, 0)

        with ThreadPoolExecutor(os.cpu_count()) as pool:
            list(pool.map(frame, range(count)))
        return depth, infrared

    def _mixed(
        self, samples: int
    ) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
        """Range in metres, returned light and coherence of each pixel's mixture, (H, W) each."""
        from idfd.capture.simulated import kernels

        scene, camera = self._scene, self._camera
        out = np.empty((camera.height, camera.width, 3), np.float32)
        spread = 1 / (camera.fx * math.sqrt(samples))

        def measure(tile: Window) -> None:
            _, top, columns, rows = tile
            rays = scene.rays(camera, self._pose, samples, Pupil(), tile)
            hits = scene.cast(rays)
            distance = hits.distance * np.linalg.norm(rays[:, 3:], axis=1)
            light = returned(scene, rays, hits, distance, spread)
            part = np.empty((rows * columns, 3), np.float32)
            kernels.mix(distance, light, samples, _SLOW_M, FAST_M, part)
            out[top : top + rows] = part.reshape(rows, columns, 3)

        each_tile((0, 0, camera.width, camera.height), samples, measure)
        return out[..., 0], out[..., 1], out[..., 2]
