"""Switches of the network."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from idfd.model.schema import Record

Head = Literal["depth", "aif", "defocus"]
Joint = Literal["add", "tanh"]


class NetworkConfig(Record, frozen=True, kw_only=True):
    """What is built; stored in every checkpoint.

    Attributes:
        heads: Decoders to build. Both make 2HDED:NET, one alone makes a D3-Net.
        joint: The input joint layer of the all-in-focus head: ``add`` gives out + x, ``tanh``
            gives tanh(out + x). Public code of the network holds both forms.
        dropout: Share of activations dropped in the two deepest decoder blocks; the public code
            uses 0 or 0.5.
        residual_start: Start the last layer of the all-in-focus head at zero, so that the
            untrained head returns the photo unchanged (its tanh with ``tanh``). The published
            initialisation does not.
        depth_start_m: Depth in metres that the untrained depth head gives everywhere; 0 is the
            published network. It is a fixed number added to the output, not a parameter.
    """

    heads: tuple[Head, ...] = ("depth", "aif")
    joint: Joint = "add"
    dropout: Annotated[float, msgspec.Meta(ge=0, lt=1)] = 0.0
    residual_start: bool = False
    depth_start_m: Annotated[float, msgspec.Meta(ge=0, le=100)] = 0.0

    def __post_init__(self) -> None:
        if not self.heads or len(set(self.heads)) != len(self.heads):
            raise ValueError(f"heads {list(self.heads)} are not one or two different heads")

    @property
    def name(self) -> str:
        """'2HDED:NET' with both heads, 'D3-Net' with one."""
        return "2HDED:NET" if len(self.heads) == 2 else f"D3-Net ({self.heads[0]})"
