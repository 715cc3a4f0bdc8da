"""Layers: what hides what, what light is lost, and what stays as it was."""

from __future__ import annotations

import math
import os

import numpy as np
import pytest
from defocus_scenes import coloured, texture
from hypothesis import given, settings
from hypothesis import strategies as st

from idfd.model.defocus import HiddenParts
from idfd.processing.defocus import layered as compositing
from idfd.processing.defocus import strips
from idfd.processing.defocus.layered import layered
from idfd.processing.defocus.layers import by_blur, by_depth
from idfd.processing.defocus.spot import Spot
from idfd.processing.defocus.stack import gaussian_stack

HIDDEN: tuple[HiddenParts, ...] = ("filled", "dilated")
GAUSSIAN, DISK = Spot("gaussian", 0.25), Spot("disk")


def random_layers(seed: int, count: int) -> np.ndarray:
    generator = np.random.default_rng(seed)
    return np.kron(generator.integers(0, count, (5, 7)), np.ones((9, 9), int)).astype(np.int32)


@pytest.mark.parametrize("hidden", HIDDEN)
@given(seed=st.integers(0, 1000), level=st.floats(0.05, 1), psf=st.sampled_from([GAUSSIAN, DISK]))
@settings(max_examples=8, deadline=None)
def test_a_grey_wall_stays_grey(seed: int, level: float, psf: Spot, hidden: HiddenParts) -> None:
    image = np.full((45, 63, 3), level, np.float32)
    diameters = np.random.default_rng(seed).uniform(0, 12, 5)
    found = layered(image, random_layers(seed, 5), diameters, psf, hidden)
    np.testing.assert_allclose(found, level, rtol=1e-5)


@given(seed=st.integers(0, 1000), psf=st.sampled_from([GAUSSIAN, DISK]))
@settings(max_examples=8, deadline=None)
def test_colours_stay_between_the_darkest_and_the_brightest(seed: int, psf: Spot) -> None:
    image = np.random.default_rng(seed).random((45, 63, 3), np.float32)
    diameters = np.random.default_rng(seed).uniform(0, 12, 5)
    found = layered(image, random_layers(seed, 5), diameters, psf)
    assert found.min() >= image.min() - 1e-5
    assert found.max() <= image.max() + 1e-5


def test_one_layer_is_a_plain_blur() -> None:
    image = np.dstack([texture(50, 70)] * 3)
    one = np.zeros((50, 70), np.int32)
    found = layered(image, one, np.array([7.0]), DISK)
    np.testing.assert_allclose(found, DISK.blur(image, 7.0), atol=1e-6)
    assert found.mean() == pytest.approx(image.mean(), rel=0.01)


def test_layers_in_focus_stay_as_they_are() -> None:
    image = coloured(45, 63)
    found = layered(image, random_layers(3, 4), np.zeros(4), DISK)
    np.testing.assert_allclose(found, image, atol=1e-6)


def two_planes(near: float, far: float) -> np.ndarray:
    """A white near half (left) before a black far one, 60 wide, with their circles."""
    image = np.zeros((40, 60, 3), np.float32)
    image[:, :30] = 1
    layer = np.ones((40, 60), np.int32)
    layer[:, :30] = 0
    return layered(image, layer, np.array([near, far]), DISK)[20, :, 0]


def test_a_blurred_thing_in_front_spreads_over_what_is_sharp_behind() -> None:
    row = two_planes(near=16.0, far=0.0)
    # 3.5 px behind the edge: the part of a disk of radius 8 that is farther out than that.
    share = (math.acos(3.5 / 8) - 3.5 / 8 * math.sqrt(1 - (3.5 / 8) ** 2)) / math.pi
    assert row[33] == pytest.approx(share, abs=0.01)
    assert (np.diff(row) <= 1e-6).all()


def test_a_blurred_thing_behind_does_not_spread_over_what_is_sharp_in_front() -> None:
    row = two_planes(near=0.0, far=16.0)
    np.testing.assert_allclose(row[:30], 1, atol=1e-6)
    assert row[45] < 1e-3


def test_what_is_behind_goes_on_behind_as_the_mean_of_what_is_seen_around() -> None:
    # A blurred near white strip before a sharp far pattern of half black, half grey.
    image = np.zeros((41, 60, 3), np.float32)
    image[:, :30], image[::2, 30:] = 1, 0.5
    layer = np.ones((41, 60), np.int32)
    layer[:, :30] = 0
    row = layered(image, layer, np.array([12.0, 0.0]), DISK)[20, :, 0]
    opacity = 1 - (math.acos(2.5 / 6) - 2.5 / 6 * math.sqrt(1 - (2.5 / 6) ** 2)) / math.pi
    assert row[27] == pytest.approx(opacity + (1 - opacity) * 0.25, abs=0.015)


