"""A depth map with what is known of each of its pixels."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from idfd.errors import InputError
from idfd.model.triple import DepthSource


@dataclass(frozen=True)
class DepthMap:
    """Depth, where it comes from, and how far it can be trusted.

    Attributes:
        depth: Millimetres along the optical axis, (H, W) float32, 0 = no depth.
        source: :class:`DepthSource` of each pixel, (H, W) uint8; ``NONE`` exactly where no depth.
        uncertainty: Standard deviation of ``depth``, (H, W) float32 millimetres, NaN where no
            depth; None where nothing is known of it.
        count: Frames that each pixel was fused from, (H, W) uint16; None where not known.
        measures: Numbers about the map as a whole, by name.
    """

    depth: NDArray[np.float32]
    source: NDArray[np.uint8]
    uncertainty: NDArray[np.float32] | None = None
    count: NDArray[np.uint16] | None = None
    measures: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.depth.ndim != 2:
            raise InputError(f"the depth map has shape {self.depth.shape}", limit="(H, W)")
        for name, array, dtype in (
            ("depth", self.depth, np.float32),
            ("source", self.source, np.uint8),
            ("uncertainty", self.uncertainty, np.float32),
            ("count", self.count, np.uint16),
        ):
            if array is not None and (array.dtype != dtype or array.shape != self.depth.shape):
                raise InputError(
                    f"{name} is {array.dtype} of shape {array.shape}",
                    limit=f"{np.dtype(dtype)} of shape {self.depth.shape}",
                )

    @classmethod
    def of_image(cls, depth: NDArray[np.uint16], source: DepthSource) -> DepthMap:
        """A map from whole millimetres, (H, W) uint16, all of one source."""
        return cls(
            depth.astype(np.float32),
            np.where(depth > 0, source, DepthSource.NONE).astype(np.uint8),
        )
