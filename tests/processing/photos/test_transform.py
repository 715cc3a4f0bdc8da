from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from idfd.processing.crop import largest_crop, place_crop
from idfd.processing.photos.transform import (
    as_parameters,
    as_record,
    map_points,
    sampling_maps,
    valid_pixels,
)

small = st.floats(-0.02, 0.02)


@given(st.lists(small, min_size=9, max_size=9))
def test_record_and_parameters_are_inverse(values: list[float]) -> None:
    record = as_record(np.array(values), 640, 480)
    np.testing.assert_allclose(as_parameters(record), values, atol=1e-12)


@given(st.lists(small, min_size=9, max_size=9))
def test_maps_agree_with_points(values: list[float]) -> None:
    record = as_record(np.array(values), 64, 48)
    x, y = sampling_maps(record, 64, 48)
    points = map_points(record, np.array([[5, 7], [60, 40]]))
    np.testing.assert_allclose([x[7, 5], y[7, 5]], points[0], atol=1e-4)
    np.testing.assert_allclose([x[40, 60], y[40, 60]], points[1], atol=1e-4)


def test_without_radial_term_it_is_a_homography() -> None:
    values = np.array([0.01, -0.02, 0.03, 0.02, 0.01, -0.01, 0.004, -0.003, 0])
    record = as_record(values, 640, 480)
    normalise = np.array(
        [[1, 0, -record.centre[0]], [0, 1, -record.centre[1]], [0, 0, record.scale]]
    )
    matrix = np.linalg.inv(normalise) @ np.array(record.homography).reshape(3, 3) @ normalise
    point = matrix @ [100, 200, 1]
    np.testing.assert_allclose(map_points(record, np.array([[100, 200]]))[0], point[:2] / point[2])


@given(st.lists(small, min_size=9, max_size=9))
def test_crop_is_valid_and_keeps_the_aspect(values: list[float]) -> None:
    record = as_record(np.array(values), 320, 200)
    valid = valid_pixels(sampling_maps(record, 320, 200))
    crop = largest_crop(valid)
    assert valid[crop.window].all()
    assert abs(crop.width - crop.height * 1.6) <= 0.5 + 1e-9
    # Nothing larger fits: the next size up has no valid place.
    assert place_crop(valid, round((crop.height + 1) * 1.6), crop.height + 1) is None


def test_the_whole_frame_is_kept_where_nothing_moved() -> None:
    crop = largest_crop(np.ones((100, 150), bool))
    assert (crop.x, crop.y, crop.width, crop.height) == (0, 0, 150, 100)
