"""Whether views of a board determine a camera, and what to add where they do not.

A flat board parallel to the image plane says nothing about the focal length, and views of one
distance or one part of the picture leave lens parameters to trade off against each other (Zhang,
"A flexible new technique for camera calibration", IEEE TPAMI 2000; Sturm and Maybank, "On
plane-based camera calibration", CVPR 1999). The poses here are rough, from a homography and a
nominal focal length: good enough to advise, before there is any calibration.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from idfd.calibration.views import Detection
from idfd.model.board import Board

GRID = (4, 6)
"""Rows and columns of the cells that the picture is divided into."""
_FEWEST_CORNERS = 6
_TILT_ADVICE = "20 to 45 degrees"
_EDGES = {
    (1, 1): "left edge",
    (1, -1): "right edge",
    (0, 1): "upper edge",
    (0, -1): "lower edge",
}
"""The edge that is away from the camera, by column of ``Coverage.tilts_deg`` and sign."""


@dataclass(frozen=True)
class Aims:
    """What a set of views must have.

    Attributes:
        views: Number of views with a pose.
        cells: Share of the picture's cells that corners reached.
        tilt_deg: Least tilt that counts as one.
        tilted: Tilted views for each way; a view that is tilted two ways counts for both.
        ways: 2: about the board's horizontal and vertical axis, whichever edge is away; 4: each
            edge away in turn.
        distance_ratio: Farthest over nearest view.
    """

    views: int
    cells: float
    tilt_deg: float
    tilted: int
    ways: int
    distance_ratio: float


REQUIRED = Aims(views=5, cells=0.3, tilt_deg=8.0, tilted=1, ways=2, distance_ratio=1.1)
"""Without these a solution means nothing, however small its residuals."""
ADVISED = Aims(views=15, cells=0.9, tilt_deg=15.0, tilted=2, ways=4, distance_ratio=2.5)
"""With these the parameters of a wide-angle lens and its blur over depth come out well."""
_NEAREST_MM = 400.0


@dataclass(frozen=True)
class Coverage:
    """What views of a board cover.

    Attributes:
        cells: Views with a corner in each cell of the picture, ``GRID`` int64.
        tilts_deg: Tilt of each view that has a pose, about the picture's horizontal axis (positive
            where the board's upper edge is away) and vertical axis (left edge), (N, 2) float64.
        distances_mm: Of the board's middle along the camera's axis, (N,) float64.
        nearest_mm: Where the board about fills the picture.
        aims: What it is measured against.
    """

    cells: NDArray[np.int64]
    tilts_deg: NDArray[np.float64]
    distances_mm: NDArray[np.float64]
    nearest_mm: float
    aims: Aims

    @property
    def views(self) -> int:
        """Views with a pose."""
        return len(self.distances_mm)

    @property
    def share(self) -> float:
        """Share of the picture's cells that corners reached."""
        return float((self.cells > 0).mean())

    @property
    def enough(self) -> bool:
        """Whether nothing is missing."""
        return not self.missing

    @property
    def missing(self) -> tuple[str, ...]:
        """What to add, in the operator's words; empty when all aims are met."""
        short = self.aims.views - self.views
        parts = [f"{short} more view{'s' * (short > 1)}"] if short > 0 else []
        if place := self._place():
            parts.append(f"views with the board in the {place} of the picture")
        if edges := self._edges():
            parts.append(f"views with the board's {edges[0]} tilted {_TILT_ADVICE} away")
        if distance := self._distance():
            parts.append(f"views {distance}")
        return tuple(parts)

    @property
    def next_step(self) -> str:
        """One sentence for the operator: how to hold the board in the next view."""
        parts = [f"in the {place} of the picture"] if (place := self._place()) else []
        if edges := self._edges():
            parts.append(f"its {edges[0]} tilted {_TILT_ADVICE} away")
        if distance := self._distance():
            parts.append(distance)
        if parts:
            return f"Hold the board {', '.join(parts)}."
        if self.views < self.aims.views:
            return "Hold the board in any way that it was not held in yet."
        return "That is enough."

    def _place(self) -> str | None:
        """The part of the picture with the most empty cells."""
        if self.share >= self.aims.cells:
            return None
        empty = (self.cells == 0).astype(float)
        return max(_PLACES, key=lambda place: float(empty[_PLACES[place]].mean()))

    def _edges(self) -> list[str]:
        """Edges that were not away from the camera often enough."""
        tilted = self.tilts_deg
        counts = {
            (column, sign): int((sign * tilted[:, column] >= self.aims.tilt_deg).sum())
            for column, sign in _EDGES
        }
        if self.aims.ways == 2:
            both = {column: counts[column, 1] + counts[column, -1] for column in (0, 1)}
            counts = {key: both[key[0]] for key in counts}
        short = [key for key, count in counts.items() if count < self.aims.tilted]
        return [_EDGES[key] for key in sorted(short, key=lambda key: counts[key])]

    def _distance(self) -> str | None:
        if not self.views:
            return None
        near, far = float(self.distances_mm.min()), float(self.distances_mm.max())
        if far >= near * self.aims.distance_ratio:
            return None
        # Nearer is better, for the board is large then and its perspective strong.
        wanted = far / self.aims.distance_ratio
        if wanted >= self.nearest_mm:
            return f"nearer, at about {wanted / 1050:.2f} m"
        return f"farther away, at about {near * self.aims.distance_ratio / 950:.2f} m"


