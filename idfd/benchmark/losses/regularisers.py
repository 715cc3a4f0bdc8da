"""The smoothing regularisers that chapter 2 of the thesis compares, on depth maps in metres.

Each is a pure function of prediction d̂, truth d and the weight of each pixel, all (B, 1, H, W).
``e = d̂ - d``. A term that reads several pixels counts with the smallest of their weights, so that
none reaches into unknown depth; truth of weight 0 may be anything, NaN too. All give 0, with a
gradient of 0, where nothing has weight.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor
from torch.nn import functional as F

from idfd.benchmark.losses.depth import differences, residual, weighted_mean

FLOOR_M = 0.1
"""Where a formula needs depth above 0, smaller depth counts as this much: the depth head is linear
and may give 0 or less, and protocols score nothing that is nearer. L1 is what lifts such depth."""
OFFSET_M = 0.5
"""α of Hu et al."""
EPSILON_M = 1e-3
"""Keeps the scale-invariant gradient of Ummenhofer et al. from dividing by 0."""
STEPS = (1, 2, 4, 8, 16)
"""Spacings in pixels of Ummenhofer et al."""
SCALES = 4
"""Scales of Xian et al., each half as fine as the one before."""


def hu(prediction: Tensor, truth: Tensor, weight: Tensor) -> Tensor:
    """Errors of depth, of its Sobel gradient and of the surface's normal.

    ``mean ln(|e| + 0.5) + mean ln(|Sx e| + 0.5) + mean ln(|Sy e| + 0.5) + mean(1 - cos(n̂, n))``
    with the unnormalised Sobel operators S (which are linear: ``S d̂ - S d = S e``) and
    ``n = (-Sx d, -Sy d, 1)``. It may be negative: its smallest value is ``3 ln 0.5``.

    Args:
        prediction: (B, 1, H, W) metres.
        truth: (B, 1, H, W) metres.
        weight: (B, 1, H, W), at least 0.

    Source: Hu, Ozay, Zhang and Okatani, "Revisiting Single Image Depth Estimation", WACV 2019,
    equations 3 to 6 with all weights 1.
    """
    inner = -F.max_pool2d(-weight, 3, stride=1)
    slope, true_slope = _sobel(_known(prediction, weight)), _sobel(_known(truth, weight))
    error = residual(prediction, truth, weight)
    depth = weighted_mean((error.abs() + OFFSET_M).log(), weight)
    gradient = weighted_mean(
        ((slope - true_slope).abs() + OFFSET_M).log().sum(1, keepdim=True), inner
    )
    cosine = ((slope * true_slope).sum(1, keepdim=True) + 1) / (
        (slope.square().sum(1, keepdim=True) + 1) * (true_slope.square().sum(1, keepdim=True) + 1)
    ).sqrt()
    return depth + gradient + weighted_mean(1 - cosine, inner)


def eigen(prediction: Tensor, truth: Tensor, weight: Tensor) -> Tensor:
    """Scale-invariant error of ln depth, and the error of its gradient.

    ``mean(D²) - ½·mean(D)² + mean((∂x D)² + (∂y D)²)`` with ``D = ln d̂ - ln d``. The mean of D is
    that of each image; depth below :data:`FLOOR_M` counts as that.

    Args:
        prediction: (B, 1, H, W) metres.
        truth: (B, 1, H, W) metres.
        weight: (B, 1, H, W), at least 0.

    Source: Eigen, Puhrsch and Fergus, NIPS 2014, equation 4 with λ = ½; the gradient is equation 1
    of Eigen and Fergus, ICCV 2015.
    """
    error = residual(_log(prediction, weight), _log(truth, weight), weight)
    across, down = differences(error, weight)
    return (
        weighted_mean(error.square(), weight)
        - 0.5 * weighted_mean(_image_mean(error, weight).square(), weight)
        + weighted_mean(across[0].square(), across[1])
        + weighted_mean(down[0].square(), down[1])
    )


def ummenhofer(prediction: Tensor, truth: Tensor, weight: Tensor) -> Tensor:
    """Error of gradients that do not depend on scale, at five spacings.

    ``Σ_h mean ‖g_h[d̂] - g_h[d]‖`` over h of 1, 2, 4, 8 and 16 pixels, where the two parts of g_h
    are ``(f(i + h) - f(i)) / (|f(i + h)| + |f(i)| + ε)`` to the right and downwards.

    Args:
        prediction: (B, 1, H, W) metres; a spacing that does not fit into it is left out.
        truth: (B, 1, H, W) metres.
        weight: (B, 1, H, W), at least 0.

    Source: Ummenhofer et al., "DeMoN", CVPR 2017, equations 6 and 7 (there on inverse depth).
    """
    found = weight.new_zeros(())
    d, t = _known(prediction, weight), _known(truth, weight)
    for h in STEPS:
        if h < min(d.shape[-2:]):
            corner = weight[..., :-h, :-h]
            both = corner.minimum(weight[..., :-h, h:]).minimum(weight[..., h:, :-h])
            length = torch.linalg.vector_norm(
                _scale_invariant(d, h) - _scale_invariant(t, h), dim=1, keepdim=True
            )
            found = found + weighted_mean(length, both)
    return found


def xian(prediction: Tensor, truth: Tensor, weight: Tensor) -> Tensor:
    """Gradient of the error at four scales.

    ``(1/M)·Σ_k Σ(|∂x R^k| + |∂y R^k|)`` with ``R^k``, k of 0 to 3, every 2^k-th pixel of e, forward
    differences, and M the weight of all pixels. With one scale it is
    :func:`idfd.benchmark.losses.depth.gradient` but for the border.

    Args:
        prediction: (B, 1, H, W) metres.
        truth: (B, 1, H, W) metres.
        weight: (B, 1, H, W), at least 0.

    Source: Xian et al., "Structure-Guided Ranking Loss for Single Image Depth Prediction", CVPR
    2020, equation 6; first in Li and Snavely, "MegaDepth", CVPR 2018.
    """
    error = residual(prediction, truth, weight)
    found = weight.new_zeros(())
    for step in (2**k for k in range(SCALES)):
        for change, both in differences(error[..., ::step, ::step], weight[..., ::step, ::step]):
            found = found + (change.abs() * both).sum()
    return found / weight.sum().clamp_min(1e-12)


def godard(prediction: Tensor, truth: Tensor, weight: Tensor) -> Tensor:
    """Slope of the prediction, except where the truth has an edge.

    ``mean(|∂x d*|·exp(-|∂x d|) + |∂y d*|·exp(-|∂y d|))`` with ``d* = d̂ / mean(d̂)``, the mean being
    that of each image, and at least :data:`FLOOR_M`. The original is guided by the photo in place
    of the truth; the thesis' supervised modification by the truth in metres.

    Args:
        prediction: (B, 1, H, W) metres.
        truth: (B, 1, H, W) metres.
        weight: (B, 1, H, W), at least 0.

    Source: Godard, Mac Aodha and Brostow, CVPR 2017, equation 3, and the thesis, chapter 2. The
    division by the mean is that of Wang et al., CVPR 2018.
    """
    known = _known(prediction, weight)
    relative = known / _image_mean(known, weight).clamp_min(FLOOR_M)
    found = weight.new_zeros(())
    for (slope, both), (edge, _) in zip(
        differences(relative, weight), differences(_known(truth, weight), weight), strict=True
    ):
        found = found + weighted_mean(slope.abs() * (-edge.abs()).exp(), both)
    return found


REGULARISERS: Mapping[str, Callable[[Tensor, Tensor, Tensor], Tensor]] = {
    "hu": hu,
    "eigen": eigen,
    "ummenhofer": ummenhofer,
    "xian": xian,
    "godard": godard,
}
"""By the name in :class:`idfd.benchmark.losses.config.LossConfig`."""


def _known(depth: Tensor, weight: Tensor) -> Tensor:
    """Depth with 0 where the weight is 0, so that no NaN gets into a sum."""
    return residual(depth, torch.zeros_like(depth), weight)


def _log(depth: Tensor, weight: Tensor) -> Tensor:
    return _known(depth, weight).clamp_min(FLOOR_M).log()


def _image_mean(values: Tensor, weight: Tensor) -> Tensor:
    """Weighted mean of each image, (B, 1, 1, 1)."""
    axes = (1, 2, 3)
    return (values * weight).sum(axes, keepdim=True) / weight.sum(axes, keepdim=True).clamp_min(
        1e-12
    )


def _sobel(values: Tensor) -> Tensor:
    """Unnormalised Sobel gradients in x and y, (B, 2, H - 2, W - 2)."""
    smooth = values.new_tensor([1.0, 2.0, 1.0])
    slope = values.new_tensor([-1.0, 0.0, 1.0])
    kernels = torch.stack((torch.outer(smooth, slope), torch.outer(slope, smooth)))
    return F.conv2d(values, kernels[:, None])


def _scale_invariant(depth: Tensor, step: int) -> Tensor:
    """g_h of :func:`ummenhofer`, (B, 2, H - h, W - h)."""
    here = depth[..., :-step, :-step]
    steps = torch.cat((depth[..., :-step, step:], depth[..., step:, :-step]), 1)
    return (steps - here) / (steps.abs() + here.abs() + EPSILON_M)
