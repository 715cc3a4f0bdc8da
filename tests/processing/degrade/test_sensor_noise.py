"""The noise has the variance of the sensor, as measured on flat patches."""

from __future__ import annotations

import numpy as np
import pytest
from scenes_to_degrade import make_triple

from idfd.model.degradation import Degradation
from idfd.processing.degrade.apply import degrade
from idfd.processing.degrade.noise import add_noise, clipping_electrons, variance
from idfd.processing.degrade.settings import HighIsoNoise
from idfd.storage.color import linear_from_uint8

LEVELS = np.array([0.02, 0.1, 0.25, 0.5, 0.8])


def measured(settings: HighIsoNoise) -> tuple[np.ndarray, np.ndarray]:
    """Mean and variance of flat patches of each level."""
    patches = np.tile(LEVELS.astype(np.float32)[:, None, None], (1, 200, 200))
    noisy = add_noise(patches, settings, np.random.default_rng(0)).astype(float)
    return noisy.mean((1, 2)), noisy.var((1, 2))


def test_variance_rises_with_the_signal_by_one_over_the_electrons() -> None:
    settings = HighIsoNoise(iso=3200.0, full_well_e=32000.0, read_noise_e=6.0)
    mean, var = measured(settings)
    np.testing.assert_allclose(mean, LEVELS, rtol=5e-3)
    slope, start = np.polyfit(LEVELS, var, 1, w=1 / var)
    assert clipping_electrons(settings) == 1000
    assert slope == pytest.approx(1 / 1000, rel=0.02)
    assert start == pytest.approx(36 / 1000**2, rel=0.15)
    np.testing.assert_allclose(var, variance(LEVELS.astype(np.float32), settings), rtol=0.03)


def test_twice_the_iso_doubles_shot_and_quadruples_read_variance() -> None:
    shot = [measured(HighIsoNoise(iso=iso, read_noise_e=0.0))[1] for iso in (1600.0, 3200.0)]
    np.testing.assert_allclose(shot[1] / shot[0], 2, rtol=0.04)
    dark = np.zeros((300, 300), np.float32)
    read = [
        add_noise(dark, HighIsoNoise(iso=iso), np.random.default_rng(0)).var()
        for iso in (1600.0, 3200.0)
    ]
    assert read[1] / read[0] == pytest.approx(4, rel=0.02)


def test_averaging_photosites_averages_their_noise() -> None:
    one = measured(HighIsoNoise(iso=6400.0))[1]
    many = measured(HighIsoNoise(iso=6400.0, photosites=36.0))[1]
    np.testing.assert_allclose(one / many, 36, rtol=0.04)


def test_eight_bit_photos_carry_it() -> None:
    level = 150
    flat = make_triple(level=level)
    settings = {"iso": 6400.0, "read_noise_e": 0.0}
    noisy = degrade(flat, Degradation(kind="high-iso-noise", settings=settings)).defocused
    light = linear_from_uint8(noisy).astype(float)
    true = float(linear_from_uint8(np.array(level, np.uint8)))
    assert light.mean() == pytest.approx(true, rel=5e-3)
    expected = true / clipping_electrons(HighIsoNoise(iso=6400.0))
    assert light.var() == pytest.approx(expected, rel=0.05)
    # The channels have noise of their own.
    assert abs(np.corrcoef(light[..., 0].ravel(), light[..., 1].ravel())[0, 1]) < 0.05
