"""Layered defocus with occlusion, after Hasinoff and Kutulakos.

S. W. Hasinoff and K. N. Kutulakos, "A layer-based restoration framework for variable-aperture
photography", ICCV 2007. The scene is cut into layers of one blur each. From near to far, with the
mask ``A_k`` of layer ``k`` (dilated by four pixels), its spot ``h_k`` and what the nearer layers
let through ``M_k``::

    out  = Σ_k M_k · ((A_k · I) * h_k)            M_1 = 1
    W    = Σ_k M_k · (A_k * h_k)                  M_{k+1} = M_k · (1 − A_k * h_k)

The published sum ends there; at the edge between two layers it loses the share ``1 − W`` of the
light. Here it is ``out / W``, so that a grey wall stays grey.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from idfd.processing.defocus.spot import Image, Spot
from idfd.processing.defocus.strips import each_strip, widen

_DILATION = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (9, 9))
_LEAST = 1e-6


def layered(
    image: Image, layer: NDArray[np.int32], diameters: NDArray[np.float64], spot: Spot
) -> Image:
    """Composite blurred layers from near to far.

    Args:
        image: All in focus, (H, W, 3) float32.
        layer: Which layer each pixel lies in, (H, W) int32; 0 is the nearest.
        diameters: Circle of confusion of each layer, pixels, (L,).
        spot: Shape of the blur.

    Returns:
        (H, W, 3) float32, to the bit the same on any number of threads.
    """
    out = np.empty_like(image)
    used = np.unique(layer)
    margin = max(spot.radius(float(diameters[k])) for k in used) + 4

    def strip(rows: slice) -> None:
        wide, inner = widen(rows, margin, len(image))
        out[rows] = _composite(image[wide], layer[wide], diameters, spot)[inner]

    each_strip(len(image), strip)
    return out


def _composite(
    image: Image, layer: NDArray[np.int32], diameters: NDArray[np.float64], spot: Spot
) -> Image:
    total = np.zeros((*layer.shape, 4), np.float32)
    through = np.ones((*layer.shape, 1), np.float32)
    light = np.dstack([image, np.ones(layer.shape, np.float32)])
    for k in np.unique(layer):
        mask = cv2.dilate((layer == k).view(np.uint8), _DILATION)
        diameter = float(diameters[k])
        part = _window(mask, spot.radius(diameter))
        spread = spot.blur(light[part] * mask[part][..., None], diameter)
        total[part] += spread * through[part]
        through[part] *= 1 - spread[..., 3:]
    return total[..., :3] / np.maximum(total[..., 3:], _LEAST)


def _window(mask: NDArray[np.uint8], margin: int) -> tuple[slice, slice]:
    """The rows and columns that a mask and a margin around it take."""
    x, y, width, height = cv2.boundingRect(mask)
    return (
        slice(max(0, y - margin), y + height + margin),
        slice(max(0, x - margin), x + width + margin),
    )
