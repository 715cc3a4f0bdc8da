"""Weights of the losses, apart from torch."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from idfd.model.schema import Record

Regulariser = Literal["none", "hu", "eigen", "ummenhofer", "xian", "godard"]
"""The smoothing regularisers of :mod:`idfd.benchmark.losses.regularisers`."""
NotNegative = Annotated[float, msgspec.Meta(ge=0)]


class SelfSupervisedConfig(Record, frozen=True, kw_only=True):
    """Weights for a network with a defocus head; the defaults are those of chapter 5.

    Attributes:
        sharp: The sharp photo that is blurred again: ``given`` by the data, or ``self``, what the
            all-in-focus head makes of the defocused photo. Then no sharp photo is learned from.
        reblur: Weight of L_re.
        smooth: Weight of L_smooth.
        charbonnier: Weight of L_charb; for a given sharp photo.
        sparsity: Weight of the normalised sparsity of the photo's gradient; for ``self``.
        alpha: Weight α of SSIM within L_re.
        beta: β of L_smooth.
        scale_px: Diameter of the circle of confusion that L_smooth counts as 1.
        window: Side of the window that a spot is cut to, pixels, odd.
        floor_px: Standard deviation of a spot that counts as sharp; 0.5 in the published layer,
            below which there is nothing to learn from.
    """

    sharp: Literal["given", "self"] = "given"
    reblur: NotNegative = 2.0
    smooth: NotNegative = 0.5
    charbonnier: NotNegative = 0.01
    sparsity: NotNegative = 0.1
    alpha: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.85
    beta: NotNegative = 2.5
    scale_px: Annotated[float, msgspec.Meta(gt=0)] = 32.0
    window: Annotated[int, msgspec.Meta(ge=3)] = 51
    floor_px: Annotated[float, msgspec.Meta(gt=0)] = 0.25

    def __post_init__(self) -> None:
        if self.window % 2 == 0:
            raise ValueError(f"window {self.window} is not odd")


class LossConfig(Record, frozen=True, kw_only=True):
    """Weights of the terms.

    Attributes:
        gradient: Weight μ of the gradient term beside L1; 0.001 in the thesis.
        regulariser: Smoothing regulariser of chapter 2, added to the depth term.
        regulariser_weight: Its weight.
        ssim: Weight Ψ of 1 - SSIM beside Charbonnier; 4 in the thesis.
        epsilon: ε of Charbonnier, for photos in [0, 1].
        balance: Weight λ of deblurring beside depth (equation 3.7), or ``auto``: λ follows the
            ratio of the two terms, so that they contribute equally, the thesis' criterion.
        pixels: Depth that counts: ``valid`` (any known), or ``measured`` (not in-painted).
        uncertainty: Weight a pixel by ``1 / (1 + (σ / σ₀)²)`` of its depth's standard deviation σ
            with this σ₀ in metres; 0 switches it off. Pixels without a known σ count fully.
        self_supervised: Of a network with a defocus head, in place of all above but ε.
    """

    gradient: NotNegative = 0.001
    regulariser: Regulariser = "none"
    regulariser_weight: NotNegative = 1.0
    ssim: NotNegative = 4.0
    epsilon: Annotated[float, msgspec.Meta(gt=0)] = 1e-3
    balance: NotNegative | Literal["auto"] = "auto"
    pixels: Literal["valid", "measured"] = "valid"
    uncertainty: NotNegative = 0.0
    self_supervised: SelfSupervisedConfig = SelfSupervisedConfig()
