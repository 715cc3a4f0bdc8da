"""The round trip over whole images: real factory calibrations, and random realistic lenses."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lens_strategies import lens_cameras

from idfd.calibration.kinect_factory import (
    COLOUR_RESOLUTIONS,
    DEPTH_MODES,
    FactoryCalibration,
    parse_factory_calibration,
)
from idfd.calibration.projection import project, ray_table, unproject
from idfd.model.camera import Intrinsics

# 14 mm on 24 megapixels of full frame, with barrel distortion of 3.6 % at the corners that
# turns over on the way, as such lenses have it.
WIDE = Intrinsics(
    width=6016, height=4016, fx=2346.0, fy=2346.0, cx=3010.2, cy=2004.4, model="brown_conrady",
    distortion=(-0.055, 0.031, 2e-4, -1e-4, -6e-3),
)  # fmt: skip


def some_pixels(camera: Intrinsics, count: int = 97) -> np.ndarray:
    """Pixels on a grid over the image, up to the outer edges of its border."""
    columns = np.linspace(-0.5, camera.width - 0.5, count)
    rows = np.linspace(-0.5, camera.height - 0.5, count)
    return np.stack(np.meshgrid(columns, rows), -1)


@settings(deadline=None, max_examples=60)
@given(lens_cameras())
def test_every_pixel_of_a_realistic_lens_comes_back(camera: Intrinsics) -> None:
    pixels = some_pixels(camera)
    assert np.abs(project(camera, unproject(camera, pixels)) - pixels).max() < 1e-6


@settings(deadline=None, max_examples=60)
@given(lens_cameras(), st.floats(200, 8000))
def test_every_point_comes_back(camera: Intrinsics, depth: float) -> None:
    points = depth * unproject(camera, some_pixels(camera, 41))
    again = depth * unproject(camera, project(camera, points))
    assert np.abs(again - points).max() < 1e-8 * depth


@settings(deadline=None, max_examples=40)
@given(lens_cameras())
def test_a_pixel_has_the_same_ray_alone_and_among_others(camera: Intrinsics) -> None:
    pixels = some_pixels(camera, 7).reshape(-1, 2)
    assert np.array_equal(unproject(camera, pixels), [unproject(camera, p) for p in pixels])


def test_a_wide_lens_over_the_whole_image() -> None:
    pixels = some_pixels(WIDE, 401)
    assert np.abs(project(WIDE, unproject(WIDE, pixels)) - pixels).max() < 1e-6


@settings(deadline=None, max_examples=25)
@given(lens_cameras(), st.integers(1, 500), st.integers(1, 400))
def test_a_table_holds_the_ray_of_every_pixel(large: Intrinsics, width: int, height: int) -> None:
    factor = width / large.width
    camera = msgspec.structs.replace(
        large, width=width, height=height, fx=large.fx * factor, fy=large.fy * factor,
        cx=large.cx * factor, cy=height / 2,
    )  # fmt: skip
    rows, columns = np.mgrid[:height, :width]
    pixels = np.stack([columns, rows], -1)
    table = ray_table(camera)
    points = np.concatenate([table, np.ones((height, width, 1))], -1)
    expected = unproject(camera, pixels)[..., :2]
    assert np.array_equal(np.isnan(table), np.isnan(expected))
    again = np.abs(project(camera, points) - pixels)
    assert np.nanmax(again, initial=0) < 1e-7


def test_a_table_of_a_lens_that_folds_in_the_image() -> None:
    camera = Intrinsics(
        width=300, height=200, fx=120, fy=120, cx=150, cy=100, model="brown_conrady",
        distortion=(-0.3, 0, 1e-3, 0),
    )  # fmt: skip
    rows, columns = np.mgrid[:200, :300]
    expected = unproject(camera, np.stack([columns, rows], -1))[..., :2]
    assert 0.1 < np.isnan(expected[..., 0]).mean() < 0.9
    assert np.allclose(ray_table(camera), expected, rtol=0, atol=1e-9, equal_nan=True)


@pytest.fixture(params=["pyk4a/recording_calibration.json", "ms-sdk/ut_calibration.json"])
def calibration(request: pytest.FixtureRequest, real_data: Path) -> bytes:
    return (real_data / "kinect" / request.param).read_bytes()


def factory(data: bytes, mode: str, colour: str) -> FactoryCalibration:
    return parse_factory_calibration(data, mode, colour)


@pytest.mark.real
@pytest.mark.parametrize("colour", list(COLOUR_RESOLUTIONS))
def test_every_colour_resolution_of_a_real_kinect(calibration: bytes, colour: str) -> None:
    camera = factory(calibration, "NFOV_UNBINNED", colour).colour
    assert camera is not None
    pixels = some_pixels(camera, 301)
    assert np.abs(project(camera, unproject(camera, pixels)) - pixels).max() < 1e-6


@pytest.mark.real
@pytest.mark.parametrize("mode", list(DEPTH_MODES))
def test_every_depth_mode_of_a_real_kinect(calibration: bytes, mode: str) -> None:
    found = factory(calibration, mode, "720p")
    rays = ray_table(found.depth)
    inside = np.hypot(rays[..., 0], rays[..., 1]) <= found.depth_radius
    if mode.startswith("NFOV"):
        assert inside.all()
    rows, columns = np.nonzero(inside)
    again = project(found.depth, np.c_[rays[inside], np.ones(len(rows))])
    assert np.abs(again - np.c_[columns, rows]).max() < 1e-6
    # The corners of the wide mode are dark: the factory's radius ends before them.
    assert inside.mean() > 0.7
