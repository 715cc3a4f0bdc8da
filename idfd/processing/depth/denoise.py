"""The first step of a take: a burst of depth frames becomes one clean depth map."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from idfd.processing.depth.flying import FlyingConfig, remove_flying
from idfd.processing.depth.fuse import FuseConfig, fuse
from idfd.processing.depth.maps import DepthMap
from idfd.processing.depth.smooth import SmoothConfig, smooth


@dataclass(frozen=True)
class DenoiseConfig:
    """How a burst is denoised.

    Attributes:
        fuse: How the frames become one.
        flying: What is taken for a flying pixel; None leaves them in.
        smooth: How neighbours are averaged; None leaves them alone.
    """

    fuse: FuseConfig = FuseConfig()
    flying: FlyingConfig | None = FlyingConfig()
    smooth: SmoothConfig | None = SmoothConfig()


def denoise(burst: NDArray[np.uint16], config: DenoiseConfig = DenoiseConfig()) -> DepthMap:
    """Fuse a burst, remove flying pixels and smooth what is left.

    Args:
        burst: (N, H, W) uint16 millimetres along the axis, 0 = no depth.
        config: Settings of the three steps.

    Returns:
        Depth on the depth camera's pixels with source, uncertainty and count. Its measures:
        ``valid_share`` of all pixels, ``flying_share``: removed, of the pixels with enough valid
        frames, and ``noise_mm``, the median uncertainty (absent where it is not known).

    Raises:
        InputError: It is no burst.
    """
    fused = fuse(burst, config.fuse)
    assert fused.count is not None
    enough = fused.count > config.fuse.least_share * len(burst)
    kept = fused if config.flying is None else remove_flying(fused, config.flying)
    clean = kept if config.smooth is None else smooth(kept, config.smooth)
    before, after = (int(np.count_nonzero(image)) for image in (enough, clean.depth))
    measures = {
        "valid_share": after / clean.depth.size,
        "flying_share": (before - after) / max(before, 1),
    }
    if after and clean.uncertainty is not None:
        measures["noise_mm"] = float(np.median(clean.uncertainty[clean.depth > 0]))
    return replace(clean, measures=measures)
