"""The exposure pair: two apertures, equal exposure by the shutter."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

import msgspec

from idfd.capture.cameras import PhotoSettings
from idfd.model.schema import Record

Positive = Annotated[float, msgspec.Meta(gt=0)]


class PairRequest(Record, frozen=True, kw_only=True):
    """What the photos of a triple should be taken with.

    Attributes:
        all_in_focus_f: f-number of the all-in-focus photo.
        defocused_f: f-number of the defocused photo.
        exposure_s: Shutter of the all-in-focus photo; None takes what the body is set to.
        iso: Sensitivity of both photos; None leaves the body's.
        white_balance: White balance of both photos, as the body names it; None leaves it.
        format: Files to keep.
        accept_nearest: Take the nearest aperture where the body lacks the one asked for.
    """

    all_in_focus_f: Positive = 10.0
    defocused_f: Positive = 2.8
    exposure_s: Positive | None = None
    iso: Annotated[int, msgspec.Meta(gt=0)] | None = 100
    white_balance: str | None = None
    format: Literal["jpeg", "raw", "raw+jpeg"] = "raw+jpeg"
    accept_nearest: bool = False


@dataclass(frozen=True)
class PairPlan:
    """Settings of both photos, and what they cost.

    Attributes:
        all_in_focus: Settings of the small aperture (every field that will be set).
        defocused: Settings of the large aperture.
        residual_stops: Exposure of the defocused photo over the other, in stops; 0 is equal.
        notes: What was changed from the request and why.
    """

    all_in_focus: PhotoSettings
    defocused: PhotoSettings
    residual_stops: float
    notes: tuple[str, ...] = ()
