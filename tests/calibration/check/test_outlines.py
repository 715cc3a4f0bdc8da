"""Outlines of depth, and how they lie on the photo."""

from __future__ import annotations

from dataclasses import replace

import flat_scene
import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from idfd.calibration.check.alignment import measure_alignment
from idfd.calibration.check.outlines import Outlines, find_outlines
from idfd.calibration.depth import steady_depth
from idfd.model.camera import Extrinsics, Intrinsics
from idfd.model.rig import RigCalibration

CAMERA = Intrinsics(width=120, height=100, fx=100, fy=100, cx=60, cy=50)
SAME = RigCalibration(
    photo=CAMERA,
    depth=CAMERA,
    depth_to_photo=Extrinsics(
        source="depth",
        target="photo",
        rotation=((1, 0, 0), (0, 1, 0), (0, 0, 1)),
        translation_mm=(0, 0, 0),
    ),
    origin="calibrated",
)


def box(near: float = 1000.0, far: float = 2000.0) -> NDArray[np.float64]:
    """A near rectangle over columns 40 to 79 and rows 30 to 59."""
    depth = np.full((100, 120), far)
    depth[30:60, 40:80] = near
    return depth


def test_outlines_lie_between_near_and_far_and_point_outwards() -> None:
    found = find_outlines(box(), SAME)
    x, y = found.pixels.T
    sides = (x == 39.5) | (x == 79.5) | (y == 29.5) | (y == 59.5)
    assert sides.all()
    assert len(x) == 2 * (40 + 30)
    away = found.pixels - (59.5, 44.5)
    assert ((found.outward * away).sum(axis=1) > 0).all()
    left = (x == 39.5) & (y > 36) & (y < 54)
    np.testing.assert_allclose(found.outward[left], [[-1, 0]] * left.sum(), atol=0.05)


@pytest.mark.parametrize("between", [(np.nan, np.nan), (1300.0, 1700.0), (np.nan, 1800.0)])
def test_holes_and_mixtures_at_the_rim_are_looked_across(between: tuple[float, float]) -> None:
    depth = box()
    depth[30:60, 80:82] = between
    right = find_outlines(depth, SAME)
    at = right.pixels[(right.pixels[:, 1] > 32) & (right.pixels[:, 1] < 57), 0]
    assert set(at[at > 60]) == {80.5}  # half way over the two pixels


def test_slopes_and_the_rim_of_the_image_are_no_outlines() -> None:
    slope = np.tile(np.linspace(800, 3000, 120), (100, 1))
    assert not len(find_outlines(slope, SAME).pixels)
    island = np.full((100, 120), np.nan)
    island[20:80, 20:100] = 1500
    assert not len(find_outlines(island, SAME).pixels)
    assert not len(find_outlines(np.full((100, 120), np.nan), SAME).pixels)


def test_outlines_outside_of_the_photo_are_left_out() -> None:
    small = msgspec.structs.replace(SAME, photo=CAMERA.cropped(50, 0, 70, 100))
    found = find_outlines(box(), small)
    assert len(found.pixels)
    assert found.pixels[:, 0].min() >= 0


def test_depth_is_the_median_of_the_frames_that_have_one() -> None:
    burst = flat_scene.burst(0, colour=False)
    depth = np.zeros((5, 576, 640), np.uint16)
    depth[:, 0, 0] = (0, 900, 0, 1000, 1100)
    depth[:, 0, 1] = (0, 900, 0, 0, 1100)
    depth[:, 0, 2] = (800, 900, 1000, 1100, 1200)
    steady = steady_depth(
        replace(
            burst, depth=depth, infrared=depth, colour=(),
            timestamps_us=np.arange(5, dtype=np.int64), system_ns=np.arange(5, dtype=np.int64),
            temperature_c=np.zeros(5, np.float32),
        )
    )  # fmt: skip
    assert steady[0, 0] == 1000
    assert np.isnan(steady[0, 1])
    assert steady[0, 2] == 1000


def blobs(dx: float, dy: float, seed: int) -> tuple[NDArray[np.uint8], Outlines]:
    """Disks on a plain ground, and their rims where a calibration off by (dx, dy) has them."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[:400, :600]
    grey = rng.normal(60, 4, (400, 600))
    pixels, outward = [], []
    for index in range(20):
        x, y, radius = 75 + 110 * (index % 5), 60 + 90 * (index // 5), rng.uniform(15, 30)
        near = np.clip(radius + 0.5 - np.hypot(columns - x, rows - y), 0, 1)
        grey += near * rng.choice([-40, 70])
        angle = np.arange(0, 2 * np.pi, 1 / radius)
        way = np.stack([np.cos(angle), np.sin(angle)], axis=-1)
        pixels.append((x, y) + radius * way)
        outward.append(way)
    moved = np.concatenate(pixels) - (dx, dy)
    return np.clip(grey, 0, 255).astype(np.uint8), Outlines(moved, np.concatenate(outward))


@settings(max_examples=8, deadline=None)
@given(st.floats(-8, 8), st.floats(-8, 8), st.sampled_from([1.0, 3.0]))
def test_the_shift_is_found_in_full_size_pixels(dx: float, dy: float, factor: float) -> None:
    grey, outlines = blobs(dx, dy, 1)
    full = replace(outlines, pixels=(outlines.pixels + 0.5) * factor - 0.5)
    found = measure_alignment(grey, factor, 500.0 * factor, full)
    assert found is not None
    np.testing.assert_allclose(found.shift, np.array([dx, dy]) * factor, atol=0.3 * factor)
    assert found.displacement == pytest.approx(np.hypot(dx, dy) * factor, abs=0.35 * factor)
    assert found.deviation < 0.5 * factor


def test_a_roll_is_a_movement_too() -> None:
    grey, outlines = blobs(0, 0, 2)
    turn = np.radians(1.0)
    spin = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    middle = outlines.pixels.mean(axis=0)
    found = measure_alignment(
        grey, 1.0, 500.0, replace(outlines, pixels=(outlines.pixels - middle) @ spin + middle)
    )
    assert found is not None
    distance = np.sqrt(((outlines.pixels - middle) ** 2).sum(axis=1).mean())
    assert np.hypot(*found.shift) < 0.4
    assert found.displacement == pytest.approx(turn * distance, rel=0.15)


def test_a_plain_photo_tells_nothing_sharply() -> None:
    _, outlines = blobs(0, 0, 3)
    noise = np.random.default_rng(0).normal(100, 5, (400, 600)).astype(np.uint8)
    found = measure_alignment(noise, 1.0, 500.0, outlines)
    assert found is not None
    assert found.deviation > 2


def test_few_outlines_tell_nothing() -> None:
    grey, outlines = blobs(0, 0, 3)
    few = Outlines(outlines.pixels[:100], outlines.outward[:100])
    assert measure_alignment(grey, 1.0, 500.0, few) is None
    near = np.hypot(*(outlines.pixels - (75, 60)).T) < 35  # one disk says nothing of the frame
    one = Outlines(outlines.pixels[near], outlines.outward[near])
    assert len(one.pixels) > 150
    assert measure_alignment(grey, 1.0, 500.0, one) is None
