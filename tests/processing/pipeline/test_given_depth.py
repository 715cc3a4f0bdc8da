"""Depth that came with a take as a map: moved and cut, never averaged."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from idfd.model.triple import Crop
from idfd.processing.photos.transform import as_record
from idfd.processing.pipeline.inputs import move_depth, on_crop


@given(
    arrays.arrays(np.uint16, (24, 32)),
    st.lists(st.floats(-0.05, 0.05), min_size=9, max_size=9),
)
def test_depth_moves_without_new_values(depth: np.ndarray, values: list[float]) -> None:
    moved = move_depth(depth, as_record(np.array(values), 32, 24))
    assert set(np.unique(moved)) <= set(np.unique(depth)) | {0}


def test_depth_moves_with_the_photo() -> None:
    depth = np.zeros((40, 60), np.uint16)
    depth[20, 30] = 1234
    shift = as_record(np.array([0, 0, 5, 0, 0, -3, 0, 0, 0]) / (np.hypot(60, 40) / 2), 60, 40)
    assert move_depth(depth, shift)[23, 25] == 1234


@given(arrays.arrays(np.uint16, (24, 32)), st.floats(1, 3), st.floats(0, 3))
def test_a_crop_takes_the_nearest_pixel(depth: np.ndarray, scale: float, x: float) -> None:
    crop = Crop(x=x, y=0.5, width=8, height=6, scale=scale)
    found = on_crop(depth, crop)
    for i, j in ((0, 0), (5, 7), (3, 2)):
        row, column = (0.5 + (i + 0.5) * scale - 0.5, x + (j + 0.5) * scale - 0.5)
        assert found[i, j] == depth[round(row), round(column)]
    plain = Crop(x=3.0, y=2.0, width=8, height=6)
    assert (on_crop(depth, plain) == depth[2:8, 3:11]).all()
