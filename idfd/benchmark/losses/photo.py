"""Losses on photos in [0, 1]."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F


def charbonnier(prediction: Tensor, truth: Tensor, epsilon: float = 1e-3) -> Tensor:
    """Smooth absolute error, ``mean(sqrt((p - t)² + ε²))``.

    Args:
        prediction: (B, 3, H, W).
        truth: (B, 3, H, W).
        epsilon: Error below which the loss is quadratic.

    Source: equation 3.4 of the thesis; Charbonnier et al., ICIP 1994.
    """
    return ((prediction - truth).square() + epsilon**2).sqrt().mean()


def ssim(prediction: Tensor, truth: Tensor, *, window: int = 11, sigma: float = 1.5) -> Tensor:
    """Mean structural similarity of photos in [0, 1], at most 1.

    It equals :func:`idfd.benchmark.metrics.restoration.ssim` on the same values: Gaussian window,
    population variances, C1 = 0.01², C2 = 0.03², and only windows that lie inside the photo.

    Args:
        prediction: (B, C, H, W), both sides at least ``window``.
        truth: (B, C, H, W).
        window: Side of the window in pixels, odd.
        sigma: Standard deviation of the window in pixels.

    Source: Wang, Bovik, Sheikh and Simoncelli, IEEE TIP 13(4), 2004.
    """
    channels = prediction.shape[1]
    offsets = torch.arange(window, dtype=prediction.dtype, device=prediction.device) - window // 2
    kernel = torch.exp(-0.5 * (offsets / sigma) ** 2)
    kernel = (kernel / kernel.sum()).expand(5 * channels, 1, 1, window)
    x, y = prediction, truth
    moments = torch.cat((x, y, x * x, y * y, x * y), 1)
    moments = F.conv2d(moments, kernel, groups=5 * channels)
    moments = F.conv2d(moments, kernel.transpose(-1, -2), groups=5 * channels)
    mean_x, mean_y, square_x, square_y, product = moments.chunk(5, 1)
    c1, c2 = 0.01**2, 0.03**2
    variances = square_x + square_y - mean_x**2 - mean_y**2
    covariance = product - mean_x * mean_y
    luminance = (2 * mean_x * mean_y + c1) / (mean_x**2 + mean_y**2 + c1)
    return (luminance * (2 * covariance + c2) / (variances + c2)).mean()
