"""The PSF layer against its sums written out, SciPy's Gaussian and finite differences."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from exact_reblur import by_loops, by_unfold
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage
from torch import Tensor

from idfd.benchmark.reblur import compiled, shifts
from idfd.benchmark.reblur.layer import SIGMA_PER_COC, reblur
from idfd.benchmark.reblur.photo import reblur_photo
from idfd.storage.images import read_photo


def drawn(
    height: int, width: int, low: float = 0.3, high: float = 4.0, batch: int = 1, seed: int = 0
) -> tuple[Tensor, Tensor]:
    """A random photo and a random map of standard deviations, float64."""
    draw = torch.Generator().manual_seed(seed)
    image = torch.rand(batch, 3, height, width, generator=draw, dtype=torch.float64)
    spread = torch.rand(batch, 1, height, width, generator=draw, dtype=torch.float64)
    return image, low + (high - low) * spread


def test_it_is_the_sum_over_neighbours_each_with_its_own_gaussian() -> None:
    image, sigma = drawn(6, 7, high=2.5)
    expected = by_loops(image[0], sigma[0, 0], 5)
    torch.testing.assert_close(reblur(image, sigma, 5, 0.1)[0], expected, rtol=0, atol=1e-9)
    torch.testing.assert_close(by_unfold(image, sigma, 5)[0], expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize(("window", "width"), [(7, 40), (15, 140), (51, 23)])
def test_values_and_gradients_agree_with_unfolded_windows(window: int, width: int) -> None:
    image, sigma = drawn(9, width, high=window / 2, batch=2)
    image.requires_grad_()
    sigma.requires_grad_()
    weight = torch.rand_like(image)
    ours, peer = reblur(image, sigma, window, 0.1), by_unfold(image, sigma, window)
    torch.testing.assert_close(ours, peer, rtol=0, atol=1e-9)
    for a, b in zip(
        torch.autograd.grad((ours * weight).sum(), (image, sigma)),
        torch.autograd.grad((peer * weight).sum(), (image, sigma)),
        strict=True,
    ):
        torch.testing.assert_close(a, b, rtol=0, atol=1e-8)


def test_gradients_agree_with_finite_differences() -> None:
    image, sigma = drawn(5, 6, low=0.6, high=2.5)
    assert torch.autograd.gradcheck(
        lambda photo, width: reblur(photo, width, 7),
        (image.requires_grad_(), sigma.requires_grad_()),
    )


@settings(max_examples=20, deadline=None)
@given(
    st.integers(1, 12), st.integers(1, 12), st.integers(1, 9), st.floats(0.3, 6), st.integers(0, 99)
)
def test_the_compiled_sums_are_those_of_shifted_planes(
    height: int, width: int, radius: int, widest: float, seed: int
) -> None:
    image, sigma = drawn(height, width, high=widest, seed=seed)
    limit = 1e-9 * radius**2 * height * width
    torch.testing.assert_close(
        compiled.cpu_sums(image, sigma, radius),
        shifts.sums(image, sigma, radius),
        rtol=0,
        atol=limit,
    )
    for ours, peer in zip(
        compiled.cpu_adjoint(image, sigma, radius),
        shifts.adjoint(image, sigma, radius),
        strict=True,
    ):
        torch.testing.assert_close(ours, peer, rtol=0, atol=limit)


@pytest.mark.parametrize("sigma", [0.6, 1.7, 5.0])
def test_one_width_everywhere_is_scipys_gaussian(sigma: float) -> None:
    image, _ = drawn(30, 41)
    plane, ones = image[0, 0].numpy(), np.ones((30, 41))
    wide = {"sigma": sigma, "mode": "constant", "radius": 12}
    expected = ndimage.gaussian_filter(plane, **wide) / ndimage.gaussian_filter(ones, **wide)
    ours = reblur(image, torch.full((1, 1, 30, 41), sigma, dtype=torch.float64), 25)
    np.testing.assert_allclose(ours[0, 0].numpy(), expected, atol=1e-8)


def test_sharp_pixels_are_copied_and_have_no_gradient_of_their_width() -> None:
    image, sigma = drawn(8, 9, low=0.1, high=0.5)
    sigma.requires_grad_()
    made = reblur(image, sigma)
    assert torch.equal(made, image)
    made.sum().backward()  # type: ignore[no-untyped-call]
    assert sigma.grad is not None
    assert not sigma.grad.any()


def test_a_low_floor_makes_no_step() -> None:
    image, sigma = drawn(8, 9)
    just_above = reblur(image, torch.full_like(sigma, 0.25 + 1e-9), floor_px=0.25)
    assert (just_above - image).abs().max() < 2e-3


def test_widths_beyond_half_the_window_count_as_that() -> None:
    image, sigma = drawn(8, 9)
    ours = reblur(image, torch.full_like(sigma, 40.0), window=7)
    torch.testing.assert_close(ours, reblur(image, torch.full_like(sigma, 3.5), window=7))


def test_light_is_spread_by_where_it_comes_from() -> None:
    """A sharp object before a blurred background keeps its edge; light of the latter gets over."""
    image = torch.zeros(1, 1, 1, 40, dtype=torch.float64)
    image[..., 20:] = 1
    sigma = torch.full_like(image, 0.3)
    sigma[..., 20:] = 3
    over_sharp = reblur(image, sigma, floor_px=0.1)[0, 0, 0]
    assert 0 < over_sharp[19] < 0.05  # few of the light that falls there is from the background
    assert over_sharp[21] > 0.95


@settings(max_examples=20, deadline=None)
@given(st.floats(0, 1), st.integers(0, 99))
def test_a_flat_photo_stays_flat_and_others_stay_within_their_range(
    level: float, seed: int
) -> None:
    image, sigma = drawn(7, 8, seed=seed)
    flat = reblur(torch.full_like(image, level), sigma, 9)
    torch.testing.assert_close(flat, torch.full_like(image, level), rtol=0, atol=1e-12)
    made = reblur(image, sigma, 9)
    assert image.min() - 1e-12 <= made.min()
    assert made.max() <= image.max() + 1e-12


def test_single_precision_is_exact_to_its_rounding() -> None:
    image, sigma = drawn(20, 150, low=0.25, high=20)
    exact = reblur(image, sigma, 51)
    torch.testing.assert_close(
        reblur(image.float(), sigma.float(), 51).double(), exact, rtol=0, atol=2e-6
    )


@pytest.mark.real
def test_a_real_photo_agrees_with_unfolded_windows(real_data: Path) -> None:
    folder = real_data / "pairs" / "vabd_canon70d" / "train"
    photo = read_photo(next(iter(sorted(folder.rglob("*.[jp][pn]*g")))))[200:260, 300:380]
    image = torch.from_numpy(photo.copy()).permute(2, 0, 1)[None].double() / 255
    _, sigma = drawn(*photo.shape[:2])
    torch.testing.assert_close(
        reblur(image, sigma, 21, 0.2), by_unfold(image, sigma, 21), rtol=0, atol=1e-9
    )


def test_a_stored_photo_is_blurred_by_a_quarter_of_the_diameter() -> None:
    photo = np.random.default_rng(0).integers(0, 256, (24, 30, 3), np.uint8)
    ours = reblur_photo(photo, np.full((24, 30), -6.0, np.float16))
    peer = cv2.GaussianBlur(photo.astype(np.float32), (51, 51), 6.0 * SIGMA_PER_COC)
    inner = slice(8, -8)
    assert np.abs(ours[inner, inner] - peer[inner, inner]).max() <= 0.51
