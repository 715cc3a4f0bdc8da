from __future__ import annotations

import numpy as np
import pytest
from pairs import make_pair, textured_photo

from idfd.processing.photos.residual import patch_shift, patch_windows
from idfd.storage.color import linear_from_uint8, luminance


def light(image: np.ndarray) -> np.ndarray:
    return luminance(linear_from_uint8(image))


def shifts_of(first: np.ndarray, second: np.ndarray) -> list[float]:
    height, width = first.shape[:2]
    found = [
        patch_shift(light(first[at]), light(second[at])) for at in patch_windows(width, height)
    ]
    return [shift for shift in found if shift is not None]


def test_a_known_shift_is_measured() -> None:
    photo = textured_photo()
    shifts = shifts_of(photo[10:-10, 10:-10], photo[10:-10, 11:-9])
    assert len(shifts) > 20
    assert np.median(shifts) == pytest.approx(1, abs=0.05)


def test_without_texture_nothing_is_said() -> None:
    grey = np.full((200, 200, 3), 90, np.uint8)
    assert shifts_of(grey, grey) == []
    stripes = np.tile(np.repeat(np.array([60, 180], np.uint8), 4), (200, 25))
    stripes = np.dstack([stripes] * 3)
    assert patch_shift(light(stripes), light(stripes)) is None  # only one direction can be told


@pytest.mark.parametrize("radius", [2, 4, 8])
def test_blur_does_not_look_like_a_shift(radius: float) -> None:
    sharp, blurred, _ = make_pair(textured_photo(), np.zeros(9), radius=radius, disk=True)
    assert np.median(shifts_of(sharp, blurred)) < 0.25


@pytest.mark.parametrize("size", [(6000, 4000), (645, 432), (100, 60), (33, 400)])
def test_patches_lie_inside_and_are_not_too_many(size: tuple[int, int]) -> None:
    windows = patch_windows(*size)
    assert 1 <= len(windows) <= 150
    for rows, columns in windows:
        assert 0 <= rows.start < rows.stop <= size[1]
        assert 0 <= columns.start < columns.stop <= size[0]
