from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from idfd.processing.photos.align import align_pair
from idfd.processing.photos.transform import map_points, sampling_maps, warp
from idfd.storage.color import linear_from_uint8
from published_set.render import Layer, Lens, composite, disk, render_view
from published_set.textures import TEXTURES

SMALL = (192, 128)


@given(st.floats(0, 30))
def test_disk_is_a_normalised_disk(diameter: float) -> None:
    kernel = disk(diameter)
    assert kernel.shape[0] == kernel.shape[1]
    assert kernel.shape[0] % 2 == 1
    assert kernel.sum() == pytest.approx(1, abs=1e-5)
    np.testing.assert_allclose(kernel, kernel[::-1])
    np.testing.assert_allclose(kernel, kernel.T)
    if diameter > 3:
        # Along one axis a uniform disk has variance r²/4 and the pixel 1/12; what is left is
        # the ripple of a disk edge against the pixel grid.
        x = np.arange(len(kernel)) - len(kernel) // 2
        variance = float((kernel.sum(0) * x**2).sum())
        assert variance == pytest.approx(diameter**2 / 16 + 1 / 12, abs=0.12)


def flat(colour: float, alpha: np.ndarray, depth_m: float) -> Layer:
    shape = alpha.shape
    return Layer(
        np.full((*shape, 3), colour, np.float32),
        alpha.astype(np.float32),
        depth_m,
        np.full(shape, int(depth_m * 1000), np.uint16),
    )


def test_a_blurred_edge_hides_and_reveals_as_coverage_says() -> None:
    alpha = np.zeros((64, 96))
    alpha[:, 48:] = 1
    lens = Lens(focus_distance_m=3.0)
    layers = [flat(0.2, np.ones((64, 96)), 3.0), flat(0.8, alpha, 0.6)]
    sharp_background = composite(layers, lens, 1.0)
    circle = lens.circle_px(0.6, 1.0, 96)
    assert circle > 4
    row = sharp_background[32, :, 0]
    half = int(np.ceil(circle / 2)) + 1
    np.testing.assert_allclose(row[: 48 - half], 0.2, atol=1e-5)
    np.testing.assert_allclose(row[48 + half :], 0.8, atol=1e-5)
    assert row[47] + row[48] == pytest.approx(1.0, abs=1e-4)
    assert (np.diff(row) >= -1e-6).all()


def test_in_focus_layers_are_untouched() -> None:
    rng = np.random.default_rng(0)
    layer = flat(0.5, np.ones((64, 64)), 1.2)
    layer.colour[:] = rng.uniform(0, 1, layer.colour.shape)
    np.testing.assert_array_equal(composite([layer], Lens(), 2.8), layer.colour)


def test_rendering_is_seeded() -> None:
    first, again, other = (render_view(seed, 1, 2, SMALL) for seed in (4, 4, 5))
    np.testing.assert_array_equal(first.all_in_focus, again.all_in_focus)
    np.testing.assert_array_equal(first.defocused, again.defocused)
    np.testing.assert_array_equal(first.depth, again.depth)
    assert (first.all_in_focus != other.all_in_focus).any()


def test_the_open_aperture_blurs_what_is_out_of_focus() -> None:
    view = render_view(3)
    grey = [linear_from_uint8(photo).mean(-1) for photo in (view.all_in_focus, view.defocused)]
    detail = [np.abs(cv2.Laplacian(np.asarray(image, np.float64), cv2.CV_64F)) for image in grey]
    wall = view.depth > 3000
    assert wall.mean() > 0.2
    assert detail[1][wall].mean() < 0.6 * detail[0][wall].mean()


def test_depth_has_no_holes_but_its_sensor_copy_has() -> None:
    view = render_view(1)
    assert view.depth.dtype == np.uint16
    assert view.depth.min() > 700
    assert view.depth.max() < 5000
    holes = view.depth_with_holes == 0
    assert 0.005 < holes.mean() < 0.2
    np.testing.assert_array_equal(view.depth_with_holes[~holes], view.depth[~holes])


def test_truth_brings_the_photos_together() -> None:
    view = render_view(7)
    height, width = view.depth.shape
    inside = (slice(20, -20), slice(20, -20))
    sharp = cv2.GaussianBlur(linear_from_uint8(view.all_in_focus), (0, 0), 3)
    moved = linear_from_uint8(warp(view.defocused, sampling_maps(view.transform, width, height)))
    y, x = np.mgrid[:height, :width]
    radius = np.hypot(x - (width - 1) / 2, y - (height - 1) / 2) / (np.hypot(width, height) / 2)
    light = np.array(view.gain) * (1 - view.vignetting * radius[..., None] ** 2)
    residual = (cv2.GaussianBlur(moved, (0, 0), 3) / light - sharp)[inside]
    raw = (cv2.GaussianBlur(linear_from_uint8(view.defocused), (0, 0), 3) - sharp)[inside]
    assert np.abs(residual).mean() < 0.25 * np.abs(raw).mean()


def test_alignment_recovers_the_truth() -> None:
    view = render_view(5)
    found = align_pair(view.all_in_focus, view.defocused).transform
    grid = np.stack(np.meshgrid(np.arange(20, 460, 20), np.arange(20, 300, 20)), -1)
    moved = map_points(view.transform, grid)
    assert np.hypot(*np.moveaxis(moved - grid, -1, 0)).mean() > 0.5
    assert np.hypot(*np.moveaxis(map_points(found, grid) - moved, -1, 0)).max() < 0.15


@pytest.mark.parametrize("texture", TEXTURES)
def test_textures_have_structure_in_range(texture: object) -> None:
    assert callable(texture)
    image = texture(np.random.default_rng(2), 96, 64)
    assert image.shape == (64, 96, 3)
    assert image.dtype == np.float32
    assert image.min() >= 0
    assert image.max() <= 1
    assert image.std() > 0.02
