"""The camera model of the whole toolkit: points to pixels and pixels to rays.

Pinhole, Brown-Conrady and rational lenses as in OpenCV (Brown, "Decentering distortion of lenses",
1966; Claus and Fitzgibbon, "A rational function lens distortion model", CVPR 2005), with
``s(r²) = (1 + k1 r² + k2 r⁴ + k3 r⁶) / (1 + k4 r² + k5 r⁴ + k6 r⁶)``::

    x' = x s(r²) + 2 p1 x y + p2 (r² + 2x²)        u = fx x' + cx
    y' = y s(r²) + p1 (r² + 2y²) + 2 p2 x y        v = fy y' + cy

Such polynomials fold back outside the region that they were fitted in, where two rays share a
pixel. Points and pixels out there have no meaning, and are NaN here instead of nonsense.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from idfd.model.camera import Intrinsics

Array = NDArray[np.float64]
_STEPS = 50
_CHUNK = 1 << 18
"""Pixels inverted at a time; keeps the temporaries in the cache and the memory bounded."""


def project(intrinsics: Intrinsics, points: NDArray[Any]) -> Array:
    """Pixels at which points are seen.

    Args:
        intrinsics: The camera.
        points: (..., 3) in the camera's frame (x right, y down, z forward), any unit.

    Returns:
        (..., 2) float64 pixels, pixel centres at integers; they may lie outside the image.
        NaN for points that are not in front of the camera, or so far off the axis that the
        distortion folds back.
    """
    points = np.asarray(points, np.float64)
    front = points[..., 2] > 0
    depth = np.where(front, points[..., 2], np.nan)
    x, y = points[..., 0] / depth, points[..., 1] / depth
    distortion = _Distortion(intrinsics)
    out = np.stack(distortion.bend(x, y), axis=-1)
    out[x * x + y * y >= distortion.limit_r2] = np.nan
    out *= (intrinsics.fx, intrinsics.fy)
    out += (intrinsics.cx, intrinsics.cy)
    return out


def unproject(intrinsics: Intrinsics, pixels: NDArray[Any]) -> Array:
    """Rays that end at pixels; the inverse of :func:`project` to 1e-9 pixels.

    Args:
        intrinsics: The camera.
        pixels: (..., 2), pixel centres at integers; they may lie outside the image.

    Returns:
        (..., 3) float64 rays with z = 1; multiply by a depth to get the point at that depth.
        NaN where no ray ends at the pixel.
    """
    pixels = np.asarray(pixels, np.float64)
    flat = pixels.reshape(-1, 2)
    rays = np.ones((len(flat), 3))
    distortion = _Distortion(intrinsics)
    for start in range(0, len(flat), _CHUNK):
        part = slice(start, start + _CHUNK)
        rays[part, 0], rays[part, 1] = distortion.straighten(
            (flat[part, 0] - intrinsics.cx) / intrinsics.fx,
            (flat[part, 1] - intrinsics.cy) / intrinsics.fy,
            tolerance=1e-9 / max(intrinsics.fx, intrinsics.fy),
        )
    return rays.reshape(*pixels.shape[:-1], 3)


@lru_cache(maxsize=4)
def ray_table(intrinsics: Intrinsics) -> Array:
    """Rays of all pixels as (H, W, 2) float64: x / z and y / z, read-only, kept for reuse.

    NaN where no ray ends at the pixel.
    """
    rows, columns = np.mgrid[: intrinsics.height, : intrinsics.width]
    table = np.ascontiguousarray(unproject(intrinsics, np.stack([columns, rows], -1))[..., :2])
    table.flags.writeable = False
    return table


class _Distortion:
    """Distortion of normalised image coordinates, and its inverse."""

    def __init__(self, intrinsics: Intrinsics) -> None:
        k = np.zeros(8)
        k[: len(intrinsics.distortion)] = intrinsics.distortion
        self.over = np.array([1.0, k[0], k[1], k[4]])
        self.under = np.array([1.0, k[5], k[6], k[7]])
        self.p1, self.p2 = k[2], k[3]
        self.straight = not k.any()
        self.limit_r2 = self._limit()

    def _limit(self) -> float:
        """Squared radius up to which the radial part grows: ``d(r s(r²))/dr > 0``."""
        from numpy.polynomial import polynomial as poly

        over, under = self.over, self.under
        # With u = r² the sign of the slope is that of N D + 2 u (N' D − N D').
        change = poly.polysub(
            poly.polymul(poly.polyder(over), under), poly.polymul(over, poly.polyder(under))
        )
        slope = poly.polyadd(poly.polymul(over, under), 2 * poly.polymulx(change))
        roots = np.concatenate([poly.polyroots(_trimmed(p)) for p in (slope, under)])
        real = roots.real[(np.abs(roots.imag) < 1e-9 * (1 + np.abs(roots))) & (roots.real > 0)]
        return float(real.min(initial=np.inf))

    def bend(self, x: Array, y: Array) -> tuple[Array, Array]:
        """Distorted coordinates of straight ones."""
        r2 = x * x + y * y
        scale = _horner(self.over, r2) / _horner(self.under, r2)
        cross = 2 * x * y
        return (
            x * scale + self.p1 * cross + self.p2 * (r2 + 2 * x * x),
            y * scale + self.p1 * (r2 + 2 * y * y) + self.p2 * cross,
        )

    def straighten(self, u: Array, v: Array, tolerance: float) -> tuple[Array, Array]:
        """Newton's iterations for the coordinates that :meth:`bend` takes to ``(u, v)``."""
        if self.straight:
            return u, v
        x, y = self._start(u, v)
        left = np.arange(len(u))
        done = np.zeros(len(u), bool)
        for _ in range(_STEPS):
            a, b = x[left], y[left]
            bent_u, bent_v = self.bend(a, b)
            du, dv = bent_u - u[left], bent_v - v[left]
            xx, xy, yx, yy = self._jacobian(a, b)
            determinant = xx * yy - xy * yx
            near = (np.abs(du) < tolerance) & (np.abs(dv) < tolerance)
            done[left[near & (determinant > 0) & (a * a + b * b < self.limit_r2)]] = True
            # A step from where the map folds would land anywhere: such pixels are given up.
            go = ~near & (determinant > 0)
            left = left[go]
            if not len(left):
                break
            x[left] = a[go] - (yy * du - xy * dv)[go] / determinant[go]
            y[left] = b[go] - (xx * dv - yx * du)[go] / determinant[go]
            self._pull_in(x, y, left)
        x[~done] = np.nan
        y[~done] = np.nan
        return x, y

    def _start(self, u: Array, v: Array) -> tuple[Array, Array]:
        """First guess: the radial part inverted by a table, which is right but for p1 and p2."""
        target = np.hypot(u, v)
        top = np.sqrt(min(self.limit_r2, 100.0))
        straight = np.linspace(0, top, 512)
        square = straight * straight
        inner = square < self.limit_r2
        bent = straight[inner] * _horner(self.over, square[inner])
        bent /= _horner(self.under, square[inner])
        radius = np.interp(target, bent, straight[inner])
        scale = np.divide(radius, target, out=np.ones_like(target), where=target > 0)
        return u * scale, v * scale

    def _pull_in(self, x: Array, y: Array, which: NDArray[np.intp]) -> None:
        """Keep iterates inside the region where the radial part grows."""
        if np.isinf(self.limit_r2):
            return
        far = which[x[which] ** 2 + y[which] ** 2 >= self.limit_r2]
        shrink = np.sqrt(self.limit_r2 / (x[far] ** 2 + y[far] ** 2)) * (1 - 1e-6)
        x[far] *= shrink
        y[far] *= shrink

    def _jacobian(self, x: Array, y: Array) -> tuple[Array, Array, Array, Array]:
        """Derivatives of :meth:`bend`: du/dx, du/dy, dv/dx, dv/dy."""
        r2 = x * x + y * y
        over, under = _horner(self.over, r2), _horner(self.under, r2)
        scale = over / under
        growth = 2 * (_slope(self.over, r2) - scale * _slope(self.under, r2)) / under
        mixed = x * y * growth + 2 * (self.p1 * x + self.p2 * y)
        return (
            scale + x * x * growth + 2 * self.p1 * y + 6 * self.p2 * x,
            mixed,
            mixed,
            scale + y * y * growth + 6 * self.p1 * y + 2 * self.p2 * x,
        )


def _horner(c: Array, u: Array) -> Array:
    return ((c[3] * u + c[2]) * u + c[1]) * u + c[0]


def _slope(c: Array, u: Array) -> Array:
    return (3 * c[3] * u + 2 * c[2]) * u + c[1]


def _trimmed(polynomial: Array) -> Array:
    """Without leading coefficients that are nothing, which would put roots at infinity."""
    return np.trim_zeros(np.where(np.abs(polynomial) < 1e-30, 0.0, polynomial), "b")
