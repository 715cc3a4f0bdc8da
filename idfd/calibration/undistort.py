"""Photos without distortion: which pinhole camera, and where its pixels lie in the photo."""

from __future__ import annotations

from functools import lru_cache
from typing import Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from idfd.calibration.projection import project, unproject
from idfd.errors import InputError
from idfd.model.camera import Intrinsics

_ROWS = 8
_NOWHERE = -10.0
"""A coordinate outside of every image, which ``cv2.remap`` fills with its border value."""


def undistorted_intrinsics(
    intrinsics: Intrinsics, keep: Literal["valid", "all"] = "valid"
) -> Intrinsics:
    """The pinhole camera for undistorted images of the same size.

    The rays of the image's border give the rectangle of rays that the new image shows, as in
    OpenCV's ``getOptimalNewCameraMatrix`` (alpha 0 and 1), which samples the border at 9 by 9
    points where this takes every pixel.

    Args:
        intrinsics: The camera with its lens.
        keep: ``valid`` shows the largest rectangle on which every pixel is seen, ``all`` every
            pixel of the image, with empty corners.

    Raises:
        InputError: A pixel of the border has no ray, so that there is no such rectangle.
    """
    if not any(intrinsics.distortion):
        return msgspec.structs.replace(intrinsics, model="pinhole", distortion=())
    last_x, last_y = intrinsics.width - 1, intrinsics.height - 1
    across, down = np.arange(last_x + 1.0), np.arange(last_y + 1.0)
    left, right, top, bottom = (
        unproject(intrinsics, np.stack(np.broadcast_arrays(x, y), axis=-1))[:, :2]
        for x, y in ((0.0, down), (last_x, down), (across, 0.0), (across, last_y))
    )
    border = np.concatenate([left, right, top, bottom])
    if not np.isfinite(border).all():
        raise InputError(
            "the distortion folds back before the border of the image",
            limit="a lens model that holds up to the corners",
            remedy="Crop the camera to the part that it holds in, or choose a pinhole camera",
        )
    if keep == "all":
        (west, north), (east, south) = border.min(axis=0), border.max(axis=0)
    else:
        west, east = left[:, 0].max(), right[:, 0].min()
        north, south = top[:, 1].max(), bottom[:, 1].min()
    fx, fy = last_x / (east - west), last_y / (south - north)
    return msgspec.structs.replace(
        intrinsics,
        fx=float(fx),
        fy=float(fy),
        cx=float(-fx * west),
        cy=float(-fy * north),
        model="pinhole",
        distortion=(),
    )


@lru_cache(maxsize=2)
def undistort_maps(
    intrinsics: Intrinsics, target: Intrinsics
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Where each pixel of another camera at the same place lies in an image.

    ``cv2.remap(image, *undistort_maps(camera, target), cv2.INTER_LINEAR)`` makes the image that
    ``target`` would have taken.

    Args:
        intrinsics: The camera that took the image.
        target: The camera to imitate, usually from :func:`undistorted_intrinsics`; its lens may
            have distortion.

    Returns:
        Columns and rows, (H, W) float32 each of the size of ``target``, read-only and kept for
        reuse. Both lie outside of the image where the camera sees nothing.
    """
    maps = np.empty((2, target.height, target.width), np.float32)
    across = np.arange(target.width, dtype=np.float64)
    for top in range(0, target.height, _ROWS):
        down = np.arange(top, min(top + _ROWS, target.height), dtype=np.float64)
        pixels = np.stack(np.meshgrid(across, down), axis=-1)
        seen = project(intrinsics, unproject(target, pixels))
        seen[np.isnan(seen).any(axis=-1)] = _NOWHERE
        maps[:, top : top + _ROWS] = np.moveaxis(seen, -1, 0)
    maps.flags.writeable = False
    return maps[0], maps[1]
