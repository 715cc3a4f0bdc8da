from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from register_scenes import BENT, Scene, bent_rig, lens_camera

from idfd.calibration.projection import project
from idfd.model.rig import RigCalibration
from idfd.model.triple import Crop, DepthSource
from idfd.processing.depth.freespace import least_depth
from idfd.processing.depth.inpaint import InpaintConfig, Method, inpaint
from idfd.processing.depth.maps import DepthMap
from idfd.processing.depth.rays import optics, projected
from idfd.processing.depth.register import register


@dataclass(frozen=True)
class Shot:
    """A scene as both cameras see it; the depth camera lost what lies beside depth jumps."""

    rig: RigCalibration
    crop: Crop
    depth: DepthMap
    registered: DepthMap
    truth: NDArray[np.float64]
    hidden: NDArray[np.bool_]

    @property
    def holes(self) -> NDArray[np.bool_]:
        return self.registered.depth == 0

    def bound(self) -> NDArray[np.float32]:
        return least_depth(self.depth, self.rig, self.crop, self.holes)


def shoot(rim: int = 1, fx: float = 330.0, width: int = 600) -> Shot:
    scene = Scene()
    rig = bent_rig(lens_camera(width, width * 2 // 3, fx, BENT), shift=(-120.0, 8.0, -12.0))
    measured = scene.depth_view(rig)
    if rim:
        kernel = np.ones((2 * rim + 1, 2 * rim + 1))
        near, far = cv2.erode(measured, kernel), cv2.dilate(measured, kernel)
        measured[far > 1.1 * near] = 0
    depth = DepthMap.of_image(np.rint(measured).astype(np.uint16), DepthSource.FUSED)
    crop = Crop(x=width // 10, y=width // 15, width=width * 4 // 5, height=width // 2)
    truth, points = scene.photo_view(rig)
    hidden = scene.hidden(rig, points)
    return Shot(
        rig, crop, depth, register(depth, rig, crop), truth[crop.window], hidden[crop.window]
    )


def rms(errors: NDArray[np.float64]) -> float:
    return float(np.sqrt(np.mean(np.square(errors))))


@pytest.mark.parametrize("rim", [0, 1, 2])
def test_what_is_hidden_from_the_depth_camera_has_a_bound_and_it_holds(rim: int) -> None:
    shot = shoot(rim)
    bound = shot.bound()
    assert bound.dtype == np.float32
    assert (bound[~shot.holes] == 0).all()
    bounded, hidden = bound > 0, shot.holes & shot.hidden
    assert hidden.sum() > 2000
    # Where the shadow is narrower than what was lost beside it, nothing is certain.
    assert np.mean(bounded[hidden]) > (0.55, 0.6, 0.4)[rim]
    assert (bound[bounded] <= 1.001 * shot.truth[bounded]).all()
    # Not merely a formality: half of the bounds reach past half of the way to what is there.
    assert np.median(bound[bounded] / shot.truth[bounded]) > 0.55


def test_the_bound_lies_behind_the_near_thing() -> None:
    shot = shoot()
    bound = shot.bound()
    box = (shot.truth > 1100) & (shot.truth < 1420) & ~shot.hidden
    # The box's own pixels have lost their depth along its edges: none of them is refuted.
    assert np.count_nonzero(shot.holes & box) > 200
    assert (bound[box] == 0).all()


def test_on_a_fine_photo_groups_of_pixels_share_a_bound() -> None:
    coarse, fine = shoot(), shoot(fx=1320.0, width=2400)
    near, far = coarse.bound(), fine.bound()
    both = coarse.holes & fine.holes[2::4, 2::4]
    assert np.mean((near > 0)[both] == (far[2::4, 2::4] > 0)[both]) > 0.97
    assert np.mean(far[far > 0] <= 1.001 * fine.truth[far > 0]) > 0.998
    assert (far[~fine.holes] == 0).all()


@pytest.mark.parametrize("method", ["colourisation", "direct"])
def test_hidden_pixels_get_the_far_depth(method: Method) -> None:
    shot = shoot()
    grey = np.full((*shot.truth.shape, 3), 128, np.uint8)  # the photo tells nothing
    config = InpaintConfig(method=method, largest_radius_share=0.1)
    bound = shot.bound()
    without = inpaint(shot.registered, grey, config)
    found = inpaint(shot.registered, grey, config, bound)
    assert np.array_equal(found.depth > 0, without.depth > 0)
    known = shot.registered.depth > 0
    assert found.depth[known].tobytes() == shot.registered.depth[known].tobytes()
    filled = ~known & (found.depth > 0) & shot.hidden
    error = rms((found.depth - shot.truth)[filled])
    assert error < 0.55 * rms((without.depth - shot.truth)[filled])
    assert (found.depth[filled] >= np.rint(bound[filled]) - 0.5).all()


def test_on_coarser_sizes_hidden_pixels_get_the_far_depth_too() -> None:
    shot = shoot()
    grey = np.full((*shot.truth.shape, 3), 128, np.uint8)
    errors = []
    for side in (1280, 300, 150):
        config = InpaintConfig(largest_radius_share=0.1, finest_side=side)
        found = inpaint(shot.registered, grey, config, shot.bound())
        filled = shot.holes & (found.depth > 0) & shot.hidden
        errors.append(rms((found.depth - shot.truth)[filled]))
    without = inpaint(shot.registered, grey, InpaintConfig(largest_radius_share=0.1))
    assert max(errors) < 0.7 * rms((without.depth - shot.truth)[filled])


def test_a_bound_without_far_depth_holds_all_the_same() -> None:
    depth = np.full((40, 80), 1000)
    depth[15:25, 30:36] = 0
    bound = np.where(depth == 0, np.float32(1700.4), np.float32(0)).astype(np.float32)
    before = DepthMap.of_image(depth.astype(np.uint16), DepthSource.FUSED)
    methods: tuple[Method, ...] = ("colourisation", "direct", "telea")
    for method in methods:
        config = InpaintConfig(method=method, largest_radius_share=1.0)
        found = inpaint(before, np.zeros((40, 80, 3), np.uint8), config, bound)
        assert (found.depth[depth == 0] == 1700).all()


def test_without_holes_or_without_depth_there_is_no_bound() -> None:
    shot = shoot()
    nothing = np.zeros_like(shot.holes)
    assert not least_depth(shot.depth, shot.rig, shot.crop, nothing).any()
    empty = DepthMap.of_image(np.zeros(shot.depth.depth.shape, np.uint16), DepthSource.FUSED)
    assert not least_depth(empty, shot.rig, shot.crop, ~nothing).any()


def test_the_compiled_projection_is_that_of_the_camera_model() -> None:
    camera = bent_rig().depth
    points = np.random.default_rng(0).normal(0, 900, (4000, 3))
    expected = project(camera, points)
    numbers = optics(camera)
    found = np.array([projected(numbers, *point) for point in points])
    assert np.array_equal(np.isnan(found), np.isnan(expected))
    assert np.nanmax(np.abs(found - expected)) < 1e-7
    assert np.isfinite(found).all(axis=1).mean() > 0.1
