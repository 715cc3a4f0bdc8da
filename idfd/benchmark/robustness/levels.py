"""Which degradations a model is tried on."""

from __future__ import annotations

from collections.abc import Sequence

from idfd.model.degradation import Degradation, DegradationKind
from idfd.processing.degrade.settings import KINDS, STRENGTH, make_degradation

LEVELS: dict[DegradationKind, tuple[float, ...]] = {
    "camera-shake": (2.0, 4.0, 8.0),
    "motion-blur": (100.0, 200.0, 400.0),
    "high-iso-noise": (1600.0, 6400.0, 25600.0),
}
"""Strengths by default: from what a careful photographer gets to what most would throw away."""


def ladder(
    kind: DegradationKind,
    levels: Sequence[float] = (),
    *,
    seed: int = 0,
    **others: float,
) -> tuple[Degradation, ...]:
    """A degradation at rising strengths.

    Args:
        kind: What to do.
        levels: Values of the setting of :data:`STRENGTH`; none takes those of :data:`LEVELS`.
        seed: Of the draws, the same at all levels.
        others: Further settings of the kind; those it does not have are left out.

    Raises:
        InputError: A value out of range.
    """
    name, _ = STRENGTH[kind]
    fields = KINDS[kind].__struct_fields__
    common = {key: value for key, value in others.items() if key in fields}
    return tuple(
        make_degradation(kind, {**common, name: level}, seed)
        for level in sorted(levels or LEVELS[kind])
    )


def strength(degradation: Degradation) -> float:
    """The value of the setting that says how strong it is."""
    return degradation.settings[STRENGTH[degradation.kind][0]]
