from __future__ import annotations

import numpy as np
import pytest

from idfd.benchmark.predict.picture import depth_picture
from idfd.processing.pictures import colors


def test_depth_is_coloured_between_its_percentiles_over_a_bar_of_the_same_colours() -> None:
    depth = np.linspace(1, 3, 400, dtype=np.float32)[None].repeat(50, 0)
    picture = depth_picture(depth)
    assert picture.shape == (50 + 44, 400, 3)
    low, high = np.percentile(depth, [1, 99])
    np.testing.assert_array_equal(picture[:50], colors(depth, float(low), float(high)))
    bar = picture[50 + 10, 24:-24]
    np.testing.assert_array_equal(bar[0], picture[0, 0])
    np.testing.assert_array_equal(bar[-1], picture[0, -1])
    assert (picture[50 + 28 :] > 128).any()  # the numbers


@pytest.mark.parametrize(
    ("shape", "expected"),
    [((5000, 3000), (1667 + 44, 1000)), ((32, 32), (320 + 44, 320)), ((2048, 2048), (2092, 2048))],
)
def test_pictures_are_neither_huge_nor_too_narrow_for_the_bar(
    shape: tuple[int, int], expected: tuple[int, int]
) -> None:
    assert depth_picture(np.full(shape, 2, np.float32)).shape[:2] == expected
