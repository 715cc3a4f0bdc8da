"""Losses on depth maps in metres, over the pixels that count."""

from __future__ import annotations

from torch import Tensor


def residual(prediction: Tensor, truth: Tensor, weight: Tensor) -> Tensor:
    """``R = d̂ - d``; 0 where the weight is, whatever the depths are there.

    NaN times 0 is NaN, in values and in gradients: what does not count must not be multiplied.
    """
    return (prediction - truth).where(weight > 0, prediction.new_zeros(()))


def weighted_mean(values: Tensor, weight: Tensor) -> Tensor:
    """``sum(w·v) / sum(w)``; 0, with a gradient of 0, where no pixel has weight."""
    return (values * weight).sum() / weight.sum().clamp_min(1e-12)


def differences(values: Tensor, weight: Tensor) -> tuple[tuple[Tensor, Tensor], ...]:
    """Forward differences across and down, each with the smaller weight of its two pixels."""
    a, b = values, weight
    return (
        (a[..., :, 1:] - a[..., :, :-1], b[..., :, 1:].minimum(b[..., :, :-1])),
        (a[..., 1:, :] - a[..., :-1, :], b[..., 1:, :].minimum(b[..., :-1, :])),
    )


def l1(prediction: Tensor, truth: Tensor, weight: Tensor) -> Tensor:
    """Mean absolute error, ``mean(|d̂ - d|)``, in metres; 0 where no pixel has weight.

    Args:
        prediction: (B, 1, H, W) metres.
        truth: (B, 1, H, W) metres; anything, NaN too, where the weight is 0.
        weight: (B, 1, H, W), at least 0; 0 where depth is not known.

    Source: equation 3.1 of the thesis.
    """
    return weighted_mean(residual(prediction, truth, weight).abs(), weight)


def gradient(prediction: Tensor, truth: Tensor, weight: Tensor) -> Tensor:
    """Mean absolute gradient of the error, ``mean(|∂x R| + |∂y R|)`` with ``R = d̂ - d``.

    Forward differences; one counts with the smaller weight of its two pixels, so that none
    reaches into unknown depth.

    Args:
        prediction: (B, 1, H, W) metres.
        truth: (B, 1, H, W) metres; anything, NaN too, where the weight is 0.
        weight: (B, 1, H, W), at least 0; 0 where depth is not known.

    Source: equation 3.2 of the thesis.
    """
    (across, right), (down, below) = differences(residual(prediction, truth, weight), weight)
    return weighted_mean(across.abs(), right) + weighted_mean(down.abs(), below)
