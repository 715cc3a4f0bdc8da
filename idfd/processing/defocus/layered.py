"""Layered defocus with occlusion, after Hasinoff and Kutulakos.

S. W. Hasinoff and K. N. Kutulakos, "A layer-based restoration framework for variable-aperture
photography", ICCV 2007. The scene is cut into layers of one blur each. From near to far, with the
mask ``A_k`` of layer ``k``, its colours ``I_k``, its spot ``h_k`` and what the nearer layers let
through ``M_k``::

    out = Σ_k M_k · ((A_k · I_k) * h_k)           M_1 = 1
    W   = Σ_k M_k · (A_k * h_k)                   M_{k+1} = M_k · (1 − A_k * h_k)

The published sum ends there; at the edge between two layers it loses the share ``1 − W`` of the
light. Here it is ``out / W``, so that a grey wall stays grey.

Something blurred is seen through at its rim, so a layer must go on behind nearer ones, where the
photo does not show it. ``dilated``, as published: each mask grows by four pixels all around, with
the photo's own colours. ``filled``: layers go on behind nearer ones only, as far as any of them
spreads, as the mean of what is seen around of the layers behind.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from idfd.model.defocus import HiddenParts
from idfd.processing.defocus.spot import Image, Spot
from idfd.processing.defocus.strips import each_strip, widen

_DILATION = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (9, 9))
_LEAST = 1e-6


def layered(
    image: Image,
    layer: NDArray[np.int32],
    diameters: NDArray[np.float64],
    spot: Spot,
    hidden: HiddenParts = "filled",
) -> Image:
    """Composite blurred layers from near to far.

    Args:
        image: All in focus, (H, W, 3) float32.
        layer: Which layer each pixel lies in, (H, W) int32; 0 is the nearest.
        diameters: Circle of confusion of each layer, pixels, (L,).
        spot: Shape of the blur.
        hidden: How layers go on behind nearer ones.

    Returns:
        (H, W, 3) float32, to the bit the same on any number of threads.
    """
    out = np.empty_like(image)
    widest = max(spot.radius(float(diameters[k])) for k in np.unique(layer))
    # What is filled reaches as far as a spot, and is spread as far again.
    margin = 2 * widest + _DILATION.shape[0] // 2

    def strip(rows: slice) -> None:
        wide, inner = widen(rows, margin, len(image))
        out[rows] = _composite(image[wide], layer[wide], diameters, spot, hidden)[inner]

    each_strip(len(image), strip)
    return out


def _composite(
    image: Image,
    layer: NDArray[np.int32],
    diameters: NDArray[np.float64],
    spot: Spot,
    hidden: HiddenParts,
) -> Image:
    total = np.zeros((*layer.shape, 4), np.float32)
    through = np.ones((*layer.shape, 1), np.float32)
    light = np.dstack([image, np.ones(layer.shape, np.float32)])
    reach = 0
    for k in np.unique(layer):
        diameter = float(diameters[k])
        radius = spot.radius(diameter)
        mask = (layer == k).view(np.uint8)
        if hidden == "dilated":
            mask = cv2.dilate(mask, _DILATION)
        reach = max(reach, radius)
        # What is filled lies up to ``reach`` away and counts what is as far again. One pixel more,
        # so that what is mirrored at the window's edge is nothing.
        part = _window(mask, (2 * reach if hidden == "filled" else radius) + 1)
        seen = light[part] * mask[part][..., None]
        if hidden == "filled" and reach:
            _fill(seen, layer[part], k, reach)
        spread = spot.blur(seen, diameter)
        total[part] += spread * through[part]
        through[part] *= 1 - spread[..., 3:]
    shown: Image = total[..., :3] / np.maximum(total[..., 3:], np.float32(_LEAST))
    return shown


def _fill(seen: Image, layer: NDArray[np.int32], k: int, reach: int) -> None:
    """Let a layer go on behind nearer ones, in place.

    A hidden pixel gets the mean of what is seen around of this layer and those behind it. Layers
    come one by one, so each brings its share of that, and the next fill what it leaves.
    """
    size = (2 * reach + 1, 2 * reach + 1)
    hidden = layer < k
    shown = np.where(hidden, np.float32(0), np.float32(1))
    around, count = (
        cv2.boxFilter(array, -1, size, normalize=False, borderType=cv2.BORDER_CONSTANT)
        for array in (seen, shown)
    )
    # Counts are whole numbers but for rounding.
    filled = hidden & (count > 0.5)
    seen[filled] = around[filled] / count[filled, None]


def _window(mask: NDArray[np.uint8], margin: int) -> tuple[slice, slice]:
    """The rows and columns that a mask and a margin around it take."""
    x, y, width, height = cv2.boundingRect(mask)
    return (
        slice(max(0, y - margin), y + height + margin),
        slice(max(0, x - margin), x + width + margin),
    )
