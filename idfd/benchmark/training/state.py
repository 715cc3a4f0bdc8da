"""The whole state of a run as tensors and numbers, so that it can go on where it was killed."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from idfd.benchmark.checkpoint import STATE, load_weights
from idfd.benchmark.network.twohead import TwoHeadNet
from idfd.benchmark.training.config import OptimiserConfig
from idfd.errors import InputError

_WEIGHTS = f"{STATE}weights."
_OPTIMISER = f"{STATE}optimiser."
_MOMENTS = ("step", "exp_avg", "exp_avg_sq")


def make_optimiser(network: TwoHeadNet, config: OptimiserConfig) -> torch.optim.Adam:
    """Adam, or AdamW where weights decay, in its fused form."""
    kind = torch.optim.AdamW if config.weight_decay else torch.optim.Adam
    return kind(
        network.parameters(),
        lr=config.rate,
        betas=config.betas,
        weight_decay=config.weight_decay,
        fused=True,
    )


class Weights:
    """The trained network, its optimiser, and the running mean of its weights.

    Args:
        network: The network, which is changed by training.
        config: Settings of the optimiser.
        average: Memory of the running mean; 0 keeps none.
    """

    def __init__(self, network: TwoHeadNet, config: OptimiserConfig, average: float) -> None:
        self.network = network
        self.optimiser = make_optimiser(network, config)
        self._mean = (
            AveragedModel(network, multi_avg_fn=get_ema_multi_avg_fn(average)) if average else None  # type: ignore[no-untyped-call]
        )

    @property
    def best(self) -> TwoHeadNet:
        """What is validated and stored: the running mean where there is one."""
        if self._mean is None:
            return self.network
        mean = self._mean.module
        assert isinstance(mean, TwoHeadNet)
        return mean

    def stepped(self) -> None:
        """Take the new weights into the running mean."""
        if self._mean is not None:
            self._mean.update_parameters(self.network)
            for old, new in zip(self.best.buffers(), self.network.buffers(), strict=True):
                old.copy_(new)

    def tensors(self) -> dict[str, Tensor]:
        """The weights of :attr:`best` by name, and the state to go on from under ``STATE``."""
        found = dict(self.best.state_dict())
        if self._mean is not None:
            found |= {_WEIGHTS + name: part for name, part in self.network.state_dict().items()}
            found[f"{STATE}averaged"] = self._mean.n_averaged
        for name, parameter in self.network.named_parameters():
            for key, value in self.optimiser.state.get(parameter, {}).items():
                found[f"{_OPTIMISER}{name}.{key}"] = value
        return found

    def load(self, tensors: dict[str, Tensor], where: Any) -> None:
        """Take the state back.

        Raises:
            InputError: The tensors do not fit the network, or are not the state of a run.
        """
        needed = {
            f"{_OPTIMISER}{name}.{key}"
            for name, _ in self.network.named_parameters()
            for key in _MOMENTS
        }
        if self._mean is not None:
            needed.add(f"{STATE}averaged")
        missing = sorted(needed - tensors.keys())
        if missing:
            raise InputError(
                f"the checkpoint lacks {len(missing)} tensors of the run's state: {missing[0]}, …",
                where=where,
                limit="the state that training left (last.safetensors)",
                remedy="It holds weights only; train in another folder",
            )
        best = {name: part for name, part in tensors.items() if not name.startswith(STATE)}
        load_weights(self.best, best, where)
        if self._mean is not None:
            own = {
                name.removeprefix(_WEIGHTS): part
                for name, part in tensors.items()
                if name.startswith(_WEIGHTS)
            }
            load_weights(self.network, own, where)
            self._mean.n_averaged.copy_(tensors[f"{STATE}averaged"])
        for name, parameter in self.network.named_parameters():
            prefix = f"{_OPTIMISER}{name}."
            self.optimiser.state[parameter] = {
                key: _like(tensors[prefix + key], parameter) for key in _MOMENTS
            }

    def finite(self) -> bool:
        """Whether all that a checkpoint holds are numbers."""
        floats = [part for part in self.tensors().values() if part.is_floating_point()]
        return bool(torch.stack([part.isfinite().all().cpu() for part in floats]).all())


def _like(stored: Tensor, parameter: Tensor) -> Tensor:
    """A moment, or the scalar count of steps, on the device of its parameter.

    Fused Adam walks through memory and takes parameter and moments to lie in the same order,
    which channels_last has changed; a file holds them in the usual one.
    """
    if stored.ndim == 0:
        return stored.to(parameter.device, copy=True)
    return torch.empty_like(parameter).copy_(stored)
