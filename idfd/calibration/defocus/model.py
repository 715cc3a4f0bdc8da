"""What a fitted lens blurs: the circle of confusion of points, and of whole depth maps.

The formula stands with :class:`idfd.model.defocus.DefocusModel`. Circles are signed: negative
before the plane in focus, positive behind it. Near that plane the sign itself is uncertain; a
signed circle with its standard deviation says so by itself (it may be as well -0.3 as 0.3 pixels),
which an absolute one cannot.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from idfd.errors import InputError
from idfd.model.camera import Intrinsics
from idfd.model.defocus import DefocusModel

PARAMETERS = ("scale_px_m", "focus_per_m", "field_gain", "field_curvature_per_m")
"""Parameters of the circle of confusion, in the order of :func:`circle_gradient`."""

_STRIP = 128


def field_squared(model: DefocusModel, pixels: NDArray[Any]) -> NDArray[np.float64]:
    """Squared distance from the principal point in units of half the photo's diagonal.

    Args:
        model: The lens.
        pixels: (..., 2) in the pixels of the whole photo.

    Returns:
        ``ρ²``, (...) float64.
    """
    away = np.asarray(pixels, np.float64) - model.centre
    square: NDArray[np.float64] = (away**2).sum(-1)
    return square * 4 / (model.width**2 + model.height**2)


def circle_px(
    model: DefocusModel, depth_m: NDArray[Any] | float, pixels: NDArray[Any] | None = None
) -> NDArray[np.float64]:
    """Signed diameter of the circle of confusion, pixels.

    Args:
        model: The lens.
        depth_m: Depths along the optical axis, metres; 0 (no depth) gives NaN, infinity the limit.
        pixels: Where the points are seen, (..., 2) in the pixels of the whole photo, of a shape
            that broadcasts with ``depth_m``; None is the principal point.

    Returns:
        Diameters, float64, negative before the plane in focus; they hold neither the blur of lens
        and pixels at that plane (``floor_px``) nor the sign's uncertainty.

    Raises:
        InputError: A negative or NaN depth.
    """
    vergence = _vergence(depth_m)
    rho2 = np.zeros(()) if pixels is None else field_squared(model, pixels)
    defocus = 1 / model.focus_distance_m + model.field_curvature_per_m * rho2 - vergence
    return np.asarray(model.scale_px_m * (1 + model.field_gain * rho2) * defocus)


def circle_gradient(
    model: DefocusModel, vergence: NDArray[np.float64], rho2: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Derivatives of the circle by :data:`PARAMETERS`, (4, ...), at ``1/depth`` and ``ρ²``."""
    gain = 1 + model.field_gain * rho2
    defocus = 1 / model.focus_distance_m + model.field_curvature_per_m * rho2 - vergence
    by_focus = model.scale_px_m * gain
    return np.stack(
        np.broadcast_arrays(
            gain * defocus, by_focus, model.scale_px_m * rho2 * defocus, by_focus * rho2
        )
    )


def defocus_map(
    model: DefocusModel,
    intrinsics: Intrinsics,
    depth_mm: NDArray[np.uint16],
    uncertainty_mm: NDArray[Any] | None = None,
    scale: float = 1.0,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Signed circle of confusion at each pixel of a depth map, with its standard deviation.

    The variance is the sum of that of the lens's parameters, that of the depth, and the misfit of
    the fit (twice ``residual_px``, which is of radii). It does not vanish at the plane in focus.

    Args:
        model: The lens.
        intrinsics: The camera of the map, which may be a window of the photo that the model holds
            for (:meth:`Intrinsics.cropped`): its principal point says where the window lies.
        depth_mm: (H, W) uint16, 0 = no depth.
        uncertainty_mm: Standard deviation of the depth, (H, W); None is exact depth, NaN gives NaN.
        scale: The photo's pixels to a pixel of the map.

    Returns:
        Diameters and their standard deviations, each (H, W) float32 pixels of the map; NaN where
        no depth is.

    Raises:
        InputError: Shapes differ, or the window does not lie in the photo of the model.
    """
    shape = (intrinsics.height, intrinsics.width)
    for name, array in (("depth_mm", depth_mm), ("uncertainty_mm", uncertainty_mm)):
        if array is not None and array.shape != shape:
            raise InputError(
                f"{name} has shape {array.shape}", limit=f"{shape}, the size of the camera's image"
            )
    principal = (np.array((intrinsics.cx, intrinsics.cy)) + 0.5) * scale - 0.5
    corner = np.array(model.centre) - principal
    beyond = corner + np.array(shape[::-1]) * scale - (model.width, model.height)
    if (corner < -1).any() or (beyond > 1).any():
        raise InputError(
            f"a window of {intrinsics.width}x{intrinsics.height} at ({corner[0]:.0f}, "
            f"{corner[1]:.0f}) leaves the photo that the defocus model was fitted to",
            limit=f"a window inside {model.width}x{model.height}",
            remedy="Use the intrinsics of the same calibration, and the scale of the map",
        )
    x2 = (np.arange(intrinsics.width) - intrinsics.cx) ** 2
    y2 = (np.arange(intrinsics.height) - intrinsics.cy) ** 2
    half_diagonal2 = (model.width**2 + model.height**2) / 4 / scale**2
    covariance = model.covariance.block(PARAMETERS) if model.covariance else np.zeros((4, 4))
    circle = np.empty(shape, np.float32)
    deviation = np.empty(shape, np.float32)
    # By strips of rows: a 24-megapixel map in float64 with its derivatives would take gigabytes.
    for start in range(0, shape[0], _STRIP):
        rows = slice(start, start + _STRIP)
        vergence = _vergence(depth_mm[rows] / 1000)
        rho2 = (x2 + y2[rows, None]) / half_diagonal2
        slope = circle_gradient(model, vergence, rho2)
        circle[rows] = slope[0] * model.scale_px_m / scale
        variance = np.einsum("i...,ij,j...->...", slope, covariance, slope)
        variance += (2 * model.residual_px) ** 2
        if uncertainty_mm is not None:
            # dc/dd = scale (1 + gain ρ²) / d²
            variance += (slope[1] * vergence**2 * (uncertainty_mm[rows].astype(float) / 1000)) ** 2
        deviation[rows] = np.sqrt(variance) / scale
    return circle, deviation


def _vergence(depth_m: NDArray[Any] | float) -> NDArray[np.float64]:
    """1/depth; NaN where the depth is 0."""
    depth = np.asarray(depth_m, np.float64)
    if np.isnan(depth).any() or (depth < 0).any():
        raise InputError(
            "a depth is negative or NaN", where="depth_m", limit="0 (no depth) or more metres"
        )
    return np.divide(1.0, depth, out=np.full(depth.shape, np.nan), where=depth > 0)
