from __future__ import annotations

import io
from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile
from exif_blocks import tiff
from PIL import Image, ImageOps
from toy_predictor import jpeg, png, scene

from idfd.benchmark.predict.photo import encode_like, open_photo, suffix_like, turn_back


@pytest.mark.parametrize("kind", ["jpg", "png"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_what_was_made_of_a_turned_photo_is_seen_as_the_photo_is(
    tmp_path: Path, orientation: int, kind: str
) -> None:
    stored = scene(40, 64)
    block = tiff({0x0112: [orientation]}, {})
    path = tmp_path / f"photo.{kind}"
    exif = (0xE1, b"Exif\0\0" + block)
    path.write_bytes(jpeg(stored, exif) if kind == "jpg" else png(stored, (b"eXIf", block)))
    photo = open_photo(path)
    with Image.open(path) as peer:
        upright = np.asarray(ImageOps.exif_transpose(peer).convert("RGB"))
    assert np.abs(photo.rgb.astype(int) - upright).max() <= 4  # another JPEG decoder
    assert suffix_like(photo) == f".{kind}"
    with Image.open(io.BytesIO(encode_like(photo, photo.rgb))) as peer:
        assert peer.size == (64, 40)
        assert peer.getexif().tobytes() == Image.open(path).getexif().tobytes()
        again = np.asarray(ImageOps.exif_transpose(peer).convert("RGB"))
    assert np.abs(again.astype(int) - upright).mean() < 2
    np.testing.assert_allclose(turn_back(photo.rgb, orientation), stored, atol=6)


def test_sixteen_bits_become_eight(tmp_path: Path) -> None:
    picture = scene(40, 64)
    path = tmp_path / "photo.tif"
    tifffile.imwrite(path, picture.astype(np.uint16) * 257, photometric="rgb")
    photo = open_photo(path)
    np.testing.assert_array_equal(photo.rgb, picture)
    made = encode_like(photo, photo.rgb)
    assert suffix_like(photo) == ".png"
    with Image.open(io.BytesIO(made)) as peer:
        np.testing.assert_array_equal(np.asarray(peer), picture)


def test_grey_photos_become_colour(tmp_path: Path) -> None:
    path = tmp_path / "photo.png"
    cv2.imwrite(str(path), scene(40, 64)[..., 0])
    photo = open_photo(path)
    np.testing.assert_array_equal(photo.rgb, scene(40, 64)[..., :1].repeat(3, 2))
