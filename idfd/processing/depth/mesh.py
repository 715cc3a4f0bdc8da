"""The surface that a depth map is, as another camera sees it.

Four neighbouring pixels span a cell of two triangles. The mesh is cut where depth jumps: between
the edge of a near thing and what lies behind it there is no surface. What lies behind such a cell
is not known either: the near thing goes on for some part of it, and has a side that only the
other camera may see. Blockers stand for that; they are drawn as the mesh is, and leave no depth.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from idfd.calibration.projection import ray_table
from idfd.model.camera import Extrinsics, Intrinsics

Array = NDArray[np.float64]

# Corners of a cell are numbered 0 1 above 2 3, those of its triangles clockwise.
HALVES = np.array(
    [
        [[0, 1, 2], [1, 3, 2]],
        [[0, 1, 2], [1, 3, 2]],
        [[1, 3, 2], [0, 1, 2]],
        [[0, 1, 3], [0, 3, 2]],
        [[0, 3, 2], [0, 1, 3]],
        [[0, 1, 3], [0, 3, 2]],
    ]
)
"""The two triangles of each kind of cell; the first ones are surface, the others are not."""
SURFACES = np.array([0, 1, 1, 1, 1, 2])
"""How many of the two are surface."""
KINDS = np.array([0, 0, 0, 1, 0, 0, 4, 1, 0, 3, 0, 1, 2, 2, 2, 5], np.uint8)
"""Kind of a cell by which of its sides are on one surface: 1 above, 2 left, 4 below, 8 right."""
_REACH = 2
"""Pixels without depth beside a thing into which it may go on: what a filter for flying pixels
takes away."""


@dataclass(frozen=True)
class Mesh:
    """Depth pixels as corners of a surface, in the pixels of another camera.

    Attributes:
        points: In that camera's frame, (h, w, 3) float64 mm; NaN where there is no depth.
        seen: Where they are seen: pixel and inverse depth, (h, w, 3) float64; NaN where not.
        cells: Kind of the cell right below each pixel, a row of :data:`HALVES`, (h - 1, w - 1)
            uint8.
        blockers: Triangles that may hide what lies behind, (K, 3, 3) float64: each corner as
            in ``seen``.
    """

    points: Array
    seen: Array
    cells: NDArray[np.uint8]
    blockers: Array


def build_mesh(
    depth: NDArray[np.float32],
    camera: Intrinsics,
    transform: Extrinsics,
    target: Intrinsics,
    largest_step: float,
    steepest_deg: float,
) -> Mesh:
    """The surface of a depth map in another camera.

    Two neighbours are on one surface if their depths differ by at most ``largest_step``, or if
    the difference is that of a slope which goes on before and after them: on a plane the inverse
    depth changes evenly from pixel to pixel.

    Args:
        depth: (h, w) float32 mm along the axis of ``camera``, 0 = no depth.
        camera: The depth camera.
        transform: From its frame to that of ``target``.
        target: The camera whose pixels are asked for.
        largest_step: Share of depth.
        steepest_deg: Steeper slopes are cut: angle between a surface and the image plane.

    Returns:
        The mesh; points that the distortion of ``target`` has no meaning for have no pixel.
    """
    from idfd.processing.depth import mesh_loops
    from idfd.processing.depth.rays import optics

    rays, lens = ray_table(camera), optics(target)
    rotation, shift = np.array(transform.rotation), np.array(transform.translation_mm)
    points, seen = np.empty((*depth.shape, 3)), np.empty((*depth.shape, 3))
    mesh_loops.place(depth, rays, rotation, shift, lens, points, seen)
    cells = np.empty((max(depth.shape[0] - 1, 0), max(depth.shape[1] - 1, 0)), np.uint8)
    steepest = float(np.tan(np.radians(steepest_deg))) / min(camera.fx, camera.fy)
    mesh_loops.join(depth, seen, largest_step, steepest, cells)
    blockers = mesh_loops.block(depth, rays, rotation, shift, lens, cells, _REACH)
    return Mesh(points, seen, cells, blockers)
