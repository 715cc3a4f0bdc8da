"""Whether a downloaded photo is whole, and is the one that was asked for."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import msgspec
import numpy as np

from idfd.capture.cameras import PhotoFile, PhotoSettings, Shot
from idfd.capture.exposure import aperture_stops, shutter_text
from idfd.capture.nikon.messages import Downloaded
from idfd.errors import CameraError, InputError
from idfd.model.camera import CameraSettings
from idfd.model.provenance import FileReference
from idfd.storage.durable import storage_error, sync
from idfd.storage.exif import read_settings

APERTURE_STOPS = 0.05
"""Bodies round f-numbers; neighbours are at least 0.15 stops apart (f/9.5 and f/10)."""

EXPOSURE_STOPS = 0.34
"""A third of a stop: neighbours are that far apart, and names are off by up to 0.2 stops."""


_FILES: dict[str, tuple[Literal["jpeg", "raw"], str]] = {
    ".jpg": ("jpeg", ".jpg"),
    ".jpeg": ("jpeg", ".jpg"),
    ".nef": ("raw", ".nef"),
    ".nrw": ("raw", ".nrw"),
}


def keep(
    downloads: Sequence[Downloaded],
    target: Path,
    expected: PhotoSettings,
    declared_aperture: bool,
    released_at: float,
) -> Shot:
    """Verify the downloaded files of one release and give them their names.

    Args:
        downloads: The files, under temporary names beside the target.
        target: Folder and stem of their names.
        expected: What was asked for.
        declared_aperture: Take the f-number of ``expected`` on the operator's word.
        released_at: UNIX time of the release.

    Raises:
        CameraError: ``mismatch``; none of the files has its name then.
        StorageError: A file could not be renamed.
    """
    _check_kinds(downloads, expected)
    files, told = [], []
    for download in sorted(downloads, key=lambda d: _kind(d)[0]):
        kind, suffix = _kind(download)
        if kind == "jpeg":
            check_jpeg(Path(download.path), download.camera_name)
        name = download.camera_name
        told.append(check_settings(Path(download.path), name, expected, declared_aperture))
        final = target.with_name(target.name + suffix)
        reference = FileReference(path=final.name, sha256=download.sha256, bytes=download.bytes)
        files.append((download.path, final, PhotoFile(kind, reference, name)))
    try:
        for part, final, _ in files:
            os.replace(part, final)
        sync(target.parent)
    except OSError as error:
        for _, final, _ in files:
            final.unlink(missing_ok=True)
        raise storage_error(error, target.parent) from error
    # The JPEG's EXIF block comes first; it is the fuller one.
    settings, camera_time = told[0]
    return Shot(tuple(file for _, _, file in files), settings, released_at, camera_time)


def check_jpeg(path: Path, name: str) -> None:
    """Refuse a JPEG that is cut off or does not decode.

    Bodies may pad files with zeros after the end marker. Decoding at an eighth of the size still
    reads the whole entropy-coded stream.

    Raises:
        CameraError: ``mismatch``.
    """
    import cv2

    data = path.read_bytes()
    whole = data.rstrip(b"\0").endswith(b"\xff\xd9")
    flags = cv2.IMREAD_REDUCED_GRAYSCALE_8 | cv2.IMREAD_IGNORE_ORIENTATION
    if not whole or cv2.imdecode(np.frombuffer(data, np.uint8), flags) is None:
        raise CameraError(
            "the JPEG file is damaged" if whole else "the JPEG file is cut off",
            cause="mismatch",
            where=name,
            limit="a whole JPEG file",
            remedy="Shoot again; if it stays, change the card and the cable",
        )


def check_settings(
    path: Path, name: str, expected: PhotoSettings, declared_aperture: bool
) -> tuple[CameraSettings, str | None]:
    """Compare a photo's EXIF block with what was asked for.

    It is the only proof of the aperture: the ring, a value that snapped to its neighbour and a
    wrong locale all show here.

    Args:
        path: The photo.
        name: Its name for messages.
        expected: What was asked for; None is not compared.
        declared_aperture: Take the f-number of ``expected`` on the operator's word.

    Returns:
        What the photo was taken with, and the camera's time in ISO 8601 where it has one.

    Raises:
        CameraError: ``mismatch``, with both values.
    """
    try:
        settings, time = read_settings(path)
    except InputError as error:
        raise _mismatch(f"the photo's {error.what}", name, "Shoot again") from None
    when = time.isoformat() if time else None
    if declared_aperture and expected.f_number is not None:
        told = settings or CameraSettings(
            f_number=expected.f_number, exposure_s=expected.exposure_s, iso=expected.iso
        )
        return msgspec.structs.replace(told, f_number=expected.f_number), when
    if settings is None:
        raise _mismatch(
            "the photo's EXIF block has no f-number",
            name,
            "Declare the aperture of a lens without contacts in the rig profile; else shoot again",
        )
    if expected.f_number is not None:
        off = aperture_stops(expected.f_number, settings.f_number)
        if abs(off) > APERTURE_STOPS:
            raise _mismatch(
                f"the photo was taken at f/{settings.f_number:g}, {abs(off):.2f} stops off",
                name,
                "Turn the lens's aperture ring to its smallest aperture (or A), put the body in "
                "mode M, and shoot again",
                f"f/{expected.f_number:g}",
            )
    if expected.exposure_s is not None and settings.exposure_s is not None:
        off = math.log2(settings.exposure_s / expected.exposure_s)
        if abs(off) > EXPOSURE_STOPS:
            raise _mismatch(
                f"the photo was exposed for {shutter_text(settings.exposure_s)}, "
                f"{abs(off):.2f} stops off",
                name,
                "Put the body in mode M and switch automatic ISO off, then shoot again",
                shutter_text(expected.exposure_s),
            )
    return settings, when


def _kind(download: Downloaded) -> tuple[Literal["jpeg", "raw"], str]:
    """Kind and suffix of a downloaded file."""
    suffix = Path(download.camera_name).suffix.lower()
    if suffix not in _FILES:
        raise _mismatch(
            f"the body sent a '{suffix}' file",
            download.camera_name,
            "Set the body's image quality to JPEG, NEF or both",
            "a JPEG or NEF file",
        )
    return _FILES[suffix]


def _check_kinds(downloads: Sequence[Downloaded], expected: PhotoSettings) -> None:
    kinds = "+".join(sorted((_kind(d)[0] for d in downloads), reverse=True))
    if expected.format is not None and kinds != expected.format:
        raise _mismatch(
            f"the release made {kinds or 'no file'}",
            ", ".join(d.camera_name for d in downloads),
            "Set the body's image quality, and check what its card slots are used for",
            expected.format,
        )


def _mismatch(what: str, name: str, remedy: str, limit: str | None = None) -> CameraError:
    return CameraError(what, cause="mismatch", where=name, limit=limit, remedy=remedy)
