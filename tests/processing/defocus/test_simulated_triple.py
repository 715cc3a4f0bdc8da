"""Triples whose defocused photo is computed: lens, pixel pitch, records, depth without holes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgspec
import numpy as np
import pytest
from benchmark_data import make_triple
from numpy.typing import NDArray

from idfd.errors import InputError
from idfd.model.camera import Intrinsics
from idfd.model.triple import Check, Crop, Triple, TripleRecord
from idfd.processing.defocus.config import PRESETS, DefocusConfig, customised
from idfd.processing.defocus.lens import blur_model, pixel_pitch_um, signed_circle_px
from idfd.processing.defocus.simulate import defocus_photo, sensor_of, simulate
from idfd.processing.degrade.noise import variance
from idfd.processing.nearest import fill_nearest
from idfd.release.defocus import defocus_arrays

NYU = PRESETS["nyu-carvalho"]
CAMERA = Intrinsics(width=32, height=24, fx=30, fy=30, cx=15.5, cy=11.5, origin="nominal")


def triple_with(**changes: object) -> Triple:
    triple = make_triple("desk0-a", 0)
    return replace(triple, record=msgspec.structs.replace(triple.record, **changes))


def record_of(x: float = 0, width: int = 32, scale: float = 1, **changes: object) -> TripleRecord:
    return triple_with(crop=Crop(x=x, y=0, width=width, height=24, scale=scale), **changes).record


@pytest.mark.parametrize(
    ("depth", "sigma"), [(0.7, 4.03), (1.0, 2.17), (2.0, 0.0), (3.0, 0.72), (10.0, 1.73)]
)
def test_the_published_lens_has_the_published_blur(depth: float, sigma: float) -> None:
    circle = signed_circle_px(NYU, 5.6, np.array([depth]))
    assert NYU.rho * abs(circle[0]) == pytest.approx(sigma, abs=0.005)
    assert (circle[0] < 0) == (depth < 2)


def test_a_reduced_photo_has_wider_pixels_and_a_window_the_same() -> None:
    assert pixel_pitch_um(NYU, record_of(width=320, scale=2)) == pytest.approx(11.2)
    assert pixel_pitch_um(NYU, record_of(x=200, width=320)) == pytest.approx(5.6)


def test_a_photo_too_wide_for_the_preset_is_refused_with_the_pitch_to_give() -> None:
    wide = record_of(width=1280)
    with pytest.raises(InputError, match=r"1280 pixels.*photos of 640.*--pixel-pitch 2\.8 "):
        pixel_pitch_um(NYU, wide)
    assert pixel_pitch_um(customised("nyu-carvalho", {"pixel_pitch_um": 2.8}), wide) == 2.8


def test_the_camera_of_the_triple_says_its_pitch_where_it_can() -> None:
    own = customised("idfd", {"focus_distance_m": 0.8})
    known = msgspec.structs.replace(CAMERA, pixel_pitch_um=18.7)
    assert pixel_pitch_um(own, record_of(intrinsics=known)) == 18.7
    assert pixel_pitch_um(own, record_of(scale=3)) == pytest.approx(3 * 5.97)
    assert pixel_pitch_um(NYU, record_of(intrinsics=known)) == 5.6
    told = customised("idfd", {"focus_distance_m": 0.8, "pixel_pitch_um": 9.0})
    assert pixel_pitch_um(told, record_of(intrinsics=known)) == 9.0


def test_a_calibrated_lens_says_the_pitch_of_a_camera_that_does_not() -> None:
    own = customised("idfd", {"focus_distance_m": 0.8})
    lens = blur_model(own, 37.4, 0.25, record_of(intrinsics=CAMERA))
    assert lens is not None
    assert pixel_pitch_um(own, record_of(intrinsics=CAMERA, blur=lens)) == pytest.approx(37.4)
    assert pixel_pitch_um(own, record_of(scale=2, intrinsics=CAMERA, blur=lens)) == pytest.approx(
        74.8
    )
    assert pixel_pitch_um(NYU, record_of(intrinsics=CAMERA, blur=lens)) == 5.6
    known = msgspec.structs.replace(CAMERA, pixel_pitch_um=18.7)
    assert pixel_pitch_um(own, record_of(intrinsics=known, blur=lens)) == 18.7


def test_settings_that_cannot_be_used_are_refused() -> None:
    with pytest.raises(InputError, match="no focus distance.*--focus"):
        customised("idfd", {})
    with pytest.raises(InputError, match="f_number"):
        customised("nyu-carvalho", {"f_number": -1.0})
    with pytest.raises(InputError, match="focal length"):
        simulate(triple_with(), customised("nyu-carvalho", {"focus_distance_m": 0.01}))
    disks = customised("nyu-carvalho", {"engine": "gaussian-stack", "psf": "disk"})
    with pytest.raises(InputError, match="stack of disks"):
        simulate(triple_with(), disks)


@pytest.mark.parametrize("scale", [1.0, 2.0])
def test_the_release_gets_the_true_map_of_defocus(scale: float) -> None:
    triple = triple_with(intrinsics=CAMERA, crop=Crop(x=6, y=4, width=32, height=24, scale=scale))
    made = simulate(triple, NYU)
    raw = np.where(made.measured, made.depth + 70, 0).astype(np.uint16)
    arrays: dict[str, NDArray[Any]] = {
        "depth": raw,
        "depth_inpainted": made.depth,
        "source": made.source,
        "uncertainty": np.full(made.depth.shape, np.nan, np.float16),
    }
    maps = defocus_arrays(made.record, arrays)
    # In-painted or not: the photo was computed from the depth that it was given, and from no other.
    known = made.depth > 0
    assert (known & ~made.measured).any()
    circle = signed_circle_px(NYU, 5.6 * scale, triple.depth[known] / 1000)
    # Of the disk with the Gaussian's second moment.
    np.testing.assert_allclose(maps["defocus"][known], 1.2 * circle, rtol=2e-3, atol=1e-3)
    assert np.isnan(maps["defocus"][~known]).all()
    assert (maps["defocus_uncertainty"][known] == 0).all()
    assert blur_model(NYU, 5.6, 0.3, record_of()) is None


def test_the_record_says_what_was_simulated() -> None:
    check = Check(name="depth_coverage", value=1.0, warn=0.5, fail=0.1, unit="", verdict="pass")
    before = triple_with(
        absent=("defocused",),
        intrinsics=CAMERA,
        verdict="warn",
        measures={"psnr_after": 30.0, "depth_beyond_range": 0.1, "register_shift_px": 0.2},
        checks=(check, msgspec.structs.replace(check, name="sharpness", verdict="warn")),
    )
    made = simulate(before, customised("nyu-carvalho", {"focus_distance_m": 1.0, "layers": 8}))
    assert made.record.absent == ()
    assert [check.name for check in made.record.checks] == ["depth_coverage"]
    assert made.record.measures == {"depth_beyond_range": 0.1, "register_shift_px": 0.2}
    assert made.record.verdict == "pass"
    assert made.record.defocused is not None
    assert made.record.defocused.focus_distance_m == 1.0
    found = made.record.simulated
    assert found is not None
    assert (found.preset, found.layers, found.reach_m) == ("nyu-carvalho", 8, None)
    assert found.hidden == "dilated"
    np.testing.assert_array_equal(made.all_in_focus, before.all_in_focus)
    np.testing.assert_array_equal(made.depth, before.depth)
    assert not np.array_equal(made.defocused, before.defocused)


@pytest.mark.parametrize("missing", ["all_in_focus", "depth"])
def test_without_photo_or_depth_there_is_nothing_to_compute(missing: str) -> None:
    with pytest.raises(InputError, match=f"no {missing}"):
        simulate(triple_with(absent=(missing,)), NYU)


def test_holes_take_the_nearest_depth() -> None:
    depth = np.zeros((3, 8), np.uint16)
    depth[1, 1], depth[1, 6] = 700, 900
    filled = fill_nearest(depth)
    assert filled[1].tolist() == [700] * 4 + [900] * 4
    assert (filled > 0).all()
    whole = np.full((3, 3), 5, np.uint16)
    assert fill_nearest(whole) is whole


@pytest.mark.parametrize("engine", ["layered", "gaussian-stack"])
def test_a_wrong_depth_does_not_spread_over_the_photo(engine: str) -> None:
    photo = np.random.default_rng(0).integers(0, 256, (40, 60, 3), np.uint8)
    depth = np.tile(np.linspace(1000, 3000, 60), (40, 1)).astype(np.uint16)
    config = customised("nyu-carvalho", {"engine": engine})
    right = defocus_photo(photo, depth, config, 5.6)
    depth[20, 30] = 1
    wrong = defocus_photo(photo, depth, config, 5.6)
    assert (right != wrong).any(2).mean() < 0.2
    np.testing.assert_array_equal(right[:, :12], wrong[:, :12])


@pytest.mark.parametrize("light", ["linear", "encoded"])
def test_what_is_in_focus_is_left_alone(light: str) -> None:
    photo = np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8)
    depth = np.full((20, 30), 2000, np.uint16)
    config = customised("nyu-carvalho", {"light": light, "layers": 8})
    np.testing.assert_array_equal(defocus_photo(photo, depth, config, 5.6), photo)


def test_light_adds_up_where_encoded_values_do_not() -> None:
    photo = np.zeros((40, 40, 3), np.uint8)
    photo[:, ::2] = 255
    depth = np.full((40, 40), 700, np.uint16)
    mean = {
        light: defocus_photo(photo, depth, customised("nyu-carvalho", {"light": light}), 5.6)
        for light in ("linear", "encoded")
    }
    assert mean["linear"][20, 20, 0] == 188  # half of the light
    assert mean["encoded"][20, 20, 0] in (127, 128)


def noisy(config: DefocusConfig, level: int, name: str = "a") -> np.ndarray:
    photo = np.full((80, 80, 3), level, np.uint8)
    return defocus_photo(photo, np.full((80, 80), 2000, np.uint16), config, 5.6, name)


def test_noise_is_as_strong_as_asked_for_and_seeded() -> None:
    config = customised("nyu-carvalho", {"noise": 0.02, "light": "linear"})
    # Mid-grey is 118 of 255; the sRGB curve's slope there turns 2 % of light into 9 to 10 levels.
    slope = 255 * 1.055 / 2.4 * 0.18 ** (1 / 2.4 - 1)
    found = noisy(config, 118)
    assert found.astype(float).std() == pytest.approx(0.02 * slope, rel=0.05)
    np.testing.assert_array_equal(found, noisy(config, 118))
    assert not np.array_equal(found, noisy(config, 118, "b"))
    other = msgspec.structs.replace(config, seed=1)
    assert not np.array_equal(found, noisy(other, 118))


@pytest.mark.parametrize("noise", [0.001, 0.01, 0.2])
def test_the_sensor_has_that_noise_at_mid_grey(noise: float) -> None:
    found = variance(np.array([0.18], np.float32), sensor_of(noise))
    assert found[0] == pytest.approx(noise**2, rel=1e-5)
