"""The published registration finds a homography that is known, or says that it cannot."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from picture_wall import TO_PHOTO, colour_image, photo_of

from idfd.errors import InputError
from idfd.processing.published.homography import HomographyConfig, find_homography


def test_finds_the_homography_of_a_plane() -> None:
    colour = colour_image()
    found = find_homography(colour, photo_of(colour))
    grid = np.stack(np.meshgrid(np.linspace(50, 1150, 6), np.linspace(50, 680, 5)), -1)
    expected = cv2.perspectiveTransform(grid, TO_PHOTO)
    error = cv2.perspectiveTransform(grid, found.matrix) - expected
    assert np.linalg.norm(error, axis=-1).mean() < 1.0
    assert found.matches >= found.inliers >= 100


def test_is_the_same_every_time_and_for_deeper_photos() -> None:
    colour = colour_image()
    photo = photo_of(colour)
    few = HomographyConfig(features=1500)
    first, again = (find_homography(colour, photo, few) for _ in range(2))
    np.testing.assert_array_equal(first.matrix, again.matrix)
    deep = find_homography(colour, photo.astype(np.uint16) * 257, few)
    np.testing.assert_array_equal(first.matrix, deep.matrix)


@pytest.mark.parametrize("blank", ["colour", "photo", "other"])
def test_refuses_what_does_not_match(blank: str) -> None:
    colour = colour_image()
    photo = photo_of(colour)
    if blank == "colour":
        colour = np.full_like(colour, 128)
    elif blank == "photo":
        photo = np.full_like(photo, 128)
    else:
        photo = colour_image(seed=5)
    with pytest.raises(InputError, match="agree on a homography") as caught:
        find_homography(colour, photo, HomographyConfig(features=1500))
    assert "calibration" in str(caught.value)
