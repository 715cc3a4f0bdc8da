"""A fitted lens for takes whose source knows none."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import msgspec

from idfd.errors import InputError
from idfd.model import schema
from idfd.model.capture import Take
from idfd.model.defocus import DefocusModel
from idfd.model.lens_blur import LensBlur
from idfd.processing.pipeline.sources import Source

_SAME = 0.02
"""Apertures and centres that differ by no more, of themselves or of the photo, are the same."""


def with_blur(source: Source, path: Path) -> Source:
    """The takes of a source with a lens that was fitted to scenes.

    Args:
        source: Takes with intrinsics and without a rig's calibration.
        path: What ``idfd calibrate defocus`` wrote.

    Raises:
        InputError: No such file, or a take was not shot with that lens.
        SchemaError: It is no such file.
    """
    blur = schema.load(
        LensBlur, path, "Write it with 'idfd calibrate defocus TRIPLES -o FILE'"
    ).blur
    return replace(source, takes=[_with(take, blur, path) for take in source.takes])


def _with(take: Take, blur: DefocusModel, path: Path) -> Take:
    camera, shot = take.intrinsics, take.defocused
    if "calibration" in take.files:
        what, limit = "the take has a calibration of its rig", "takes without one"
    elif camera is None:
        what, limit = "the take has no intrinsics", "intrinsics of the photo"
    elif math.dist((camera.cx, camera.cy), blur.centre) > _SAME * camera.width or (
        abs(camera.width - blur.width) > _SAME * camera.width
    ):
        what = f"the photo has {camera.width}x{camera.height} pixels"
        limit = f"{blur.width}x{blur.height}, as the photos of the fit"
    elif shot is None or abs(shot.f_number / blur.f_number - 1) > _SAME:
        what = f"the photo was shot at {'?' if shot is None else f'f/{shot.f_number:g}'}"
        limit = f"f/{blur.f_number:g}, as the photos of the fit"
    else:
        return msgspec.structs.replace(take, blur=blur)
    raise InputError(f"{take.id}: {what}", where=path, limit=limit, remedy="Leave --blur out")
