"""The depth camera's own light: what comes straight back, and what comes back by a detour."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from idfd.capture.simulated.scene.model import Pose
from idfd.capture.simulated.tracer import Hits, Pupil, TracedScene
from idfd.model.camera import Intrinsics

FAST_M = 0.75
"""Half a wavelength of a fast modulation (200 MHz): it tells mixtures and detours apart."""

_GRID = 8
_BOUNCES = 32
_SMOOTH = 1.2
_WORST_M = 0.06
_CONE = 0.78
"""Cosine of half the angle that the light fills."""
_BOUNCE_SPREAD = 0.3
"""A bounce stands for its share of the hemisphere: about 0.4 by 0.4 radians."""

Float = NDArray[np.float32]


def returned(
    scene: TracedScene, rays: Float, hits: Hits, distance_m: Float, spread: float
) -> Float:
    """Light that hits send straight back to the lamp beside the camera, (N,) float32.

    1 comes from a white wall at 1 m, seen straight on.

    Args:
        scene: The scene.
        rays: (N, 6) from the camera.
        hits: Where they end.
        distance_m: Length of the way from the camera to each hit.
        spread: Width of the bundle that each ray stands for, over its length.
    """
    from idfd.capture.simulated import kernels

    light = np.empty(len(rays), np.float32)
    kernels.returned(scene.tables, rays, distance_m, hits.triangle, hits.barycentric, spread, light)
    return light


def detour(scene: TracedScene, camera: Intrinsics, pose: Pose) -> Float:
    """How much farther things look because of light that came by one other surface.

    Rays into the hemisphere above each point of a coarse grid find the surfaces that light it;
    their phasors are added to that of the direct light, and the result is smoothed.

    Returns:
        (H, W) float32 metres, at least 0.
    """
    from idfd.capture.simulated import kernels

    size = (camera.width, camera.height)
    rays = scene.rays(camera, pose, 1, Pupil(), (0, 0, *size)).reshape(*size[::-1], 6)
    rays = rays[_GRID // 2 :: _GRID, _GRID // 2 :: _GRID]
    shape = rays.shape[:2]
    rays = np.ascontiguousarray(rays.reshape(-1, 6))
    hits = scene.cast(rays)
    normal, cosine = np.empty((len(rays), 3), np.float32), np.empty(len(rays), np.float32)
    kernels.facing(scene.tables, rays, hits.triangle, hits.barycentric, normal, cosine)
    seen = np.isfinite(hits.distance) & (cosine > 0.02)
    ahead_m = np.where(seen, hits.distance, np.float32(1))
    point = np.asarray(rays[:, :3] + ahead_m[:, None] * rays[:, 3:], np.float32)
    eye = rays[0, :3]
    direct_m = np.linalg.norm(point - eye, axis=1)

    bounce = _hemisphere(point, normal)
    there = scene.cast(bounce)
    hop_m = np.where(np.isfinite(there.distance), there.distance, 0)
    view = np.empty_like(bounce)
    view[:, :3] = eye
    view[:, 3:] = bounce[:, :3] + hop_m[:, None] * bounce[:, 3:] - eye
    view_m = np.linalg.norm(view[:, 3:], axis=1)
    # Only what the camera's own light reaches can pass it on.
    ahead = view[:, 3:] @ pose.rotation[2].astype(np.float32) > _CONE * view_m
    view[:, 3:] *= 0.995
    lit = (hop_m > 0) & ahead & ~scene.hidden(view)
    second = np.where(lit, returned(scene, view, there, view_m, _BOUNCE_SPREAD), 0).reshape(
        -1, _BOUNCES
    )
    share = second / np.maximum(cosine / np.maximum(direct_m, 0.1) ** 2, 1e-3)[:, None]
    extra_m = ((view_m + hop_m).reshape(-1, _BOUNCES) - direct_m[:, None]) / 2
    phasor = 1 + (share * np.exp(np.complex64(2j * np.pi / FAST_M) * extra_m)).mean(axis=1)
    bias = np.clip(np.angle(phasor) * (FAST_M / (2 * np.pi)), 0, _WORST_M)
    return _smooth(np.where(seen, bias, 0).reshape(shape), seen.reshape(shape), size)


def _hemisphere(point: Float, normal: Float) -> Float:
    """Rays from each point in proportion to their cosine, (N · bounces, 6)."""
    ball = np.random.default_rng(1).standard_normal((len(point), _BOUNCES, 3), np.float32)
    ball /= np.linalg.norm(ball, axis=2, keepdims=True)
    rays = np.empty((len(point), _BOUNCES, 6), np.float32)
    rays[..., :3] = (point + np.float32(1e-3) * normal)[:, None]
    rays[..., 3:] = normal[:, None] + ball
    rays[..., 3:] /= np.linalg.norm(rays[..., 3:], axis=2, keepdims=True) + np.float32(1e-6)
    return rays.reshape(-1, 6)


def _smooth(bias: Float, seen: NDArray[np.bool_], size: tuple[int, int]) -> Float:
    """Weighted blur that ignores what was not seen, enlarged to the whole image."""
    import cv2

    weight = seen.astype(np.float32)
    soft = cv2.GaussianBlur(bias.astype(np.float32) * weight, (0, 0), _SMOOTH)
    soft = soft / np.maximum(cv2.GaussianBlur(weight, (0, 0), _SMOOTH), 1e-3)
    return np.asarray(cv2.resize(soft, size), np.float32)