def test_the_published_dilation_blurs_four_pixels_of_what_is_behind() -> None:
    image = np.zeros((41, 60, 3), np.float32)
    image[:, :30], image[::2, 30:] = 1, 0.5
    layer = np.ones((41, 60), np.int32)
    layer[:, :30] = 0
    contrast = {}
    for hidden in HIDDEN:
        found = layered(image, layer, np.array([16.0, 0.0]), DISK, hidden)
        contrast[hidden] = found[20, :, 0] - found[21, :, 0]
    assert (contrast["dilated"][30:33] < 0.8 * contrast["filled"][30:33]).all()
    assert contrast["dilated"][45] == pytest.approx(0.5, abs=1e-6)


def test_it_agrees_with_the_stack_away_from_edges() -> None:
    image = coloured(80, 120)
    layer = np.zeros((80, 120), np.int32)
    layer[:, 60:] = 1
    diameters = np.array([2.0, 8.0])
    found = layered(image, layer, diameters, GAUSSIAN)
    other = gaussian_stack(image, diameters[layer].astype(np.float32), GAUSSIAN, 4)
    away = np.r_[0:40, 80:120]
    # 8 and 2 are a level of four: nothing is between levels.
    np.testing.assert_allclose(found[:, away], other[:, away], atol=0.012)
    assert np.abs(found - other)[:, 55:65].max() > 0.03


@given(seed=st.integers(0, 1000), layers=st.integers(2, 40))
@settings(max_examples=20, deadline=None)
def test_layers_of_blur_hold_what_they_say(seed: int, layers: int) -> None:
    generator = np.random.default_rng(seed)
    circle = generator.uniform(-9, 5, (6, 8))
    circle[0, 0] = 0
    index, middles = by_blur(circle, layers)
    assert index.min() >= 0
    assert len(middles) <= layers + 1
    step = (circle.max() - circle.min()) / (layers - 1)
    assert np.abs(middles[index] - circle).max() <= step / 2 + 1e-9
    assert middles[index[0, 0]] == 0
    assert (np.diff(middles) > 0).all()


def test_layers_of_depth_are_those_published() -> None:
    index, middles = by_depth(np.array([[0.01, 0.04, 9.99, 12.0]]), 255, 10.0)
    assert index.tolist() == [[0, 1, 254, 254]]
    np.testing.assert_allclose(middles[:2], [5 / 255, 15 / 255])


@pytest.mark.parametrize("cores", [1, 3])
def test_the_bits_do_not_depend_on_threads(monkeypatch: pytest.MonkeyPatch, cores: int) -> None:
    image = np.dstack([texture(70, 60)] * 3)
    layer = random_layers(5, 6)
    layer = np.pad(layer, ((0, 25), (0, 0)), mode="edge")[:, :60]
    diameters = np.linspace(0, 9, 6)
    monkeypatch.setattr(strips, "_ROWS", 16)
    wanted = layered(image, layer, diameters, DISK)
    monkeypatch.setattr(os, "cpu_count", lambda: cores)
    np.testing.assert_array_equal(layered(image, layer, diameters, DISK), wanted)


@pytest.mark.parametrize("hidden", HIDDEN)
@pytest.mark.parametrize("spot", [DISK, Spot("gaussian", 0.3, kernel_px=9)])
def test_the_window_around_a_layer_does_not_show(
    monkeypatch: pytest.MonkeyPatch, hidden: HiddenParts, spot: Spot
) -> None:
    image = coloured(60, 80)
    layer = np.full((60, 80), 2, np.int32)
    layer[20:30, 25:45] = 1  # seen only here, and behind the strip beside it
    layer[:, 45:52] = 0
    diameters = np.array([14.0, 5.0, 9.0])
    found = layered(image, layer, diameters, spot, hidden)
    monkeypatch.setattr(compositing, "_window", lambda *_: (slice(None), slice(None)))
    np.testing.assert_allclose(found, layered(image, layer, diameters, spot, hidden), atol=1e-5)


def test_strips_of_layers_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    image = np.dstack([texture(45, 63)] * 3)
    layer, diameters = random_layers(2, 5), np.linspace(0, 10, 5)
    whole = layered(image, layer, diameters, GAUSSIAN)
    monkeypatch.setattr(strips, "_ROWS", 11)
    np.testing.assert_allclose(layered(image, layer, diameters, GAUSSIAN), whole, atol=1e-5)
