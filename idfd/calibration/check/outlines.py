"""Outlines of things in front of others: where depth jumps, seen from the depth camera.

Both cameras see such outlines, whatever the light and the colours, so a burst without colour
images tells by them how depth lies on the photo.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from idfd.calibration.projection import project, unproject
from idfd.model.camera import Intrinsics
from idfd.model.rig import RigCalibration

_WIDEST_GAP = 4
"""Pixels between near and far that may hold no depth, or a mixture of both."""
_LEAST_JUMP = 0.08
_LEAST_JUMP_MM = 100.0
_LARGEST_SLOPE = 0.03
_STEPS = ((0, 1), (0, -1), (1, 0), (-1, 0))


@dataclass(frozen=True)
class Outlines:
    """Outlines in the photo.

    Attributes:
        pixels: Points on outlines, (N, 2) pixels of the photo.
        outward: Direction from the near thing to what lies behind it, (N, 2) unit vectors.
    """

    pixels: NDArray[np.float64]
    outward: NDArray[np.float64]


def find_outlines(depth: NDArray[np.float64], rig: RigCalibration) -> Outlines:
    """Outlines of near things, put into the photo by a calibration.

    Args:
        depth: (h, w) millimetres along the depth camera's axis, NaN = none.
        rig: The calibration.

    Returns:
        Those inside the photo; there may be none.
    """
    inside, z, normal = _jumps(depth)
    points = unproject(rig.depth, inside) * z[:, None]
    beyond = unproject(rig.depth, inside + normal) * z[:, None]
    pixels, ahead = (
        project(rig.photo, rig.depth_to_photo.apply(place)) for place in (points, beyond)
    )
    outward = ahead - pixels
    outward /= np.linalg.norm(outward, axis=1, keepdims=True)
    good = np.isfinite(outward).all(axis=1) & _within(pixels, rig.photo)
    return Outlines(pixels[good], outward[good])


def _jumps(
    depth: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Outlines in the depth image: (N, 2) pixels, the near depth, (N, 2) unit normals outwards."""
    import cv2

    near = np.nan_to_num(1 / depth)
    known = (near > 0).astype(np.float64)
    # Vergence falls outwards; averages over what is known only, so that gaps have no edge.
    smooth = cv2.GaussianBlur(near, (0, 0), 2.0) / (cv2.GaussianBlur(known, (0, 0), 2.0) + 1e-9)
    gradient = np.stack(
        [-cv2.Sobel(smooth, cv2.CV_64F, 1, 0), -cv2.Sobel(smooth, cv2.CV_64F, 0, 1)], axis=-1
    )
    rows, columns = np.mgrid[: depth.shape[0], : depth.shape[1]]
    places, depths, normals = [], [], []
    for down, right in _STEPS:
        behind = _shifted(depth, -down, -right)
        flat = np.abs(behind - depth) <= _LARGEST_SLOPE * depth
        least = depth + np.maximum(_LEAST_JUMP * depth, _LEAST_JUMP_MM)
        left = flat.copy()
        for gap in range(1, _WIDEST_GAP + 1):
            ahead = _shifted(depth, down * gap, right * gap)
            further = _shifted(depth, down * (gap + 1), right * (gap + 1))
            found = left & (ahead > least) & (np.abs(further - ahead) <= _LARGEST_SLOPE * ahead)
            # Where the surface goes on there is no outline; holes and mixtures are looked across.
            left &= ~found & ~(np.abs(ahead - depth) <= _LARGEST_SLOPE * depth)
            steps = np.array([right, down]) * gap / 2
            places.append(np.stack([columns[found], rows[found]], axis=-1) + steps)
            depths.append(depth[found])
            normals.append(gradient[found])
    normal = np.concatenate(normals)
    length = np.linalg.norm(normal, axis=1, keepdims=True)
    normal = np.divide(normal, length, out=np.full_like(normal, np.nan), where=length > 0)
    return np.concatenate(places), np.concatenate(depths), normal


def _shifted(image: NDArray[np.float64], down: int, right: int) -> NDArray[np.float64]:
    """The image's value so many pixels further down and to the right, NaN beyond its border."""
    out = np.full_like(image, np.nan)
    height, width = image.shape
    out[max(0, -down) : height - max(0, down), max(0, -right) : width - max(0, right)] = image[
        max(0, down) : height - max(0, -down), max(0, right) : width - max(0, -right)
    ]
    return out


def _within(pixels: NDArray[np.float64], camera: Intrinsics) -> NDArray[np.bool_]:
    upper = np.array([camera.width - 1, camera.height - 1])
    return np.asarray(((pixels >= 0) & (pixels <= upper)).all(axis=1))
