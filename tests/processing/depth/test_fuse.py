from __future__ import annotations

import statistics
import warnings
from dataclasses import replace
from typing import Any

import numba
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy import stats

from idfd.errors import InputError
from idfd.model.triple import DepthSource
from idfd.processing.depth.fuse import METHODS, FuseConfig, FuseMethod, fuse, sorted_values

ANY = FuseConfig(method="median", least_share=0.0, largest_spread_mm=None)
BURSTS = arrays.arrays(
    np.uint16,
    st.tuples(st.integers(1, 12), st.integers(1, 4), st.integers(1, 5)),
    elements=st.one_of(st.just(0), st.integers(1, 65535), st.integers(1000, 1003)),
)


def flickering(frames: int, shape: tuple[int, int], seed: int = 0) -> np.ndarray:
    """Noise, holes of every share and outliers, on values over the whole range."""
    rng = np.random.default_rng(seed)
    level = rng.integers(1, 65536, shape)
    burst = np.clip(np.rint(level + rng.normal(0, 3, (frames, *shape))), 1, 65535)
    burst = np.where(rng.random(burst.shape) < 0.03, rng.integers(1, 65536, burst.shape), burst)
    return np.where(rng.random(burst.shape) < rng.random(shape), 0, burst).astype(np.uint16)


def nan_median(burst: np.ndarray) -> np.ndarray:
    values = burst.astype(np.float32)
    values[burst == 0] = np.nan
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        return np.nan_to_num(np.nanmedian(values, axis=0))


@pytest.mark.parametrize("frames", [1, 2, 3, 4, 7, 10, 30, 31, 40])
def test_the_median_is_numpys_to_the_bit(frames: int) -> None:
    # Wider than a block of the inner loop, and not a multiple of it.
    burst = flickering(frames, (37, 61), seed=frames)
    burst[:, 20:] = np.maximum(burst[:, 20:], 1)  # pixels with all their values
    values, count, _ = sorted_values(burst, "median")
    assert values.dtype == np.float32
    assert np.array_equal(values, nan_median(burst))
    assert np.array_equal(count, np.count_nonzero(burst, axis=0))


@settings(deadline=None)
@given(BURSTS)
def test_the_median_is_numpys_for_any_values(burst: np.ndarray) -> None:
    assert np.array_equal(sorted_values(burst, "median")[0], nan_median(burst))


@settings(deadline=None)
@given(BURSTS)
def test_the_clipped_mean_is_scipys(burst: np.ndarray) -> None:
    fused = sorted_values(burst, "clipped_mean")[0]
    for y, x in np.ndindex(fused.shape):
        valid = burst[:, y, x][burst[:, y, x] > 0].astype(float)
        wanted = stats.trim_mean(valid, 0.25) if len(valid) else 0
        assert fused[y, x] == pytest.approx(wanted, rel=2e-7)


@settings(deadline=None)
@given(BURSTS)
def test_the_variance_is_that_of_winsorised_values(burst: np.ndarray) -> None:
    _, _, variance = sorted_values(burst, "clipped_mean")
    for y, x in np.ndindex(variance.shape):
        valid = burst[:, y, x][burst[:, y, x] > 0].astype(float)
        if len(valid) < 2:
            assert variance[y, x] == 0
            continue
        clipped = np.asarray(stats.mstats.winsorize(valid, (0.25, 0.25)))
        scale = float(np.ptp(clipped)) ** 2
        assert variance[y, x] == pytest.approx(np.var(clipped, ddof=1), abs=2e-6 * scale + 1e-9)


@settings(deadline=None)
@given(BURSTS)
def test_the_mode_follows_the_published_rule(burst: np.ndarray) -> None:
    fused = fuse(burst, FuseConfig(method="mode", largest_spread_mm=None)).depth
    for y, x in np.ndindex(fused.shape):
        valid = burst[:, y, x][burst[:, y, x] > 0].tolist()
        # Of 40 frames, 20 are too few. MATLAB's mode is the smallest of several.
        wanted = min(statistics.multimode(valid)) if len(valid) > len(burst) / 2 else 0
        assert fused[y, x] == wanted


