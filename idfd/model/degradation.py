"""What was done to a photo to see what a model makes of it."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from idfd.model.schema import Record

DegradationKind = Literal["camera-shake", "motion-blur", "high-iso-noise"]


class Degradation(Record, frozen=True, kw_only=True):
    """One seeded, physically scaled degradation of a defocused photo.

    Attributes:
        kind: What it stands for.
        settings: Its physical settings by name, with the unit in the name, such as ``iso``,
            ``exposure_s`` or ``shake_deg_s``.
        seed: Each photo draws from it and its own name.
    """

    kind: DegradationKind
    settings: dict[str, float]
    seed: Annotated[int, msgspec.Meta(ge=0)] = 0
