"""Instant checks of a take: measured values against the limits of the rig profile."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from idfd.capture.exposure import PairPlan
from idfd.model.burst import Burst
from idfd.model.camera import CameraSettings
from idfd.model.limits import Limit
from idfd.model.triple import Check


@dataclass(frozen=True)
class CheckLimits:
    """What a take is held against; see the documentation for how the values were chosen."""

    aperture: Limit = Limit(0.05, 0.1, "stops")


@dataclass(frozen=True)
class TakeInputs:
    """Everything the checks look at.

    Attributes:
        all_in_focus: The photo at the small aperture (JPEG where there is one, else raw).
        defocused: The photo at the large aperture.
        all_in_focus_settings: What it was taken with, by EXIF.
        defocused_settings: The same for the defocused photo.
        plan: What was asked for.
        burst: The depth frames.
        clock: UNIX times in seconds of ``all_in_focus``, ``defocused``, ``depth``.
        reference: Reference frame of the session (see :func:`reference_frame`), or None.
        previous: The burst before this one (its last time stamp tells a stale one), or None.
    """

    all_in_focus: Path
    defocused: Path
    all_in_focus_settings: CameraSettings
    defocused_settings: CameraSettings
    plan: PairPlan
    burst: Burst
    clock: dict[str, float]
    reference: NDArray[np.uint8] | None = None
    previous_timestamp_us: int | None = None


def check_take(inputs: TakeInputs, limits: CheckLimits) -> tuple[Check, ...]:
    """Hold a take against its limits."""
    raise NotImplementedError
