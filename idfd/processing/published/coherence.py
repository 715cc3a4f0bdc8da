"""In-painting by coherence transport, which MATLAB offers as ``inpaintCoherent``.

Written from F. Bornemann and T. März, "Fast image inpainting based on coherence transport", Journal
of Mathematical Imaging and Vision 28 (2007): unknown pixels are visited in the order of their
distance to what is known, and each becomes a mean of the known pixels around it, weighted along
the direction in which the image changes least.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from idfd.errors import InputError


@dataclass(frozen=True)
class CoherenceConfig:
    """Settings; radius and smoothing are MATLAB's defaults, the others the paper's examples.

    Attributes:
        radius: Known pixels up to this far away are averaged, pixels (the paper's epsilon).
        smoothing: Standard deviation of the smoothing before gradients are taken, pixels (sigma).
        integration: Standard deviation of the window of the structure tensor, pixels (rho).
        sharpness: How strictly values move along the direction of coherence where there is one
            (kappa); 0 is a plain mean weighted by the inverse distance.
        quantum_mm: Step of the values: gradients below it have no direction.
    """

    radius: float = 5.0
    smoothing: float = 2.0
    integration: float = 4.0
    sharpness: float = 25.0
    quantum_mm: float = 1.0

    def __post_init__(self) -> None:
        # Nearer, a pixel whose only known neighbour lies across a corner would get nothing.
        if self.radius < 1.5 or self.smoothing <= 0 or self.integration <= 0:
            raise ValueError(
                f"coherence: radius {self.radius:g}, smoothing {self.smoothing:g} and integration "
                f"{self.integration:g} pixels; give at least 1.5, and two above 0"
            )


def inpaint_coherent(
    depth: NDArray[np.uint16], config: CoherenceConfig = CoherenceConfig()
) -> NDArray[np.uint16]:
    """Fill all pixels without depth, also those outside of the depth camera's view.

    Args:
        depth: (H, W) uint16 millimetres, 0 = no depth.
        config: Settings.

    Returns:
        (H, W) uint16 millimetres without zeros. Known pixels keep their values, and all others lie
        between the smallest and the largest of them.

    Raises:
        InputError: No pixel has depth.
    """
    from idfd.processing.published.coherence_loops import march

    unknown = depth == 0
    if unknown.all():
        raise InputError(
            "no pixel has depth, so there is nothing to in-paint from",
            limit="at least one pixel with depth",
            remedy="Check the burst of the take, and shoot it again",
        )
    known = ~unknown
    values = depth.astype(np.float64)
    smooth_kernel, window = _gaussian(config.smoothing), _gaussian(config.integration)
    # Normalised convolution: smoothing never mixes the zeros in.
    total, weight = (
        cv2.sepFilter2D(plane, -1, smooth_kernel, smooth_kernel, borderType=cv2.BORDER_CONSTANT)
        for plane in (values, known.astype(np.float64))
    )
    march(
        values, known, _order(unknown), total, weight, smooth_kernel, window,
        config.radius, config.sharpness, config.quantum_mm,
    )  # fmt: skip
    return np.rint(values).astype(np.uint16)


def _gaussian(sigma: float) -> NDArray[np.float64]:
    radius = max(1, round(2 * sigma))
    taps = np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma) ** 2)
    return np.asarray(taps / taps.sum(), np.float64)


def _order(unknown: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Flat indices of the unknown pixels, those nearest to a known one first.

    The arrival time of a front of unit speed is the Euclidean distance, which is computed exactly
    here; fast marching would approximate it.
    """
    distance = cv2.distanceTransform(
        unknown.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE
    ).ravel()
    places = np.flatnonzero(unknown)
    return places[np.argsort(distance[places], kind="stable")]
