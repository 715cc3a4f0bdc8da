from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from toy_predictor import Blur, noise

from idfd.benchmark.predict import Predictor, Tiling
from idfd.errors import InputError

TILINGS = st.sampled_from([Tiling(64, 32), Tiling(96, 32), Tiling(128, 64), Tiling(256, 96)])


@settings(deadline=None)
@given(TILINGS, st.integers(1, 3000))
def test_tiles_cover_a_side_on_the_grid_of_the_network(tiling: Tiling, length: int) -> None:
    spans = tiling.along(length)
    assert spans[0].start == 0
    assert spans[-1].stop == length
    assert all(span.start % 32 == 0 and len(span) <= tiling.side for span in spans)
    # All but the last end where the stride divides, so that the network adds nothing to them.
    assert all(len(span) == tiling.side for span in spans[:-1])
    assert all(left.stop - right.start >= tiling.overlap for left, right in pairwise(spans[:-1]))


@settings(deadline=None)
@given(TILINGS, st.integers(1, 3000))
def test_shares_add_up_to_one_and_leave_out_what_lies_at_a_cut(tiling: Tiling, length: int) -> None:
    spans = tiling.along(length)
    total = np.zeros(length)
    for k, (span, share) in enumerate(zip(spans, tiling.shares(spans), strict=True)):
        assert share.dtype == np.float32
        assert share.min() >= 0
        total[span.start : span.stop] += share
        unused = 3 * tiling.overlap // 8
        if k > 0 and len(span) == tiling.side:
            assert not share[:unused].any()
        if k + 2 < len(spans):
            assert not share[-unused:].any()
    np.testing.assert_allclose(total, 1, atol=1e-6)


@pytest.mark.parametrize(
    ("height", "width"), [(64, 64), (63, 65), (130, 200), (257, 33), (97, 511)]
)
def test_tiles_of_a_local_network_equal_the_whole(height: int, width: int) -> None:
    photo = noise(height, width)
    network = Blur()
    whole = Predictor(network, tiling=Tiling(1024, 32)).predict(photo)
    assert network.sizes == [(height, width)]
    tiled = Predictor(network, tiling=Tiling(64, 32)).predict(photo)
    assert max(max(size) for size in network.sizes[1:]) <= max(
        64, 0 if height * width > 4096 else width
    )
    assert whole.depth_m is not None
    assert tiled.depth_m is not None
    np.testing.assert_allclose(tiled.depth_m, whole.depth_m, atol=1e-5)
    assert whole.all_in_focus is not None
    assert tiled.all_in_focus is not None
    difference = tiled.all_in_focus.astype(int) - whole.all_in_focus
    assert np.count_nonzero(difference) <= difference.size // 1000  # rounding at half a level
    assert np.abs(difference).max() <= 1


def test_a_constant_error_of_each_tile_becomes_a_slope_without_a_step() -> None:
    tiling = Tiling(128, 64)
    rows, columns = tiling.spans(200, 300)
    levels = iter(range(len(rows) * len(columns)))
    maps = (
        np.full((1, len(row), len(column)), next(levels), np.float32)
        for row in rows
        for column in columns
    )
    picture = np.concatenate([band for _, band in tiling.blend(rows, columns, maps)], 1)[0]
    assert picture.shape == (200, 300)
    # Neighbours differ by 1 along a row and by the number of columns down; a cosine over 16 pixels.
    assert np.abs(np.diff(picture, axis=1)).max() < np.pi / 32 * 1.1
    assert np.abs(np.diff(picture, axis=0)).max() < len(columns) * np.pi / 32 * 1.1


def test_one_row_of_tiles_is_held_at_a_time() -> None:
    tiling = Tiling(64, 32)
    rows, columns = tiling.spans(1000, 300)
    asked = 0

    def maps() -> Iterator[NDArray[np.float32]]:
        nonlocal asked
        for row in rows:
            for column in columns:
                asked += 1
                yield np.zeros((1, len(row), len(column)), np.float32)

    done = 0
    for k, (top, band) in enumerate(tiling.blend(rows, columns, maps())):
        assert asked == (k + 1) * len(columns)
        assert top == done
        assert band.shape[1] <= 64
        done += band.shape[1]
    assert done == 1000


@pytest.mark.parametrize(("side", "overlap"), [(100, 32), (64, 20), (64, 64), (64, 0), (0, 32)])
def test_tilings_that_do_not_work_are_refused(side: int, overlap: int) -> None:
    with pytest.raises(InputError, match="multiples of 32"):
        Tiling(side, overlap)
