"""Transfer functions of blur: disk, Gaussian and their mixture, by the spot's second moment.

A spot of diameter ``c`` (that of the disk with its second moment) has variance ``u/16`` along each
axis, with ``u = c²``. Written in ``u``, transfer functions and their derivatives are smooth through
the plane in focus, where those in ``c`` vanish. With ``f`` in cycles per pixel and ``q = π²f²``::

    disk       2 J₁(x)/x, x = πcf         d/du = −q J₂(x)/x²      (Goodman, Fourier Optics, 2.1.5)
    Gaussian   exp(−q u/8)                d/du = −q/8 of it

Both begin as ``1 − q u/8``, as any spot of that second moment does.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]
_RIDGE = 1e-3
"""Squared transfer of a reference below which it says nothing about the scene."""


@lru_cache(maxsize=8)
def frequencies(side: int) -> Array:
    """``q = π²f²`` on the half plane of a real Fourier transform, (side, side // 2 + 1) float32."""
    rows, columns = np.fft.fftfreq(side), np.fft.rfftfreq(side)
    q = (np.pi**2 * (rows[:, None] ** 2 + columns**2)).astype(np.float32)
    q.flags.writeable = False
    return q


@dataclass(frozen=True)
class Transfer:
    """A transfer function and its derivatives by ``u`` and by the disk's share."""

    value: Array
    by_square: Array
    by_share: Array


def spot(q: Array, square: float, share: float) -> Transfer:
    """Transfer function of a spot.

    Args:
        q: :func:`frequencies`.
        square: ``u = c²``, px².
        share: Weight of the disk, from 0 (Gaussian) to 1.
    """
    round_, round_by = _disk(q, square) if share > 0 else (np.zeros_like(q), np.zeros_like(q))
    soft = np.exp(q * np.float32(-square / 8))
    soft_by = q * np.float32(-1 / 8) * soft
    if 0 < share < 1:
        return Transfer(
            soft + np.float32(share) * (round_ - soft),
            soft_by + np.float32(share) * (round_by - soft_by),
            round_ - soft,
        )
    value, by_square = (round_, round_by) if share > 0 else (soft, soft_by)
    return Transfer(value, by_square, np.zeros_like(q))


def _disk(q: Array, square: float) -> tuple[Array, Array]:
    from scipy.special import j0, j1

    x2 = q * np.float32(square)
    x = np.sqrt(np.maximum(x2, np.float32(1e-2)))
    ratio = j1(x) / x
    curve = (2 * ratio - j0(x)) / (x * x)  # J₂(x)/x²
    # J₂ is a difference of like numbers near 0: its series is exact there to 1e-9.
    small = x2 < 1e-2
    ratio = np.where(small, 0.5 - x2 / 16, ratio)
    curve = np.where(small, 0.125 - x2 / 96, curve)
    return 2 * ratio, -q * curve


def soften(q: Array, variance: float) -> Array:
    """Transfer function of a Gaussian of a variance, px²; negative ones sharpen."""
    return np.exp(q * np.float32(-2 * variance))


def invert(reference: Array) -> Array:
    """Inverse filter that leaves alone what the reference does not show (Wiener)."""
    return reference / (reference * reference + np.float32(_RIDGE))


def invert_slope(reference: Array) -> Array:
    """Derivative of :func:`invert`."""
    square = reference * reference
    return (np.float32(_RIDGE) - square) / (square + np.float32(_RIDGE)) ** 2
