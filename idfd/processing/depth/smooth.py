"""Pixels of one surface are averaged; edges, corners and slopes stay."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from idfd.errors import InputError
from idfd.processing.depth.maps import DepthMap


@dataclass(frozen=True)
class SmoothConfig:
    """How far, and across which differences, a pixel is averaged with its neighbours.

    Attributes:
        sigma_px: Standard deviation of the weight over the distance, pixels.
        radius_px: Neighbours farther off in either direction have no weight; at least 2, since
            slopes are told from pixels two apart.
        cut: Neighbours that are off the pixel's plane by more than so many standard deviations
            have no weight; at least 3.
        steepest: A slope of a larger share of the depth per pixel is a jump.
    """

    sigma_px: float = 1.5
    radius_px: int = 2
    cut: float = 4.0
    steepest: float = 0.03

    def __post_init__(self) -> None:
        if not (self.sigma_px > 0 and self.radius_px >= 2 and self.cut >= 3 and self.steepest > 0):
            raise InputError(
                f"sigma_px is {self.sigma_px}, radius_px {self.radius_px}, cut {self.cut}, "
                f"steepest {self.steepest}",
                where="denoise.smooth",
                limit="positive numbers, radius_px of at least 2 and cut of at least 3",
                remedy="Change the settings, or set 'smooth' to null",
            )


def smooth(depth: DepthMap, config: SmoothConfig = SmoothConfig()) -> DepthMap:
    """Average each pixel with its neighbours on the same surface, in the logarithm of depth.

    A bilateral filter (Tomasi & Manduchi, ICCV 1998) whose range weight comes from the noise of
    each pixel, and which measures differences from the plane through the pixel, so that slanted
    surfaces are smoothed as level ones are. Noise is taken as independent between pixels.

    Args:
        depth: Depth with its uncertainty.
        config: Reach and limits.

    Returns:
        The same pixels with smoother depth and less uncertainty; pixels without depth stay
        without, and have no part in their neighbours'. The same map if its noise is not known.
    """
    if depth.uncertainty is None:
        return depth
    from idfd.processing.depth import neighbours

    z = depth.depth
    valid = z > 0
    r = config.radius_px
    shape = (z.shape[0] + 2 * r, z.shape[1] + 2 * r)
    logs = np.full(shape, neighbours.NOWHERE, np.float32)
    variance = np.ones(shape, np.float32)
    inner = (slice(r, -r), slice(r, -r))
    np.log(z, out=logs[inner], where=valid)
    np.square(
        np.divide(depth.uncertainty, z, where=valid, out=np.ones_like(z)), out=variance[inner]
    )
    change, left = np.empty((2, *z.shape), np.float32)
    offset = np.arange(-r, r + 1)
    bell = np.exp(-(offset**2) / (2 * config.sigma_px**2))
    neighbours.average(
        logs,
        variance,
        np.outer(bell, bell).astype(np.float32),
        np.float32(config.cut),
        np.float32(_influence(config.cut)),
        np.float32(config.steepest),
        change,
        left,
    )
    smoothed = np.where(valid, z * np.exp(change), np.float32(0))
    return replace(
        depth,
        depth=smoothed,
        uncertainty=np.where(valid, smoothed * np.sqrt(left), np.float32(np.nan)),
    )


def _influence(cut: float) -> float:
    """Mean derivative of a biweighted residual over its mean weight, for normal residuals.

    With t = r² / (cut² σ²) the weight is (1 - t)², and the derivative of r (1 - t)² by r is
    (1 - t)(1 - 5t); E[t] = 1 / cut² and E[t²] = 3 / cut⁴.
    """
    return (1 - 6 / cut**2 + 15 / cut**4) / (1 - 2 / cut**2 + 3 / cut**4)
