from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from idfd.errors import InputError
from idfd.model.triple import DepthSource
from idfd.processing.depth.maps import DepthMap
from idfd.processing.depth.smooth import SmoothConfig, smooth

ROWS, COLUMNS = np.mgrid[:200, :96]


def map_of(depth: np.ndarray, sigma: float | np.ndarray) -> DepthMap:
    depth = depth.astype(np.float32)
    deviation = np.broadcast_to(np.float32(sigma), depth.shape)
    return DepthMap(
        depth,
        np.where(depth > 0, DepthSource.FUSED, DepthSource.NONE).astype(np.uint8),
        np.where(depth > 0, deviation, np.float32(np.nan)).astype(np.float32),
    )


def noisy(truth: np.ndarray, sigma: float, seed: int = 0) -> DepthMap:
    return map_of(truth + np.random.default_rng(seed).normal(0, sigma, truth.shape), sigma)


def plane(across: float) -> np.ndarray:
    """A true plane: its inverse depth is linear in the image; ``across`` mm per pixel."""
    return 1 / (1 / 1500 - across / 1500**2 * (COLUMNS - 48))


def biweight_mean(depth: DepthMap, y: int, x: int, config: SmoothConfig) -> float:
    """One pixel of a level surface in float64: no slope, no vectors, no border."""
    assert depth.uncertainty is not None
    logs = np.log(depth.depth.astype(float))
    variance = (depth.uncertainty.astype(float) / depth.depth) ** 2
    half = (logs[y, x + 2] - logs[y, x]) / 2, (logs[y, x] - logs[y, x - 2]) / 2
    upright = (logs[y + 2, x] - logs[y, x]) / 2, (logs[y, x] - logs[y - 2, x]) / 2
    slope = []
    for one, two in (half, upright):
        same = abs(one - two) <= config.cut * np.sqrt(1.5 * variance[y, x])
        slope.append((one + two) / 2 if same else min(one, two, key=abs))
    total, moved = 1.0, 0.0
    for i in range(-2, 3):
        for j in range(-2, 3):
            if i or j:
                rise = j * slope[0] + i * slope[1]
                r = logs[y + i, x + j] - logs[y, x] - rise - rise * rise / 2
                t = r * r / (config.cut**2 * (variance[y, x] + variance[y + i, x + j]))
                w = np.exp(-(i * i + j * j) / (2 * config.sigma_px**2)) * max(1 - t, 0) ** 2
                total, moved = total + w, moved + w * r
    return float(depth.depth[y, x] * np.exp(moved / total))


def test_the_mean_is_that_of_the_formula() -> None:
    depth = noisy(plane(3.0) + np.where(ROWS < 90, 0, 7), 2.0)
    found = smooth(depth).depth
    rng = np.random.default_rng(1)
    for y, x in zip(rng.integers(80, 100, 40), rng.integers(2, 94, 40), strict=True):
        wanted = biweight_mean(depth, y, x, SmoothConfig())
        assert found[y, x] == pytest.approx(wanted, abs=2e-3)


@pytest.mark.parametrize("across", [0.0, 1.0, 5.0, 15.0])
@pytest.mark.parametrize("sigma", [0.4, 2.0, 10.0])
def test_planes_are_smoothed_and_stay_where_they_are(across: float, sigma: float) -> None:
    truth = plane(across)
    found = smooth(noisy(truth, sigma))
    error = (found.depth - truth)[4:-4, 4:-4]
    assert error.std() < 0.36 * sigma
    assert abs(error.mean()) < 0.02 * sigma + 0.02
    assert found.uncertainty is not None
    assert 0.85 < np.std(error / found.uncertainty[4:-4, 4:-4]) < 1.05


@pytest.mark.parametrize("sigma", [0.3, 1.0, 4.0])
@pytest.mark.parametrize("step", [15, 30, 300])
def test_steps_do_not_shrink(step: float, sigma: float) -> None:
    step = step * sigma
    truth = np.where(COLUMNS < 48, 1500.0, 1500.0 + step)
    error = smooth(noisy(truth, sigma)).depth - truth
    assert np.abs(error.mean(0)[46:50]).max() < 0.25 * sigma
    assert error[:, 46:50].std() < 0.7 * sigma


