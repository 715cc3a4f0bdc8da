from __future__ import annotations

import cv2
import numpy as np
import pytest
from board_views import CAMERA, CHARUCO, CHESSBOARD, Array, BoardView, pose, view
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from idfd.calibration.boards.geometry import corners_mm
from idfd.calibration.detection.detect import detect
from idfd.calibration.detection.light import shading
from idfd.calibration.detection.saddle import approach, refine, saddle_score
from idfd.calibration.detection.sampling import Surroundings
from idfd.model.board import Board

TILTED = pose((20, -25, 8), (10, -5, 560))


def errors(seen: BoardView, board: Board) -> tuple[Array, Array]:
    """Errors of all corners found, (N, 2), and their expected deviations."""
    found = detect(seen.image, board)
    return found.pixels - seen.corners[found.ids], found.deviation_px


@settings(max_examples=12, deadline=None, derandomize=True, phases=[Phase.generate])
@given(
    # Edges along the rows of pixels would show the 3 x 3 rays of the rendering.
    tilt=st.tuples(st.floats(4, 35), st.floats(-35, -4), st.floats(4, 30)),
    far=st.floats(480, 900),
    blur=st.floats(0.6, 1.5),
    disk=st.sampled_from([0.0, 2.5, 4.0]),
    gamma=st.sampled_from([1.0, 2.2]),
    noise=st.floats(0.3, 3),
    seed=st.integers(0, 99),
)
def test_corners_are_found_to_hundredths_of_a_pixel_under_blur_tone_and_noise(
    tilt: tuple[float, float, float],
    far: float,
    blur: float,
    disk: float,
    gamma: float,
    noise: float,
    seed: int,
) -> None:
    seen = view(
        CHESSBOARD,
        *pose(tilt, (0, 0, far)),
        blur_px=blur,
        disk_px=disk,
        gamma=gamma,
        noise=noise,
        seed=seed,
    )
    inside = ((seen.corners > 20) & (seen.corners < np.array([879, 579]))).all()
    if not inside:
        return
    error, deviation = errors(seen, CHESSBOARD)
    assert np.sqrt(np.mean(error**2)) < 0.035
    assert np.all(np.abs(error.mean(axis=0)) < 0.01)
    assert np.sqrt(np.mean((error / deviation[:, None]) ** 2)) < 1.5


@pytest.mark.parametrize("noise", [1.0, 4.0, 10.0])
def test_deviations_are_those_of_repeated_images(noise: float) -> None:
    clean = view(CHARUCO, *TILTED, noise=0)
    random = np.random.default_rng(1)
    found, claimed = [], []
    for _ in range(12):
        noisy = clean.image + random.normal(0, noise, clean.image.shape)
        corners = detect(np.clip(np.rint(noisy), 0, 255).astype(np.uint8), CHARUCO)
        assert len(corners.ids) == 40
        found.append(corners.pixels)
        claimed.append(corners.deviation_px)
    scatter = np.sqrt(np.var(found, axis=0, ddof=1).mean())
    # 0.005 px of the deviation stand for what noise does not explain.
    expected = np.sqrt(np.mean(np.square(claimed)) - 0.005**2)
    # Rounding to whole numbers counts as noise, but hardly varies where noise is low.
    assert 0.9 < expected / scatter < (1.6 if noise > 1 else 2.5)


def test_opencv_is_less_accurate() -> None:
    seen = view(CHARUCO, *TILTED, noise=3)
    found = detect(seen.image, CHARUCO)
    start = np.array(seen.corners[found.ids][:, None], np.float32, order="C")
    stop = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 60, 1e-3)
    peer = cv2.cornerSubPix(seen.image, start, (5, 5), (-1, -1), stop)[:, 0]
    ours = np.sqrt(np.mean((found.pixels - seen.corners[found.ids]) ** 2))
    theirs = np.sqrt(np.mean((peer - seen.corners[found.ids]) ** 2))
    assert ours < 0.5 * theirs


def flat(pixels: Array, mm: float = 1.0) -> Surroundings:
    """A board parallel to the image."""
    return Surroundings(np.tile(np.eye(2) * mm, (len(pixels), 1, 1)), np.zeros((len(pixels), 2, 3)))


def quadrants(values: tuple[float, float, float, float], blur: float = 1.0) -> Array:
    """Four quadrants that meet at (30.5, 30.5): the upper, then the lower ones."""
    picture = np.empty((62, 62))
    picture[:31, :31], picture[:31, 31:], picture[31:, :31], picture[31:, 31:] = values
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), blur), np.float64)


def test_a_corner_is_told_from_edges() -> None:
    at = np.array([[30.5, 30.5]])

    def score(values: tuple[float, float, float, float]) -> float:
        image = quadrants(values).astype(np.float32)
        return float(saddle_score(image, at, flat(at), 8.0)[0])

    assert score((200, 20, 20, 200)) > 0.9
    assert score((20, 200, 200, 20)) < -0.9
    assert abs(score((200, 200, 20, 20))) < 0.05
    assert 0.4 < abs(score((20, 200, 200, 200))) < 0.65
    assert score((90, 90, 90, 90)) == 0


def test_refinement_starts_from_a_pixel_away_and_is_exact() -> None:
    image = quadrants((200, 20, 20, 200)).astype(np.float32)
    start = np.array([[31.6, 29.8], [29.9, 30.2]])
    found = refine(image, start, flat(start), np.zeros((2, 2)), 12.0)
    assert np.abs(found.pixels - 30.5).max() < 1e-3
    assert np.all(found.deviation_px < 0.02)


def test_the_approach_comes_from_far_and_stays_where_there_is_nothing() -> None:
    image = quadrants((200, 20, 20, 200)).astype(np.float32)
    moved = approach(image, np.array([[35.0, 26.5], [2.0, 3.0]]), np.array([14.0, 14.0]))
    assert np.abs(moved[0] - 30.5).max() < 0.1
    assert np.array_equal(moved[1], [2.0, 3.0])


def test_nothing_is_measured_at_the_edge_or_on_a_flat_patch() -> None:
    image = np.full((62, 62), 90, np.uint8)
    start = np.array([[30.0, 30.0], [3.0, 30.0]])
    found = refine(image, start, flat(start), np.zeros((2, 2)), 10.0)
    assert np.isnan(found.pixels[1]).all()
    assert not found.deviation_px[0] < 1


def test_light_that_falls_off_does_not_move_corners() -> None:
    clean = view(CHARUCO, *TILTED, noise=0)
    x, y = np.meshgrid(np.arange(CAMERA.width), np.arange(CAMERA.height))
    lamp = np.exp(-((x - 200) ** 2 + (y - 500) ** 2) / 300**2)
    counts = np.rint(clean.image * lamp * 200).astype(np.uint16)
    found = detect(counts, CHARUCO)
    error = found.pixels - clean.corners[found.ids]
    assert len(found.ids) > 30
    assert np.sqrt(np.mean(error**2)) < 0.02
    at = clean.corners
    slope = shading(counts.astype(np.float32), at, flat(at), 4.0)
    truth = -2 * (at - np.array([200, 500])) / 300**2
    assert np.corrcoef(slope.ravel(), truth.ravel())[0, 1] > 0.95


def test_corners_mm_and_detections_agree_in_number() -> None:
    found = detect(view(CHARUCO, *TILTED).image, CHARUCO)
    assert np.array_equal(found.ids, np.arange(len(corners_mm(CHARUCO))))
    assert found.size == (CAMERA.width, CAMERA.height)