@settings(max_examples=20, deadline=None)
@given(burst=BURSTS, method=st.sampled_from(METHODS), data=st.data())
def test_the_order_of_the_frames_does_not_matter(
    burst: np.ndarray, method: FuseMethod, data: st.DataObject
) -> None:
    order = data.draw(st.permutations(range(len(burst))))
    config = replace(ANY, method=method)
    one, other = fuse(burst, config), fuse(burst[order], config)
    assert np.array_equal(one.depth, other.depth)
    assert (one.uncertainty is None) == (other.uncertainty is None)
    if one.uncertainty is not None and other.uncertainty is not None:
        assert np.array_equal(one.uncertainty, other.uncertainty, equal_nan=True)


@pytest.mark.parametrize("method", METHODS)
def test_the_number_of_threads_does_not_matter(
    method: FuseMethod, monkeypatch: pytest.MonkeyPatch
) -> None:
    burst = flickering(9, (50, 61))
    found = []
    for threads in (1, 2, 5):
        monkeypatch.setattr(numba.config, "NUMBA_NUM_THREADS", threads)
        found.append(sorted_values(burst, method))
    for arrays_ in zip(*found, strict=True):
        assert all(np.array_equal(arrays_[0], other) for other in arrays_[1:])


def test_a_map_tells_where_its_depth_is_from() -> None:
    burst = flickering(10, (20, 30))
    fused = fuse(burst)
    assert fused.uncertainty is not None
    assert fused.count is not None
    empty = fused.depth == 0
    assert 0.2 < empty.mean() < 0.9
    assert np.array_equal(np.isnan(fused.uncertainty), empty)
    assert np.array_equal(fused.source == DepthSource.NONE, empty)
    assert set(np.unique(fused.source)) == {DepthSource.NONE, DepthSource.FUSED}
    assert not fused.depth[fused.count <= 5].any()
    assert set(np.unique(fuse(burst[:1]).source)) == {DepthSource.NONE, DepthSource.MEASURED}


def test_a_pixel_that_is_mostly_invalid_stays_empty() -> None:
    burst = np.zeros((30, 1, 2), np.uint16)
    burst[:15, 0, 0] = burst[:16, 0, 1] = 1000
    assert fuse(burst).depth.tolist() == [[0, 1000]]


@pytest.mark.parametrize("method", ["median", "clipped_mean"])
def test_a_pixel_that_flickers_between_two_surfaces_stays_empty(method: FuseMethod) -> None:
    burst = np.full((30, 1, 2), 1000, np.uint16)
    burst[::2, 0, 0] = 2000
    burst[:3, 0, 1] = 2000  # three outliers move nothing
    assert fuse(burst, FuseConfig(method=method)).depth.tolist() == [[0, 1000]]
    kept = fuse(burst, FuseConfig(method=method, largest_spread_mm=None))
    assert kept.depth.tolist() == [[1500, 1000]]


@pytest.mark.parametrize(("method", "most_mm"), [("median", 2.4), ("clipped_mean", 2.15)])
def test_more_frames_are_more_precise(method: FuseMethod, most_mm: float) -> None:
    rng = np.random.default_rng(0)
    burst = np.rint(rng.normal(1500, 10, (30, 60, 60))).astype(np.uint16)
    error = fuse(burst, FuseConfig(method=method)).depth.astype(float) - 1500
    assert error.std() < most_mm
    assert abs(error.mean()) < 0.15


@pytest.mark.parametrize(
    "burst",
    [
        np.zeros((0, 4, 4), np.uint16),
        np.zeros((3, 0, 4), np.uint16),
        np.zeros((4, 4), np.uint16),
        np.zeros((3, 4, 4), np.float32),
    ],
)
def test_what_is_no_burst_is_refused(burst: np.ndarray) -> None:
    with pytest.raises(InputError, match="burst is"):
        fuse(burst)


@pytest.mark.parametrize("frames", [1, 3])
def test_a_burst_without_any_depth_is_empty(frames: int) -> None:
    fused = fuse(np.zeros((frames, 4, 5), np.uint16))
    assert not fused.depth.any()
    assert not fused.source.any()


@pytest.mark.parametrize(
    "settings_",
    [{"method": "mean"}, {"least_share": 1.0}, {"pooled_px": 4}, {"pooled_frames": 0.0}],
)
def test_settings_that_make_no_sense_are_refused(settings_: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=r"denoise\.fuse"):
        FuseConfig(**settings_)
