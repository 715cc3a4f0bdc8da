"""The pictures of a scene, stage by stage, each with what its colours mean."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from idfd.model.triple import DepthSource
from idfd.processing.pictures import (
    NOTHING,
    Picture,
    Scale,
    colors,
    depth_scale,
    photo_error,
    shrink,
)
from idfd.processing.view.scene import Scene

SOURCES: dict[DepthSource, tuple[str, tuple[int, int, int]]] = {
    DepthSource.NONE: ("none", NOTHING),
    DepthSource.MEASURED: ("measured", (86, 180, 233)),
    DepthSource.FUSED: ("fused", (0, 114, 178)),
    DepthSource.IN_PAINTED: ("in-painted", (230, 159, 0)),
    DepthSource.UNKNOWN: ("unknown", (204, 121, 167)),
}
"""Names and colours of the source map: those of Okabe and Ito, told apart by colour-blind eyes."""
_EDGE = (255, 64, 160)
_JUMP = 1.05
"""Ratio of depths across an edge, from which on it is an edge of an object."""
_LEVELS = 32.0


@dataclass(frozen=True)
class Ramp:
    """A scale of colours from ``low`` to ``high``, as text with units.

    ``gaps``: pixels without a value are grey.
    """

    scale: Scale
    low: str
    high: str
    gaps: bool = True


@dataclass(frozen=True)
class Panel:
    """A labelled picture.

    Attributes:
        name: For files and addresses.
        title: For people, ASCII.
        picture: RGB, (H, W, 3) uint8.
        legend: What the colours mean: a scale, names with their colours, or nothing.
        photo: A photograph, which may be compressed with losses.
    """

    name: str
    title: str
    picture: Picture
    legend: Ramp | tuple[tuple[str, tuple[int, int, int]], ...] = ()
    photo: bool = False


def scene_panels(scene: Scene, width: int = 640) -> list[Panel]:
    """Pictures of all stages that a scene has, at most ``width`` pixels across."""
    return list(_panels(scene, width))


def _panels(scene: Scene, width: int) -> Iterator[Panel]:
    yield Panel("all_in_focus", "all-in-focus", shrink(scene.all_in_focus, width), photo=True)
    yield Panel("defocused", "defocused", shrink(scene.defocused, width), photo=True)
    yield Panel(
        "difference",
        "difference of the pair, both made soft",
        soft_difference(scene.all_in_focus, scene.defocused, width),
        Ramp("error", "0", f">= {_LEVELS:.0f} of 255", gaps=False),
    )
    whole = scene.whole
    if whole is not None:
        known = _metres(whole)
        low, high = depth_scale(known, whole > 0)
        ramp = Ramp("depth", f"<= {low:.2f} m", f">= {high:.2f} m")
        if scene.denoised is not None:
            fused = scene.denoised.depth / 1000
            yield Panel("denoised", "denoised, depth camera", _map(fused, low, high, width), ramp)
        if scene.depth is not None:
            picture = _map(_metres(scene.depth), low, high, width)
            yield Panel("registered", "registered to the photo", picture, ramp)
            yield Panel(
                "overlay",
                "depth edges on the all-in-focus photo",
                draw_edges(scene.all_in_focus, scene.depth, width),
                (("edge in the registered depth", _EDGE),),
                photo=True,
            )
        if scene.inpainted is not None:
            picture = _map(_metres(scene.inpainted), low, high, width)
            yield Panel("inpainted", "in-painted", picture, ramp)
    if scene.source is not None:
        present = tuple(SOURCES[kind] for kind in DepthSource if (scene.source == kind).any())
        yield Panel("source", "source of the depth", source_picture(scene.source, width), present)
    if scene.uncertainty is not None:
        yield _uncertainty(scene.uncertainty, width)


def source_picture(source: NDArray[np.uint8], width: int) -> Picture:
    """Colour a source map with :data:`SOURCES`; values that it does not name stay white."""
    table = np.full((256, 3), 255, np.uint8)
    for kind, (_, color) in SOURCES.items():
        table[kind] = color
    return shrink(table[source], width, exact=True)


def soft_difference(first: Picture, second: Picture, width: int) -> Picture:
    """Colour the difference of two photos after taking the detail out of both.

    What defocus takes away is left out so; what stays is misplaced edges, light that changed and
    things that moved.
    """
    small = [shrink(photo, width) for photo in (first, second)]
    sigma = max(1.0, small[0].shape[1] / 160)
    soft = [np.asarray(cv2.GaussianBlur(photo, (0, 0), sigma), np.uint8) for photo in small]
    return photo_error(soft[0], soft[1], _LEVELS)


def depth_edges(depth: NDArray[np.uint16], reach: int) -> NDArray[np.bool_]:
    """Edges of near things before far ones, on the near side, (H, W) bool.

    Registered depth has gaps beside near things, where the depth camera does not see what the
    photo shows; an edge is looked for across them.

    Args:
        depth: (H, W) uint16 millimetres, 0 = no depth.
        reach: Width of the gaps that are looked across, pixels.
    """
    known = depth > 0
    limit = depth * _JUMP
    around = cv2.dilate(depth, np.ones((2 * reach + 1, 2 * reach + 1), np.uint8))
    beside = cv2.dilate(depth, np.ones((3, 3), np.uint8)) > limit
    ends = cv2.erode(known.astype(np.uint8), np.ones((3, 3), np.uint8), borderValue=1) == 0
    return known & (around > limit) & (beside | ends)


def draw_edges(photo: Picture, depth: NDArray[np.uint16], width: int) -> Picture:
    """Draw :func:`depth_edges` on a photo, which is made a little darker for it."""
    picture = shrink(photo, width)
    height, across = picture.shape[:2]
    small = cv2.resize(depth, (across, height), interpolation=cv2.INTER_NEAREST)
    edges = depth_edges(np.asarray(small, np.uint16), max(2, round(0.02 * across)))
    picture = (picture * 0.8).astype(np.uint8)
    picture[edges] = _EDGE
    return picture


def _metres(depth: NDArray[np.uint16]) -> NDArray[np.float64]:
    return depth / 1000


def _map(depth_m: NDArray[np.floating[Any]], low: float, high: float, width: int) -> Picture:
    return shrink(colors(depth_m, low, high, depth_m > 0), width, exact=True)


def _uncertainty(uncertainty: NDArray[np.float32], width: int) -> Panel:
    known = uncertainty[np.isfinite(uncertainty)]
    high = max(float(np.quantile(known, 0.95)), 1e-3) if len(known) else 1.0
    picture = shrink(colors(uncertainty, 0, high, scale="error"), width, exact=True)
    return Panel(
        "uncertainty", "standard deviation of the depth", picture,
        Ramp("error", "0 mm", f">= {high:.3g} mm"),
    )  # fmt: skip