@pytest.mark.parametrize("steepness", [0.5, 1.0, 3.0])
@pytest.mark.parametrize("step", [0.0, 2.0, 4.0, 6.0])
def test_no_small_edge_moves_by_more_than_its_noise(steepness: float, step: float) -> None:
    truth = 1500 + steepness * np.abs(COLUMNS - 48) + np.where(COLUMNS < 48, 0, step)
    for sigma in (0.3, 1.0):
        error = smooth(noisy(truth, sigma)).depth - truth
        assert np.abs(error.mean(0)[3:-3]).max() < 1.1 * sigma


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), share=st.floats(0, 1))
def test_missing_pixels_stay_missing_and_have_no_part(seed: int, share: float) -> None:
    rng = np.random.default_rng(seed)
    missing = rng.random((30, 40)) < share
    depth = rng.normal(1500, 2, (30, 40))
    found = smooth(map_of(np.where(missing, 0, depth), 2.0))
    assert found.uncertainty is not None
    assert np.array_equal(found.depth == 0, missing)
    assert np.array_equal(np.isnan(found.uncertainty), missing)
    # Within the range of the values that are there.
    kept = depth[~missing]
    if kept.size:
        assert found.depth[~missing].min() > kept.min() - 6
        assert found.depth[~missing].max() < kept.max() + 6


def test_a_hole_does_not_leak() -> None:
    """Whatever lies in pixels out of reach, or in none at all, the result is the same."""
    depth = np.random.default_rng(0).normal(1500, 1, (20, 20))
    hole = depth.copy()
    hole[8:12, 8:12] = 0
    far = depth.copy()
    far[8:12, 8:12] = 9000  # too far to have weight, but there
    a, b = smooth(map_of(hole, 1.0)), smooth(map_of(far, 1.0))
    outside = hole > 0
    assert np.allclose(a.depth[outside], b.depth[outside], atol=1e-3)


def test_a_lone_pixel_keeps_its_value_and_its_noise() -> None:
    depth = np.zeros((5, 5))
    depth[2, 2] = 1234.5
    found = smooth(map_of(depth, 3.0))
    assert found.depth[2, 2] == np.float32(1234.5)
    assert found.uncertainty is not None
    assert found.uncertainty[2, 2] == pytest.approx(3.0, rel=1e-5)


def test_a_map_of_unknown_noise_is_left_alone() -> None:
    depth = DepthMap.of_image(np.full((4, 4), 1000, np.uint16), DepthSource.MEASURED)
    assert smooth(depth) is depth


def test_width_beyond_a_strip_changes_nothing() -> None:
    wide = noisy(np.full((8, 1200), 1500.0), 1.0)
    assert wide.uncertainty is not None
    whole = smooth(wide).depth
    for start in (0, 400, 700):
        part = slice(start, start + 500)
        found = smooth(
            DepthMap(wide.depth[:, part], wide.source[:, part], wide.uncertainty[:, part])
        )
        assert np.array_equal(found.depth[:, 4:-4], whole[:, part][:, 4:-4])


def test_slanted_surfaces_beside_an_edge_are_smoothed_better_than_by_opencvs_filter() -> None:
    truth = plane(4.0) + np.where(ROWS % 40 < 20, 0, 12)
    depth = noisy(truth, 1.0)
    logs = np.log(depth.depth)

    def rmse(found: np.ndarray) -> float:
        return float(np.sqrt(np.mean((found - truth)[4:-4, 4:-4] ** 2)))

    theirs = min(
        rmse(np.exp(cv2.bilateralFilter(logs, 5, sigma, 1.5)))
        for sigma in (0.0007, 0.001, 0.0015, 0.002, 0.003, 0.004, 0.008)
    )
    assert rmse(smooth(depth).depth) < 0.8 * theirs


@pytest.mark.parametrize(
    "settings_", [{"radius_px": 1}, {"cut": 2.0}, {"sigma_px": 0.0}, {"steepest": float("nan")}]
)
def test_settings_that_make_no_sense_are_refused(settings_: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=r"denoise\.smooth"):
        SmoothConfig(**settings_)
