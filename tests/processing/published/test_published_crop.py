"""The published crop: where its pixels lie, and where it is placed."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from idfd.errors import InputError
from idfd.processing.published.crop import PublishedCrop, choose_crop


def test_the_authors_own_crop() -> None:
    crop = PublishedCrop(x=860, y=250, side=1050, width=640, height=480)
    assert (crop.scale_x, crop.scale_y) == (1050 / 640, 1050 / 480)
    assert crop.distortion == pytest.approx(4 / 3)
    places = crop.photo_pixels()
    assert places.shape == (480, 640, 2)
    # The corners of the corner pixels are those of the window.
    half = np.array([crop.scale_x, crop.scale_y]) / 2
    np.testing.assert_allclose(places[0, 0] - half, (860 - 0.5, 250 - 0.5))
    np.testing.assert_allclose(places[-1, -1] + half, (860 + 1049.5, 250 + 1049.5))


@settings(max_examples=20, deadline=None)
@given(
    x=st.integers(0, 40), y=st.integers(0, 40), side=st.integers(100, 160),
    width=st.integers(20, 90), height=st.integers(20, 90),
)  # fmt: skip
def test_pixels_are_means_around_the_places_they_stand_for(
    x: int, y: int, side: int, width: int, height: int
) -> None:
    """The mean of a ramp over an area is its value in the middle.

    OpenCV leaves out what covers less than a thousandth of a pixel, hence the tolerance.
    """
    crop = PublishedCrop(x, y, side, width, height)
    columns, rows = np.meshgrid(np.arange(200.0), np.arange(200.0))
    places = crop.photo_pixels()
    for plane, expected in ((columns, places[..., 0]), (rows, places[..., 1])):
        np.testing.assert_allclose(crop.resample(plane.astype(np.float32)), expected, atol=0.1)


def test_lies_in_the_middle_of_the_depth() -> None:
    measured = np.zeros((1000, 1500), bool)
    measured[300:700, 500:1101] = True
    crop = choose_crop(measured, 0.5, 640, 480)
    assert crop.side == 500
    assert (crop.x, crop.y) == ((500 + 1101 - 500) // 2, 250)


@settings(max_examples=30, deadline=None)
@given(
    row=st.integers(0, 59), column=st.integers(0, 89), share=st.floats(0.05, 1.0),
)  # fmt: skip
def test_stays_inside_of_the_photo(row: int, column: int, share: float) -> None:
    measured = np.zeros((60, 90), bool)
    measured[row, column] = True
    crop = choose_crop(measured, share, 64, 48)
    assert crop.x >= 0
    assert crop.y >= 0
    assert crop.x + crop.side <= 90
    assert crop.y + crop.side <= 60


def test_refuses_a_photo_without_depth() -> None:
    with pytest.raises(InputError, match="no depth falls into the photo"):
        choose_crop(np.zeros((50, 60), bool), 0.7, 640, 480)
