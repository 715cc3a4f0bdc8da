from __future__ import annotations

import cv2
import numpy as np
import pytest
from pairs import random_parameters, textured_photo

from idfd.processing.photos.reduce import bring_onto, reduce_photo
from idfd.processing.photos.transform import as_record, map_points, sampling_maps
from idfd.storage.color import linear_from_uint8


@pytest.mark.parametrize("factor", [1, 2, 4, 7])
def test_blocks_are_means_of_linear_light(factor: int) -> None:
    photo = textured_photo(61, 45)
    reduced = reduce_photo(photo, factor)
    rows, columns = 45 // factor, 61 // factor
    expected = cv2.resize(
        linear_from_uint8(photo[: rows * factor, : columns * factor]),
        (columns, rows),
        interpolation=cv2.INTER_AREA,
    )
    np.testing.assert_allclose(reduced.linear, expected, atol=2e-6)
    assert reduced.size == (61, 45)


@pytest.mark.parametrize("scale", [1, 257])
def test_clipped_shares_are_counted(scale: int) -> None:
    photo = np.full((8, 8, 3), 100 * scale, np.uint8 if scale == 1 else np.uint16)
    photo[0, 0] = 250 * scale  # any channel spoils the pixel
    photo[1, 1, 2] = 255 * scale
    photo[2, 2] = 249 * scale
    assert reduce_photo(photo, 4).clipped.tolist() == [[2 / 16, 0], [0, 0]]


def test_eight_and_sixteen_bits_are_the_same_light() -> None:
    photo = textured_photo(64, 48)
    wide = reduce_photo(photo.astype(np.uint16) * 257, 4).linear
    np.testing.assert_allclose(wide, reduce_photo(photo, 4).linear, atol=1e-6)


def test_a_reduced_photo_moves_as_the_whole_one() -> None:
    """Moved and then reduced is reduced and then moved, to what averaging 4 x 4 pixels leaves."""
    photo = cv2.GaussianBlur(textured_photo(700, 500), (0, 0), 6)
    transform = as_record(random_parameters(np.random.default_rng(3), 700, 500), 700, 500)
    moved = cv2.remap(photo, *sampling_maps(transform, 700, 500), cv2.INTER_CUBIC)
    expected = reduce_photo(moved, 4)
    found = bring_onto(reduce_photo(photo, 4), transform)
    inner = (slice(12, -12), slice(12, -12))
    difference = np.abs(found.linear - expected.linear)[inner]
    assert difference.mean() < 1e-3
    wrong = np.abs(reduce_photo(photo, 4).linear - expected.linear)[inner]
    assert wrong.mean() > 10 * difference.mean()
    outside = map_points(transform, np.array([[1.5, 1.5]]))[0].min() < 0
    assert (found.clipped[0, 0] > 0) == outside
