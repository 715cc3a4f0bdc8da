"""The rendered blur against the theory of the thin lens."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pytest
from render_scenes import AHEAD, scene, upright

from idfd.calibration.projection import project, unproject
from idfd.calibration.thin_lens import circle_of_confusion_px
from idfd.capture.simulated.lens import Lens
from idfd.capture.simulated.tracer import Pupil, TracedScene

pytest.importorskip("open3d")
pytest.importorskip("numba")

LENS = Lens(6016, 4016, 0.8)
DEPTHS = (0.4, 0.5, 0.65, 0.8, 1.0, 1.5, 2.5, 4.0, 6.0)
DOT_PX = 3.0
FIELD = ((3008, 2008), (1500, 3100))
"""Pixels near the axis and far off it."""


@lru_cache
def dots() -> TracedScene:
    """One glowing dot per depth and place in the field, beside each other."""
    found = []
    for place, depth in ((place, depth) for place in FIELD for depth in DEPTHS):
        x, y, _ = unproject(LENS.intrinsics, pixel(place, depth)) * depth
        side = DOT_PX * depth / LENS.intrinsics.fx
        found.append(upright(x, depth, -y, side, side, emission=1.0))
    return TracedScene(scene(*found, lights=False))


def pixel(place: tuple[int, int], depth: float) -> np.ndarray:
    """Where the dot is seen: 60 pixels apart, near the middle of a pixel.

    The edge of a dot between two pixels hides a blur of less than a pixel.
    """
    return np.array([place[0] + 60.02 * DEPTHS.index(depth), place[1] + 0.1])


def look(place: tuple[int, int], depth: float, f_number: float, half: int) -> np.ndarray:
    """The picture of one dot, and its corner."""
    left, top = np.rint(pixel(place, depth)).astype(int) - half
    pupil = Pupil(LENS.aperture_m(f_number), LENS.focus_distance_m)
    window = (int(left), int(top), 2 * half + 1, 2 * half + 1)
    image = dots().radiance(LENS.intrinsics, AHEAD, 512, pupil=pupil, window=window)[..., 1]
    assert image[0].max() == image[-1].max() == image[:, 0].max() == image[:, -1].max() == 0
    return image.astype(np.float64)


def moments(image: np.ndarray) -> tuple[np.ndarray, float]:
    """Mean (x, y) and mean squared distance from it."""
    rows, columns = np.indices(image.shape)
    weight = image / image.sum()
    mean = np.array([(weight * columns).sum(), (weight * rows).sum()])
    square = (columns - mean[0]) ** 2 + (rows - mean[1]) ** 2
    return mean, float((weight * square).sum())


def local_scale(place: np.ndarray) -> np.ndarray:
    """How distortion magnifies here, (2, 2)."""
    camera, step = LENS.intrinsics, 1e-4
    ray = unproject(camera, place)
    sides = [
        (project(camera, ray + step * axis) - project(camera, ray - step * axis)) / (2 * step)
        for axis in np.eye(3)[:2]
    ]
    return np.stack(sides, axis=1) / camera.fx


def spread_of(radius: float, place: np.ndarray, half: int) -> float:
    """Second moment of the ideal picture: disk and dot, cut into pixels at the same phase."""
    g = 1.1673039782614187  # the positive root of x⁵ = x + 1: points evenly in four dimensions
    u = (np.arange(1, 60_001)[:, None] * g ** -np.arange(1.0, 5.0)) % 1
    ring, angle = radius * np.sqrt(u[:, 0]), 2 * np.pi * u[:, 1]
    shift = np.stack([ring * np.cos(angle), ring * np.sin(angle)], 1) + DOT_PX * (u[:, 2:] - 0.5)
    points = place - np.rint(place) + half + shift @ local_scale(place).T
    edges = np.arange(2 * half + 2) - 0.5
    return moments(np.histogram2d(points[:, 1], points[:, 0], bins=(edges, edges))[0])[1]


@pytest.mark.parametrize("f_number", [2.8, 10.0])
@pytest.mark.parametrize("place", FIELD)
@pytest.mark.parametrize("depth", DEPTHS)
def test_blur_of_a_dot_is_the_circle_of_confusion(
    depth: float, place: tuple[int, int], f_number: float
) -> None:
    expected = (
        circle_of_confusion_px(
            depth,
            focal_length_mm=14.0,
            f_number=f_number,
            focus_distance_m=0.8,
            pixel_pitch_um=LENS.pixel_pitch_um,
        )
        / 2
    )
    half = int(expected) + 5
    mean, spread = moments(look(place, depth, f_number, half))
    where = pixel(place, depth)
    tolerance = max(0.03 * expected, 0.15)
    radii = np.linspace(max(expected - 2 * tolerance, 0), expected + 2 * tolerance, 9)
    radius = np.interp(spread, [spread_of(r, where, half) for r in radii], radii)
    assert abs(radius - expected) <= tolerance
    # The chief ray goes through the disk's middle.
    assert np.abs(mean - half + np.rint(where) - where).max() < 0.1


def test_blur_disk_is_filled_evenly() -> None:
    image = look(FIELD[0], 6.0, 2.8, 12)
    rows, columns = np.indices(image.shape)
    x, y = pixel(FIELD[0], 6.0) - np.rint(pixel(FIELD[0], 6.0)) + 12
    radius = np.hypot(columns - x, rows - y)
    inner, outer = image[radius < 2.5].mean(), image[(radius > 2.5) & (radius < 4)].mean()
    assert outer == pytest.approx(inner, rel=0.05)
    assert image[radius > 9.5].max() == 0


def test_focusing_nearer_magnifies() -> None:
    near, far = Lens(6016, 4016, 0.5).intrinsics, Lens(6016, 4016, 5.0).intrinsics
    # s = f F / (F − f)
    assert near.fx / far.fx == pytest.approx((500 / 486) / (5000 / 4986), rel=1e-12)


def test_pixel_pitch_follows_the_size_of_the_photo() -> None:
    assert LENS.pixel_pitch_um == pytest.approx(5.967, abs=1e-3)
    small = Lens(600, 400, 0.8)
    assert small.intrinsics.fx / 600 == pytest.approx(LENS.intrinsics.fx / 6016)


def test_open_aperture_darkens_corners_more_and_leaves_the_centre() -> None:
    window = (0, 0, LENS.width, LENS.height)
    wide, small = LENS.vignetting(2.8, window), LENS.vignetting(10.0, window)
    middle = np.s_[1800:2200, 2700:3300]
    assert np.allclose(wide[middle], small[middle], rtol=1e-3)
    assert small[0, 0] - wide[0, 0] > 0.05
    assert np.log2(wide[0, 0]) == pytest.approx(-2.4, abs=0.3)
    assert wide.max() <= 1
    assert wide.min() > 0


def test_vignetting_of_a_window_is_that_of_the_whole() -> None:
    whole = LENS.vignetting(2.8, (0, 0, LENS.width, LENS.height))
    part = LENS.vignetting(2.8, (5000, 100, 300, 200))
    assert np.allclose(whole[100:300, 5000:5300], part, atol=1e-3)


def test_signed_circle_is_negative_before_the_focus() -> None:
    circle = LENS.circle_px(np.array([0.0, 0.5, 0.8, 3.0]), 2.8)
    assert np.isnan(circle[0])
    assert circle[1] < 0
    assert circle[2] == 0
    assert circle[3] > 0
