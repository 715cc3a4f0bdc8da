"""The pixels of a triple: a window that both photos and the depth camera see all of.

The aspect ratio is kept, and every pixel of the window lies within the common field. Fields are
held on a grid of cells of a few pixels: a window found on them may be that much smaller than the
largest one, never larger.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from idfd.errors import InputError
from idfd.model.curation import PairFit
from idfd.model.triple import Crop
from idfd.processing.photos.transform import map_points

_CELLS = 1600
"""Fields have at most so many cells along the longer side; smaller photos one for each pixel."""
_LEAST = 32
_STRIP = 16
"""Rows of cells at a time: few enough to stay in the processor's cache."""


@dataclass(frozen=True)
class CropConfig:
    """Which pixels a triple has.

    Attributes:
        width: Of every triple, pixels; None takes the photo's own pixels, and the largest size
            that all takes of the set have in common.
        height: Of every triple; given together with ``width``.
        to_depth: Stay within the depth camera's field of view.
    """

    width: int | None = None
    height: int | None = None
    to_depth: bool = True

    def __post_init__(self) -> None:
        given = [side for side in (self.width, self.height) if side is not None]
        if len(given) == 1 or any(side < _LEAST for side in given):
            raise ValueError(
                f"crop: width {self.width} and height {self.height}; give both, at least "
                f"{_LEAST} pixels, or neither"
            )

    @property
    def size(self) -> tuple[int, int] | None:
        """Width and height of every triple, where they are fixed."""
        return None if self.width is None or self.height is None else (self.width, self.height)


@dataclass(frozen=True)
class Field:
    """Where something is seen, on cells of a photo.

    Attributes:
        seen: (rows, columns) bool, True where all pixels of the cell are seen.
        cell: Side of a cell, pixels.
    """

    seen: NDArray[np.bool_]
    cell: int


