from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from idfd.benchmark.metrics.pyramid import reconstruct, steerable_pyramid
from idfd.errors import InputError

SIZES = [(32, 32), (48, 80), (33, 48), (47, 64), (51, 71)]


def noise(shape: tuple[int, ...], seed: int = 0) -> NDArray[np.float64]:
    return np.random.default_rng(seed).normal(2.0, 1.0, shape)


def reference_bands(image: NDArray[Any], scales: int, orientations: int) -> list[NDArray[Any]]:
    """High-pass, bands from fine to coarse, and low-pass, by pyrtools."""
    pyrtools = pytest.importorskip("pyrtools")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that odd sides cannot be reconstructed
        made = pyrtools.pyramids.SteerablePyramidFreq(image, scales, orientations - 1)
    names = [(scale, k) for scale in range(scales) for k in range(orientations)]
    return [made.pyr_coeffs[name] for name in ("residual_highpass", *names, "residual_lowpass")]


@pytest.mark.parametrize("shape", SIZES)
@pytest.mark.parametrize(("scales", "orientations"), [(2, 4), (1, 2), (3, 3)])
def test_bands_are_those_of_pyrtools(
    shape: tuple[int, int], scales: int, orientations: int
) -> None:
    image = noise(shape)
    expected = reference_bands(image, scales, orientations)
    made = steerable_pyramid(image, scales, orientations)
    found = [made.high, *(band for bands in made.bands for band in bands), made.low]
    for mine, theirs in zip(found, expected, strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=0, atol=1e-9)


def test_leading_axes_are_a_batch() -> None:
    images = noise((2, 3, 32, 40))
    together = steerable_pyramid(images)
    for i in range(2):
        for j in range(3):
            alone = steerable_pyramid(images[i, j])
            np.testing.assert_allclose(together.low[i, j], alone.low, atol=1e-12)
            for mine, theirs in zip(together.bands, alone.bands, strict=True):
                np.testing.assert_allclose(mine[i, j], theirs, atol=1e-12)


@settings(max_examples=15, deadline=None)
@given(st.integers(8, 24), st.integers(8, 24), st.integers(1, 5), st.integers(0, 99))
def test_even_images_come_back_and_their_energy_is_kept(
    half_height: int, half_width: int, orientations: int, seed: int
) -> None:
    # Twice an even number, so that the second scale has even sides too.
    image = noise((4 * (half_height // 2), 4 * (half_width // 2)), seed)
    made = steerable_pyramid(image, 2, orientations)
    np.testing.assert_allclose(reconstruct(made), image, atol=1e-3)
    # Bands of a scale have a quarter of the samples of the one before, each four times as strong.
    energy = float(np.sum(made.high**2))
    energy += sum(float(np.sum(band**2)) / 4**s for s, band in enumerate(made.bands))
    energy += float(np.sum(made.low**2)) / 4 ** len(made.bands)
    assert energy == pytest.approx(float(np.sum(image**2)), rel=1e-4)


def test_a_flat_image_has_no_edges() -> None:
    assert max(float(np.abs(band).max()) for band in steerable_pyramid(np.ones((64, 64))).bands) < (
        1e-12
    )


def test_an_image_too_small_for_its_scales_is_refused() -> None:
    with pytest.raises(InputError, match="4 scales of a 40x32 image"):
        steerable_pyramid(noise((32, 40)), scales=4)
