"""Photos of one view at both apertures: found on disk, checked, decoded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np

from idfd.calibration.defocus.patches import Photo
from idfd.calibration.sources import ImageSource
from idfd.errors import InputError
from idfd.model.camera import CameraSettings, Intrinsics
from idfd.storage.exif import read_exif
from idfd.storage.images import decode_image, read_bytes

_SAME_FOCUS = 0.03
"""Focus distances in EXIF that differ by more than this part mean that the ring was turned."""


@dataclass(frozen=True)
class Pair:
    """Photos of one view at both apertures, with what they were taken with."""

    view: str
    small: ImageSource
    large: ImageSource
    settings: tuple[CameraSettings, CameraSettings]


def find_pairs(
    images: Sequence[ImageSource], f_numbers: tuple[float | None, float | None] = (None, None)
) -> tuple[Pair, ...]:
    """Views with a photo at each aperture.

    Args:
        images: From :func:`idfd.calibration.sources.find_images`.
        f_numbers: Small and large aperture (f/10 and f/2.8), for photos that do not say.

    Raises:
        InputError: There is no pair, a photo does not tell its aperture, the photos of a pair are
            swapped, or the focus was moved between photos.
    """
    found: dict[str, dict[str, ImageSource]] = {}
    for image in images:
        if image.problem is None and image.camera is not None:
            found.setdefault(image.view, {})[image.camera] = image
    pairs = []
    for view, cameras in sorted(found.items()):
        if "photo" not in cameras or "defocused" not in cameras:
            continue
        small, large = cameras["photo"], cameras["defocused"]
        taken = (_settings(small, f_numbers[0]), _settings(large, f_numbers[1]))
        if not taken[0].f_number > taken[1].f_number:
            raise InputError(
                f"the sharp photo is at f/{taken[0].f_number:g}, the defocused one at "
                f"f/{taken[1].f_number:g}",
                where=small.path,
                limit="a larger f-number for the sharp photo",
                remedy="Swap the two patterns",
            )
        pairs.append(Pair(view, small, large, taken))
    if not pairs:
        raise InputError(
            "no view has photos at both apertures",
            limit="pairs of photos, such as f/10 and f/2.8",
            remedy="Give the files of both with --photos and --defocused",
        )
    _check_focus(pairs)
    return tuple(pairs)


def read_photos(pair: Pair, intrinsics: Intrinsics) -> tuple[Photo, Photo]:
    """The photos of a pair at the small and the large aperture.

    Raises:
        InputError: A file is damaged, or its size is not that of the camera.
    """
    import cv2

    photos = []
    for source, settings in zip((pair.small, pair.large), pair.settings, strict=True):
        data = read_bytes(source.path, source.sha256)
        # The camera is calibrated in the pixels of the sensor: a turn in EXIF is not applied.
        flags = cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION
        image = cv2.cvtColor(decode_image(data, source.path, flags), cv2.COLOR_BGR2RGB)
        if image.shape[1::-1] != (intrinsics.width, intrinsics.height):
            raise InputError(
                f"the photo has {image.shape[1]}x{image.shape[0]} pixels",
                where=source.path,
                limit=f"{intrinsics.width}x{intrinsics.height}, as the calibration",
                remedy="Use photos of the camera that was calibrated, in the same image size",
            )
        photos.append(Photo(np.asarray(image, np.uint8), settings.f_number))
    return photos[0], photos[1]


def _settings(source: ImageSource, f_number: float | None) -> CameraSettings:
    settings = source.settings or read_exif(source.path).settings
    if settings is not None:
        return settings
    if f_number is None:
        raise InputError(
            "the photo does not say its aperture",
            where=source.path,
            limit="EXIF with an f-number",
            remedy="Give it with --f-numbers, such as '--f-numbers 10 2.8'",
        )
    return CameraSettings(f_number=f_number)


def _check_focus(pairs: Sequence[Pair]) -> None:
    distances = {
        pair.view: settings.focus_distance_m
        for pair in pairs
        for settings in pair.settings
        if settings.focus_distance_m is not None
    }
    if not distances:
        return
    middle = median(distances.values())
    moved = [
        f"{view} ({distance:.2f} m)"
        for view, distance in distances.items()
        if abs(distance / middle - 1) > _SAME_FOCUS
    ]
    if moved:
        raise InputError(
            f"the lens was focused elsewhere in {', '.join(moved)} than in the other photos "
            f"({middle:.2f} m)",
            limit="one focus distance in all photos",
            remedy="Leave these views out, or switch to manual focus and take them again",
        )
