"""One step of training: forward, loss, backward, update."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from idfd.benchmark.losses.total import Balance, terms, total
from idfd.benchmark.network.twohead import Output
from idfd.benchmark.training.config import TrainConfig
from idfd.benchmark.training.samples import prepare
from idfd.benchmark.training.schedule import rate_factor
from idfd.benchmark.training.state import Weights

if TYPE_CHECKING:
    from lightning_fabric import Fabric


class Learner:
    """Network, optimiser and loss, set up for the device and the processes.

    Args:
        fabric: Device, precision and processes, launched.
        weights: What is trained; on the device already.
        config: Settings of the run.
        steps: Steps of the whole run.
        means: Running means of the loss balance, of a run that goes on.
    """

    def __init__(
        self,
        fabric: Fabric,
        weights: Weights,
        config: TrainConfig,
        steps: int,
        means: tuple[float, ...] = (),
    ) -> None:
        self.weights = weights
        self.balance = Balance(config.loss.balance, means)
        self._fabric = fabric
        self._config = config
        self._steps = steps
        network: nn.Module = weights.network
        if config.compile:
            network = torch.compile(network)  # type: ignore[assignment]
        self._model, self._optimiser = fabric.setup(network, weights.optimiser)

    @property
    def rate(self) -> float:
        """Learning rate of the last step."""
        return float(self._optimiser.param_groups[0]["lr"])

    def step(
        self, samples: dict[str, Tensor], step: int, plateau: float = 1.0
    ) -> dict[str, Tensor]:
        """Train on a batch.

        Args:
            samples: What the data loader gives of :class:`Samples`.
            step: Number of the step, from 0.
            plateau: Factor that plateaus have brought to the learning rate.

        Returns:
            The terms of the loss, ``loss`` and ``lambda``: scalars on the device, not yet waited
            for.
        """
        config, fabric = self._config, self._fabric
        batch = prepare(samples, fabric.device, config.channels_last)
        factor = rate_factor(config.schedule, step, self._steps, plateau)
        for group in self._optimiser.param_groups:
            group["lr"] = config.optimiser.rate * factor
        # Dropout is the one draw inside the network; the step decides it, so a resumed run repeats.
        torch.manual_seed(config.seed * 1_000_003 + step * 64 + fabric.global_rank)
        self.weights.network.train()
        found = terms(Output(*self._model(batch["defocused"] * 2 - 1)), batch, config.loss)
        loss, balance = total(found, self.balance, self._mean)
        fabric.backward(loss)
        if config.optimiser.clip:
            # A gradient that is no number must not stop fp16, whose scaler skips such steps; in
            # other precisions it reaches the loss, which the run looks at.
            fabric.clip_gradients(
                self._model,
                self._optimiser,
                max_norm=config.optimiser.clip,
                error_if_nonfinite=False,
            )
        self._optimiser.step()
        self._optimiser.zero_grad(set_to_none=True)
        self.weights.stepped()
        return {**found, "loss": loss, "lambda": balance}

    def _mean(self, value: Tensor) -> Tensor:
        if self._fabric.world_size == 1:
            return value
        mean = self._fabric.all_reduce(value, reduce_op="mean")
        assert isinstance(mean, Tensor)
        return mean
