"""The weights that training starts from."""

from __future__ import annotations

import torch
from torch import nn

from idfd.benchmark.checkpoint import EncoderFacts
from idfd.benchmark.network.decoder import Decoder
from idfd.benchmark.network.twohead import TwoHeadNet

DEVIATION = 0.02


def initialise(network: TwoHeadNet, seed: int) -> None:
    """Draw all convolutions from N(0, 0.02); biases are 0, and norms keep 1 and 0.

    The draws depend on the seed alone, not on torch's state, and those of the encoder and of each
    head are separate: a head starts alike whether the other is there or not.

    Source: public code of 2HDED:NET.
    """
    parts = {"encoder": network.encoder, **dict(network.heads.items())}
    for number, name in enumerate(("encoder", "depth", "aif")):
        if name not in parts:
            continue
        generator = torch.Generator().manual_seed(seed * 3 + number)
        for module in parts[name].modules():
            if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d)):
                with torch.no_grad():
                    module.weight.normal_(0, DEVIATION, generator=generator)
                    if module.bias is not None:
                        module.bias.zero_()
    if network.config.residual_start and "aif" in parts:
        head = parts["aif"]
        assert isinstance(head, Decoder)
        nn.init.zeros_(head.last.weight)


PUBLIC_SHA256_PREFIX = "a639ec97"
"""Of densenet121-a639ec97.pth, torchvision's ImageNet weights."""


def load_encoder(network: TwoHeadNet, file: str | None) -> EncoderFacts:
    """Give the encoder the weights of a file wherever name and shape match.

    The stem (conv0, downconv0) differs from DenseNet-121's and stays random.

    Args:
        network: The network, initialised.
        file: State dict of torchvision's densenet121 as .pth or .safetensors. A name such as
            ``densenet121-a639ec97.pth`` holds the start of the file's SHA-256, which is checked.
            None leaves the encoder as it is.

    Raises:
        InputError: No such file, another hash than its name says, not a state dict, or one of
            another network.
    """
    if file is None:
        return EncoderFacts(start="random")
    raise NotImplementedError
