from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from blurred_pairs import Spot, blurred, photo, texture

from idfd.model.defocus import DefocusModel
from idfd.model.triple import Crop
from idfd.processing.blur import expected_blur, measure_blur

LIGHT = texture(320, 480)
FLAT = np.full(LIGHT.shape, 1500, np.uint16)


@pytest.mark.parametrize("spot", ["disk", "gaussian"])
@pytest.mark.parametrize("sigma", [1.0, 2.0, 4.0, 7.0])
def test_finds_the_blur_that_was_made(spot: Spot, sigma: float) -> None:
    found = measure_blur(
        photo(LIGHT, 0.02), photo(blurred(LIGHT, sigma, spot), 0.02, 2), FLAT, sigma
    )
    assert len(found) > 10
    reads, tolerance = (1.1 * sigma, 0.08) if spot == "disk" else (sigma, 0.03)
    assert np.median(found.sigma) == pytest.approx(reads, rel=tolerance)
    assert found.sigma.std() < 0.1 * reads
    assert found.least < sigma * 1.2 < found.most


def test_what_is_not_blurred_has_no_blur() -> None:
    """Noise does not ask for blur either, in photos that are sharp and in ones that are not."""
    for sigma, noise in ((0.0, 0.03), (2.0, 0.01)):
        soft = blurred(LIGHT, sigma)
        same = measure_blur(photo(soft, noise), photo(soft, noise, 2), FLAT)
        assert np.median(same.sigma) < same.least / 2
        swapped = measure_blur(photo(blurred(LIGHT, sigma + 2)), photo(soft), FLAT)
        assert len(swapped) == 0 or np.median(swapped.sigma) < swapped.least / 2


def test_exposure_and_vignetting_do_not_matter() -> None:
    y, x = np.indices(LIGHT.shape)
    falloff = 0.7 - 0.3 * ((x / 480 - 0.5) ** 2 + (y / 320 - 0.5) ** 2)
    soft = blurred(LIGHT, 2)
    plain = measure_blur(photo(LIGHT), photo(soft), FLAT)
    darker = measure_blur(photo(LIGHT), photo(soft * falloff), FLAT)
    assert np.median(darker.sigma) == pytest.approx(np.median(plain.sigma), rel=0.03)


def test_patches_know_their_depth_and_place() -> None:
    near, far = (slice(None), slice(0, 240)), (slice(None), slice(240, None))
    light, depth = LIGHT.copy(), FLAT.copy()
    light[near], light[far] = blurred(LIGHT, 3)[near], blurred(LIGHT, 1)[far]
    depth[near], depth[far] = 800, 3000
    found = measure_blur(photo(LIGHT), photo(light), depth)
    # A patch that holds both depths tells nothing.
    assert set(found.depth_m) == {0.8, 3.0}
    at_near = found.depth_m == 0.8
    assert (found.centre[at_near, 0] < 240 - 15).all()
    assert (found.centre[~at_near, 0] > 240 + 15).all()
    assert np.median(found.sigma[at_near]) == pytest.approx(3 * 1.1, rel=0.08)
    assert np.median(found.sigma[~at_near]) == pytest.approx(1.1, rel=0.08)


def test_nothing_is_told_where_nothing_can_be() -> None:
    sharp, soft = photo(LIGHT), photo(blurred(LIGHT, 2))
    plain = np.full_like(sharp, 128)
    assert len(measure_blur(plain, plain, FLAT)) == 0
    assert len(measure_blur(sharp, soft, np.zeros_like(FLAT))) == 0
    # Photos of two scenes.
    assert len(measure_blur(sharp, photo(texture(320, 480, seed=9)), FLAT)) == 0
    # Too small for a patch with its surroundings.
    for shape in ((1, 1), (79, 400), (400, 79)):
        small = np.zeros((*shape, 3), np.uint8)
        assert len(measure_blur(small, small, np.ones(shape, np.uint16))) == 0
    assert len(measure_blur(sharp[:80, :80], soft[:80, :80], FLAT[:80, :80])) <= 1


def test_no_more_pixels_are_looked_at_in_large_photos() -> None:
    large = [np.tile(photo(light), (4, 4, 1)) for light in (LIGHT, blurred(LIGHT, 2))]
    found = measure_blur(large[0], large[1], np.tile(FLAT, (4, 4)))
    assert 20 < len(found) <= 96
    assert np.ptp(found.centre, axis=0).min() > 1000
    assert np.median(found.sigma) == pytest.approx(2.2, rel=0.05)


MODEL = DefocusModel(
    width=6000,
    height=4000,
    centre=(3010.0, 1985.0),
    f_number=2.8,
    scale_px_m=14.0,
    focus_distance_m=0.8,
    field_gain=-0.1,
    field_curvature_per_m=0.02,
    sharp_f_number=10.0,
    sharp_scale_px_m=3.92,
)


def test_expected_blur_is_that_of_the_formula() -> None:
    crop = Crop(x=600.0, y=200.0, width=2000, height=1200, scale=2.5)
    pixel, depth = np.array([[100.0, 1000.0]]), np.array([2.0])
    x, y = (np.array([100.5, 1000.5]) * 2.5 - 0.5 + (600, 200)) - MODEL.centre
    rho2 = (x**2 + y**2) / ((6000**2 + 4000**2) / 4)
    circle = 14.0 * (1 - 0.1 * rho2) * (1 / 0.8 + 0.02 * rho2 - 1 / 2.0) / 2.5
    sigma = circle / 4 * np.sqrt(1 - (3.92 / 14) ** 2) * 1.1
    assert expected_blur(MODEL, crop, depth, pixel) == pytest.approx(sigma, rel=1e-12)
    assert expected_blur(MODEL, crop, depth, pixel, 14.0) == pytest.approx(0, abs=1e-12)


def test_a_pair_shows_the_difference_of_variances() -> None:
    sharp, soft = blurred(LIGHT, 1.5, "gaussian"), blurred(LIGHT, 2.5, "gaussian")
    found = measure_blur(photo(sharp), photo(soft), FLAT)
    assert np.median(found.sigma) == pytest.approx(2.0, rel=0.05)


@pytest.mark.real
def test_real_pairs_are_softer_at_the_large_aperture(real_data: Path) -> None:
    """DFD_Indoor: 35 mm at f/2.8 and f/8, depth from an Xtion, filled by its authors."""
    from idfd.processing.photos.pair import PairConfig, fit_pair
    from idfd.processing.photos.render import render_defocused, render_sharp
    from idfd.storage.images import read_depth, read_photo

    root = real_data / "pairs" / "dfd_indoor"
    sharp, soft = (
        read_photo(sorted(root.rglob(f"*_{kind}/rgb/test/*"))[0]) for kind in ("N8", "N2_8")
    )
    depth = read_depth(sorted(root.rglob("*_N2_8/depth/test/*"))[0])
    fit = fit_pair(sharp, soft, PairConfig())
    height, width = depth.shape
    crop = Crop(x=16.0, y=16.0, width=width - 32, height=height - 32)
    pair = render_sharp(sharp, crop), render_defocused(soft, fit, crop)
    depth = depth[crop.window]
    found, swapped = measure_blur(*pair, depth), measure_blur(*pair[::-1], depth)
    assert len(found) > 20
    assert np.median(found.sigma) > 0.6
    assert np.median(swapped.sigma) < 0.3
