from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pairs import gain_field, textured_photo

from idfd.errors import InputError
from idfd.model.curation import PairFit
from idfd.model.triple import Crop, PhotometricGain
from idfd.processing.photos.photometry import exponents, fit_gain
from idfd.processing.photos.reduce import reduce_photo
from idfd.processing.photos.render import render_defocused
from idfd.processing.photos.transform import IDENTITY, as_record
from idfd.storage.color import decode_srgb, encode_srgb, linear_from_uint8


@given(st.floats(0, 1))
def test_srgb_curves_are_inverse(value: float) -> None:
    assert abs(float(encode_srgb(decode_srgb(np.array(value)))) - value) < 1e-5


def vignetted(gain: float, loss: float) -> tuple[np.ndarray, np.ndarray]:
    photo = textured_photo(480, 320)
    y, x = np.mgrid[-1:1:320j, -1:1:480j]
    field = np.log(gain) - loss * (x * x + y * y) / 2
    dark = linear_from_uint8(photo) * np.exp(field)[..., None]
    return photo, np.rint(encode_srgb(np.clip(dark, 0, 1)) * 255).astype(np.uint8)


def fitted(photo: np.ndarray, dark: np.ndarray) -> PhotometricGain:
    return fit_gain(reduce_photo(photo, 1), reduce_photo(dark, 1)).gain


def applied(dark: np.ndarray, gain: PhotometricGain) -> np.ndarray:
    height, width = dark.shape[:2]
    transform = as_record(IDENTITY, width, height)
    fit = PairFit(width=width, height=height, transform=transform, gain=gain, measures={})
    return render_defocused(dark, fit, Crop(x=0.0, y=0.0, width=width, height=height))


@pytest.mark.parametrize(("gain", "loss"), [(1.0, 0.0), (0.6, 0.5), (1.4, 0.9)])
def test_exposure_and_vignetting_are_undone(gain: float, loss: float) -> None:
    photo, dark = vignetted(gain, loss)
    matched = applied(dark, fitted(photo, dark))
    # Clipped pixels have lost what is needed to restore them; all others come back to a level.
    kept = dark.max(2) < 240
    difference = np.abs(matched.astype(float) - photo)[kept]
    assert np.median(difference) <= 1
    assert np.percentile(difference, 99) <= 2


def test_sixteen_bits_give_the_gain_of_eight() -> None:
    photo, dark = vignetted(0.7, 0.5)
    wide = [image.astype(np.uint16) * 257 for image in (photo, dark)]
    assert fitted(wide[0], wide[1]) == fitted(photo, dark)


def test_people_walking_by_do_not_change_the_gain() -> None:
    photo, dark = vignetted(0.7, 0.4)
    clean = applied(dark, fitted(photo, dark))
    disturbed = dark.copy()
    disturbed[100:180, 60:160] = 20
    found = applied(dark, fitted(photo, disturbed))
    assert np.percentile(np.abs(found.astype(float) - clean), 99) <= 3


def test_blur_stays_where_it_was() -> None:
    """The fitted gain has no detail finer than a quarter of the frame."""
    photo, dark = vignetted(0.8, 0.3)
    blurred = cv2.GaussianBlur(dark, (0, 0), 4)
    found = fitted(photo, blurred)
    assert np.abs(np.diff(gain_field(found, 480, 320), axis=1)).max() < 0.02
    matched = applied(blurred, found).astype(float)
    edges = [np.abs(np.diff(image, axis=1)).mean() for image in (matched, photo.astype(float))]
    assert edges[0] < 0.6 * edges[1]


def test_clipped_highlights_stay_clipped() -> None:
    gain = PhotometricGain(channels=(-0.3, -0.3, -0.3), field=(), tone=())
    white = np.full((4, 4, 3), 255, np.uint8)
    assert applied(white, gain).min() == 255
    assert applied(white // 2, gain).max() < 127


def test_the_field_is_the_polynomial_it_says() -> None:
    powers = exponents(3)
    coefficients = np.random.default_rng(0).normal(size=len(powers))
    gain = PhotometricGain(channels=(0, 0, 0), field=tuple(coefficients), tone=())
    field = gain_field(gain, 10, 6)
    x, y = 2 * 7.5 / 10 - 1, 2 * 2.5 / 6 - 1
    expected = sum(c * x**i * y**j for c, (i, j) in zip(coefficients, powers, strict=True))
    assert field[2, 7] == pytest.approx(expected, abs=1e-5)


def test_a_known_field_is_kept_and_the_rest_is_fitted() -> None:
    photo, dark = vignetted(0.6, 0.5)
    known = fitted(photo, dark).field
    brighter = np.minimum(dark * 1.1, 255).astype(np.uint8)
    found = fit_gain(reduce_photo(photo, 1), reduce_photo(brighter, 1), field=known)
    assert found.gain.field == known
    assert found.residual < 0.02
    wrong = tuple(-2 * value for value in known)
    assert fit_gain(reduce_photo(photo, 1), reduce_photo(dark, 1), field=wrong).residual > 0.1


def test_a_clipped_pair_is_refused() -> None:
    white = np.full((100, 100, 3), 255, np.uint8)
    with pytest.raises(InputError, match="less exposure"):
        fitted(white, white)
