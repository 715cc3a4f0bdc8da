"""PNG files: other programs read from them what was put in."""

from __future__ import annotations

import io

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from idfd.errors import StorageError
from idfd.storage.images import decode_photo, encode_png

SHAPES = [(1, 1), (1, 7), (5, 1), (33, 20), (1, 1, 3), (6, 1, 3), (1, 9, 3), (31, 18, 3)]


def picture(shape: tuple[int, ...], dtype: type, seed: int, smooth: bool) -> NDArray[np.uint16]:
    values = np.random.default_rng(seed).integers(0, np.iinfo(dtype).max, shape, endpoint=True)
    if smooth:  # neighbours that agree, and wrap around
        values = values // 64 + np.arange(shape[1]).reshape(1, -1, *(1,) * (len(shape) - 2))
    return values.astype(dtype)


@given(st.sampled_from(SHAPES), st.sampled_from([np.uint8, np.uint16]), st.integers(0, 99),
       st.booleans(), st.sampled_from([1, 6, 12]))  # fmt: skip
@settings(max_examples=80, deadline=None)
def test_opencv_reads_what_was_put_in(
    shape: tuple[int, ...], dtype: type, seed: int, smooth: bool, level: int
) -> None:
    image = picture(shape, dtype, seed, smooth)
    back = cv2.imdecode(np.frombuffer(encode_png(image, level), np.uint8), cv2.IMREAD_UNCHANGED)
    assert back is not None
    assert back.dtype == dtype
    np.testing.assert_array_equal(back[..., ::-1] if len(shape) == 3 else back, image)


@pytest.mark.parametrize("shape", [(40, 30), (40, 30, 3)])
def test_pillow_reads_what_was_put_in(shape: tuple[int, ...]) -> None:
    image = picture(shape, np.uint8, 3, smooth=True)
    with Image.open(io.BytesIO(encode_png(image))) as found:
        found.load()  # it checks the checksums
        np.testing.assert_array_equal(np.asarray(found), image)


def test_views_that_are_not_contiguous_are_encoded() -> None:
    image = picture((40, 30, 3), np.uint8, 4, smooth=False)
    np.testing.assert_array_equal(
        decode_photo(encode_png(image[::2, 3:20, ::-1]), "a.png"), image[::2, 3:20, ::-1]
    )


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_smooth_pictures_are_smaller_than_opencv_makes_them(dtype: type) -> None:
    noise = np.random.default_rng(5).normal(0, 1, (300, 400)).astype(np.float32)
    smooth = np.asarray(cv2.GaussianBlur(noise, (0, 0), 5))
    image: NDArray[np.uint16] = (100 + 900 * np.abs(smooth)).astype(dtype)
    theirs = cv2.imencode(".png", image, [cv2.IMWRITE_PNG_COMPRESSION, 1])[1].tobytes()
    assert len(encode_png(image)) < len(theirs)


@pytest.mark.parametrize(
    "image", [np.zeros((4, 4), np.float32), np.zeros((4, 4, 4), np.uint8), np.zeros(4, np.uint8)]
)
def test_what_png_has_no_room_for_is_refused(image: NDArray[np.uint8]) -> None:
    with pytest.raises(StorageError, match="as PNG"):
        encode_png(image)
