"""Losses that learn a map of defocus from photos alone.

The map is right if the sharp photo, blurred by it, gives the defocused photo. Photos are in [0, 1],
maps are diameters of the circle of confusion in pixels, as everywhere in this project.
"""

from __future__ import annotations

import torch
from torch import Tensor

from idfd.benchmark.losses.config import LossConfig
from idfd.benchmark.losses.photo import charbonnier, ssim
from idfd.benchmark.network.twohead import Output
from idfd.benchmark.reblur.layer import SIGMA_PER_COC, reblur


def reblurring(reblurred: Tensor, defocused: Tensor, alpha: float = 0.85) -> Tensor:
    """How far the re-blurred photo is from the defocused one.

    ``L_re = α/2·(1 − SSIM(I^r, I^b)) + (1 − α)·mean|I^r − I^b|``

    Args:
        reblurred: The sharp photo blurred by the estimated map, (B, 3, H, W).
        defocused: (B, 3, H, W).
        alpha: Weight of SSIM.

    Source: equation 5.1 of the thesis.
    """
    absolute = (reblurred - defocused).abs().mean()
    return alpha / 2 * (1 - ssim(reblurred, defocused)) + (1 - alpha) * absolute


def smoothness(defocus: Tensor, sharp: Tensor, beta: float = 2.5) -> Tensor:
    """Mean gradient of the map, which counts less where the sharp photo has an edge.

    ``L_smooth = mean(|∂x D|·exp(−β·|∂x I|)) + mean(|∂y D|·exp(−β·|∂y I|))``, with forward
    differences and the photo's gradient a mean over its channels.

    Args:
        defocus: Map of defocus, normalised, (B, 1, H, W).
        sharp: All-in-focus photo, (B, 3, H, W).
        beta: How much an edge of the photo allows.

    Source: equation 5.2 of the thesis.
    """
    terms = []
    for axis in (-1, -2):
        edge = sharp.diff(dim=axis).abs().mean(1, keepdim=True)
        terms.append((defocus.diff(dim=axis).abs() * torch.exp(-beta * edge)).mean())
    return terms[0] + terms[1]


def normalised_sparsity(photo: Tensor) -> Tensor:
    """Mean over its size of the photo's gradient: 1 if it is the same everywhere, less if sparse.

    ``|∇I|₁ / (√n·|∇I|₂)`` over the n differences of each photo of a batch, then the mean. Blur
    lowers both norms, but the second one more: unlike either norm, the ratio is lower for a sharp
    photo than for a blurred one, and it does not change with contrast.

    Args:
        photo: (B, 3, H, W).

    Source: Krishnan, Tay and Fergus, "Blind Deconvolution Using a Normalized Sparsity Measure",
    CVPR 2011.
    """
    steps = torch.cat([photo.diff(dim=axis).flatten(1) for axis in (-1, -2)], 1)
    return (steps.abs().mean(1) / (steps.square().mean(1) + 1e-8).sqrt()).mean()


def self_supervised_terms(
    output: Output, batch: dict[str, Tensor], config: LossConfig
) -> dict[str, Tensor]:
    """The terms of a network with a defocus head.

    With a given sharp photo, ``L = 2·L_re + 0.5·L_smooth + 0.01·L_charb`` (equations 5.3 and 5.4):
    L_charb teaches the all-in-focus head, if there is one. Without, the photo of that head is what
    is blurred again, and its sparsity stands in for L_charb.

    Args:
        output: What the network gave; its map of defocus is there.
        batch: ``defocused`` (B, 3, H, W) in [0, 1], and ``all_in_focus`` where that is given.
        config: Weights.

    Returns:
        ``defocus``, which is L; ``reblur``, ``smooth``, and ``charbonnier`` or ``sparsity``.
    """
    weights = config.self_supervised
    assert output.defocus is not None
    estimate = None if output.aif is None else (output.aif + 1) / 2
    if weights.sharp == "given":
        sharp = batch["all_in_focus"]
    else:
        assert estimate is not None
        sharp = estimate
    again = reblur(sharp, output.defocus * SIGMA_PER_COC, weights.window, weights.floor_px)
    found = {
        "reblur": reblurring(again, batch["defocused"], weights.alpha),
        # The map follows the photo's edges; the photo is not to make edges for the map.
        "smooth": smoothness(output.defocus / weights.scale_px, sharp.detach(), weights.beta),
    }
    loss = weights.reblur * found["reblur"] + weights.smooth * found["smooth"]
    if weights.sharp == "self":
        found["sparsity"] = normalised_sparsity(sharp)
        loss = loss + weights.sparsity * found["sparsity"]
    elif estimate is not None:
        found["charbonnier"] = charbonnier(estimate, sharp, config.epsilon)
        loss = loss + weights.charbonnier * found["charbonnier"]
    return {"defocus": loss, **found}
