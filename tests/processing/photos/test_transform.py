from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from idfd.processing.photos.transform import (
    as_parameters,
    as_record,
    map_points,
    reduced_centre,
    sampling_maps,
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


@given(st.lists(small, min_size=9, max_size=9), st.integers(1, 8))
def test_the_centre_moves_with_the_blocks(values: list[float], factor: int) -> None:
    record = as_record(np.array(values), 64, 48)
    x, y = reduced_centre(record, factor)
    # The middle of the frame is the middle of the blocks too.
    np.testing.assert_allclose([x + 0.5, y + 0.5], [64 / 2 / factor, 48 / 2 / factor])
