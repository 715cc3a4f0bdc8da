"""Uncertainty against errors that are known: their ratio should spread by one."""

from __future__ import annotations

import numpy as np
import pytest

from idfd.processing.depth import noise
from idfd.processing.depth.fuse import FuseConfig, FuseMethod, fuse

ROWS, COLUMNS = np.mgrid[:120, :160]
SLANTED = 1500 + 1.37 * COLUMNS + 0.71 * ROWS


def burst_of(frames: int, sigma: float | np.ndarray, outliers: float = 0.0) -> np.ndarray:
    rng = np.random.default_rng(frames)
    shape = (frames, *SLANTED.shape)
    burst = np.rint(SLANTED + sigma * rng.normal(0, 1, shape))
    wild = rng.random(shape) < outliers
    return np.where(wild, rng.integers(500, 4000, shape), burst).astype(np.uint16)


def normalised_spread(burst: np.ndarray, method: FuseMethod) -> float:
    fused = fuse(burst, FuseConfig(method=method))
    assert fused.uncertainty is not None
    valid = fused.depth > 0
    assert valid.mean() > 0.98
    return float(np.std(((fused.depth - SLANTED) / fused.uncertainty)[valid]))


@pytest.mark.parametrize("method", ["median", "clipped_mean"])
@pytest.mark.parametrize("outliers", [0.0, 0.05])
@pytest.mark.parametrize("sigma", [1.0, 3.0, 10.0])
@pytest.mark.parametrize("frames", [10, 30])
def test_the_uncertainty_is_the_error(
    method: FuseMethod, outliers: float, sigma: float, frames: int
) -> None:
    spread = normalised_spread(burst_of(frames, sigma, outliers), method)
    # The rounding of a median of an even number of values is less than that of one value.
    assert (0.85 if method == "median" else 0.9) <= spread <= 1.1


def test_the_uncertainty_follows_the_noise_over_the_image() -> None:
    sigma = 1 + 8 * COLUMNS / 160
    fused = fuse(burst_of(30, sigma))
    assert fused.uncertainty is not None
    ratio = (fused.depth - SLANTED) / fused.uncertainty
    for part in np.array_split(ratio, 4, axis=1):
        assert 0.9 <= part.std() <= 1.1


@pytest.mark.parametrize(("frames", "least"), [(5, 0.85), (3, 0.85), (1, 0.85)])
def test_few_frames_are_not_taken_for_certain(frames: int, least: float) -> None:
    for sigma in (1.0, 3.0):
        assert least <= normalised_spread(burst_of(frames, sigma), "clipped_mean") <= 1.1


def test_one_outlier_makes_few_frames_uncertain() -> None:
    # Of three values none is clipped. The pixel itself is left out, its neighbours are not hurt.
    burst = burst_of(3, 2.0)
    burst[0, 60, 80] = 3500
    fused, clean = fuse(burst), fuse(burst_of(3, 2.0))
    assert fused.depth[60, 80] == 0
    assert np.count_nonzero(fused.depth != clean.depth) == 1
    assert fused.uncertainty is not None
    assert clean.uncertainty is not None
    ratio = (fused.uncertainty / clean.uncertainty)[58:63, 78:83]
    assert np.nanmax(np.abs(ratio - 1)) < 0.05


@pytest.mark.parametrize("method", ["median", "clipped_mean"])
def test_rounding_is_the_floor(method: FuseMethod) -> None:
    """Frames that are all the same: the truth is anywhere within half a millimetre."""
    assert 0.9 <= normalised_spread(burst_of(30, 0.0), method) <= 1.1
    fused = fuse(np.full((30, 9, 9), 1200, np.uint16), FuseConfig(method=method))
    assert fused.uncertainty == pytest.approx(np.full((9, 9), 12**-0.5), rel=1e-3)


def test_a_lone_value_is_not_known_better_than_the_rest() -> None:
    burst = np.zeros((4, 40, 40), np.uint16)
    burst[:, :20] = np.random.default_rng(0).normal(2000, 6, (4, 20, 40)).astype(np.uint16)
    burst[0, 35, 35] = 2000
    fused = fuse(burst, FuseConfig(least_share=0.0))
    assert fused.uncertainty is not None
    assert 4 < fused.uncertainty[35, 35] < 9


def test_nothing_is_known_of_a_single_value() -> None:
    assert fuse(np.full((1, 1, 1), 900, np.uint16)).uncertainty is None


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 8, 10, 17, 30, 40])
def test_the_laws_hold_for_normal_samples(count: int) -> None:
    from scipy import stats

    values = np.sort(np.random.default_rng(count).normal(size=(100_000, count)), axis=1)
    cut = count // 4
    kept = values[:, cut : count - cut]
    assert kept.shape[1] == noise.kept(count)
    mean_variance = stats.trim_mean(values, 0.25, axis=1).var()
    assert noise.clipped_mean_variance(count) == pytest.approx(mean_variance, rel=0.03)
    assert noise.median_variance(count) == pytest.approx(np.median(values, 1).var(), rel=0.04)
    if count > 1:
        clipped = np.clip(values, values[:, [cut]], values[:, [count - 1 - cut]])
        single = noise.frame_variance(count) * clipped.var(axis=1, ddof=1)
        assert single.mean() == pytest.approx(1, rel=0.04)


def test_neither_a_plane_nor_a_step_has_spatial_noise() -> None:
    plane = (1000 + 3.0 * COLUMNS + 2.0 * ROWS).astype(np.float32)
    variance, freedom = noise.spatial_variance(plane)
    assert variance.max() < 1e-6
    assert (freedom[1:-1, 1:-1] == 2).all()
    assert not freedom[[0, -1]].any()
    step = np.where(COLUMNS < 80, np.float32(1000), np.float32(1500))
    variance, freedom = noise.spatial_variance(step)
    assert not variance.any()
    assert not freedom[:, 79:81].any()
    plane[50, 50] = 0
    assert noise.spatial_variance(plane)[1][49:52, 49:52].tolist() == [
        [2, 0, 2],
        [0] * 3,
        [2, 0, 2],
    ]


def test_rounding_averages_out_with_noise() -> None:
    variance = np.array([noise.ROUNDING, 0.5, 4.0], np.float32)
    left = noise.rounding_left(variance)
    assert left[0] == pytest.approx(noise.ROUNDING)
    assert left[1] < 0.1 * noise.ROUNDING
    assert left[2] < 1e-5
