"""DenseNet-121's tensors as torchvision names and shapes them, written down apart from the code."""

from __future__ import annotations

import re
from collections.abc import Iterator

import torch
from torch import Tensor

Shapes = dict[str, tuple[int, ...]]
PARAMETERS = 7_978_856
"""Of torchvision's densenet121, as its documentation says."""


def _norm(name: str, channels: int) -> Iterator[tuple[str, tuple[int, ...]]]:
    for part in ("weight", "bias", "running_mean", "running_var"):
        yield f"{name}.{part}", (channels,)


def densenet_shapes(blocks: tuple[int, ...] = (6, 12, 24, 16)) -> Shapes:
    """Names and shapes of the state dict, without the counters of batches."""
    shapes: Shapes = {"features.conv0.weight": (64, 3, 7, 7)}
    shapes.update(_norm("features.norm0", 64))
    channels = 64
    for b, layers in enumerate(blocks, start=1):
        for k in range(1, layers + 1):
            layer = f"features.denseblock{b}.denselayer{k}"
            shapes.update(_norm(f"{layer}.norm1", channels))
            shapes[f"{layer}.conv1.weight"] = (128, channels, 1, 1)
            shapes.update(_norm(f"{layer}.norm2", 128))
            shapes[f"{layer}.conv2.weight"] = (32, 128, 3, 3)
            channels += 32
        if b < len(blocks):
            shapes.update(_norm(f"features.transition{b}.norm", channels))
            shapes[f"features.transition{b}.conv.weight"] = (channels // 2, channels, 1, 1)
            channels //= 2
    shapes.update(_norm("features.norm5", channels))
    return shapes | {"classifier.weight": (1000, channels), "classifier.bias": (1000,)}


def densenet_tensors(blocks: tuple[int, ...] = (6, 12, 24, 16)) -> dict[str, Tensor]:
    """Random numbers in the true places."""
    draw = torch.Generator().manual_seed(4)
    return {
        name: torch.rand(shape, generator=draw) + 0.5
        for name, shape in densenet_shapes(blocks).items()
    }


def old_names(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """The names of files published in 2017 and 2018: norm1 of a layer is ``norm.1``."""
    return {
        re.sub(r"(denselayer\d+\.)(norm|conv)([12])\.", r"\1\2.\3.", name): tensor
        for name, tensor in tensors.items()
    }
