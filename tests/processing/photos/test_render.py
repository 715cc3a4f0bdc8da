from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pairs import gain_field, random_parameters, textured_photo

from idfd.errors import InputError
from idfd.model.curation import PairFit
from idfd.model.triple import Crop, PhotometricGain
from idfd.processing.photos.render import render_defocused, render_sharp
from idfd.processing.photos.transform import IDENTITY, as_record, sampling_maps
from idfd.storage.color import decode_srgb, encode_srgb, linear_from_uint8

PHOTO = textured_photo(300, 200)
NO_GAIN = PhotometricGain(channels=(0, 0, 0), field=(), tone=())
GAIN = PhotometricGain(
    channels=(0.2, -0.1, 0.05),
    field=(0.1, -0.05, 0.08, 0.02, 0.3, -0.04, 0.01, 0.2, -0.1, 0.05, 0.02, 0.1, 0.03, -0.06),
    tone=(0.1, -0.15),
)


def fit_of(parameters: np.ndarray, gain: PhotometricGain, shape: tuple[int, ...]) -> PairFit:
    height, width = shape[:2]
    return PairFit(
        width=width,
        height=height,
        transform=as_record(parameters, width, height),
        gain=gain,
        measures={},
    )


def straightforward(photo: np.ndarray, fit: PairFit) -> np.ndarray:
    """The whole frame in floating point, by OpenCV's warp and the formulas of the gain."""
    maps = sampling_maps(fit.transform, fit.width, fit.height)
    warped = cv2.remap(
        photo.astype(np.float32), *maps, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT
    )
    value = np.clip(warped, 0, 255) / 255
    log_gain = gain_field(fit.gain, fit.width, fit.height)[..., None] + np.array(fit.gain.channels)
    for k, coefficient in enumerate(fit.gain.tone):
        log_gain = log_gain + coefficient * value ** (k + 1)
    result = encode_srgb(decode_srgb(value) * np.exp(log_gain))
    clipped = np.clip((value * 255 - 240) / 15, 0, 1)
    result = np.where(result < value, result + (value - result) * clipped, result)
    return np.rint(np.clip(result, 0, 1) * 255).astype(np.uint8)


def test_a_native_crop_of_the_sharp_photo_is_the_photo() -> None:
    crop = Crop(x=20.0, y=10.0, width=200, height=150)
    np.testing.assert_array_equal(render_sharp(PHOTO, crop), PHOTO[10:160, 20:220])
    wide = PHOTO.astype(np.uint16) * 257 + 100
    np.testing.assert_array_equal(render_sharp(wide, crop), PHOTO[10:160, 20:220])


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_defocused_photo_is_that_of_the_formulas(seed: int) -> None:
    parameters = random_parameters(np.random.default_rng(seed), 300, 200)
    parameters[8] = 0.004
    fit = fit_of(parameters, GAIN, PHOTO.shape)
    crop = Crop(x=7.0, y=3.0, width=280, height=190)
    difference = np.abs(
        render_defocused(PHOTO, fit, crop).astype(int) - straightforward(PHOTO, fit)[crop.window]
    )
    assert np.mean(difference <= 1) >= 0.999
    assert difference.mean() < 0.05


def test_no_gain_and_no_motion_change_nothing() -> None:
    whole = Crop(x=0.0, y=0.0, width=300, height=200)
    found = render_defocused(PHOTO, fit_of(IDENTITY, NO_GAIN, PHOTO.shape), whole)
    np.testing.assert_array_equal(found, PHOTO)


@settings(deadline=None, max_examples=40)
@given(
    st.floats(0, 20), st.floats(0, 20), st.integers(30, 60), st.floats(1.001, 2.9), st.booleans()
)
def test_larger_pixels_hold_the_light_that_falls_on_them(
    x: float, y: float, width: int, scale: float, wide: bool
) -> None:
    photo = PHOTO.astype(np.uint16) * 257 if wide else PHOTO
    crop = Crop(x=x, y=y, width=width, height=20, scale=scale)
    # An integral image is exact for any rectangle: between its nodes it is bilinear.
    sums = cv2.integral(linear_from_uint8(PHOTO).astype(np.float64))
    right, bottom = x + np.arange(width + 1) * scale, y + np.arange(21) * scale
    at_x, at_y = np.floor(right).astype(int), np.floor(bottom).astype(int)
    fx, fy = (right - at_x)[:, None], (bottom - at_y)[:, None, None]
    rows = sums[at_y] * (1 - fy) + sums[np.minimum(at_y + 1, 200)] * fy
    nodes = rows[:, at_x] * (1 - fx) + rows[:, np.minimum(at_x + 1, 300)] * fx
    light = np.diff(np.diff(nodes, axis=0), axis=1) / scale**2
    expected = encode_srgb(light) * 255
    assert np.abs(render_sharp(photo, crop) - expected).max() < 0.6
    still = render_defocused(photo, fit_of(IDENTITY, NO_GAIN, PHOTO.shape), crop)
    assert np.abs(still - expected).max() < 0.6