class RoughPose(NamedTuple):
    """Where a board is before a camera.

    Attributes:
        tilt_deg: See :class:`Coverage`.
        place_mm: Its middle in the camera's frame, (3,).
    """

    tilt_deg: tuple[float, float]
    place_mm: NDArray[np.float64]


_PLACES = {
    f"{'upper' if top else 'lower'} {'left' if left else 'right'} corner": (
        slice(0, GRID[0] // 2) if top else slice(GRID[0] // 2, None),
        slice(0, GRID[1] // 2) if left else slice(GRID[1] // 2, None),
    )
    for top in (True, False)
    for left in (True, False)
} | {"middle": (slice(1, GRID[0] - 1), slice(2, GRID[1] - 2))}


def coverage(
    detections: Sequence[Detection], board: Board, focal_px: float, aims: Aims = ADVISED
) -> Coverage:
    """What the views of one camera cover.

    Args:
        detections: One for each view.
        board: What they show.
        focal_px: Focal length, roughly: 20 % off changes tilts and distances little.
        aims: :data:`ADVISED` while shooting, :data:`REQUIRED` before solving.
    """
    from idfd.calibration.boards.geometry import corners_mm, size_mm

    corners = corners_mm(board)
    cells = np.zeros(GRID, np.int64)
    poses = []
    for seen in detections:
        cells += _cells(seen)
        pose = rough_pose(corners[seen.ids, :2], seen, focal_px)
        if pose is not None:
            poses.append(pose)
    return Coverage(
        cells,
        np.array([pose.tilt_deg for pose in poses]).reshape(-1, 2),
        np.array([float(pose.place_mm[2]) for pose in poses]),
        max(_NEAREST_MM, 0.6 * max(size_mm(board))),
        aims,
    )


def _cells(seen: Detection) -> NDArray[np.int64]:
    """1 in each cell of the picture that holds a corner."""
    out = np.zeros(GRID, np.int64)
    width, height = seen.size
    place = (seen.pixels + 0.5) / (width, height) * (GRID[1], GRID[0])
    column, row = np.clip(place.astype(int), 0, (GRID[1] - 1, GRID[0] - 1)).T
    out[row, column] = 1
    return out


def rough_pose(board: NDArray[np.float64], seen: Detection, focal_px: float) -> RoughPose | None:
    """Where a board is, from ``H ~ K [r1 r2 t]`` (Zhang 2000).

    Args:
        board: The corners seen, on the board, (N, 2) mm from its middle.
        seen: Where they are in the image.
        focal_px: Focal length of a camera without distortion.

    Returns:
        None where too few corners are seen, or all on one line.
    """
    import cv2

    if len(board) < _FEWEST_CORNERS or np.linalg.matrix_rank(board - board.mean(axis=0)) < 2:
        return None
    width, height = seen.size
    rays = (seen.pixels - ((width - 1) / 2, (height - 1) / 2)) / focal_px
    homography = np.asarray(cv2.findHomography(board, rays)[0], np.float64)
    if homography.shape != (3, 3):  # none was found
        return None
    scale = np.linalg.norm(homography[:, :2], axis=0).mean()
    columns = homography / np.copysign(scale, homography[2, 2])
    normal = np.cross(columns[:, 0], columns[:, 1])
    horizontal, vertical = np.degrees(np.arctan2(normal[[1, 0]], normal[2]))
    return RoughPose((float(horizontal), float(vertical)), columns[:, 2])
