"""Sums over a window by shifting whole planes, in plain torch: for GPUs, and as a second opinion.

``e_k = exp(−k² / 2σ²)`` of a pixel is its Gaussian at ``k`` columns or rows; ``e_x·e_y`` is that at
(x, y), the same in all four quadrants.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F

REACH = 7.5
"""Standard deviations after which a Gaussian ends; exp(−REACH²/2) is below 1e-12."""


def reach_of(largest_sigma: float, radius: int) -> int:
    """Largest offset that counts, pixels."""
    return min(radius, math.ceil(REACH * largest_sigma))


def _rows_of(sigma: Tensor, reach: int) -> Tensor:
    """``e_0`` to ``e_reach`` of every pixel, (reach + 1, B, 1, H, W)."""
    offsets = torch.arange(reach + 1, dtype=sigma.dtype, device=sigma.device)
    return torch.exp(-0.5 * (offsets.reshape(-1, 1, 1, 1, 1) / sigma).square())


def sums(values: Tensor, sigma: Tensor, radius: int) -> Tensor:
    """Light of all sources where it arrives: ``Σ_q e(p − q, σ(q))·values(q)``.

    Args:
        values: (B, C, H, W).
        sigma: (B, 1, H, W) pixels.
        radius: Largest offset along either axis.

    Returns:
        (B, C, H, W).
    """
    height, width = values.shape[-2:]
    reach = reach_of(float(sigma.max()), radius)
    rows = _rows_of(sigma, reach)
    out = F.pad(torch.zeros_like(values), (reach,) * 4)
    for x in range(reach + 1):
        column = values * rows[x]
        tall = F.pad(torch.zeros_like(values), (0, 0, reach, reach))
        for y in range(reach + 1):
            part = column * rows[y]
            tall[..., reach + y : reach + y + height, :] += part
            if y:
                tall[..., reach - y : reach - y + height, :] += part
        out[..., reach + x : reach + x + width] += tall
        if x:
            out[..., reach - x : reach - x + width] += tall
    return out[..., reach : reach + height, reach : reach + width]


def adjoint(values: Tensor, sigma: Tensor, radius: int) -> tuple[Tensor, Tensor]:
    """What each source lights: ``Σ_p e(p − q, σ(q))·values(p)``, and the same with ``|p − q|²``.

    Args:
        values: (B, C, H, W).
        sigma: (B, 1, H, W) pixels.
        radius: Largest offset along either axis.

    Returns:
        Two of (B, C, H, W).
    """
    height, width = values.shape[-2:]
    reach = reach_of(float(sigma.max()), radius)
    rows = _rows_of(sigma, reach)
    padded = F.pad(values, (reach,) * 4)
    plain, squared = torch.zeros_like(values), torch.zeros_like(values)
    for x in range(reach + 1):
        column = padded[..., reach + x : reach + x + width]
        if x:
            column = column + padded[..., reach - x : reach - x + width]
        for y in range(reach + 1):
            both = column[..., reach + y : reach + y + height, :]
            if y:
                both = both + column[..., reach - y : reach - y + height, :]
            part = both * (rows[x] * rows[y])
            plain += part
            squared += part * (x * x + y * y)
    return plain, squared