def test_a_whole_factor_is_opencv_s_area_average_in_linear_light() -> None:
    crop = Crop(x=30.0, y=20.0, width=60, height=45, scale=4.0)
    expected = cv2.resize(
        linear_from_uint8(PHOTO[20:200, 30:270]), (60, 45), interpolation=cv2.INTER_AREA
    )
    assert np.abs(render_sharp(PHOTO, crop) - encode_srgb(expected) * 255).max() < 0.6


def test_both_photos_are_resampled_alike() -> None:
    """A defocused photo that is the sharp one, moved, comes back as the sharp one."""
    parameters = np.zeros(9)
    parameters[[2, 5]] = np.array([6, -4]) / (np.hypot(300, 200) / 2)
    moved = np.roll(PHOTO, (-4, 6), (0, 1))
    fit = fit_of(parameters, NO_GAIN, PHOTO.shape)
    crop = Crop(x=20.0, y=20.0, width=120, height=80, scale=2.0)
    found, expected = render_defocused(moved, fit, crop), render_sharp(PHOTO, crop)
    assert np.abs(found.astype(int) - expected).max() <= 1


def test_a_strip_or_a_part_has_the_pixels_of_the_whole() -> None:
    fit = fit_of(random_parameters(np.random.default_rng(9), 300, 200), GAIN, PHOTO.shape)
    for crop in (
        Crop(x=4.0, y=4.0, width=280, height=180),
        Crop(x=4.0, y=4.0, width=120, height=80, scale=2.25),
    ):
        whole = render_defocused(PHOTO, fit, crop)
        part = render_defocused(PHOTO, fit, crop.part(16, 37, 64, 25))
        difference = np.abs(part.astype(int) - whole[37:62, 16:80])
        assert difference.max() <= 1
        assert np.mean(difference > 0) < 0.01


def test_sixteen_bits_are_rendered_as_eight() -> None:
    fit = fit_of(random_parameters(np.random.default_rng(9), 300, 200), GAIN, PHOTO.shape)
    crop = Crop(x=4.0, y=4.0, width=280, height=180)
    wide = render_defocused(PHOTO.astype(np.uint16) * 257, fit, crop)
    difference = np.abs(wide.astype(int) - render_defocused(PHOTO, fit, crop))
    assert difference.max() <= 1
    assert np.mean(difference > 0) < 0.001


def test_threads_do_not_matter_to_pixels() -> None:
    fit = fit_of(random_parameters(np.random.default_rng(2), 300, 200), GAIN, PHOTO.shape)
    crop = Crop(x=4.0, y=4.0, width=280, height=180)
    threads = cv2.getNumThreads()
    try:
        cv2.setNumThreads(1)
        alone = render_defocused(PHOTO, fit, crop)
        cv2.setNumThreads(3)
        np.testing.assert_array_equal(render_defocused(PHOTO, fit, crop), alone)
    finally:
        cv2.setNumThreads(threads)


def test_a_wild_transform_ends_in_an_image() -> None:
    """Photos of different views may be fitted by anything; that must not read beyond the photo."""
    for parameters in (np.full(9, 3.0), np.array([0, 0, 900, 0, 0, -900, 0, 0, 0.0])):
        fit = fit_of(parameters, GAIN, PHOTO.shape)
        for scale in (1.0, 2.0):
            crop = Crop(x=0.0, y=0.0, width=100, height=80, scale=scale)
            assert render_defocused(PHOTO, fit, crop).shape == (80, 100, 3)


def test_what_does_not_belong_together_is_refused() -> None:
    with pytest.raises(InputError, match=r"ends at \(301, 100\)"):
        render_sharp(PHOTO, Crop(x=1.0, y=0.0, width=300, height=100))
    fit = fit_of(IDENTITY, NO_GAIN, (100, 100))
    with pytest.raises(InputError, match="300x200"):
        render_defocused(PHOTO, fit, Crop(x=0.0, y=0.0, width=10, height=10))
