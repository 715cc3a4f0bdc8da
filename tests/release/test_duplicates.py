from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from release_data import make_arrays

from idfd.release.duplicates import HASH_BITS, NEAR, near_duplicates, perceptual_hash

PHOTOS = {take: make_arrays(take)["all_in_focus"] for take in (f"room-{i}" for i in range(40))}


def bits_apart(one: NDArray[np.uint8], two: NDArray[np.uint8]) -> int:
    return int(np.count_nonzero(perceptual_hash(one) != perceptual_hash(two)))


def darker(photo: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return (photo * 0.7 + 5).astype(np.uint8)


def noisier(photo: NDArray[np.uint8]) -> NDArray[np.uint8]:
    noise = np.random.default_rng(0).normal(0, 8, photo.shape)
    return np.clip(photo + noise, 0, 255).astype(np.uint8)


def smaller(photo: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.asarray(cv2.resize(photo, (90, 96), interpolation=cv2.INTER_AREA), np.uint8)


def blurred(photo: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.asarray(cv2.GaussianBlur(photo, (0, 0), 2), np.uint8)


@pytest.mark.parametrize("change", [darker, noisier, smaller, blurred])
def test_the_same_picture_keeps_its_hash(change: object) -> None:
    assert callable(change)
    assert all(bits_apart(photo, change(photo)) <= NEAR for photo in PHOTOS.values())


def test_other_pictures_have_other_hashes() -> None:
    photos = list(PHOTOS.values())
    apart = [bits_apart(one, two) for i, one in enumerate(photos) for two in photos[:i]]
    assert min(apart) > NEAR
    assert abs(np.mean(apart) - HASH_BITS / 2) < 2


def test_pairs_across_splits_are_found_and_pairs_within_one_are_not() -> None:
    base = np.zeros(HASH_BITS, bool)

    def flipped(count: int) -> NDArray[np.bool_]:
        found = base.copy()
        found[:count] = True
        return found

    hashes = {"a": base, "b": flipped(NEAR), "c": flipped(NEAR + 1), "d": base}
    home = {"a": "train", "b": "test", "c": "test", "d": "train"}
    # c is one bit too far from a and d, and stands in the split of b.
    assert near_duplicates(hashes, home) == [("a", "b", NEAR), ("b", "d", NEAR)]
    assert near_duplicates(hashes, home, near=0) == []
    assert near_duplicates({}, {}) == []
