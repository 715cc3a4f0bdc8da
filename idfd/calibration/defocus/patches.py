"""Small windows of photos with what they would show without blur, and how deep they lie."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from idfd.calibration.defocus.prints import Print, draw_print, on_board_mm, plane_depth_mm
from idfd.calibration.projection import project, unproject
from idfd.calibration.solve.poses import Pose
from idfd.errors import InputError
from idfd.model.camera import Intrinsics
from idfd.storage.color import CLIP_LEVEL, brightest, linear_from_uint8, luminance

Array = NDArray[np.float64]
MOST = 16
"""Patches of a photo by default."""
_SHARE_VALID = 0.4
_CONTRAST = 0.02
"""Standard deviation of linear light, 1 at clipping, below which a patch shows nothing."""


@dataclass(frozen=True)
class Photo:
    """A photo, or a window of one.

    Attributes:
        image: sRGB, grey (H, W) or colour (H, W, 3), uint8, in the pixels of the sensor.
        f_number: Aperture.
        corner: Where the window lies in the whole photo, (x, y).
    """

    image: NDArray[np.uint8]
    f_number: float
    corner: tuple[int, int] = (0, 0)

    def cut(self, x: int, y: int, half: int) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Linear light about a corner between pixels of the whole photo, and what is clipped.

        Returns:
            Luminance, 1 at clipping, and a mask, each (2 half, 2 half).
        """
        column, row = x - self.corner[0], y - self.corner[1]
        part = self.image[row - half : row + half, column - half : column + half]
        if part.ndim == 2:
            return linear_from_uint8(part), part >= CLIP_LEVEL
        return luminance(linear_from_uint8(part)), brightest(part) >= CLIP_LEVEL


@dataclass(frozen=True)
class Patch:
    """A window of a photo, and the same window without its blur.

    Attributes:
        view: What it was cut from; patches of one view share errors.
        pixel: Its middle in the whole photo, (x, y).
        depth_m: Depth of the surface at its middle.
        f_number: Of the photo.
        large: Whether that is the large aperture.
        image: (n, n) float32 linear light.
        reference: (2n, 2n) float32 about the same middle: the ideal print, averaged over pixels, or
            the photo at the small aperture.
        reference_f_number: Of the photo that the reference is; None for the print.
        valid: Pixels of ``image`` that can be compared, (n, n) bool.
    """

    view: str
    pixel: tuple[float, float]
    depth_m: float
    f_number: float
    large: bool
    image: NDArray[np.float32]
    reference: NDArray[np.float32]
    reference_f_number: float | None
    valid: NDArray[np.bool_]

    @property
    def ideal(self) -> bool:
        """Whether the reference is the print."""
        return self.reference_f_number is None


def patch_side(intrinsics: Intrinsics) -> int:
    """Side of patches, pixels: a hundredth of the photo, which leaves room for its blur."""
    return int(np.clip(round(intrinsics.width / 94 / 8) * 8, 24, 64))


