"""The path of a shaken camera has its physical length, and the blur is that path."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scenes_to_degrade import CAMERA, HEIGHT, WIDTH

from idfd.processing.degrade.settings import CameraShake
from idfd.processing.degrade.shake import homographies, pixel_path, rotation_path, shake

CENTRE = np.array([[CAMERA.cx, CAMERA.cy]])


def paths(settings: CameraShake, count: int, moments: int = 64) -> np.ndarray:
    generator = np.random.default_rng(0)
    return np.stack([rotation_path(settings, moments, generator) for _ in range(count)])


def test_short_exposures_draw_lines_of_length_f_omega_t() -> None:
    settings = CameraShake(shake_deg_s=3.0, exposure_s=0.002, correlation_s=10.0)
    generator = np.random.default_rng(1)
    moved = []
    for _ in range(400):
        path = pixel_path(rotation_path(settings, 16, generator), CAMERA, CENTRE)[:, 0]
        moved.append(path[-1] - path[0])
    # From the middle of the first to the middle of the last of 16 parts; ω is the same about x
    # and y, and pitch moves the picture along y as yaw does along x.
    expected = CAMERA.fx * math.radians(3.0) * 0.002 * 15 / 16
    assert np.std(moved, axis=0) == pytest.approx([expected, expected], rel=0.1)


def test_the_angle_wanders_as_an_ornstein_uhlenbeck_velocity_does() -> None:
    # Var[θ(T) − θ(0)] = 2 ω² τ² (T/τ − 1 + exp(−T/τ)) for a stationary velocity.
    settings = CameraShake(shake_deg_s=2.0, exposure_s=0.3, correlation_s=0.05)
    angles = paths(settings, 1500, 256)
    span, tau = 0.3 * 255 / 256, 0.05
    expected = 2 * math.radians(2.0) ** 2 * tau**2 * (span / tau - 1 + math.exp(-span / tau))
    found = (angles[:, -1] - angles[:, 0]).var(axis=0)
    assert found == pytest.approx(np.full(3, expected), rel=0.12)


def test_the_path_scales_with_speed_and_is_centred() -> None:
    one = rotation_path(CameraShake(shake_deg_s=1.0), 64, np.random.default_rng(3))
    five = rotation_path(CameraShake(shake_deg_s=5.0), 64, np.random.default_rng(3))
    np.testing.assert_allclose(five, 5 * one, rtol=1e-12)
    np.testing.assert_allclose(five.mean(axis=0), 0, atol=1e-15)


def test_roll_turns_about_the_principal_point() -> None:
    angles = np.array([(0.0, 0.0, math.radians(2.0))])
    away = np.array([(CAMERA.cx, CAMERA.cy), (CAMERA.cx + 40, CAMERA.cy)])
    path = pixel_path(angles, CAMERA, away)[0]
    np.testing.assert_allclose(path[0], away[0], atol=1e-9)
    turned = (math.cos(math.radians(2.0)) * 40, math.sin(math.radians(2.0)) * 40)
    np.testing.assert_allclose(path[1] - path[0], turned, atol=1e-9)


def test_a_point_of_light_is_smeared_along_the_path_and_none_is_lost() -> None:
    light = np.zeros((HEIGHT, WIDTH, 3), np.float32)
    y0, x0 = 40, 60
    light[y0, x0] = 1
    settings = CameraShake(shake_deg_s=12.0, exposure_s=0.04)
    blurred = shake(light, CAMERA, settings, np.random.default_rng(7))[..., 0].astype(float)
    assert blurred.sum() == pytest.approx(1, abs=2e-3)
    path = pixel_path(
        rotation_path(settings, 512, np.random.default_rng(7)), CAMERA, np.array([[x0, y0]], float)
    )[:, 0]
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    middle = np.array([(blurred * columns).sum(), (blurred * rows).sum()])
    np.testing.assert_allclose(middle, path.mean(axis=0), atol=0.1)
    for k, axis in enumerate((columns, rows)):
        spread = (blurred * (axis - middle[k]) ** 2).sum()
        assert spread == pytest.approx(path[:, k].var(), rel=0.1, abs=0.15)


def test_a_flat_photo_and_a_still_camera_change_nothing() -> None:
    flat = np.full((HEIGHT, WIDTH, 3), 0.3, np.float32)
    moved = shake(flat, CAMERA, CameraShake(shake_deg_s=8.0), np.random.default_rng(0))
    np.testing.assert_allclose(moved, flat, atol=1e-4)
    noise = np.random.default_rng(0).random((HEIGHT, WIDTH, 3), np.float32)
    still = shake(noise, CAMERA, CameraShake(shake_deg_s=0.0), np.random.default_rng(0))
    np.testing.assert_array_equal(still, noise)
    np.testing.assert_allclose(homographies(np.zeros((1, 3)), CAMERA)[0], np.eye(3), atol=1e-12)
