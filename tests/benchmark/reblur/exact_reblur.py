"""The sums of the PSF layer written out, for tests and benchmarks: slow, and large in memory."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F


def by_loops(image: Tensor, sigma: Tensor, window: int) -> Tensor:
    """Every pixel from every neighbour, one at a time; (C, H, W) and (H, W)."""
    radius = window // 2
    _, height, width = image.shape
    out = torch.zeros_like(image)
    for y in range(height):
        for x in range(width):
            total = 0.0
            for v in range(max(0, y - radius), min(height, y + radius + 1)):
                for u in range(max(0, x - radius), min(width, x + radius + 1)):
                    s = float(sigma[v, u])
                    g = math.exp(-((v - y) ** 2 + (u - x) ** 2) / (2 * s * s)) / (s * s)
                    out[:, y, x] += g * image[:, v, u]
                    total += g
            out[:, y, x] /= total
    return out


def by_unfold(image: Tensor, sigma: Tensor, window: int) -> Tensor:
    """All windows laid out side by side; (B, C, H, W) and (B, 1, H, W), plain autograd."""
    radius = window // 2
    batch, _, height, width = image.shape

    def windows(planes: Tensor, outside: float = 0.0) -> Tensor:
        padded = F.pad(planes, (radius,) * 4, value=outside)
        shape = (batch, planes.shape[1], window**2, height, width)
        return F.unfold(padded, window).reshape(shape)

    offsets = torch.arange(window, dtype=image.dtype, device=image.device) - radius
    squared = (offsets[:, None] ** 2 + offsets**2).reshape(1, 1, -1, 1, 1)
    variance = windows(sigma, outside=1.0).square()
    inside = windows(torch.ones_like(sigma))
    g = torch.exp(-squared / (2 * variance)) / variance * inside
    return (g * windows(image)).sum(2) / g.sum(2)
