from __future__ import annotations

import msgspec
import numpy as np
import pytest
from board_views import CAMERA, CHARUCO, pose
from hypothesis import given
from hypothesis import strategies as st

from idfd.calibration.boards.geometry import corners_mm
from idfd.calibration.detection.levels import edge_width, level, levels, to_uint8
from idfd.calibration.detection.warp import Warp
from idfd.calibration.projection import project


def test_a_warp_follows_a_lens_and_leaves_wrong_points_out() -> None:
    rotation, place = pose((20, -30, 10), (20, 10, 420))
    fine = msgspec.structs.replace(CHARUCO, columns=18, rows=12, square_mm=20, marker_mm=15)
    board = corners_mm(fine)
    truth = project(CAMERA, board @ rotation.T + place)
    seen = truth.copy()
    seen[::9] += 40
    warp = Warp(board[:, :2], seen, limit_px=12)
    assert not warp.kept[::9].any()
    assert warp.kept.sum() == len(board) - len(board[::9])
    assert np.abs(warp(board[:, :2]) - truth).max() < 1.5
    assert np.median(np.abs(warp(board[:, :2]) - truth)) < 0.2
    around = warp.around(board[:, :2], 5.0)
    step = np.array([[3.0, 2.0]])
    there = project(CAMERA, (board + np.array([3, 2, 0])) @ rotation.T + place)
    assert np.abs(truth + around.offsets(step)[:, 0] - there).max() < 0.25


def test_points_on_a_line_make_no_warp() -> None:
    line = np.column_stack([np.arange(9.0), np.zeros(9)])
    assert not Warp(line, line * 2, limit_px=1.0).kept.any()


@pytest.mark.parametrize(
    ("shape", "scales"),
    [
        ((576, 640), [1, 2]),
        ((900, 1200), [1]),
        ((3072, 4096), [1 / 3, 1 / 2, 1]),
        ((4016, 6016), [1 / 5, 1 / 3, 1]),
    ],
)
def test_large_images_are_reduced_and_small_ones_enlarged(
    shape: tuple[int, int], scales: list[float]
) -> None:
    assert list(levels(np.zeros(shape, np.uint8))) == scales


@given(
    scale=st.sampled_from([1 / 5, 1 / 3, 1.0, 2.0]),
    left=st.integers(0, 50),
    upper=st.integers(0, 50),
)
def test_pixels_of_a_level_are_found_again_in_the_image(
    scale: float, left: int, upper: int
) -> None:
    y, x = np.mgrid[:240, :300].astype(np.float64)
    image = np.exp(-((x - 140) ** 2 + (y - 110) ** 2) / (2 * 12**2)) * 60000
    part = level(image.astype(np.uint16), scale, (left, upper, 290, 233))
    weight = np.clip(part.picture.astype(np.float64) - 40, 0, None)
    rows, columns = np.indices(weight.shape)
    middle = np.array([(weight * columns).sum(), (weight * rows).sum()]) / weight.sum()
    assert np.abs(part.to_image(middle) - (140, 110)).max() < 0.1


def test_dark_and_deep_images_are_stretched_and_photos_are_not() -> None:
    dark = np.tile(np.linspace(300, 420, 200), (50, 1)).astype(np.uint16)
    assert to_uint8(dark).min() == 0
    assert to_uint8(dark).max() == 255
    photo = np.tile(np.arange(200, dtype=np.uint8), (50, 1))
    assert to_uint8(photo) is photo


def test_edge_width_is_that_of_the_blur() -> None:
    x = np.arange(400.0)
    widths = []
    for blur in (2, 5, 10):
        edge = 128 + 100 * np.clip((x - 200) / blur, -1, 1)
        widths.append(edge_width(np.tile(edge, (100, 1)).astype(np.uint8)))
    assert widths == sorted(widths)
    assert widths[2] == pytest.approx(20, rel=0.2)
