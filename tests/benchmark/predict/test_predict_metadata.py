from __future__ import annotations

import io
import struct
import zlib

import cv2
import numpy as np
import pytest
from exif_blocks import tiff
from PIL import Image
from toy_predictor import chunk, jpeg, noise, png, profile, scene

from idfd.benchmark.predict.metadata import with_jpeg_metadata, with_png_metadata

EXIF = b"Exif\0\0" + tiff({0x0110: "NIKON D800", 0x010F: "NIKON"}, {0x829D: (18, 10)})
XMP = b"http://ns.adobe.com/xap/1.0/\0<x:xmpmeta/>"


def icc(number: int, count: int, body: bytes) -> tuple[int, bytes]:
    return 0xE2, b"ICC_PROFILE\0" + bytes((number, count)) + body


def segment(code: int, body: bytes) -> bytes:
    return bytes((0xFF, code)) + struct.pack(">H", len(body) + 2) + body


def test_a_jpeg_keeps_its_segments_byte_for_byte() -> None:
    kept = [(0xE1, EXIF), (0xE1, XMP), (0xED, b"Photoshop 3.0\0iptc"), (0xFE, b"by me")]
    kept += [icc(1, 2, profile(b"RGB ")), icc(2, 2, b"second part")]
    dropped = [(0xE2, b"MPF\0index"), (0xEE, b"Adobe\0d\0\0\0\0\0\1"), (0xEB, b"JP\0\0c2pa")]
    picture = noise(24, 40)
    made = with_jpeg_metadata(jpeg(picture), jpeg(scene(24, 40), *kept, *dropped))
    expected = b"\xff\xd8" + b"".join(segment(*one) for one in kept)
    assert made.startswith(expected)
    assert not any(body in made for _, body in dropped)
    decoded = cv2.imdecode(np.frombuffer(made, np.uint8), cv2.IMREAD_COLOR)
    plain = cv2.imdecode(np.frombuffer(jpeg(picture), np.uint8), cv2.IMREAD_COLOR)
    np.testing.assert_array_equal(decoded, plain)
    with Image.open(io.BytesIO(made)) as peer:
        assert peer.getexif()[0x0110] == "NIKON D800"
        assert peer.info["icc_profile"] == profile(b"RGB ") + b"second part"


@pytest.mark.parametrize("space", [b"GRAY", b"CMYK"])
def test_a_profile_for_other_values_is_not_kept(space: bytes) -> None:
    body = profile(space)
    made = with_jpeg_metadata(jpeg(noise(8, 8)), jpeg(noise(8, 8), icc(1, 1, body), (0xE1, EXIF)))
    assert b"ICC_PROFILE" not in made
    assert EXIF in made
    packed = b"grey\0\0" + zlib.compress(body)
    assert b"iCCP" not in with_png_metadata(png(noise(8, 8)), png(noise(8, 8), (b"iCCP", packed)))


def test_a_jpeg_has_one_head_and_fill_bytes_do_no_harm() -> None:
    source = jpeg(noise(8, 8))
    assert with_jpeg_metadata(source, source).count(b"JFIF\0") == 1
    filled = source[:2] + b"\xff\xff" + segment(0xE1, EXIF) + source[2:]
    assert segment(0xE1, EXIF) in with_jpeg_metadata(source, filled)


def test_a_png_keeps_its_chunks_byte_for_byte() -> None:
    kept = [
        (b"iCCP", b"srgb\0\0" + zlib.compress(profile(b"RGB "))),
        (b"eXIf", EXIF[6:]),
        (b"pHYs", struct.pack(">IIB", 11811, 11811, 1)),
        (b"tEXt", b"Author\0me"),
    ]
    dropped = [(b"sBIT", b"\5\5\5"), (b"tIME", bytes(7))]
    made = with_png_metadata(png(noise(24, 40, 1)), png(scene(24, 40), *kept, *dropped))
    assert b"".join(chunk(*one) for one in kept) in made
    assert not any(kind in made for kind, _ in dropped)
    with Image.open(io.BytesIO(made)) as peer:
        np.testing.assert_array_equal(np.asarray(peer), noise(24, 40, 1))
        assert peer.info["Author"] == "me"
        assert peer.getexif()[0x0110] == "NIKON D800"
