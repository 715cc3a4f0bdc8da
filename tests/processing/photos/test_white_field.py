from __future__ import annotations

import numpy as np
import pytest
from pairs import gain_field, make_pair, random_parameters, textured_photo

from idfd.errors import InputError
from idfd.processing.photos.pair import fit_pair
from idfd.processing.photos.white_field import fit_white_field
from idfd.storage.color import encode_srgb, linear_from_uint8

WIDTH, HEIGHT = 720, 480


def falloff() -> tuple[np.ndarray, np.ndarray]:
    """Vignetting at the smaller and the larger aperture; the lens is not quite centred."""
    y, x = np.mgrid[-1 : 1 : HEIGHT * 1j, -1 : 1 : WIDTH * 1j]
    r2 = (x * x * 9 + y * y * 4) / 13
    return np.exp(-0.15 * r2), np.exp(-0.9 * r2 - 0.25 * r2**2 - 0.1 * r2**3 + 0.05 * x)


def truth() -> np.ndarray:
    small, large = falloff()
    field = np.log(small / large)
    return np.asarray(field - np.median(field))


def encoded(light: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    value = encode_srgb(np.clip(light, 0, 1)) * 255 + generator.normal(0, 1.5, light.shape)
    return np.rint(np.clip(value, 0, 255)).astype(np.uint8)


def white_photos(exposure: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """The wall is lit from the side, which both photos share; the exposures differ by 10 %."""
    generator = np.random.default_rng(0)
    y, x = np.mgrid[-1 : 1 : HEIGHT * 1j, -1 : 1 : WIDTH * 1j]
    wall = exposure * 0.45 * (1 + 0.1 * x + 0.08 * y)
    small, large = falloff()
    grey = np.ones(3)
    return (
        encoded((wall * small)[..., None] * grey, generator),
        encoded((wall * large * 1.1)[..., None] * grey, generator),
    )


def error_of(field: np.ndarray) -> float:
    difference = field - truth()
    return float(np.sqrt(np.mean((difference - np.median(difference)) ** 2)))


def test_the_field_of_the_lens_is_found_and_used() -> None:
    white = fit_white_field(*white_photos())
    assert white.residual < 0.005
    photo = textured_photo(WIDTH + 64, HEIGHT + 64, seed=4)
    generator = np.random.default_rng(7)
    parameters = random_parameters(generator, WIDTH + 64, HEIGHT + 64)
    sharp, blurred, _ = make_pair(photo, parameters, radius=8, disk=True)
    small, large = falloff()
    pair = (
        encoded(linear_from_uint8(sharp) * small[..., None], generator),
        encoded(linear_from_uint8(blurred) * large[..., None] * 0.9, generator),
    )
    known = error_of(gain_field(fit_pair(*pair, white=white).gain, WIDTH, HEIGHT))
    fitted = error_of(gain_field(fit_pair(*pair).gain, WIDTH, HEIGHT))
    assert known < 0.001
    assert known < fitted / 10


def test_dust_does_not_change_it() -> None:
    first, second = white_photos()
    clean = fit_white_field(first, second).field
    second[100:112, 200:212] = 60
    np.testing.assert_allclose(fit_white_field(first, second).field, clean, atol=2e-3)


def test_what_is_no_white_field_is_refused() -> None:
    first, second = white_photos()
    with pytest.raises(InputError, match="720x480 and 720x479"):
        fit_white_field(first, second[:-1])
    with pytest.raises(InputError, match="larger aperture is clipped"):
        fit_white_field(first, np.full_like(second, 255))
    with pytest.raises(InputError, match="smaller aperture is dark"):
        fit_white_field(first // 12, second)
    photo = textured_photo(WIDTH, HEIGHT)
    with pytest.raises(InputError, match="not even"):
        fit_white_field(photo, photo)  # the texture cancels in the ratio
