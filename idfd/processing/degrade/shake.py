"""Camera shake: the photo as a camera sees it that turns a little while the shutter is open."""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from idfd.model.camera import Intrinsics
from idfd.processing.degrade.settings import CameraShake

Array = NDArray[np.float64]
_STEP_PX = 0.5
"""Longest way of a pixel between two moments."""
_LEAST, _MOST = 16, 512


def rotation_path(settings: CameraShake, moments: int, generator: np.random.Generator) -> Array:
    """Angles of the camera about its x, y and z axes at the middles of equal parts of the exposure.

    The velocity is drawn exactly at each moment, ``ω_{k+1} = ρ·ω_k + ω·√(1 − ρ²)·N(0, 1)`` with
    ``ρ = exp(−Δt/τ)``, and integrated by the trapezoidal rule. The mean angle is taken off, so that
    the photo is blurred but not moved against sharp photo and depth.

    Args:
        settings: Strength and duration.
        moments: Number of parts.
        generator: Source of the draws.

    Returns:
        Radians, (moments, 3).
    """
    step_s = settings.exposure_s / moments
    kept = math.exp(-step_s / settings.correlation_s)
    draws = generator.standard_normal((moments, 3))
    velocity = np.empty_like(draws)
    velocity[0] = draws[0]
    for k in range(1, moments):
        velocity[k] = kept * velocity[k - 1] + math.sqrt(1 - kept**2) * draws[k]
    velocity *= math.radians(settings.shake_deg_s)
    angle = np.zeros_like(velocity)
    angle[1:] = np.cumsum((velocity[1:] + velocity[:-1]) * (step_s / 2), axis=0)
    centred: Array = angle - angle.mean(axis=0)
    return centred


def pixel_path(angles: Array, camera: Intrinsics, pixels: Array) -> Array:
    """Where the camera sees, at each moment, what it sees at ``pixels`` when it stands still.

    Args:
        angles: Of :func:`rotation_path`, (M, 3).
        camera: Its pinhole part is used.
        pixels: (N, 2).

    Returns:
        (M, N, 2) pixels.
    """
    homogeneous = np.concatenate([pixels, np.ones((len(pixels), 1))], axis=1)
    moved = np.einsum("mij,nj->mni", homographies(angles, camera), homogeneous)
    path: Array = moved[..., :2] / moved[..., 2:]
    return path


def homographies(angles: Array, camera: Intrinsics) -> Array:
    """``K·R·K⁻¹`` of each moment, (M, 3, 3): a turn of the camera maps pixels onto pixels."""
    inside = np.array([[camera.fx, 0, camera.cx], [0, camera.fy, camera.cy], [0, 0, 1.0]])
    turns = np.stack([cv2.Rodrigues(angle)[0] for angle in angles])
    mapping: Array = inside @ turns @ np.linalg.inv(inside)
    return mapping


def shake(
    light: NDArray[np.float32],
    camera: Intrinsics,
    settings: CameraShake,
    generator: np.random.Generator,
) -> NDArray[np.float32]:
    """Average of the photo over the camera's path.

    Args:
        light: Linear light, (H, W, 3) float32.
        camera: Of the photo's pixels; lens distortion is left out, over so short a path it hardly
            differs.
        settings: Strength and duration.
        generator: Source of the draws.

    Returns:
        Linear light, (H, W, 3) float32. What comes in over the borders is mirrored.
    """
    if settings.shake_deg_s == 0:
        return light
    height, width = light.shape[:2]
    # A fine path first: its speed, not its extent, says how many moments blur without gaps.
    angles = rotation_path(settings, _MOST, generator)
    corners = np.array([(0, 0), (width - 1, 0), (0, height - 1), (width - 1, height - 1)], float)
    steps = np.diff(pixel_path(angles, camera, corners), axis=0)
    length = float(np.hypot(steps[..., 0], steps[..., 1]).sum(0).max())
    moments = int(np.clip(math.ceil(length / _STEP_PX), _LEAST, _MOST))
    chosen = angles[((np.arange(moments) + 0.5) * _MOST / moments).astype(int)]
    total = np.zeros_like(light)
    for mapping in homographies(chosen, camera):
        total += cv2.warpPerspective(
            light,
            mapping,
            (width, height),
            flags=cv2.INTER_CUBIC,
            borderMode=cv2.BORDER_REFLECT_101,
        )
    return total / np.float32(moments)
