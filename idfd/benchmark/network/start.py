"""The weights that training starts from."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn

from idfd.benchmark.checkpoint import EncoderFacts
from idfd.benchmark.network.decoder import Decoder
from idfd.benchmark.network.encoder_file import (
    EXPECTED,
    REMEDY,
    check_hash,
    describe,
    read_state_dict,
)
from idfd.benchmark.network.twohead import TwoHeadNet
from idfd.errors import InputError

DEVIATION = 0.02
_STEM = ("features.conv0.", "features.downconv0.", "features.downnorm0.")
# Counts batches for a momentum that is not used, and older files lack it.
_COUNTER = ".num_batches_tracked"


def initialise(network: TwoHeadNet, seed: int) -> None:
    """Draw all convolutions from N(0, 0.02); biases are 0, and norms keep 1 and 0.

    The draws depend on the seed alone, not on torch's state, and those of the encoder and of each
    head are separate: a head starts alike whether the other is there or not.

    Source: public code of 2HDED:NET.
    """
    parts = {"encoder": network.encoder, **dict(network.heads.items())}
    # The defocus head stands where the depth head would, and starts with its weights.
    for number, name in ((0, "encoder"), (1, "depth"), (1, "defocus"), (2, "aif")):
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


def load_encoder(network: TwoHeadNet, file: str | None) -> EncoderFacts:
    """Give the encoder the weights of a file wherever name and shape match.

    Those are all of DenseNet-121 but its first convolution and its classifier: the stem's
    convolutions (conv0, downconv0) and the norm between them (downnorm0) stay as they are.

    Args:
        network: The network, initialised.
        file: State dict of torchvision's densenet121 as .pth or .safetensors. A name such as
            ``densenet121-a639ec97.pth`` holds the start of the file's SHA-256, which is checked
            before anything else is read. None leaves the encoder as it is.

    Raises:
        InputError: No such file, another hash than its name says, not a state dict, one of
            another network, or one with values that are not finite.
        MissingDependencyError: A .safetensors file, and safetensors is not installed.
    """
    if file is None:
        return EncoderFacts(start="random")
    path = Path(file)
    digest = check_hash(path)
    found = read_state_dict(path)
    own = network.encoder.state_dict()
    wanted = [name for name in own if not name.startswith(_STEM) and not name.endswith(_COUNTER)]
    fitting = {n: found[n] for n in wanted if n in found and found[n].shape == own[n].shape}
    if len(fitting) < len(wanted):
        raise InputError(
            f"the file seems to be {describe(found)}; {len(fitting)} of the encoder's "
            f"{len(wanted)} tensors are in it",
            where=path,
            limit=EXPECTED,
            remedy=REMEDY,
        )
    wild = [name for name, tensor in fitting.items() if not tensor.isfinite().all()]
    if wild:
        raise InputError(
            f"NaN or infinity is in {wild[0]}", where=path, limit="finite weights", remedy=REMEDY
        )
    network.encoder.load_state_dict(fitting, strict=False)
    return EncoderFacts(start="file", sha256=digest, tensors=len(fitting))
