"""Lines of motion blur have the length of parallax, and near things cover far ones."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
from scenes_to_degrade import CAMERA, HEIGHT, WIDTH

from idfd.errors import InputError
from idfd.processing.degrade.motion import blur_length_px, move
from idfd.processing.degrade.settings import MotionBlur


class Along:
    """A generator that always draws one direction."""

    def __init__(self, angle: float) -> None:
        self.angle = angle

    def uniform(self, low: float, high: float) -> float:
        assert low <= self.angle < high
        return self.angle


def blurred(light: np.ndarray, depth: np.ndarray, settings: MotionBlur) -> np.ndarray:
    moved = move(light, depth, CAMERA, settings, Along(0.0))  # type: ignore[arg-type]
    return moved[..., 0].astype(float)


def test_length_is_f_v_t_over_depth() -> None:
    depth = np.array([[500, 1000, 2000, 8000]], np.uint16)
    length = blur_length_px(depth, CAMERA, MotionBlur(speed_mm_s=200.0, exposure_s=0.05))
    np.testing.assert_allclose(length, [[20.0, 10.0, 5.0, 1.25]], rtol=1e-6)


def test_holes_take_the_nearest_depth() -> None:
    depth = np.array([[1000, 0, 0, 0, 4000, 0]], np.uint16)
    depth = np.repeat(depth, 3, axis=0)
    length = blur_length_px(depth, CAMERA, MotionBlur(speed_mm_s=100.0, exposure_s=0.04))
    np.testing.assert_allclose(length[1, [0, 1, 3, 4, 5]], [4, 4, 1, 1, 1])
    with pytest.raises(InputError, match="no depth"):
        blur_length_px(np.zeros_like(depth), CAMERA, MotionBlur(speed_mm_s=1.0))


def test_a_point_becomes_a_line_of_that_length() -> None:
    light = np.zeros((HEIGHT, WIDTH, 3), np.float32)
    light[40, 60] = 1
    depth = np.full((HEIGHT, WIDTH), 2000, np.uint16)
    settings = MotionBlur(speed_mm_s=800.0, exposure_s=0.04)
    line = blurred(light, depth, settings)
    length = 1000 * 0.8 * 0.04 / 2
    assert line.sum() == pytest.approx(1, abs=2e-3)
    columns = np.arange(WIDTH)
    assert (line[40] * columns).sum() == pytest.approx(60, abs=0.05)
    # The second moment of a line is that of a uniform distribution, L²/12.
    assert (line[40] * (columns - 60) ** 2).sum() == pytest.approx(length**2 / 12, rel=0.05)
    assert np.abs(np.delete(line, 40, axis=0)).max() < 1e-6


def test_nearer_halves_blur_more() -> None:
    generator = np.random.default_rng(0)
    light = generator.random((HEIGHT, WIDTH, 3), np.float32)
    depth = np.full((HEIGHT, WIDTH), 4000, np.uint16)
    depth[:, : WIDTH // 2] = 500
    moved = blurred(light, depth, MotionBlur(speed_mm_s=100.0, exposure_s=0.08))
    assert moved[:, 10:50].std() < 0.6 * moved[:, 70:110].std()


def test_a_near_square_covers_the_far_wall_as_if_it_were_moved() -> None:
    # Truth: a white square in front of a black wall far away, moved and averaged.
    light = np.zeros((HEIGHT, WIDTH, 3), np.float32)
    light[30:50, 40:70] = 1
    depth = np.full((HEIGHT, WIDTH), 60000, np.uint16)
    depth[30:50, 40:70] = 1000
    settings = MotionBlur(speed_mm_s=300.0, exposure_s=0.04)
    length = 12.0
    columns = np.arange(WIDTH)
    shifts = (np.arange(2000) + 0.5) / 2000 * length - length / 2
    truth = np.mean(
        [np.clip(np.minimum(columns - 39.5 - s, 69.5 - columns + s) + 0.5, 0, 1) for s in shifts],
        axis=0,
    )
    row = blurred(light, depth, settings)[40]
    assert np.abs(row - truth).max() < 0.1
    assert row.sum() == pytest.approx(30, rel=0.02)
    # A gather by the depth of the output pixel alone would leave the wall black.
    assert row[36] > 0.15


def test_standing_still_changes_nothing() -> None:
    light = np.random.default_rng(0).random((HEIGHT, WIDTH, 3), np.float32)
    depth = np.full((HEIGHT, WIDTH), 1000, np.uint16)
    np.testing.assert_array_equal(
        move(light, depth, CAMERA, MotionBlur(speed_mm_s=0.0), np.random.default_rng(0)), light
    )


def test_the_direction_does_not_change_the_length() -> None:
    light = np.zeros((HEIGHT, WIDTH, 3), np.float32)
    light[40, 60] = 1
    depth = np.full((HEIGHT, WIDTH), 1000, np.uint16)
    settings = msgspec.convert({"speed_mm_s": 300.0}, MotionBlur)
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    for angle in (0.4, 1.2, 2.5):
        line = move(light, depth, CAMERA, settings, Along(angle))[..., 0]  # type: ignore[arg-type]
        spread = (line * ((columns - 60) ** 2 + (rows - 40) ** 2)).sum()
        assert spread == pytest.approx(12.0**2 / 12, rel=0.1)
