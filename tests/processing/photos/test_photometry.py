from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pairs import textured_photo

from idfd.errors import InputError
from idfd.model.triple import PhotometricGain
from idfd.processing.photos.photometry import apply_gain, exponents, fit_gain, gain_field
from idfd.storage.color import decode_srgb, encode_srgb, linear_from_uint8


@given(st.floats(0, 1))
def test_srgb_curves_are_inverse(value: float) -> None:
    assert abs(float(encode_srgb(decode_srgb(np.array(value)))) - value) < 1e-5


def vignetted(gain: float, loss: float) -> tuple[np.ndarray, np.ndarray]:
    photo = textured_photo(480, 320)
    y, x = np.mgrid[-1:1:320j, -1:1:480j]
    field = np.log(gain) - loss * (x * x + y * y) / 2
    dark = linear_from_uint8(photo) * np.exp(field)[..., None]
    return photo, encode_srgb(np.clip(dark, 0, 1)) * np.float32(255)


@pytest.mark.parametrize(("gain", "loss"), [(1.0, 0.0), (0.6, 0.5), (1.4, 0.9)])
def test_exposure_and_vignetting_are_undone(gain: float, loss: float) -> None:
    photo, dark = vignetted(gain, loss)
    found = fit_gain(photo, dark, np.ones(photo.shape[:2], bool))
    matched = apply_gain(dark, found)
    # Clipped pixels have lost what is needed to restore them; all others come back to a level.
    kept = dark.max(2) < 240
    difference = np.abs(matched.astype(float) - photo)[kept]
    assert np.median(difference) <= 1
    assert np.percentile(difference, 99) <= 2


def test_people_walking_by_do_not_change_the_gain() -> None:
    photo, dark = vignetted(0.7, 0.4)
    valid = np.ones(photo.shape[:2], bool)
    clean = apply_gain(dark, fit_gain(photo, dark, valid))
    disturbed = dark.copy()
    disturbed[100:180, 60:160] = 20
    found = apply_gain(dark, fit_gain(photo, disturbed, valid))
    assert np.percentile(np.abs(found.astype(float) - clean), 99) <= 3


def test_blur_stays_where_it_was() -> None:
    """The fitted gain has no detail finer than a quarter of the frame."""
    import cv2

    photo, dark = vignetted(0.8, 0.3)
    blurred = cv2.GaussianBlur(dark, (0, 0), 4).astype(np.float32)
    found = fit_gain(photo, blurred, np.ones(photo.shape[:2], bool))
    field = gain_field(found, 480, 320)
    assert np.abs(np.diff(field, axis=1)).max() < 0.02
    matched = apply_gain(blurred, found).astype(float)
    edges = [np.abs(np.diff(image, axis=1)).mean() for image in (matched, photo.astype(float))]
    assert edges[0] < 0.6 * edges[1]


def test_clipped_highlights_stay_clipped() -> None:
    gain = PhotometricGain(channels=(-0.3, -0.3, -0.3), field=(), tone=())
    white = np.full((4, 4, 3), 255, np.float32)
    assert apply_gain(white, gain).min() == 255
    assert apply_gain(white / np.float32(2), gain).max() < 127


def test_the_field_is_the_polynomial_it_says() -> None:
    powers = exponents(3)
    coefficients = np.random.default_rng(0).normal(size=len(powers))
    gain = PhotometricGain(channels=(0, 0, 0), field=tuple(coefficients), tone=())
    field = gain_field(gain, 10, 6)
    x, y = 2 * 7.5 / 10 - 1, 2 * 2.5 / 6 - 1
    expected = sum(c * x**i * y**j for c, (i, j) in zip(coefficients, powers, strict=True))
    assert field[2, 7] == pytest.approx(expected, abs=1e-5)


def test_a_clipped_pair_is_refused() -> None:
    white = np.full((100, 100, 3), 255, np.uint8)
    with pytest.raises(InputError, match="less exposure"):
        fit_gain(white, white.astype(np.float32), np.ones((100, 100), bool))
