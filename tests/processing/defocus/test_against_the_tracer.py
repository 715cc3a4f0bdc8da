"""Layered defocus against a photo that is ray-traced through the same thin lens."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from idfd.capture.simulated.scene.model import Light, Pose, SceneModel, Surface
from idfd.model.camera import Intrinsics
from idfd.processing.defocus.config import DefocusConfig, customised
from idfd.processing.defocus.simulate import defocus_image

WIDTH, HEIGHT, FOCAL_MM, F_NUMBER, FOCUS_M = 96, 64, 35.0, 1.6, 2.5
PITCH_UM = 36e3 / 120
AHEAD = Pose.look_at((0.0, 0.0, 0.0), (0.0, 1.0, 0.0))


def patch(depth: float, left: float, right: float, texture: NDArray[np.float32]) -> Surface:
    """A patch that faces the camera, 2 m high."""
    corners = [(left, depth, 1), (right, depth, 1), (right, depth, -1), (left, depth, -1)]
    return Surface(
        name="patch",
        vertices=np.array(corners, np.float32),
        triangles=np.array([[0, 1, 2], [0, 2, 3]], np.uint32),
        uv=np.array([[[0, 0], [1, 0], [1, 1]], [[0, 0], [1, 1], [0, 1]]], np.float32),
        texture=texture,
    )


def psnr(found: NDArray[np.float32], truth: NDArray[np.float32]) -> float:
    return float(10 * np.log10(truth.max() ** 2 / np.mean((found - truth) ** 2)))


def test_layered_defocus_is_what_a_thin_lens_does() -> None:
    pytest.importorskip("open3d")
    from idfd.capture.simulated.tracer import Pupil, TracedScene

    generator = np.random.default_rng(1)
    wall = np.kron(generator.uniform(0.1, 0.9, (12, 16, 3)), np.ones((4, 4, 1))).astype(np.float32)
    card = np.full((2, 2, 3), (0.8, 0.2, 0.1), np.float32)
    scene = SceneModel(
        "card", "board", (patch(2.5, -2, 2, wall), patch(0.8, -0.5, 0.0, card)),
        (Light((0.5, -0.5, 0.5), 0.05, (3, 3, 3)),), (0.6, 0.6, 0.6), AHEAD,
    )  # fmt: skip
    # The sensor stands at f F / (F - f) behind the lens.
    focal = FOCAL_MM * FOCUS_M / (FOCUS_M - FOCAL_MM / 1e3) / (PITCH_UM / 1e3)
    camera = Intrinsics(
        width=WIDTH, height=HEIGHT, fx=focal, fy=focal, cx=WIDTH / 2 - 0.5, cy=HEIGHT / 2 - 0.5
    )
    traced = TracedScene(scene, 256)
    depth = traced.depth(camera, scene.pose)
    sharp = traced.radiance(camera, scene.pose, 16)
    pupil = Pupil(FOCAL_MM / F_NUMBER / 1e3, FOCUS_M)
    truth = traced.radiance(camera, scene.pose, 100, 1, pupil)

    def config(**changes: object) -> DefocusConfig:
        own = {
            "focal_length_mm": FOCAL_MM, "f_number": F_NUMBER, "focus_distance_m": FOCUS_M,
            "pixel_pitch_um": PITCH_UM, "rho": 0.25,
        }  # fmt: skip
        return customised("idfd", own | changes)

    found = {
        "layered": defocus_image(sharp, depth, config(), PITCH_UM),
        "published": defocus_image(sharp, depth, config(hidden="dilated"), PITCH_UM),
        "stack": defocus_image(
            sharp, depth, config(engine="gaussian-stack", psf="gaussian"), PITCH_UM
        ),
        "nothing": sharp,
    }
    score = {name: psnr(image, truth) for name, image in found.items()}
    assert score["layered"] > 43, score
    assert score["layered"] > score["published"], score
    assert score["layered"] > score["stack"] + 4, score
    assert score["layered"] > score["nothing"] + 6, score
