from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pairs import corner_errors, make_pair, random_parameters, textured_photo

from idfd.errors import InputError
from idfd.processing.photos.align import align_pair
from idfd.storage.images import read_photo


@pytest.mark.parametrize("disk", [False, True])
@pytest.mark.parametrize("radius", [0, 3, 8, 12])
def test_known_geometry_is_found_under_blur_and_gain(radius: float, disk: bool) -> None:
    photo = textured_photo()
    generator = np.random.default_rng([int(radius), disk])
    parameters = random_parameters(generator, 700, 500)
    sharp, blurred, truth = make_pair(photo, parameters, radius=radius, disk=disk, gain=0.75)
    found = align_pair(sharp, blurred)
    errors = corner_errors(found.transform, truth, sharp.shape)
    assert np.median(errors) < 0.1
    assert errors.max() < 0.3
    assert found.correlation > 0.9


def test_focus_breathing_is_found() -> None:
    photo = textured_photo()
    parameters = np.zeros(9)
    parameters[[0, 4, 8]] = 0.012, 0.012, -0.006
    sharp, blurred, truth = make_pair(photo, parameters, radius=5, disk=True)
    errors = corner_errors(align_pair(sharp, blurred).transform, truth, sharp.shape)
    assert errors.max() < 0.3


def test_blur_alone_moves_nothing() -> None:
    photo = textured_photo(seed=3)
    sharp, blurred, truth = make_pair(photo, np.zeros(9), radius=10, disk=True, gain=1.1)
    errors = corner_errors(align_pair(sharp, blurred).transform, truth, sharp.shape)
    assert errors.max() < 0.05


def test_different_views_do_not_correlate() -> None:
    found = align_pair(textured_photo(seed=1), textured_photo(seed=2))
    assert found.correlation < 0.9


def test_bad_pairs_are_refused() -> None:
    photo = textured_photo()
    with pytest.raises(InputError, match="700x500 and 699x500"):
        align_pair(photo, photo[:, :-1])
    with pytest.raises(InputError, match="blank"):
        align_pair(photo, np.full_like(photo, 7))
    with pytest.raises(InputError, match="at least 48"):
        align_pair(photo[:40, :40], photo[:40, :40])


@pytest.mark.real
@pytest.mark.slow
def test_known_geometry_on_real_photographs(real_data: Path) -> None:
    """The issue's bar: sharp real photos, Gaussian and disk blur up to 12 px radius."""
    folders = ("pairs/vabd_canon70d/train/input", "pairs/dfd_outdoor_nikon_d200/f8")
    files = [path for folder in folders for path in sorted((real_data / folder).glob("*.JPG"))]
    generator = np.random.default_rng(0)
    errors = []
    for path in files:
        photo = read_photo(path)
        for disk in (False, True):
            parameters = random_parameters(generator, photo.shape[1], photo.shape[0])
            sharp, blurred, truth = make_pair(
                photo, parameters, radius=float(generator.uniform(0, 12)), disk=disk,
                gain=float(generator.uniform(0.7, 1.2)),
            )  # fmt: skip
            found = align_pair(sharp, blurred)
            errors.append(corner_errors(found.transform, truth, sharp.shape))
    assert len(errors) == 12
    assert np.median(errors) < 0.1
    assert np.max(errors) < 0.3
