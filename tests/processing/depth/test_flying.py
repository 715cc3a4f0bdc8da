from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from idfd.errors import InputError
from idfd.model.triple import DepthSource
from idfd.processing.depth.flying import FlyingConfig, remove_flying
from idfd.processing.depth.maps import DepthMap

ROWS, COLUMNS = np.mgrid[:40, :50]


def map_of(depth: np.ndarray, sigma: float | None = 0.5) -> DepthMap:
    depth = depth.astype(np.float32)
    return DepthMap(
        depth,
        np.where(depth > 0, DepthSource.FUSED, DepthSource.NONE).astype(np.uint8),
        None if sigma is None else np.where(depth > 0, np.float32(sigma), np.float32(np.nan)),
        np.full(depth.shape, 30, np.uint16),
    )


def reference(depth: np.ndarray, config: FlyingConfig) -> np.ndarray:
    """Pixel by pixel, in Python."""
    kept = depth.copy()
    for y, x in np.ndindex(depth.shape):
        z = depth[y, x]
        near = depth[max(y - 1, 0) : y + 2, max(x - 1, 0) : x + 2]
        agree = np.abs(near - z) <= np.float32(config.tolerance) * z
        if np.count_nonzero(agree & (near > 0)) - 1 < config.least_support:
            kept[y, x] = 0
    return kept


@settings(deadline=None)
@given(
    arrays.arrays(
        np.float32,
        st.tuples(st.integers(1, 6), st.integers(1, 6)),
        elements=st.sampled_from([0.0, 1000.0, 1005.0, 1012.0, 65535.0]),
    ),
    st.integers(0, 8),
)
def test_support_is_counted_as_in_python(depth: np.ndarray, least: int) -> None:
    config = FlyingConfig(least_support=least)
    found = remove_flying(map_of(depth, sigma=None), config)
    assert np.array_equal(found.depth, reference(depth, config))
    assert np.array_equal(found.source > 0, found.depth > 0)


def test_a_steady_mixture_between_two_surfaces_goes() -> None:
    # A slanted edge: each row mixes near and far in another ratio.
    place = 20 + 0.3 * ROWS[:, 0]
    share = np.clip(place[:, None] - COLUMNS + 0.5, 0, 1)
    depth = share * 1200 + (1 - share) * 1900
    mixed = (share > 0.03) & (share < 0.97)
    assert mixed.sum() > 30
    found = remove_flying(map_of(depth))
    assert not found.depth[mixed].any()
    assert found.uncertainty is not None
    assert np.isnan(found.uncertainty[mixed]).all()
    assert not found.source[mixed].any()
    # What is kept is as it was; apart from corners of the image all of it is kept.
    away = ~mixed & (np.abs(share - 0.5) == 0.5)
    away[[0, -1]] = away[:, [0, -1]] = False
    assert (found.depth[away] > 0).mean() > 0.97
    kept = found.depth > 0
    assert np.array_equal(found.depth[kept], depth.astype(np.float32)[kept])


def test_straight_edges_slopes_and_thin_things_stay() -> None:
    depth = np.full((40, 50), 1500.0)
    depth[:, 25:] = 2500 + 8 * COLUMNS[:, 25:]  # 3 mm per mm: 70 degrees at this range
    depth[:, 10:12] = 1000  # a pole of two pixels
    found = remove_flying(map_of(depth)).depth[1:-1, 1:-1]
    assert (found > 0).all()


def test_noise_widens_the_tolerance() -> None:
    noisy = 2000 + np.random.default_rng(0).normal(0, 17, (40, 50))
    inner = (slice(1, -1), slice(1, -1))
    assert (remove_flying(map_of(noisy, 17.0)).depth[inner] > 0).mean() > 0.99
    assert (remove_flying(map_of(noisy, 0.0)).depth[inner] > 0).mean() < 0.9


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (9, 1)])
def test_images_without_neighbours_are_emptied(shape: tuple[int, int]) -> None:
    assert not remove_flying(map_of(np.full(shape, 1000.0))).depth.any()


@pytest.mark.parametrize("settings_", [{"tolerance": 1.0}, {"noise": -1.0}, {"least_support": 9}])
def test_settings_that_make_no_sense_are_refused(settings_: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=r"denoise\.flying"):
        FlyingConfig(**settings_)
