"""The decoder that both heads of 2HDED:NET share the form of."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

CHAIN = ((1024, 512), (1024, 256), (512, 128), (256, 64), (128, 64))
"""Channels in and out of d5 to d1; from d4 on the input holds a skip of the encoder."""
BLOCKS_WITH_DROPOUT = 2


class DecoderBlock(nn.Module):
    """Twice the size: ConvTranspose-BN-ReLU-Conv-BN-ReLU, with dropout before each ReLU."""

    def __init__(self, channels_in: int, channels_out: int, dropout: float) -> None:
        super().__init__()
        self.up = nn.ConvTranspose2d(channels_in, channels_out, 4, stride=2, padding=1)
        self.norm1 = nn.BatchNorm2d(channels_out)
        self.conv = nn.Conv2d(channels_out, channels_out, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(channels_out)
        self.dropout = dropout

    def forward(self, x: Tensor) -> Tensor:
        """(B, channels_in, H, W) to (B, channels_out, 2H, 2W)."""
        up = self.up
        assert up.bias is not None
        x = F.conv_transpose2d(x, up.weight, stride=2, padding=1)
        # Given to the convolution, the bias takes more time in its backward pass on a CPU than
        # the weights do; added afterwards, next to none.
        x += up.bias.to(x.dtype)[:, None, None]
        x = self._activate(self.norm1(x))
        return self._activate(self.norm2(self.conv(x)))

    def _activate(self, x: Tensor) -> Tensor:
        if self.dropout:
            x = F.dropout(x, self.dropout, self.training)
        return F.relu(x, inplace=True)


class Decoder(nn.Module):
    """Features and skips of the encoder to a map of the photo's size."""

    def __init__(self, channels: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.blocks = nn.ModuleDict(
            {
                f"d{len(CHAIN) - k}": DecoderBlock(*pair, dropout if k < BLOCKS_WITH_DROPOUT else 0)
                for k, pair in enumerate(CHAIN)
            }
        )
        self.last = nn.Conv2d(CHAIN[-1][1], channels, 3, padding=1, bias=False)

    def forward(self, x: Tensor, skips: list[Tensor]) -> Tensor:
        """(B, 1024, H/32, W/32) and s0 to s3 to (B, channels, H, W) float32."""
        for k, block in enumerate(self.blocks.values()):
            x = block(x if k == 0 else torch.cat((skips[-k], x), 1))
        # Half precision has steps of centimetres at 3 m, and of a grey level in a photo.
        with torch.autocast(x.device.type, enabled=False):
            return self.last(x.float())
