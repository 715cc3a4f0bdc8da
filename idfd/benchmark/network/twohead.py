"""The whole network.

Source: the thesis behind iDFD and its published code; docs/network.md says what comes from where.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from idfd.benchmark.network.config import Head, NetworkConfig
from idfd.benchmark.network.decoder import Decoder
from idfd.benchmark.network.encoder import Encoder

STRIDE = 32
"""The encoder divides the photo's sides by this; other sizes are padded and cropped back."""
CHANNELS: dict[Head, int] = {"depth": 1, "aif": 3, "defocus": 1}


class Output(NamedTuple):
    """What the heads give; None for a head that is not there.

    Attributes:
        depth: (B, 1, H, W) float32 metres. Linear, so it may be negative.
        aif: (B, 3, H, W) float32; -1 is black and 1 white.
        defocus: (B, 1, H, W) float32, diameter of the circle of confusion in pixels, at least 0.
    """

    depth: Tensor | None
    aif: Tensor | None
    defocus: Tensor | None = None


class TwoHeadNet(nn.Module):
    """Depth or defocus, and the all-in-focus photo, from one defocused photo.

    Args:
        config: Heads and switches.

    Example:
        >>> network = TwoHeadNet(NetworkConfig(heads=("depth",)))
        >>> sum(p.numel() for p in network.parameters())
        24212544
    """

    def __init__(self, config: NetworkConfig | None = None) -> None:
        super().__init__()
        self.config = config or NetworkConfig()
        self.encoder = Encoder()
        self.heads = nn.ModuleDict(
            {name: Decoder(CHANNELS[name], self.config.dropout) for name in self.config.heads}
        )

    def forward(self, x: Tensor) -> Output:
        """Predict from photos of any size.

        Args:
            x: (B, 3, H, W) in [-1, 1].

        Returns:
            Maps of the photo's height and width.
        """
        height, width = x.shape[-2:]
        padded = F.pad(x, padding(height, width), mode="replicate")
        features, skips = self.encoder(padded)
        made = {name: head(features, skips) for name, head in self.heads.items()}
        depth, aif, defocus = (made.get(name) for name in ("depth", "aif", "defocus"))
        if depth is not None:
            depth = depth[..., :height, :width] + self.config.depth_start_m
        if aif is not None:
            aif = aif[..., :height, :width] + x.float()
            if self.config.joint == "tanh":
                aif = torch.tanh(aif)
        if defocus is not None:
            defocus = self._bounded(defocus[..., :height, :width])
        return Output(depth, aif, defocus)

    def _bounded(self, x: Tensor) -> Tensor:
        """``max · sigmoid(x + b)``, which gives ``defocus_start_px`` at 0.

        Far below the maximum it is an exponential, so a step of the weights changes a small spot
        and a large one by the same share.
        """
        largest, start = self.config.defocus_max_px, self.config.defocus_start_px
        return largest * torch.sigmoid(x - math.log(largest / start - 1))


def padding(height: int, width: int) -> tuple[int, int, int, int]:
    """Pixels to add left, right, above and below so that 32 divides both sides.

    Example:
        >>> padding(422, 640)
        (0, 0, 0, 26)
    """
    return 0, -width % STRIDE, 0, -height % STRIDE
