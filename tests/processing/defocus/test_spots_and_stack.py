"""Kernels of single spots, and the stack of Gaussians against the exact gather."""

from __future__ import annotations

import math

import numpy as np
import pytest
from defocus_scenes import coloured, texture
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from idfd.processing.defocus import strips
from idfd.processing.defocus.spot import Spot
from idfd.processing.defocus.stack import gaussian_stack


def impulse(side: int = 81) -> NDArray[np.float32]:
    image = np.zeros((side, side), np.float32)
    image[side // 2, side // 2] = 1
    return image


def deviation(image: NDArray[np.float32]) -> float:
    """Standard deviation along x of an image taken for a distribution."""
    x = np.arange(image.shape[1]) - image.shape[1] // 2
    return math.sqrt(float((image.sum(0) * x**2).sum() / image.sum()))


@given(diameter=st.floats(0.5, 24), psf=st.sampled_from(["gaussian", "disk"]))
@settings(max_examples=20, deadline=None)
def test_an_impulse_becomes_a_spot_of_the_width_asked_for(diameter: float, psf: str) -> None:
    spot = Spot("disk" if psf == "disk" else "gaussian", 0.25)
    blurred = spot.blur(impulse(), diameter)
    assert blurred.sum() == pytest.approx(1, abs=1e-4)
    # A Gaussian sampled at pixels is too narrow below half a pixel of sigma.
    wanted = spot.sigma_share * diameter
    if psf == "disk" or wanted > 0.5:
        assert deviation(blurred) == pytest.approx(wanted, rel=0.01)


def test_a_disk_is_flat_and_round() -> None:
    blurred = Spot("disk").blur(impulse(), 20.0)
    y, x = np.mgrid[-40:41, -40:41]
    away = np.hypot(x, y)
    assert blurred[away < 8.5] == pytest.approx(1 / (math.pi * 100), rel=0.02)
    assert np.abs(blurred[away > 11.5]).max() < 1e-9


def test_a_kernel_of_fixed_side_reaches_no_farther() -> None:
    blurred = Spot("gaussian", 0.3, 21).blur(impulse(), 15.0)
    assert np.flatnonzero(blurred.any(0)).tolist() == list(range(30, 51))


def exact_gather(image: NDArray[np.float32], sigma: NDArray[np.float64]) -> NDArray[np.float64]:
    half = math.ceil(4 * sigma.max())
    padded = np.pad(image.astype(float), ((half, half), (half, half), (0, 0)), mode="reflect")
    total, weights = np.zeros(image.shape), np.zeros(sigma.shape)
    for dy in range(2 * half + 1):
        for dx in range(2 * half + 1):
            weight = np.exp(-((dx - half) ** 2 + (dy - half) ** 2) / (2 * sigma**2))
            total += weight[..., None] * padded[dy:, dx:][: sigma.shape[0], : sigma.shape[1]]
            weights += weight
    return total / weights[..., None]


def test_the_stack_agrees_with_the_exact_gather() -> None:
    image = coloured(72, 96)
    sigma = np.tile(np.linspace(0.4, 3.5, 96), (72, 1))
    found = gaussian_stack(image, (sigma / 0.3).astype(np.float32), Spot("gaussian", 0.3), 10)
    error = found - exact_gather(image, sigma)
    assert -10 * np.log10(np.mean(error**2)) > 45
    # Fewer levels are worse, so the bound above is one that can be missed.
    coarse = gaussian_stack(image, (sigma / 0.3).astype(np.float32), Spot("gaussian", 0.3), 3)
    assert np.mean((coarse - exact_gather(image, sigma)) ** 2) > 4 * np.mean(error**2)


def test_the_stack_leaves_what_is_in_focus() -> None:
    image = np.dstack([texture(40, 60)] * 3)
    diameter = np.zeros((40, 60), np.float32)
    np.testing.assert_array_equal(gaussian_stack(image, diameter, Spot("gaussian"), 10), image)
    diameter[:, 30:] = 8
    found = gaussian_stack(image, diameter, Spot("gaussian"), 10)
    np.testing.assert_array_equal(found[:, :30], image[:, :30])
    assert np.abs(found[:, 30:] - image[:, 30:]).max() > 0.05


def test_strips_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    image = np.dstack([texture(64, 50)] * 3)
    diameter = np.tile(np.linspace(0, 9, 50, dtype=np.float32), (64, 1))
    whole = gaussian_stack(image, diameter, Spot("gaussian"), 10)
    monkeypatch.setattr(strips, "_ROWS", 13)
    cut = gaussian_stack(image, diameter, Spot("gaussian"), 10)
    np.testing.assert_allclose(cut, whole, atol=2e-6)
