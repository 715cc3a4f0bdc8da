"""A network as a model of the benchmark."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from idfd.benchmark.models import ModelInput, Prediction, Target
from idfd.benchmark.network.twohead import Output, TwoHeadNet

SMALLEST_DEPTH_M = 1e-3
"""The depth head is linear and may give zero or less, which is no depth."""


class TrainedModel:
    """Depth and deblurred photo of one photo at a time, in float32.

    Args:
        network: The network; it is put into evaluation mode and onto ``device``.
        name: Name in results and reports.
        device: Where to compute.
    """

    def __init__(self, network: TwoHeadNet, name: str, device: str | torch.device = "cpu") -> None:
        self.name = name
        self.predicts: frozenset[Target] = frozenset(network.config.heads)
        self.device = torch.device(device)
        self.network = network.eval().to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]

    @torch.inference_mode()
    def predict(self, item: ModelInput) -> Prediction:
        """Predict at the photo's size, (H, W) float32 metres and (H, W, 3) uint8."""
        return to_prediction(self.network(to_input(item.defocused).to(self.device)))


def to_input(photo: NDArray[np.uint8]) -> Tensor:
    """(H, W, 3) uint8 to (1, 3, H, W) float32 in [-1, 1], channels innermost in memory."""
    return torch.from_numpy(photo)[None].permute(0, 3, 1, 2).float() / 127.5 - 1


def to_prediction(output: Output) -> Prediction:
    """What the network gave for one photo, as the benchmark takes it."""
    depth: NDArray[np.floating[Any]] | None = None
    photo: NDArray[np.uint8] | None = None
    if output.depth is not None:
        depth = output.depth[0, 0].float().clamp_min(SMALLEST_DEPTH_M).cpu().numpy()
    if output.aif is not None:
        levels = ((output.aif[0].float() + 1) * 127.5).round_().clamp_(0, 255)
        photo = levels.to(torch.uint8).permute(1, 2, 0).contiguous().cpu().numpy()
    return Prediction(depth_m=depth, all_in_focus=photo)
