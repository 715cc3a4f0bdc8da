from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from idfd.errors import InputError
from idfd.processing.depth.fuse import FuseConfig, fuse_burst

ANY = FuseConfig(least_share=0.0, largest_spread_mm=1e9)


@given(
    arrays.arrays(
        np.uint16,
        st.tuples(st.integers(1, 9), st.integers(1, 5), st.integers(1, 5)),
        elements=st.one_of(st.just(0), st.integers(1, 65535)),
    )
)
def test_fusing_is_the_median_of_the_valid_values(burst: np.ndarray) -> None:
    fused = fuse_burst(burst, ANY)
    for y, x in np.ndindex(fused.shape):
        valid = burst[:, y, x][burst[:, y, x] > 0]
        assert fused[y, x] == (np.rint(np.median(valid)) if len(valid) else 0)


def test_a_pixel_that_is_mostly_invalid_stays_empty() -> None:
    burst = np.zeros((30, 1, 2), np.uint16)
    burst[:14, 0, 0] = burst[:16, 0, 1] = 1000
    assert fuse_burst(burst).tolist() == [[0, 1000]]


def test_a_pixel_that_flickers_between_two_surfaces_stays_empty() -> None:
    burst = np.full((30, 1, 2), 1000, np.uint16)
    burst[::2, 0, 0] = 2000
    burst[:3, 0, 1] = 2000  # three outliers do not move the median
    assert fuse_burst(burst).tolist() == [[0, 1000]]


def test_more_frames_are_more_precise() -> None:
    rng = np.random.default_rng(0)
    burst = np.rint(rng.normal(1500, 10, (30, 60, 60))).astype(np.uint16)
    error = fuse_burst(burst).astype(float) - 1500
    # The median of n normal values spreads by sqrt(pi / 2n) of one: 2.3 mm here.
    assert 1.8 < error.std() < 2.8
    assert abs(error.mean()) < 0.2


@pytest.mark.parametrize("shape", [(0, 4, 4), (4, 4)])
def test_what_is_no_burst_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match="shape"):
        fuse_burst(np.zeros(shape, np.uint16))
