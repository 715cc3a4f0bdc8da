"""The loss of a training step: both heads' terms and their balance."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor

from idfd.benchmark.losses.config import LossConfig
from idfd.benchmark.losses.depth import gradient, l1
from idfd.benchmark.losses.photo import charbonnier, ssim
from idfd.benchmark.losses.regularisers import REGULARISERS
from idfd.benchmark.losses.self_supervised import self_supervised_terms
from idfd.benchmark.network.twohead import Output


class Balance:
    """λ of the total loss: fixed, or the running ratio of the two terms.

    Args:
        setting: λ, or ``auto``.
        means: Running means of the depth and the deblurring term, of a run that goes on.
        memory: Share of the old running mean that a step keeps.
    """

    def __init__(
        self,
        setting: float | Literal["auto"],
        means: tuple[float, ...] = (),
        memory: float = 0.98,
    ) -> None:
        self.setting = setting
        self.memory = memory
        self._means = torch.tensor(means, dtype=torch.float64) if means else None

    @property
    def means(self) -> tuple[float, ...]:
        """Running means of the depth and the deblurring term; empty before the first step."""
        return () if self._means is None else tuple(self._means.tolist())

    def update(self, depth: Tensor, deblur: Tensor) -> Tensor:
        """λ for a step with these terms, a scalar without gradient on their device.

        Args:
            depth: The depth term, a scalar, the same in all processes.
            deblur: The deblurring term, likewise.
        """
        if self.setting != "auto":
            return torch.full_like(depth, self.setting)
        # Nothing is read back from the device here: a GPU would have to be waited for.
        now = torch.stack((depth.detach(), deblur.detach())).double()
        old = now if self._means is None else self._means.to(now.device)
        self._means = self.memory * old + (1 - self.memory) * now
        return (self._means[0] / self._means[1].clamp_min(1e-12)).float()


def depth_weight(batch: dict[str, Tensor], config: LossConfig) -> Tensor:
    """Weight of each pixel of the depth terms, (B, 1, H, W) float32.

    Args:
        batch: ``valid`` and ``measured`` (B, 1, H, W) bool, and where it is known ``uncertainty``
            (B, 1, H, W) metres, NaN where unknown.
        config: Which pixels count, and how much.
    """
    counted = batch["valid"] & batch["measured"] if config.pixels == "measured" else batch["valid"]
    weight = counted.float()
    if config.uncertainty and "uncertainty" in batch:
        sigma = torch.nan_to_num(batch["uncertainty"], nan=0.0)
        weight = weight / (1 + (sigma / config.uncertainty) ** 2)
    return weight


def terms(output: Output, batch: dict[str, Tensor], config: LossConfig) -> dict[str, Tensor]:
    """Every term of the heads that are there, unweighted but for μ, Ψ and the regulariser's weight.

    Args:
        output: What the network gave.
        batch: ``depth`` (B, 1, H, W) metres, ``all_in_focus`` (B, 3, H, W) in [0, 1], and the
            masks of :func:`depth_weight`.
        config: Weights.

    Returns:
        ``depth``, ``depth_l1``, ``depth_gradient`` and, where one is set, ``regulariser``;
        ``deblur``, ``charbonnier`` and ``ssim``. With a defocus head, those of
        :func:`~idfd.benchmark.losses.self_supervised.self_supervised_terms` instead.
    """
    if output.defocus is not None:
        return self_supervised_terms(output, batch, config)
    found: dict[str, Tensor] = {}
    if output.depth is not None:
        weight = depth_weight(batch, config)
        found["depth_l1"] = l1(output.depth, batch["depth"], weight)
        found["depth_gradient"] = gradient(output.depth, batch["depth"], weight)
        found["depth"] = found["depth_l1"] + config.gradient * found["depth_gradient"]
        if config.regulariser != "none":
            smooth = REGULARISERS[config.regulariser](output.depth, batch["depth"], weight)
            found["regulariser"] = smooth
            found["depth"] = found["depth"] + config.regulariser_weight * smooth
    if output.aif is not None:
        photo = (output.aif + 1) / 2
        found["charbonnier"] = charbonnier(photo, batch["all_in_focus"], config.epsilon)
        found["ssim"] = ssim(photo, batch["all_in_focus"])
        found["deblur"] = found["charbonnier"] + config.ssim * (1 - found["ssim"])
    return found


def total(
    found: dict[str, Tensor],
    balance: Balance,
    shared: Callable[[Tensor], Tensor] = lambda term: term,
) -> tuple[Tensor, Tensor]:
    """The loss to minimise, ``L_depth + λ·L_deblur`` (equation 3.7), and λ.

    With one head it is that head's loss, and so with a defocus head; λ is then 1.

    Args:
        found: What :func:`terms` gave.
        balance: λ.
        shared: Mean of a scalar over all processes, so that λ is one for all.
    """
    if "depth" in found and "deblur" in found:
        factor = balance.update(shared(found["depth"].detach()), shared(found["deblur"].detach()))
        return found["depth"] + factor * found["deblur"], factor
    loss = next(found[name] for name in ("defocus", "depth", "deblur") if name in found)
    return loss, torch.ones_like(loss)
