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
        heads: Decoders to build. Depth and the all-in-focus photo make 2HDED:NET, one alone
            makes a D3-Net; a map of defocus takes the place of depth where there is no depth to
            learn from.
        joint: The input joint layer of the all-in-focus head: ``add`` gives out + x, ``tanh``
            gives tanh(out + x). Public code of the network holds both forms.
        dropout: Share of activations dropped in the two deepest decoder blocks; the public code
            uses 0 or 0.5.
        residual_start: Start the last layer of the all-in-focus head at zero, so that the
            untrained head returns the photo unchanged (its tanh with ``tanh``). The published
            initialisation does not.
        depth_start_m: Depth in metres that the untrained depth head gives everywhere; 0 is the
            published network. It is a fixed number added to the output, not a parameter.
        defocus_start_px: Diameter of the circle of confusion that the untrained defocus head
            gives everywhere, pixels.
        defocus_max_px: Diameter that its bounded output stays below. A Gaussian of this spot has
            a standard deviation of a quarter of it, and three of them fit the published window of
            51 pixels at the default.
    """

    heads: tuple[Head, ...] = ("depth", "aif")
    joint: Joint = "add"
    dropout: Annotated[float, msgspec.Meta(ge=0, lt=1)] = 0.0
    residual_start: bool = False
    depth_start_m: Annotated[float, msgspec.Meta(ge=0, le=100)] = 0.0
    defocus_start_px: Annotated[float, msgspec.Meta(gt=0)] = 4.0
    defocus_max_px: Annotated[float, msgspec.Meta(gt=0)] = 32.0

    def __post_init__(self) -> None:
        if not self.heads or len(set(self.heads)) != len(self.heads):
            raise ValueError(f"heads {list(self.heads)} are not one or two different heads")
        if {"depth", "defocus"} <= set(self.heads):
            raise ValueError("a network has a head for depth or one for defocus, not both")
        if self.defocus_start_px >= self.defocus_max_px:
            raise ValueError("defocus_start_px is not below defocus_max_px")

    @property
    def name(self) -> str:
        """'2HDED:NET' with two heads, 'D3-Net' with one; in brackets what is not the usual."""
        if len(self.heads) == 1:
            return f"D3-Net ({self.heads[0]})"
        return "2HDED:NET (defocus)" if "defocus" in self.heads else "2HDED:NET"
