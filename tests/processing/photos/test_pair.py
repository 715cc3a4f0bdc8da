from __future__ import annotations

import cv2
import numpy as np
import pytest
from pairs import corner_errors, make_pair, random_parameters, textured_photo

from idfd.errors import InputError
from idfd.model.curation import PairFit
from idfd.model.triple import Crop
from idfd.processing.photos.pair import fit_pair, psnr, sharpness
from idfd.processing.photos.reduce import reduce_photo
from idfd.processing.photos.render import render_defocused
from idfd.processing.photos.white_field import WhiteField
from idfd.storage.color import linear_from_uint8


def a_pair(gain: float = 0.8, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    parameters = random_parameters(np.random.default_rng(5), 700, 500)
    photo = textured_photo(seed=seed)
    sharp, blurred, _ = make_pair(photo, parameters, radius=4, disk=True, gain=gain)
    return sharp, blurred


def test_a_pair_is_brought_together() -> None:
    sharp, blurred = a_pair()
    fit = fit_pair(sharp, blurred)
    assert (fit.width, fit.height) == (636, 436)
    measures = fit.measures
    assert 5 < measures["displacement_px"] < 12
    assert measures["residual_px"] < 0.25
    assert measures["correlation"] > 0.99
    assert measures["exposure_stops"] == pytest.approx(-np.log2(0.8), abs=0.2)
    assert measures["sharpness"] > 1.5
    assert measures["psnr_after"] > measures["psnr_before"] + 3
    crop = Crop(x=12.0, y=12.0, width=612, height=412)
    rendered = render_defocused(blurred, fit, crop)
    # Blur keeps the mean of linear light, not that of encoded values.
    means = [float(linear_from_uint8(i).mean()) for i in (rendered, sharp[crop.window])]
    assert means[0] == pytest.approx(means[1], rel=0.01)


def test_the_fit_of_sixteen_bits_is_that_of_eight() -> None:
    sharp, blurred = a_pair()
    wide = fit_pair(sharp.astype(np.uint16) * 257, blurred.astype(np.uint16) * 257)
    narrow = fit_pair(sharp, blurred)
    assert wide.transform == narrow.transform
    assert wide.gain == narrow.gain
    assert wide.measures["residual_px"] == pytest.approx(narrow.measures["residual_px"], abs=0.02)


def test_photos_of_different_views_show() -> None:
    fit = fit_pair(textured_photo(seed=1), textured_photo(seed=2))
    assert fit.measures["correlation"] < 0.9


def test_swapped_photos_show() -> None:
    sharp, blurred = a_pair()
    assert fit_pair(blurred, sharp).measures["sharpness"] < 0.7
    both = reduce_photo(sharp, 1)
    assert sharpness(both, both) == pytest.approx(1)


def test_without_texture_nothing_is_said_of_the_alignment() -> None:
    ramp = np.tile(np.linspace(60, 180, 300).astype(np.uint8)[:, None], (200, 1, 3))
    fit = fit_pair(ramp, ramp)
    assert "residual_px" not in fit.measures
    assert fit.measures["sharpness"] == pytest.approx(1, abs=0.01)


def test_threads_do_not_matter() -> None:
    sharp, blurred = a_pair()
    threads = cv2.getNumThreads()
    fits: list[PairFit] = []
    try:
        for count in (1, 2, 3):
            cv2.setNumThreads(count)
            fits.append(fit_pair(sharp, blurred))
    finally:
        cv2.setNumThreads(threads)
    assert fits[0] == fits[1] == fits[2]


def test_large_photos_are_compared_in_evenly_spread_tiles() -> None:
    """The measures of a photo above two megapixels are those of all its pixels, nearly."""
    large = cv2.resize(textured_photo(), (2100, 1500), interpolation=cv2.INTER_CUBIC)
    photo = np.asarray(large, np.uint8)
    parameters = random_parameters(np.random.default_rng(1), 2100, 1500)
    sharp, blurred, truth = make_pair(photo, parameters, radius=6, disk=True, gain=0.9)
    fit = fit_pair(sharp, blurred)
    assert corner_errors(fit.transform, truth, sharp.shape).max() < 0.1
    assert fit.measures["psnr_before"] == pytest.approx(psnr(sharp, blurred), abs=0.2)
    inner = Crop(x=40.0, y=40.0, width=1950, height=1350)
    whole = psnr(sharp[inner.window], render_defocused(blurred, fit, inner))
    assert fit.measures["psnr_after"] == pytest.approx(whole, abs=0.3)


def test_psnr_is_that_of_its_definition() -> None:
    first, second = textured_photo(64, 48), textured_photo(64, 48, seed=1)
    error = np.mean((first.astype(float) - second) ** 2)
    assert psnr(first, second) == pytest.approx(10 * np.log10(255**2 / error))
    assert psnr(first, first) == 100


def test_a_white_field_of_another_size_is_refused() -> None:
    sharp, blurred = a_pair()
    white = WhiteField(width=100, height=80, field=(), residual=0)
    with pytest.raises(InputError, match="100x80 pixels"):
        fit_pair(sharp, blurred, white=white)