def cell_size(width: int, height: int) -> int:
    """Side of the cells of a photo's fields, pixels."""
    return -(-max(width, height) // _CELLS)


def pair_field(fit: PairFit) -> Field:
    """Where the defocused photo shows what the all-in-focus one does."""
    cell = cell_size(fit.width, fit.height)
    columns, rows = fit.width // cell, fit.height // cell
    # The transform is smooth, so a cell whose corners land inside does so as a whole. A corner is
    # the first pixel of the next cell: one pixel beyond, but for the border.
    ends = 0 if cell == 1 else 1
    x = np.minimum(np.arange(columns + ends) * cell, fit.width - 1)
    y = np.minimum(np.arange(rows + ends) * cell, fit.height - 1)
    inside = np.empty((len(y), len(x)), bool)
    for top in range(0, len(y), _STRIP):
        part = slice(top, top + _STRIP)
        mapped = map_points(fit.transform, np.stack(np.meshgrid(x, y[part]), -1))
        u, v = mapped[..., 0], mapped[..., 1]
        inside[part] = (u >= 0) & (v >= 0) & (u <= fit.width - 1) & (v <= fit.height - 1)
    if ends:
        inside = inside[:-1, :-1] & inside[:-1, 1:] & inside[1:, :-1] & inside[1:, 1:]
    return Field(inside, cell)


def depth_field(points: NDArray[np.float64], width: int, height: int) -> Field:
    """Where the depth camera looks: the convex hull of where its pixels land in the photo.

    Holes inside belong to it, for in-painting to fill.

    Args:
        points: (N, 2) pixels of the photo; those that are not finite are left out.
        width: Of the photo.
        height: Of it.

    Raises:
        InputError: Fewer than three points.
    """
    cell = cell_size(width, height)
    field = np.zeros((height // cell, width // cell), np.uint8)
    found = points[np.isfinite(points).all(-1)]
    if len(found) < 3:
        raise InputError(
            "the depth camera saw nothing that lies in the photo",
            limit="depth within the photo's view",
            remedy="Shoot again within the depth camera's range (0.5 to 3.9 m), or check that the "
            "calibration belongs to this rig",
        )
    reach = 4 * max(width, height)  # fixed point overflows far outside
    near = np.clip(found, -reach, reach).astype(np.float32)
    hull = (cv2.convexHull(near) + 0.5) / cell - 0.5
    # Four bits below the pixel; without rounding outwards a hull would lose half a cell.
    cv2.fillConvexPoly(field, np.rint(hull * 16).astype(np.int32), 1, shift=4)
    if cell > 1:  # cells that the hull cuts are painted too
        return Field(cv2.erode(field, np.ones((3, 3), np.uint8), borderValue=1).astype(bool), cell)
    return Field(field.astype(bool), cell)


def map_field(depth: NDArray[np.uint16]) -> Field:
    """The depth camera's field where depth is on the photo's pixels already, (H, W) uint16.

    Lone pixels do not stretch it. All of the photo where there is no depth at all, so that the
    checks can say so.
    """
    height, width = depth.shape
    cell = cell_size(width, height)
    seen = lone_removed(depth > 0)
    if not seen.any():
        return Field(np.ones((height // cell, width // cell), bool), cell)
    points = cv2.findNonZero(seen.astype(np.uint8)).reshape(-1, 2)
    return depth_field(points.astype(np.float64), width, height)


def lone_removed(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """A mask without what is narrower than three pixels, (H, W) bool."""
    return np.asarray(
        cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    ).astype(bool)


def common(*fields: Field) -> Field:
    """Where all fields of one photo are seen."""
    return Field(np.logical_and.reduce([field.seen for field in fields]), fields[0].cell)


def largest_crop(field: Field, aspect: float) -> Crop:
    """The largest window of the photo's own pixels with an aspect, within a field.

    Args:
        field: What the window may hold.
        aspect: Width over height.

    Raises:
        InputError: No window of at least 32 pixels.
    """
    low, high = 0, field.seen.shape[0]
    while low < high:
        middle = (low + high + 1) // 2
        if _place(field.seen, max(1, round(middle * aspect)), middle) is None:
            high = middle - 1
        else:
            low = middle
    found = _place(field.seen, max(1, round(low * aspect)), low) if low else None
    if found is None or low * field.cell < _LEAST:
        raise InputError(
            f"the photos and the depth share no window higher than {low * field.cell} pixels",
            limit=f"at least {_LEAST} pixels",
            remedy="They do not show the same view; check the pairing and the calibration",
        )
    x, y = found
    cell = field.cell
    return Crop(
        x=float(x * cell),
        y=float(y * cell),
        width=max(1, round(low * aspect)) * cell,
        height=low * cell,
    )


def place_crop(field: Field, width: int, height: int) -> Crop | None:
    """The window of the photo's own pixels of a given size that lies nearest to the centre."""
    cell = field.cell
    found = _place(field.seen, -(-width // cell), -(-height // cell))
    if found is None:
        return None
    return Crop(x=float(found[0] * cell), y=float(found[1] * cell), width=width, height=height)


def fit_crop(largest: Crop, width: int, height: int) -> Crop:
    """Resample the largest window of a take to a fixed size.

    Args:
        largest: A native window with (nearly) the aspect of the size.
        width: Of the triple.
        height: Of it.

    Raises:
        InputError: The window has fewer pixels than the triple.
    """
    scale = min(largest.width / width, largest.height / height)
    if scale < 1:
        raise InputError(
            f"the photos and the depth share {largest.width}x{largest.height} pixels",
            limit=f"at least {width}x{height}, the size asked for",
            remedy="Choose a smaller size (crop.width and crop.height)",
        )
    return Crop(
        x=largest.x + (largest.width - width * scale) / 2,
        y=largest.y + (largest.height - height * scale) / 2,
        width=width,
        height=height,
        scale=scale,
    )


def _place(seen: NDArray[np.bool_], width: int, height: int) -> tuple[int, int] | None:
    rows, columns = seen.shape
    if width > columns or height > rows:
        return None
    total = cv2.integral((~seen).astype(np.uint8))
    unseen = (
        total[height:, width:] - total[:-height, width:]
        - total[height:, :-width] + total[:-height, :-width]
    )  # fmt: skip
    y, x = np.nonzero(unseen == 0)
    if not len(y):
        return None
    distance = (2 * x - (columns - width)) ** 2 + (2 * y - (rows - height)) ** 2
    best = int(distance.argmin())
    return int(x[best]), int(y[best])
