"""DenseNet-121 as the encoder of 2HDED:NET.

Source: Huang, Liu, van der Maaten and Weinberger, "Densely Connected Convolutional Networks",
CVPR 2017. Two changes are those of 2HDED:NET: a 3x3 stem instead of the 7x7 one, and a strided
convolution instead of the max-pool. Modules of the dense part are named as in torchvision's
``densenet121().features``, so that its public weight file loads.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

GROWTH = 32
BOTTLENECK = 4
BLOCKS = (6, 12, 24, 16)
STEM = 64


class DenseLayer(nn.Module):
    """BN-ReLU-1x1-BN-ReLU-3x3 on everything that came before; gives ``GROWTH`` new channels."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm1 = nn.BatchNorm2d(channels)
        self.conv1 = nn.Conv2d(channels, BOTTLENECK * GROWTH, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(BOTTLENECK * GROWTH)
        self.conv2 = nn.Conv2d(BOTTLENECK * GROWTH, GROWTH, 3, padding=1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) to (B, 32, H, W)."""
        x = self.conv1(F.relu(self.norm1(x), inplace=True))
        return self.conv2(F.relu(self.norm2(x), inplace=True))


class DenseBlock(nn.ModuleDict):
    """Layers that each read the block's input and all layers before."""

    def __init__(self, layers: int, channels: int) -> None:
        super().__init__(
            {f"denselayer{k + 1}": DenseLayer(channels + k * GROWTH) for k in range(layers)}
        )

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) to (B, C + 32·layers, H, W)."""
        for layer in self.values():
            x = torch.cat((x, layer(x)), 1)
        return x


class Transition(nn.Module):
    """BN-ReLU-1x1 that halves the channels; the pooling after it is the encoder's."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(channels)
        self.conv = nn.Conv2d(channels, channels // 2, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) to (B, C/2, H, W)."""
        return self.conv(F.relu(self.norm(x), inplace=True))


class Encoder(nn.Module):
    """Photo to features at 1/32, with the features at 1/2 to 1/16 for the decoders."""

    def __init__(self) -> None:
        super().__init__()
        parts: dict[str, nn.Module] = {
            "conv0": nn.Conv2d(3, STEM, 3, stride=2, padding=1, bias=False),
            "norm0": nn.BatchNorm2d(STEM),
            "downconv0": nn.Conv2d(STEM, STEM, 4, stride=2, padding=1, bias=False),
            "downnorm0": nn.BatchNorm2d(STEM),
        }
        channels = STEM
        for k, layers in enumerate(BLOCKS, start=1):
            parts[f"denseblock{k}"] = DenseBlock(layers, channels)
            channels += layers * GROWTH
            if k < len(BLOCKS):
                parts[f"transition{k}"] = Transition(channels)
                channels //= 2
        parts["norm5"] = nn.BatchNorm2d(channels)
        self.features = nn.ModuleDict(parts)

    def forward(self, x: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Encode photos.

        Args:
            x: (B, 3, H, W) in [-1, 1]; H and W multiples of 32.

        Returns:
            Features (B, 1024, H/32, W/32), and the skips s0 to s3: 64, 128, 256 and 512 channels
            at 1/2, 1/4, 1/8 and 1/16.
        """
        part = self.features
        x = F.leaky_relu(part["norm0"](part["conv0"](x)), 0.2, inplace=True)
        skips = [x]
        x = F.leaky_relu(part["downnorm0"](part["downconv0"](x)), 0.2, inplace=True)
        for k in range(1, len(BLOCKS)):
            x = part[f"transition{k}"](part[f"denseblock{k}"](x))
            skips.append(x)
            x = F.avg_pool2d(x, 2)
        x = part["norm5"](part[f"denseblock{len(BLOCKS)}"](x))
        return F.leaky_relu(x, 0.2, inplace=True), skips
