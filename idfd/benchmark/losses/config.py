"""Weights of the losses, apart from torch."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from idfd.model.schema import Record

NotNegative = Annotated[float, msgspec.Meta(ge=0)]


class LossConfig(Record, frozen=True, kw_only=True):
    """Weights of the terms.

    Attributes:
        gradient: Weight μ of the gradient term beside L1; 0.001 in the thesis.
        ssim: Weight Ψ of 1 - SSIM beside Charbonnier; 4 in the thesis.
        epsilon: ε of Charbonnier, for photos in [0, 1].
        balance: Weight λ of deblurring beside depth (equation 3.7), or ``auto``: λ follows the
            ratio of the two terms, so that they contribute equally, the thesis' criterion.
        pixels: Depth that counts: ``valid`` (any known), or ``measured`` (not in-painted).
        uncertainty: Weight a pixel by ``1 / (1 + (σ / σ₀)²)`` of its depth's standard deviation σ
            with this σ₀ in metres; 0 switches it off. Pixels without a known σ count fully.
    """

    gradient: NotNegative = 0.001
    ssim: NotNegative = 4.0
    epsilon: Annotated[float, msgspec.Meta(gt=0)] = 1e-3
    balance: NotNegative | Literal["auto"] = "auto"
    pixels: Literal["valid", "measured"] = "valid"
    uncertainty: NotNegative = 0.0
