"""Read and write photos and depth maps; every bad file ends in an error that names it.

OpenCV decodes a truncated JPEG to a picture with a grey rest and says nothing, so the end
marker of a file is checked before its pixels are trusted.
"""

from __future__ import annotations

import io
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from idfd.errors import InputError, MissingDependencyError, StorageError
from idfd.model.triple import MAX_DEPTH_MM
from idfd.storage import png
from idfd.storage.hashing import sha256_bytes
from idfd.storage.raw import RAW_SUFFIXES, Multipliers, develop, is_raw

_END_MARKERS = {b"\xff\xd8\xff": b"\xff\xd9", b"\x89PNG": b"IEND\xaeB`\x82"}
PHOTO_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".tif", ".tiff"}) | RAW_SUFFIXES
DEPTH_SUFFIXES = frozenset({".png", ".tif", ".tiff", ".npy", ".exr"})


def read_bytes(path: Path, sha256: str | None = None) -> bytes:
    """Read a file, and check its content hash where one is given.

    Raises:
        InputError: The file is missing, unreadable, empty, or has changed.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"cannot be read ({error.strerror})", where=path) from None
    if not data:
        raise InputError("the file is empty", where=path, remedy="Copy it again from its source")
    if sha256 is not None and (found := sha256_bytes(data)) != sha256:
        raise InputError(
            f"the file has changed since it was imported (SHA-256 {found[:12]}…)",
            where=path,
            limit=f"SHA-256 {sha256[:12]}…",
            remedy="Restore the file or import the folder again",
        )
    return data


@contextmanager
def quiet_opencv() -> Iterator[None]:
    """Keep OpenCV from printing warnings of files that we report ourselves."""
    # OpenCV 4 has the function elsewhere.
    set_level = getattr(cv2.utils, "logging", cv2).setLogLevel
    level = set_level(0)
    try:
        yield
    finally:
        set_level(level)


def decode_image(data: bytes, where: Path | str, flags: int) -> NDArray[Any]:
    """Decode an image with OpenCV, refusing truncated and undecodable data."""
    for magic, end in _END_MARKERS.items():
        # Some cameras pad JPEG files with zeros after the end marker.
        if data.startswith(magic) and not data.rstrip(b"\x00").endswith(end.rstrip(b"\x00")):
            raise InputError(
                f"the image is truncated (its end marker is missing after {len(data)} bytes)",
                where=where,
                remedy="Copy the file again from its source",
            )
    with quiet_opencv():
        try:
            image = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
        except cv2.error:
            image = None
    if image is None:
        raise InputError(
            "not an image that can be decoded", where=where, limit="a JPEG, PNG or TIFF file"
        )
    return np.asarray(image)


def decode_photo(
    data: bytes, where: Path | str, white_balance: Multipliers | None = None
) -> NDArray[Any]:
    """Decode a photo to RGB, (H, W, 3) uint8, or uint16 where the file has more than 8 bits.

    It is turned as its EXIF orientation says.

    Args:
        data: Content of a JPEG, PNG, TIFF or raw file.
        where: Its name: the suffix tells raw files, and errors name it.
        white_balance: For a raw file, that of the photo it will be compared with; a camera
            chooses anew for each shot. See :func:`idfd.storage.raw.camera_white_balance`.

    Raises:
        InputError: Truncated or undecodable data, or not integers.
        MissingDependencyError: A raw file, and rawpy is not installed.
    """
    if is_raw(where):
        return develop(data, where, white_balance)[0]
    image = decode_image(data, where, cv2.IMREAD_COLOR | cv2.IMREAD_ANYDEPTH)
    if image.dtype not in (np.uint8, np.uint16):
        raise InputError(
            f"the photo holds {image.dtype} values",
            where=where,
            limit="8 or 16 bits per channel",
            remedy="Export it as 16-bit TIFF in sRGB",
        )
    # In place: new memory costs more than the exchange. (OpenCV's own flag for RGB has no effect on
    # 16-bit TIFF files.)
    return cv2.cvtColor(image, cv2.COLOR_BGR2RGB, dst=image)


def read_photo(path: Path, sha256: str | None = None) -> NDArray[Any]:
    """Read a photo from a file; see :func:`decode_photo`.

    Raises:
        InputError: Missing, truncated, undecodable or changed file.
    """
    return decode_photo(read_bytes(path, sha256), path)


def read_map(path: Path) -> NDArray[Any]:
    """Read a map of depth or defocus as the file stores it, whatever its unit.

    Args:
        path: A PNG, TIFF, EXR or NPY file.

    Raises:
        InputError: Missing or undecodable file.
        MissingDependencyError: An EXR file, and OpenEXR is not installed.
    """
    return _decode_map(read_bytes(path), path)


def _decode_map(data: bytes, where: Path | str) -> NDArray[Any]:
    suffix = Path(where).suffix.lower()
    if suffix == ".npy":
        return _decode_npy(data, where)
    if suffix == ".exr":
        return _decode_exr(data, where)
    return decode_image(data, where, cv2.IMREAD_UNCHANGED)


def decode_depth(data: bytes, where: Path | str) -> NDArray[np.uint16]:
    """Decode a depth map to (H, W) uint16 millimetres, 0 = no depth.

    16-bit PNG and TIFF files and uint16 arrays hold millimetres; floating-point EXR, TIFF
    and NPY files hold metres.

    Args:
        data: Content of the file.
        where: Its name: the suffix tells the format, and errors name it.

    Raises:
        InputError: Undecodable data, 8-bit images (min-max normalised, not metric), colour
            images, NaN, infinite, negative or too large values.
    """
    return depth_to_millimetres(_decode_map(data, where), where)


def read_depth(path: Path, sha256: str | None = None) -> NDArray[np.uint16]:
    """Read a depth map from a file; see :func:`decode_depth`.

    Raises:
        InputError: Missing, undecodable or changed file, or no metric depth.
    """
    return decode_depth(read_bytes(path, sha256), path)


def depth_to_millimetres(array: NDArray[Any], where: Path | str) -> NDArray[np.uint16]:
    """Convert uint16 millimetres or floating-point metres to uint16 millimetres.

    Raises:
        InputError: The array cannot be metric depth; the message says why.
    """
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[..., 0]
    if array.ndim != 2 or array.size == 0:
        raise InputError(f"depth has shape {array.shape}", where=where, limit="one channel, (H, W)")
    if array.dtype == np.uint8:
        raise InputError(
            "depth is 8-bit, so it was min-max normalised per image and is not metric",
            where=where,
            limit="16-bit millimetres or floating-point metres",
            remedy="Use the depth maps from before the normalisation",
        )
    if array.dtype == np.uint16:
        return np.asarray(array, np.uint16)
    if not np.issubdtype(array.dtype, np.floating):
        raise InputError(f"depth is {array.dtype}", where=where, limit="uint16 or floating point")
    bad = int(np.count_nonzero(~np.isfinite(array)))
    if bad:
        raise InputError(
            f"depth holds {bad} NaN or infinite values",
            where=where,
            limit="finite metres",
            remedy="Write 0 where there is no measurement",
        )
    low, high = float(array.min()), float(array.max())
    if low < 0 or high * 1000 > MAX_DEPTH_MM:
        raise InputError(
            f"depth spans {low:g} to {high:g} m",
            where=where,
            limit=f"0 to {MAX_DEPTH_MM / 1000:g} m",
            remedy="Floating-point depth is read as metres; check the unit",
        )
    return np.rint(array.astype(np.float64) * 1000).astype(np.uint16)


def _decode_npy(data: bytes, where: Path | str) -> NDArray[Any]:
    try:
        # A pickle in disguise must never be loaded.
        return np.asarray(np.load(io.BytesIO(data), allow_pickle=False))
    except (ValueError, EOFError, OSError) as error:
        raise InputError(f"not a NumPy array file ({error})", where=where) from None


def _decode_exr(data: bytes, where: Path | str) -> NDArray[Any]:
    try:
        import OpenEXR  # type: ignore[import-not-found,unused-ignore]
    except ImportError:
        raise MissingDependencyError(
            "reading EXR needs the package OpenEXR",
            where=where,
            remedy="Install it with 'pip install idfd[exr]'",
        ) from None
    try:
        # The library reads files by name only.
        with tempfile.NamedTemporaryFile(suffix=".exr") as file:
            file.write(data)
            file.flush()
            channels = OpenEXR.File(file.name).channels()
    except Exception as error:  # noqa: BLE001  the binding raises bare RuntimeError and Exception
        raise InputError(f"not a readable EXR file ({error})", where=where) from None
    array = np.asarray(next(iter(channels.values())).pixels, np.float32)
    # An RGB depth map repeats the value in its three channels.
    return array[..., 0] if array.ndim == 3 else array


def encode_png(array: NDArray[Any], level: int = 1) -> bytes:
    """Encode an RGB or grey array of uint8 or uint16 as PNG (level 1: fast; PNG is lossless)."""
    if (
        array.dtype not in (np.uint8, np.uint16)
        or array.ndim < 2
        or array.shape[2:] not in ((), (3,))
    ):
        raise StorageError(f"cannot encode {array.dtype} of shape {array.shape} as PNG")
    return png.encode(array, level)


def encode_jpeg(rgb: NDArray[np.uint8], quality: int = 85) -> bytes:
    """Encode an RGB uint8 array as JPEG."""
    done, data = cv2.imencode(
        ".jpg", cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality]
    )
    if not done:
        raise StorageError(f"OpenCV cannot encode {rgb.dtype} of shape {rgb.shape} as JPEG")
    return data.tobytes()
