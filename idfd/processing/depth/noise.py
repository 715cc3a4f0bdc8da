"""What the frames of a burst, or the neighbours of a pixel, tell about the noise of its depth."""

from __future__ import annotations

import math
from collections.abc import Callable
from statistics import NormalDist

import cv2
import numpy as np
from numpy.typing import NDArray

ROUNDING = 1 / 12
"""Variance of the rounding to whole millimetres, mm²."""
_JUMP = 0.03
"""Depths that depart from a line by a larger share are not of one surface."""
_ROUNDING_FADES_MM = 0.15
"""Once the noise moves values between whole millimetres, their mean averages the rounding away.
Fitted to simulated bursts of 3 to 30 frames with a noise of 0.05 to 15 mm."""


def by_count(
    law: Callable[[int], float], most: int, count: NDArray[np.uint16]
) -> NDArray[np.float32]:
    """What a law of the number of values says at each pixel, float32; 0 where there is none."""
    table = np.array([0.0, *(law(n) for n in range(1, most + 1))], np.float32)
    return np.take(table, count)


def frame_variance(n: int) -> float:
    """Factor from the Winsorised variance of ``n`` values to the variance of single ones.

    The scale is that of Yuen's standard error of a trimmed mean (Biometrika 61, 1974), which holds
    for few values too: within 2 % for normal values from n = 3 on. 0 for a single value.
    """
    h = kept(n)
    return (n - 1) / (h * (h - 1)) / clipped_mean_variance(n) if n > 1 else 0.0


def freedom(n: int) -> float:
    """Degrees of freedom of a Winsorised variance of ``n`` values (Yuen 1974)."""
    return kept(n) - 1


def kept(n: int) -> int:
    """Of ``n`` values, those left when a quarter is taken away at either end."""
    return n - 2 * (n // 4)


def clipped_mean_variance(n: int) -> float:
    """Variance of the mean of the middle half of ``n`` normal values of variance 1.

    That of large samples at the very share that is cut (Huber & Ronchetti, Robust Statistics,
    2009, 3.3): within 2 % from n = 3 on.
    """
    share = (n // 4) / n
    if share == 0:
        return 1 / n
    normal = NormalDist()
    a = -normal.inv_cdf(share)
    winsorised = 1 - 2 * share - 2 * a * normal.pdf(a) + 2 * share * a * a
    return winsorised / (1 - 2 * share) ** 2 / n


def median_variance(n: int) -> float:
    """Variance of the median of ``n`` normal values of variance 1.

    pi / 2n for large samples; the shift makes it exact for one value and for two, and keeps it
    within 4 % between (Kenney & Keeping, Mathematics of Statistics, 1962, 6.9).
    """
    return math.pi / 2 / (n + (math.pi / 2 - 1 if n % 2 else math.pi - 2))


def spatial_variance(
    depth: NDArray[np.float32],
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Variance of each pixel about the lines through its neighbours, and how much it tells.

    Second differences of independent values have six times their variance, and nothing of a
    plane's slope.

    Returns:
        Variance, (H, W) float32 mm², and its degrees of freedom, about 2, of the same shape; both
        0 where a neighbour has no depth or lies on another surface.
    """
    z = np.pad(depth, 1)
    middle, valid = z[1:-1, 1:-1], z > 0
    total = np.zeros_like(depth)
    whole = valid[1:-1, 1:-1]
    for ahead, behind in (
        ((slice(1, -1), slice(2, None)), (slice(1, -1), slice(None, -2))),
        ((slice(2, None), slice(1, -1)), (slice(None, -2), slice(1, -1))),
    ):
        bend = z[ahead] - 2 * middle + z[behind]
        whole = whole & valid[ahead] & valid[behind] & (np.abs(bend) < _JUMP * middle)
        total += bend * bend
    return np.where(whole, total / 12, np.float32(0)), 2 * whole.astype(np.float32)


def pooled_variance(
    variance: NDArray[np.float32],
    freedom: NDArray[np.float32],
    own: NDArray[np.float32],
    side: int,
    weight: float,
) -> NDArray[np.float32] | None:
    """Each pixel's variance, drawn towards that of its neighbourhood.

    The neighbourhood's is the mean of logarithms, which one flickering pixel does not raise for
    all of its neighbours, freed of the bias of the logarithm: Smyth, "Linear models and empirical
    Bayes methods", Statistical Applications in Genetics and Molecular Biology 3, 2004.

    Args:
        variance: Estimates, (H, W) mm².
        freedom: Degrees of freedom of each, (H, W); estimates with none are left out.
        own: Weight of a pixel's own estimate, (H, W); 0 where it has no freedom.
        side: Of the neighbourhood, odd, pixels.
        weight: Of the neighbourhood's estimate, positive.

    Returns:
        (H, W) float32 mm², at least that of rounding; None if no estimate has any freedom.
    """
    known = (freedom > 0).astype(np.float32)
    if not known.any():
        return None
    nu = np.maximum(freedom, 1)
    logs = known * (np.log(np.maximum(variance, np.float32(ROUNDING))) + (1 + 1 / (3 * nu)) / nu)
    size = (side, side)
    share = cv2.blur(known, size, borderType=cv2.BORDER_CONSTANT)
    mean = cv2.blur(logs, size, borderType=cv2.BORDER_CONSTANT)
    # Sums that should be 0 may not quite be; where nobody near tells, the whole map does.
    somebody = share > 0.5 / side**2
    everywhere = logs.sum(dtype=np.float64) / known.sum(dtype=np.float64)
    near = np.exp(np.divide(mean, share, out=np.full_like(mean, everywhere), where=somebody))
    pooled = (own * variance + np.float32(weight) * near) / (own + np.float32(weight))
    return np.maximum(pooled, np.float32(ROUNDING))


def rounding_left(variance: NDArray[np.float32]) -> NDArray[np.float32]:
    """Variance that rounding leaves in a mean of many frames, (...) float32 mm²."""
    beyond = np.sqrt(variance) - np.float32(math.sqrt(ROUNDING))
    left: NDArray[np.float32] = np.float32(ROUNDING) * np.exp(
        -beyond / np.float32(_ROUNDING_FADES_MM)
    )
    return left
