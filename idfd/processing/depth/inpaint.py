"""Holes of a depth map are filled, guided by the photo."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from idfd.errors import InputError
from idfd.model.triple import DepthSource
from idfd.processing.depth.colorize import (
    colorization,
    estimated,
    finish,
    solve_by_sizes,
    solve_directly,
)
from idfd.processing.depth.holes import find_holes
from idfd.processing.depth.maps import DepthMap
from idfd.processing.depth.pyramid import KNOWN, Level, full_level, halved, in_turn

Method = Literal["colourisation", "direct", "telea", "navier_stokes", "none"]

_FLOOR_MM = 1.0
_SLOPE = 0.45
_CONTRAST = 0.75
"""The model of the uncertainty, fitted where depth of real and of Middlebury scenes was hidden, so
that about 95 % of the errors lie within two standard deviations: 99 % in ellipses anywhere, 97 %
in small ones with shadows beside depth jumps, 89 % in such shadows alone."""


@dataclass(frozen=True)
class InpaintConfig:
    """How holes are filled.

    Attributes:
        method: ``colourisation``: guided by the photo, iterated over sizes of the image;
            ``direct``: the same system, solved exactly; ``telea`` and ``navier_stokes``:
            OpenCV's, which do not look at the photo; ``none``: holes stay.
        largest_radius_share: Where a hole reaches farther from measured depth, as a share of the
            image's width, it stays empty.
        free_space: Whether the pipeline gives bounds of the depth, where there is a rig to tell
            them: what a near thing hides from the depth camera is not given the near depth.
        steps: Of ``colourisation``: largest number of steps of its solver.
        tolerance_mm: Of ``colourisation``: it stops where each filled pixel equals the weighted
            mean of its neighbours to this root mean square.
        finest_side: Longer side of the largest image that is solved, pixels; a larger one gets
            the solution of a half, a quarter ... of it, finished with a few sweeps of the system.
            The depth camera has about 640 pixels across the photo.
        finishing_sweeps: Over each size beyond ``finest_side``, each forwards and backwards.
        radius_px: Of ``telea`` and ``navier_stokes``: neighbourhood that is looked at.
    """

    method: Method = "colourisation"
    largest_radius_share: float = 0.04
    free_space: bool = True
    steps: int = 20
    tolerance_mm: float = 0.01
    finest_side: int = 1280
    finishing_sweeps: int = 1
    radius_px: float = 3.0


def inpaint(
    depth: DepthMap,
    guide: NDArray[np.uint8],
    config: InpaintConfig = InpaintConfig(),
    at_least: NDArray[np.float32] | None = None,
) -> DepthMap:
    """Fill the holes of a depth map that are small enough to be filled honestly.

    The standard deviation ``σ`` of a filled pixel grows with its distance ``r`` from measured
    depth and with the disagreement ``c`` of the depths that it is a mean of:
    ``σ² = floor² + (0.45 · z · r / width)² + (0.75 · c)²``; the floor is the median uncertainty
    of the measured pixels, at least 1 mm.

    Args:
        depth: The map.
        guide: The photo on the same pixels, (H, W, 3) uint8 RGB.
        config: How.
        at_least: How far away a filled pixel is at least, (H, W) float32 mm, 0 = no bound: see
            :func:`~idfd.processing.depth.freespace.least_depth`. Depth around a hole that is
            nearer is not carried into such pixels, where any other touches them.

    Returns:
        The map, its pixels with depth untouched, and filled ones in whole millimetres, with
        source ``IN_PAINTED``. Where the map came without uncertainty, only filled pixels have
        one. ``measures`` gains ``holes`` (their number), ``filled_share`` and
        ``left_empty_share`` (of all pixels).

    Raises:
        InputError: The photo has another size or type.
    """
    if guide.dtype != np.uint8 or guide.shape != (*depth.depth.shape, 3):
        raise InputError(
            f"the photo is {guide.dtype} of shape {guide.shape}",
            limit=f"uint8 of shape {(*depth.depth.shape, 3)}, the pixels of the depth map",
            remedy="Register the depth map to the pixels of this photo first",
        )
    known = depth.depth > 0
    width = known.shape[1]
    holes = find_holes(known, config.largest_radius_share * width)
    fill = holes.fill if config.method != "none" else np.zeros_like(known)
    filled, empty = np.count_nonzero(fill), known.size - np.count_nonzero(known)
    measures = depth.measures | {
        "holes": float(holes.count),
        "filled_share": float(filled / known.size),
        "left_empty_share": float((empty - filled) / known.size),
    }
    if not filled:
        return DepthMap(depth.depth, depth.source, depth.uncertainty, depth.count, measures)

    light = cv2.cvtColor(guide, cv2.COLOR_RGB2GRAY) * np.float32(1 / 255)
    level = full_level(depth.depth, light.astype(np.float32, copy=False), fill, at_least)
    disagreement = _fill(level, config)[1:-1, 1:-1][fill]
    values = np.maximum(np.rint(level.depth[1:-1, 1:-1][fill]), 1)
    if depth.uncertainty is None:
        uncertainty, floor = np.full(known.shape, np.nan, np.float32), _FLOOR_MM
    else:
        uncertainty = depth.uncertainty.copy()
        floor = max(_FLOOR_MM, float(np.nan_to_num(np.median(uncertainty[known]))))
    slope = _SLOPE * values * holes.distance[fill] / width
    uncertainty[fill] = np.sqrt(floor**2 + slope**2 + (_CONTRAST * disagreement) ** 2)
    result, source = depth.depth.copy(), depth.source.copy()
    result[fill], source[fill] = values, DepthSource.IN_PAINTED
    return DepthMap(result, source, uncertainty, depth.count, measures)


def _fill(level: Level, config: InpaintConfig) -> NDArray[np.float32]:
    """Fill the wanted pixels of ``level``; the contrast (mm) around them, on its pixels."""
    if level.side > config.finest_side:
        coarse = halved(level)
        spread = _fill(coarse, config) if len(coarse.wanted) else np.zeros_like(coarse.depth)
        finish(coarse, level, config.finishing_sweeps)
        # Wanted pixels at the rim of a hole lie in cells that count as known.
        wide = cv2.dilate(spread, np.ones((3, 3), np.uint8))[1:-1, 1:-1]
        rows, columns = level.depth.shape
        return np.pad(wide.repeat(2, 0).repeat(2, 1)[: rows - 2, : columns - 2], 1)
    if config.method in ("telea", "navier_stokes"):
        return _fill_with_opencv(level, config)
    contrast = np.zeros_like(level.depth)
    for part in in_turn(level):
        problem = colorization(part)
        estimate = estimated(problem)
        if config.method == "colourisation":
            solve_by_sizes(problem, estimate, config.steps, config.tolerance_mm)
        else:
            solve_directly(problem)
        contrast += estimate.contrast
    return contrast


def _fill_with_opencv(level: Level, config: InpaintConfig) -> NDArray[np.float32]:
    problem = colorization(level)
    # Also what stays empty must be filled here: OpenCV takes all else for known.
    mask = (level.state != KNOWN).view(np.uint8)
    flag = cv2.INPAINT_TELEA if config.method == "telea" else cv2.INPAINT_NS
    inside = (slice(1, -1), slice(1, -1))
    found = np.zeros_like(level.depth)
    found[inside] = cv2.inpaint(
        level.depth[inside].copy(), mask[inside].copy(), config.radius_px, flag
    )
    problem.settle(found.reshape(-1)[level.wanted])
    return estimated(problem).contrast
