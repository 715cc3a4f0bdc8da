"""The lens: distortion of normalised image coordinates, its slopes and its inverse.

The formulas are those of :mod:`idfd.calibration.projection`, which is what everything else calls.
"""

from __future__ import annotations

from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
_STEPS = 50


@lru_cache(maxsize=64)
def lens(coefficients: tuple[float, ...]) -> Distortion:
    """The lens of distortion coefficients in OpenCV's order, kept for reuse."""
    return Distortion(coefficients)


class Distortion:
    """Distortion of normalised image coordinates, and its inverse.

    Attributes:
        over: Coefficients of the numerator of ``s(r²)``, constant first.
        under: Those of its denominator.
        p1: Tangential coefficient.
        p2: Tangential coefficient.
        straight: Whether there is no distortion at all.
        limit_r2: Squared radius up to which the map does not fold.
    """

    def __init__(self, coefficients: tuple[float, ...]) -> None:
        k = np.zeros(8)
        k[: len(coefficients)] = coefficients
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
        scale = horner(self.over, r2) / horner(self.under, r2)
        cross = 2 * x * y
        return (
            x * scale + self.p1 * cross + self.p2 * (r2 + 2 * x * x),
            y * scale + self.p1 * (r2 + 2 * y * y) + self.p2 * cross,
        )

    def slopes(self, x: Array, y: Array) -> tuple[Array, Array, Array]:
        """Derivatives of :meth:`bend`: du/dx, du/dy (which is dv/dx) and dv/dy."""
        r2 = x * x + y * y
        under = horner(self.under, r2)
        scale = horner(self.over, r2) / under
        growth = 2 * (_slope(self.over, r2) - scale * _slope(self.under, r2)) / under
        return (
            scale + x * x * growth + 2 * self.p1 * y + 6 * self.p2 * x,
            x * y * growth + 2 * (self.p1 * x + self.p2 * y),
            scale + y * y * growth + 6 * self.p1 * y + 2 * self.p2 * x,
        )

    def straighten(self, u: Array, v: Array, tolerance: float) -> tuple[Array, Array]:
        """Newton's iterations for the coordinates that :meth:`bend` takes to ``(u, v)``, (N,).

        NaN where there are none to within ``tolerance``.
        """
        if self.straight:
            return u, v
        found_x, found_y = np.full(len(u), np.nan), np.full(len(u), np.nan)
        which: NDArray[np.intp] = np.arange(len(u))
        x, y = self._start(u, v)
        for _ in range(_STEPS):
            bent_u, bent_v = self.bend(x, y)
            xx, xy, yy = self.slopes(x, y)
            du, dv = bent_u - u, bent_v - v
            determinant = xx * yy - xy * xy
            near = (np.abs(du) < tolerance) & (np.abs(dv) < tolerance)
            # A step from where the map folds would land anywhere: such pixels are given up.
            rising = determinant > 0
            done = near & rising & (x * x + y * y < self.limit_r2)
            found_x[which[done]], found_y[which[done]] = x[done], y[done]
            go = rising & ~near
            if not go.any():
                break
            if not go.all():
                which = which[go]
                state = x, y, u, v, du, dv, xx, xy, yy, determinant
                x, y, u, v, du, dv, xx, xy, yy, determinant = (part[go] for part in state)
            x = x - (yy * du - xy * dv) / determinant
            y = y - (xx * dv - xy * du) / determinant
            self._pull_in(x, y)
        return found_x, found_y

    def _start(self, u: Array, v: Array) -> tuple[Array, Array]:
        """First guess: the radial part inverted by a table, which is right but for p1 and p2."""
        target = np.sqrt(u * u + v * v)
        radius = np.interp(target, *self._table)
        scale = np.divide(radius, target, out=np.ones_like(target), where=target > 0)
        return u * scale, v * scale

    @cached_property
    def _table(self) -> tuple[Array, Array]:
        """Radii with distortion and without, up to where the map folds (or 84° off the axis)."""
        straight = np.linspace(0, np.sqrt(min(self.limit_r2, 100.0)), 4096)[:-1]
        square = straight * straight
        return straight * horner(self.over, square) / horner(self.under, square), straight

    def _pull_in(self, x: Array, y: Array) -> None:
        """Keep iterates inside the region where the radial part grows."""
        if np.isinf(self.limit_r2):
            return
        r2 = x * x + y * y
        far = np.flatnonzero(r2 >= self.limit_r2)
        shrink = np.sqrt(self.limit_r2 / r2[far]) * (1 - 1e-6)
        x[far] *= shrink
        y[far] *= shrink


def horner(c: Array, u: Array) -> Array:
    """A cubic polynomial, its constant coefficient first."""
    return ((c[3] * u + c[2]) * u + c[1]) * u + c[0]


def _slope(c: Array, u: Array) -> Array:
    return (3 * c[3] * u + 2 * c[2]) * u + c[1]


def _trimmed(polynomial: Array) -> Array:
    """Without leading coefficients that are nothing, which would put roots at infinity."""
    return np.trim_zeros(np.where(np.abs(polynomial) < 1e-30, 0.0, polynomial), "b")