def board_patches(
    view: str,
    photo: Photo,
    printed: Print,
    points_mm: Array,
    pose: Pose,
    intrinsics: Intrinsics,
    *,
    large: bool,
    most: int = MOST,
) -> list[Patch]:
    """Patches about points of a printed board, against the ideal print.

    Args:
        view: Name of the board's stand.
        photo: The photo, or a window of it.
        printed: What the board shows.
        points_mm: Points on the board with structure about them, such as its corners, (N, 3).
        pose: From the board's frame to the camera's.
        intrinsics: The camera at the whole photo's size.
        large: Whether the photo was taken at the large aperture.
        most: Patches to cut, spread over the board.
    """
    side = patch_side(intrinsics)
    patches: list[Patch] = []
    for x, y in _spread(project(intrinsics, pose.apply(points_mm)), photo, side, side // 2):
        window = (x - side, y - side, 2 * side)
        ideal, covered, depth_mm = draw_print(printed, pose, intrinsics, window)
        image, clipped = photo.cut(x, y, side // 2)
        patch = Patch(
            view=view,
            pixel=(x - 0.5, y - 0.5),
            depth_m=depth_mm / 1000,
            f_number=photo.f_number,
            large=large,
            image=image,
            reference=ideal,
            reference_f_number=None,
            valid=_inner(covered, side) & ~clipped,
        )
        if _useful(patch):
            patches.append(patch)
        if len(patches) == most:
            break
    return patches


def plane_patches(
    view: str,
    small: Photo,
    large: Photo,
    depth_m: Callable[[Array], Array],
    intrinsics: Intrinsics,
    *,
    centres: Array | None = None,
    most: int = MOST,
) -> list[Patch]:
    """Patches of a textured surface: the photo at the large aperture against the other one.

    Args:
        view: Name of the pair.
        small: At the small aperture.
        large: At the large aperture, of the same size and place.
        depth_m: Depth along the optical axis of what pixels (N, 2) of the whole photo show, (N,);
            NaN beside the surface.
        intrinsics: The camera at the whole photo's size.
        centres: Pixels (N, 2) with structure about them; None is a grid over the photo.
        most: Patches to cut.

    Raises:
        InputError: The photos differ in size.
    """
    if small.image.shape[:2] != large.image.shape[:2]:
        raise InputError(
            f"the photos have {small.image.shape[1]}x{small.image.shape[0]} and "
            f"{large.image.shape[1]}x{large.image.shape[0]} pixels",
            where=view,
            limit="a pair of photos of one size",
        )
    side = patch_side(intrinsics)
    if centres is None:
        centres = _grid(small, side)
    # What lies beside the surface has another blur, which must not reach a patch.
    around = 0.75 * side * np.array([(0, 0), (-1, -1), (1, -1), (-1, 1), (1, 1)])
    depths = depth_m((centres[:, None] + around).reshape(-1, 2)).reshape(-1, 5)
    known = (depths > 0).all(1)
    patches: list[Patch] = []
    for x, y in _spread(centres[known], small, side, side):
        image, clipped = large.cut(x, y, side // 2)
        reference, burnt = small.cut(x, y, side)
        pixel = (x - 0.5, y - 0.5)
        patch = Patch(
            view=view,
            pixel=pixel,
            depth_m=float(depth_m(np.array([pixel]))[0]),
            f_number=large.f_number,
            large=True,
            image=image,
            reference=reference,
            reference_f_number=small.f_number,
            valid=_inner(~burnt, side) & ~clipped,
        )
        if _useful(patch):
            patches.append(patch)
        if len(patches) == most:
            break
    return patches


def board_depth_m(printed: Print, pose: Pose, intrinsics: Intrinsics) -> Callable[[Array], Array]:
    """Depth of a board at pixels, NaN beside it, for :func:`plane_patches`."""
    half = np.array(printed.picture.shape[::-1]) / printed.px_per_mm / 2

    def depth(pixels: Array) -> Array:
        rays = unproject(intrinsics, pixels)
        inside = (np.abs(on_board_mm(pose, rays)) < half).all(-1)
        return np.where(inside, plane_depth_mm(pose, rays) / 1000, np.nan)

    return depth


def _grid(photo: Photo, side: int) -> Array:
    height, width = photo.image.shape[:2]
    columns, rows = np.meshgrid(
        np.arange(side, width - side + 1, side), np.arange(side, height - side + 1, side)
    )
    return np.stack([columns.ravel(), rows.ravel()], -1) + np.array(photo.corner) - 0.5


def _spread(centres: Array, photo: Photo, side: int, reach: int) -> Iterator[tuple[int, int]]:
    """Corners between pixels (x, y) near the centres, ``reach`` inside the photo, far ones first.

    Farthest-point order: each next one lies as far as can be from all before, so that the first
    few cover the whole; it ends where patches would overlap.
    """
    low = np.array(photo.corner) + reach
    high = np.array(photo.corner) + photo.image.shape[1::-1] - reach
    finite = centres[np.isfinite(centres).all(1)]
    places = np.rint(finite + 0.5).astype(int)
    places = places[((places >= low) & (places <= high)).all(1)]
    if not len(places):
        return
    away = np.abs(places - places.mean(0)).max(1) + 1.0
    while away.max() > 0:
        chosen = places[int(away.argmax())]
        yield int(chosen[0]), int(chosen[1])
        gap = np.abs(places - chosen).max(1)
        away = np.where(gap < side, 0, np.minimum(away, gap))


def _inner(good: NDArray[np.bool_], side: int) -> NDArray[np.bool_]:
    """The middle of a mask, less what is near its bad pixels: blur carries them over."""
    reach = side // 4
    kernel = np.ones((2 * reach + 1, 2 * reach + 1), np.uint8)
    eroded: Any = cv2.erode(good.astype(np.uint8), kernel)
    half = side // 2
    return np.asarray(eroded[half:-half, half:-half] > 0)


def _useful(patch: Patch) -> bool:
    if patch.valid.mean() < _SHARE_VALID:
        return False
    return bool(patch.image[patch.valid].std() > _CONTRAST)
