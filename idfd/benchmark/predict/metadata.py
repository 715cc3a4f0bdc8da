"""What a JPEG or PNG file says beside its pixels, kept byte for byte in a file made from it."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

_SOI = b"\xff\xd8"
_START_OF_SCAN = 0xDA
_APP0, _APP1, _APP2, _APP13, _COMMENT = 0xE0, 0xE1, 0xE2, 0xED, 0xFE
_ICC = b"ICC_PROFILE\0"
_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_CHUNKS = frozenset(
    {b"eXIf", b"iCCP", b"sRGB", b"gAMA", b"cHRM", b"cICP", b"pHYs", b"tEXt", b"zTXt", b"iTXt"}
)


def is_jpeg(data: bytes) -> bool:
    """Whether a file is a JPEG, by its first bytes."""
    return data.startswith(_SOI)


def is_png(data: bytes) -> bool:
    """Whether a file is a PNG, by its first bytes."""
    return data.startswith(_SIGNATURE)


def with_jpeg_metadata(picture: bytes, source: bytes) -> bytes:
    """Give an RGB JPEG the metadata of another.

    EXIF and XMP (APP1), the colour profile (APP2), IPTC (APP13), comments and the JFIF head are
    kept. What describes the source's own coding or what follows its picture is not (Adobe's
    APP14, multi-picture indices), nor is a profile for grey or CMYK values.
    """
    segments = list(_segments(source))
    # A profile may fill several segments; the first, number 1, holds its head.
    heads = [body[18:] for code, body in segments if code == _APP2 and body[4:17] == _ICC + b"\1"]
    profile = bool(heads) and _rgb(heads[0])
    kept = [body for code, body in segments if _keeps(code, body[4:], profile)]
    own = list(_segments(picture))
    scan = picture[2 + sum(len(body) for _, body in own) :]
    # The encoder's JFIF head goes: EXIF 2.32, 4.5.4, wants APP1 to come first.
    return b"".join([_SOI, *kept, *(body for code, body in own if code != _APP0), scan])


def _keeps(code: int, content: bytes, profile: bool) -> bool:
    if code == _APP0:
        return content.startswith(b"JFIF\0")
    if code == _APP2:
        return profile and content.startswith(_ICC)
    return code in (_APP1, _APP13, _COMMENT)


def _segments(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Marker code and whole segment, up to the start of the scan (ITU-T T.81, annex B)."""
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF and data[at + 1] != _START_OF_SCAN:
        if data[at + 1] == 0xFF:  # a fill byte
            at += 1
            continue
        end = at + 2 + int(struct.unpack_from(">H", data, at + 2)[0])
        yield data[at + 1], data[at:end]
        at = end


def with_png_metadata(picture: bytes, source: bytes) -> bytes:
    """Give an RGB PNG the metadata of another: EXIF, colour, resolution and texts.

    A colour profile for grey values is not kept.
    """
    first = len(_SIGNATURE) + 25  # after IHDR, which is the first chunk and of fixed length
    kept = [chunk for kind, chunk in _chunks(source) if kind in _CHUNKS and _fits(kind, chunk)]
    return b"".join([picture[:first], *kept, picture[first:]])


def _fits(kind: bytes, chunk: bytes) -> bool:
    if kind != b"iCCP":
        return True
    packed = chunk[8:-4].partition(b"\0")[2][1:]  # after the name and the method, which is 0
    try:
        return _rgb(zlib.decompressobj().decompress(packed, 20))
    except zlib.error:
        return False


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = len(_SIGNATURE)
    while at + 12 <= len(data):
        end = at + 12 + int(struct.unpack_from(">I", data, at)[0])
        yield data[at + 4 : at + 8], data[at:end]
        at = end


def _rgb(profile: bytes) -> bool:
    """Whether an ICC profile is one for RGB values (ICC.1:2022, 7.2.6)."""
    return profile[16:20] == b"RGB "
