"""The defocus simulation module: a Gaussian of its own width for every pixel.

Source: the PSF layer of Gur and Wolf (CVPR 2019), with which chapter 5 of the thesis re-blurs.

Three numbers are in use for the size of a spot, and only the first is an argument here:

* ``sigma_px``, the standard deviation of the Gaussian;
* Gur and Wolf's ``c``, clamped to [1, K] in their layer: ``sigma = c / 2``;
* this project's diameter of the circle of confusion, of releases, networks and predictions: the
  disk with the spot's second moment, so that ``sigma = diameter / 4`` (:data:`SIGMA_PER_COC`).
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from idfd.benchmark.reblur import shifts
from idfd.benchmark.reblur.compiled import cpu_adjoint, cpu_sums

SIGMA_PER_COC = 0.25
"""A uniform disk of diameter 1 has this standard deviation along each axis."""
PUBLISHED_FLOOR_PX = 0.5
"""Gur and Wolf copy pixels whose c is at most 1."""


def reblur(
    image: Tensor, sigma_px: Tensor, window: int = 51, floor_px: float = PUBLISHED_FLOOR_PX
) -> Tensor:
    """Blur every pixel of a photo by a Gaussian of its own width.

    ::

        out(p) = Σ_q g(p − q, σ(q)) · image(q) / Σ_q g(p − q, σ(q))
        g(r, σ) = exp(−|r|² / 2σ²) / σ²

    over the pixels ``q`` of the photo in a square window about ``p``, each with its own σ: light
    is spread by where it comes from. Pixels ``p`` with σ of at most ``floor_px`` are copied. σ is
    clamped to [``floor_px``, ``window / 2``], beyond which it has no gradient.

    Memory is a few planes of the photo whatever the window is. Offsets at which no Gaussian
    reaches 1e-8 of its peak are left out, which changes float32 results by less than rounding.

    Args:
        image: (B, C, H, W) float32 or float64.
        sigma_px: Standard deviation of each pixel's spot, (B, 1, H, W), pixels.
        window: Side of the window in pixels, odd.
        floor_px: Largest standard deviation that counts as sharp. The published 0.5 makes a step
            in the result and no gradient below; at 0.25 the Gaussian is a copy to 0.2 % by itself.

    Returns:
        (B, C, H, W), with gradients to ``image`` and ``sigma_px``; both once differentiable.
    """
    sigma = sigma_px.clamp(floor_px, window / 2)
    blurred: Tensor = _NormalisedSpread.apply(image, sigma, window // 2)  # type: ignore[no-untyped-call]
    return torch.where(sigma_px > floor_px, blurred, image)


class _NormalisedSpread(torch.autograd.Function):
    """``N / D``: N is the light that arrives, D what would arrive of a photo of ones.

    With the gradient G of the result R, ``a = G / D`` is that of N and ``b = −Σ G·R / D`` that of
    D. Both are linear in the source pixel's ``g``, so the gradients of a source pixel are sums
    over the pixels that it lights: of ``g·a`` for its value, and of ``∂g/∂σ·(image·a + b)`` with
    ``∂g/∂σ = g·(r²/σ³ − 2/σ)`` for its width.
    """

    @staticmethod
    def forward(ctx: Any, image: Tensor, sigma: Tensor, radius: int) -> Tensor:
        peak = sigma.square().reciprocal()
        spread = cpu_sums if image.device.type == "cpu" else shifts.sums
        arrived = spread(torch.cat((image * peak, peak), 1), sigma, radius)
        weight = arrived[:, -1:]
        result = arrived[:, :-1] / weight
        ctx.save_for_backward(image, sigma, result, weight)
        ctx.radius = radius
        return result

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, None]:
        image, sigma, result, weight = ctx.saved_tensors
        a = gradient / weight
        b = -(a * result).sum(1, keepdim=True)
        gather = cpu_adjoint if image.device.type == "cpu" else shifts.adjoint
        # Sums of g·σ²·x and of r²·g·σ²·x, for x = a and b.
        plain, squared = gather(torch.cat((a, b), 1), sigma, ctx.radius)
        peak = sigma.square().reciprocal()
        slope = squared / sigma.pow(3) - plain * (2 / sigma)
        of_sigma = (slope[:, :-1] * image).sum(1, keepdim=True) + slope[:, -1:]
        return plain[:, :-1] * peak, of_sigma * peak, None
