"""The blur of a lens from photos of scenes: aligned pairs with registered depth.

For sets whose camera cannot be calibrated any more. A patch is used where its surface is flat in
terms of blur; the fit is the one of boards and walls.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import cv2
import msgspec
import numpy as np
from numpy.typing import NDArray

from idfd.calibration.defocus.fit import DefocusFit, fit_defocus
from idfd.calibration.defocus.patches import Patch, Photo, patch_side, plane_patches
from idfd.errors import InputError
from idfd.model.camera import Intrinsics
from idfd.model.triple import DepthSource, Triple

PATCHES = 12
"""Patches of a pair."""
_DIOPTRES = 0.05
"""Largest difference of 1/depth in a patch, 1/m: 0.6 pixels of spot for a 35 mm lens at f/2.8 and
pixels of 36 micrometres."""
Array = NDArray[np.float64]


def calibrate_scenes(triples: Iterable[Triple]) -> DefocusFit:
    """Fit the lens to pairs of photos of scenes.

    Args:
        triples: Of one lens, focus and pair of apertures, with intrinsics and settings, at the
            photo's own pixels. In-painted depth is not used.

    Raises:
        InputError: A triple lacks what the fit needs, or the photos cannot tell the lens.
    """
    patches: list[Patch] = []
    camera: Intrinsics | None = None
    focal_mm = None
    for triple in triples:
        whole = whole_photo(triple)
        camera = camera or whole
        if not _same(camera, whole):
            raise InputError(
                "the photo was taken with another camera than the first",
                where=triple.record.id,
                limit=f"{camera.width}x{camera.height} pixels and a focal length of "
                f"{camera.fx:.1f} pixels",
                remedy="Fit the photos of each camera by themselves",
            )
        found, focal_mm = _patches(triple, whole)
        patches += found
    if camera is None:
        raise InputError("there are no triples to fit the lens to", limit="at least three")
    return fit_defocus(patches, camera, focal_length_mm=focal_mm)


def whole_photo(triple: Triple) -> Intrinsics:
    """The camera of the whole photo that a triple is a window of.

    The record knows the window's corner but not the photo's size; it is taken as twice the
    principal point, which is what nominal intrinsics say.

    Raises:
        InputError: No intrinsics, or a triple that was resampled.
    """
    record = triple.record
    if record.intrinsics is None or record.crop.scale != 1:
        raise InputError(
            "the triple has no intrinsics"
            if record.intrinsics is None
            else f"the triple was resampled by {record.crop.scale:g}",
            where=record.id,
            limit="intrinsics, and the photo's own pixels",
            remedy="Process the set without --size, from a source that knows its camera",
        )
    cx, cy = record.intrinsics.cx + record.crop.x, record.intrinsics.cy + record.crop.y
    return msgspec.structs.replace(
        record.intrinsics, width=round(2 * cx) + 1, height=round(2 * cy) + 1, cx=cx, cy=cy
    )


def _same(one: Intrinsics, other: Intrinsics) -> bool:
    return (one.width, one.height) == (other.width, other.height) and bool(
        np.allclose((one.fx, one.cx, one.cy), (other.fx, other.cx, other.cy), rtol=1e-4)
    )


def _patches(triple: Triple, whole: Intrinsics) -> tuple[list[Patch], float | None]:
    record = triple.record
    if record.all_in_focus is None or record.defocused is None:
        raise InputError(
            "the triple does not say its apertures",
            where=record.id,
            limit="settings of both photos",
        )
    corner = (round(record.crop.x), round(record.crop.y))
    found = plane_patches(
        record.id,
        Photo(triple.all_in_focus, record.all_in_focus.f_number, corner),
        Photo(triple.defocused, record.defocused.f_number, corner),
        _flat_depth_m(triple, corner, patch_side(whole)),
        whole,
        most=PATCHES,
    )
    return found, record.defocused.focal_length_mm


def _flat_depth_m(triple: Triple, corner: tuple[int, int], side: int) -> Callable[[Array], Array]:
    """Depth at pixels of the whole photo, NaN where the surface about them is not flat."""
    known = (triple.depth > 0) & (triple.source != DepthSource.IN_PAINTED)
    vergence = np.where(known, 1000 / np.maximum(triple.depth, 1), np.nan).astype(np.float32)
    window = np.ones((side, side), np.uint8)
    # Unknown depth counts as far from every other, so that a patch beside a hole is not flat.
    most = cv2.dilate(np.where(known, vergence, np.float32(np.inf)), window)
    least = cv2.erode(np.where(known, vergence, np.float32(-np.inf)), window)
    flat = most - least <= _DIOPTRES
    depth = np.where(flat, 1 / vergence, np.nan)

    def look(pixels: Array) -> Array:
        x, y = np.rint(pixels - corner).astype(int).T
        inside = (x >= 0) & (x < depth.shape[1]) & (y >= 0) & (y < depth.shape[0])
        return np.where(inside, depth[np.where(inside, y, 0), np.where(inside, x, 0)], np.nan)

    return look
