"""The geometry between the two photos of a pair: homography and a radial term.

A tripod keeps the cameras still, so what is left between f/10 and f/2.8 is a touch of the
tripod (a homography) and focus breathing or a change of distortion (a radial term).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from idfd.model.triple import PairTransform

IDENTITY = np.zeros(9)
"""Parameters (h11-1, h12, h13, h21, h22-1, h23, h31, h32, radial) of no motion."""


def centre_and_scale(width: int, height: int) -> tuple[tuple[float, float], float]:
    """Centre pixel and half diagonal, which normalise coordinates to about [-1, 1]."""
    return ((width - 1) / 2, (height - 1) / 2), float(np.hypot(width, height)) / 2


def as_record(parameters: NDArray[np.float64], width: int, height: int) -> PairTransform:
    """Pack the nine parameters for an image of ``width`` by ``height`` pixels."""
    centre, scale = centre_and_scale(width, height)
    p = [float(value) for value in parameters]
    return PairTransform(
        homography=(1 + p[0], p[1], p[2], p[3], 1 + p[4], p[5], p[6], p[7], 1.0),
        radial=p[8],
        centre=centre,
        scale=scale,
    )


def as_parameters(transform: PairTransform) -> NDArray[np.float64]:
    """The nine parameters of a transform; the inverse of :func:`as_record`."""
    h = transform.homography
    return np.array([h[0] - 1, h[1], h[2], h[3], h[4] - 1, h[5], h[6], h[7], transform.radial])


def reduced_centre(transform: PairTransform, factor: int) -> tuple[float, float]:
    """Where the centre of a transform lies on a photo that was reduced by whole blocks."""
    x, y = transform.centre
    return (x + 0.5) / factor - 0.5, (y + 0.5) / factor - 0.5


def map_normalised(
    parameters: Sequence[float] | NDArray[np.float64], u: NDArray[Any], v: NDArray[Any]
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Map normalised coordinates of the all-in-focus photo to the defocused photo."""
    p = [u.dtype.type(value) for value in parameters]
    radial = 1 + p[8] * (u * u + v * v)
    ur, vr = u * radial, v * radial
    depth = 1 + p[6] * ur + p[7] * vr
    return (
        ((1 + p[0]) * ur + p[1] * vr + p[2]) / depth,
        (p[3] * ur + (1 + p[4]) * vr + p[5]) / depth,
    )


def map_points(transform: PairTransform, points: NDArray[Any]) -> NDArray[np.float64]:
    """Map pixels (..., 2) (x, y) of the all-in-focus photo to the defocused photo, float64."""
    normal = (np.asarray(points, np.float64) - transform.centre) / transform.scale
    x, y = map_normalised(as_parameters(transform), normal[..., 0], normal[..., 1])
    return np.stack([x, y], -1) * transform.scale + transform.centre


def sampling_maps(
    transform: PairTransform, width: int, height: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Where to sample the defocused photo for each all-in-focus pixel, two (H, W) float32."""
    u = (np.arange(width) - transform.centre[0]) / transform.scale
    v = (np.arange(height) - transform.centre[1]) / transform.scale
    grid_u, grid_v = np.meshgrid(u, v)
    x, y = map_normalised(as_parameters(transform), grid_u, grid_v)
    return (
        (x * transform.scale + transform.centre[0]).astype(np.float32),
        (y * transform.scale + transform.centre[1]).astype(np.float32),
    )


def warp(
    image: NDArray[Any],
    maps: tuple[NDArray[np.float32], NDArray[np.float32]],
    interpolation: int = cv2.INTER_CUBIC,
) -> NDArray[Any]:
    """Sample an image at the maps; outside it the border is mirrored (and cropped later)."""
    return np.asarray(cv2.remap(image, *maps, interpolation, borderMode=cv2.BORDER_REFLECT))
