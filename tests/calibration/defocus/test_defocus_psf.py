"""Transfer functions against pictures of spots, and against SciPy."""

from __future__ import annotations

import numpy as np
import pytest
from blurred_views import disk
from scipy import ndimage

from idfd.calibration.defocus import psf


def test_disk_is_the_transform_of_a_disk() -> None:
    side, diameter, fine = 32, 6.0, 9
    kernel = disk(diameter * fine).astype(np.float64)
    full = np.zeros((side * fine, side * fine))
    full[: len(kernel), : len(kernel)] = kernel
    full = np.roll(full, (-(len(kernel) // 2),) * 2, (0, 1))
    # The lowest frequencies of the fine grid are those of the pixels.
    spectrum = np.fft.fft2(full)
    rows = np.r_[0 : side // 2, -(side // 2) : 0]
    expected = spectrum[rows][:, : side // 2 + 1].real
    found = psf.spot(psf.frequencies(side), diameter**2, 1.0).value
    np.testing.assert_allclose(found, expected, atol=2e-3)


def test_gaussian_is_that_of_scipy() -> None:
    side, circle = 32, 5.0
    ones = np.ones((side, side // 2 + 1), complex)
    expected = ndimage.fourier_gaussian(ones, circle / 4, n=side).real
    found = psf.spot(psf.frequencies(side), circle**2, 0.0).value
    np.testing.assert_allclose(found, expected, atol=1e-6)


@pytest.mark.parametrize("share", [0.0, 0.4, 1.0])
@pytest.mark.parametrize("square", [0.0, 0.05, 4.0, 150.0])
def test_spots_of_a_diameter_share_their_second_moment(square: float, share: float) -> None:
    q = np.array([1e-3], np.float32) / max(square, 1.0)
    spot = psf.spot(q, square, share)
    # H = 1 - (2π f)² σ²/2 + ... with σ = c/4, and q = π² f²
    assert (1 - spot.value) == pytest.approx(q * square / 8, rel=2e-2, abs=2e-7)
    assert spot.by_square == pytest.approx(-q / 8, rel=1e-3)


@pytest.mark.parametrize("share", [0.0, 0.4, 1.0])
@pytest.mark.parametrize("square", [0.3, 4.0, 150.0])
def test_derivatives(square: float, share: float) -> None:
    q = psf.frequencies(32)
    spot = psf.spot(q, square, share)
    step = 2e-2 * square
    change = psf.spot(q, square + step, share).value - psf.spot(q, square - step, share).value
    np.testing.assert_allclose(spot.by_square, change / (2 * step), rtol=2e-3, atol=2e-5)
    if 0 < share < 1:
        change = psf.spot(q, square, share + 0.01).value - psf.spot(q, square, share - 0.01).value
        np.testing.assert_allclose(spot.by_share, change / 0.02, atol=1e-5)
    reference = np.linspace(-0.2, 1, 50, dtype=np.float32)
    change = psf.invert(reference + 1e-3) - psf.invert(reference - 1e-3)
    np.testing.assert_allclose(psf.invert_slope(reference), change / 2e-3, rtol=0.02, atol=0.5)


def test_inverse_undoes_what_can_be_seen() -> None:
    seen = np.array([1.0, 0.5, -0.4], np.float32)
    np.testing.assert_allclose(psf.invert(seen) * seen, 1, atol=0.01)
    assert psf.invert(np.zeros(1, np.float32)) == 0
