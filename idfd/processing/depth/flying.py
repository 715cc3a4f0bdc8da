"""Flying pixels: depths between a near and a far thing, where there is nothing."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from idfd.errors import InputError
from idfd.model.triple import DepthSource
from idfd.processing.depth.maps import DepthMap


@dataclass(frozen=True)
class FlyingConfig:
    """What is taken for a flying pixel.

    Attributes:
        tolerance: A neighbour supports a pixel if their depths differ by no larger share of the
            pixel's, ...
        noise: ... and by so many standard deviations of the pixel beside.
        least_support: A pixel with fewer supporting neighbours, of eight, stays empty.
    """

    tolerance: float = 0.008
    noise: float = 3.0
    least_support: int = 4

    def __post_init__(self) -> None:
        # From 1 on a neighbour without depth would support.
        if not (0 <= self.tolerance < 1 and self.noise >= 0 and 0 <= self.least_support <= 8):
            raise InputError(
                f"tolerance is {self.tolerance}, noise {self.noise}, "
                f"least_support {self.least_support}",
                where="denoise.flying",
                limit="a share from 0 to below 1, no negative number, and 0 to 8 neighbours",
                remedy="Change the settings, or set 'flying' to null",
            )


def remove_flying(depth: DepthMap, config: FlyingConfig = FlyingConfig()) -> DepthMap:
    """Empty the pixels that too few of their neighbours support.

    At an edge a pixel of a time-of-flight camera mixes the light of both sides. Where the mixture
    is steady its depth lies between them, in every frame; but hardly a neighbour, with a mixture of
    its own, agrees. (Where it is not steady, :func:`~idfd.processing.depth.fuse.fuse` leaves the
    pixel empty.) Thin things that are one pixel wide go too.

    Args:
        depth: Depth on the depth camera's pixels.
        config: Limits.

    Returns:
        The same map with flying pixels emptied.
    """
    from idfd.processing.depth import neighbours

    tolerance = np.float32(config.tolerance) * depth.depth
    if depth.uncertainty is not None:
        tolerance += np.float32(config.noise) * np.nan_to_num(depth.uncertainty)
    support = np.empty(depth.depth.shape, np.uint8)
    # A neighbour without depth is as far away as the pixel: beyond any sensible tolerance.
    neighbours.support(np.pad(depth.depth, 1), tolerance, support)
    kept = (support >= config.least_support) & (depth.depth > 0)
    return replace(
        depth,
        depth=np.where(kept, depth.depth, np.float32(0)),
        source=np.where(kept, depth.source, np.uint8(DepthSource.NONE)),
        uncertainty=None
        if depth.uncertainty is None
        else np.where(kept, depth.uncertainty, np.float32(np.nan)),
    )
