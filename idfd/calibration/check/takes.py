"""Takes to check a calibration on, from sessions or one by one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from idfd.errors import InputError
from idfd.model import schema
from idfd.model.burst import Burst
from idfd.model.camera import Intrinsics
from idfd.model.session import SCENES, SESSION, TAKE, TakeRecord
from idfd.storage.bursts import read_burst
from idfd.storage.images import decode_image, read_bytes

_FOCAL_PX = 600.0
"""Photos are decoded at the smallest size with this focal length."""
_FLAGS = {
    1: cv2.IMREAD_GRAYSCALE,
    2: cv2.IMREAD_REDUCED_GRAYSCALE_2,
    4: cv2.IMREAD_REDUCED_GRAYSCALE_4,
    8: cv2.IMREAD_REDUCED_GRAYSCALE_8,
}


@dataclass(frozen=True)
class SceneTake:
    """Files of a take: the all-in-focus photo and the depth burst."""

    name: str
    photo: Path
    burst: Path


@dataclass(frozen=True)
class Scene:
    """What the cameras saw in a take.

    Attributes:
        photo: Grey, (H, W) uint8.
        factor: Full-size pixels per pixel of it.
        burst: Frames of the depth camera.
    """

    photo: NDArray[np.uint8]
    factor: float
    burst: Burst


def find_takes(paths: Sequence[Path]) -> tuple[SceneTake, ...]:
    """The takes of sessions and of folders of single takes; rejected ones of a session are not.

    Raises:
        InputError: A path is neither, or a take lacks a file; or there is no take at all.
        SchemaError: A record is damaged.
    """
    records: list[Path] = []
    for path in paths:
        if (path / SESSION).is_file():
            records += sorted((path / SCENES).glob(f"*/*/{TAKE}"))
        elif (path / TAKE).is_file():
            records.append(path / TAKE)
        else:
            raise InputError(
                "neither a session nor a take",
                where=path,
                limit=f"a folder with {SESSION} or {TAKE}",
                remedy="Give the folder of a session, or scenes/<scene>/<take> inside of one",
            )
    if not records:
        raise InputError(
            "the session has no takes",
            where=paths[0] if paths else None,
            remedy="Shoot a scene first, with 'idfd capture take'",
        )
    return tuple(_take(record) for record in records)


def _take(path: Path) -> SceneTake:
    record = schema.load(TakeRecord, path)
    photo, burst = record.file("all_in_focus", "jpeg"), record.file("depth", "burst")
    if photo is None or burst is None:
        raise InputError(
            f"the take has no {'JPEG of the all-in-focus photo' if photo is None else 'burst'}",
            where=path.parent,
            remedy="Shoot with the format 'jpeg' or 'raw+jpeg', and with the depth camera",
        )
    return SceneTake(record.id, path.parent / photo.file.path, path.parent / burst.file.path)


def read_scene(take: SceneTake, camera: Intrinsics) -> Scene:
    """Read a take for a check.

    Args:
        take: Its files.
        camera: Intrinsics of the photo camera.

    Raises:
        InputError: A file is missing or damaged, or the photo has not the calibration's size.
        SchemaError: The burst is damaged.
    """
    factor = max((f for f in _FLAGS if camera.fx / f >= _FOCAL_PX), default=1)
    # Calibrations hold for the pixels of the sensor, so a turn noted in EXIF is not applied.
    flags = _FLAGS[factor] | cv2.IMREAD_IGNORE_ORIENTATION
    photo = decode_image(read_bytes(take.photo), take.photo, flags)
    height, width = photo.shape
    if (width, height) != (-(-camera.width // factor), -(-camera.height // factor)):
        raise InputError(
            f"the photo is {width * factor}x{height * factor}",
            where=take.photo,
            limit=f"{camera.width}x{camera.height}, as in the calibration",
            remedy="Use the calibration of that camera and image size",
        )
    return Scene(np.asarray(photo, np.uint8), float(factor), read_burst(take.burst))
