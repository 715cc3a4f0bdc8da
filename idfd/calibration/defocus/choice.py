"""Which shape of the spot, and whether it changes over the field: by views not seen in the fit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from idfd.calibration.defocus.estimate import (
    Estimate,
    ascend,
    values_at,
    views_of,
    without_each,
)
from idfd.calibration.defocus.lens import CURVATURE, DISK_SHARE, GAIN, STEP_LIMITS
from idfd.model.defocus import PsfKind

Array = NDArray[np.float64]
_CERTAIN = 0.99
"""A richer lens has to be better with this certainty."""


@dataclass(frozen=True)
class Choice:
    """The lens that was chosen, and how likely each shape makes views that it had not seen."""

    psf: PsfKind
    estimate: Estimate
    log_likelihoods: dict[PsfKind, float]


def choose(gaussian: Estimate, disk: Estimate) -> Choice:
    """Choose between fits of both shapes, their mixture, and a spot that changes over the field."""
    fits: dict[PsfKind, Estimate] = {"gaussian": gaussian, "disk": disk}
    unseen = {psf: held_out(estimate) for psf, estimate in fits.items()}
    psf = max(unseen, key=lambda name: float(unseen[name].sum()))
    fits["mix"] = _freed(fits[psf], {DISK_SHARE: 0.5})
    unseen["mix"] = held_out(fits["mix"])
    views = views_of(fits[psf])
    if _clearly_better(unseen["mix"], unseen[psf], views):
        psf = "mix"
    chosen = fits[psf]
    wider = _freed(chosen, {GAIN: 0.0, CURVATURE: 0.0})
    if _clearly_better(held_out(wider), unseen[psf], views):
        chosen = wider
    return Choice(psf, chosen, {name: float(values.sum()) for name, values in unseen.items()})


def held_out(estimate: Estimate) -> Array:
    """Log-likelihood of each patch under the lens fitted without its view, (P,)."""
    lenses = {}
    for view, change in without_each(estimate).items():
        lens = estimate.lens + np.clip(change, -STEP_LIMITS, STEP_LIMITS)
        lens[DISK_SHARE] = np.clip(lens[DISK_SHARE], 0, 1)
        lenses[view] = lens
    return values_at(estimate.samples, [lenses[view] for view in views_of(estimate)])


def _freed(estimate: Estimate, starts: dict[int, float]) -> Estimate:
    lens = estimate.lens.copy()
    lens[list(starts)] = list(starts.values())
    return ascend(estimate.samples, lens, (*estimate.free, *starts))


def _clearly_better(richer: Array, plain: Array, views: tuple[str, ...]) -> bool:
    """Whether a richer lens gains on unseen views, by more than chance would have it.

    Vuong's test (*Econometrica* 57, 1989) by Student's t over views, because patches of one view
    are not independent.
    """
    from scipy.special import stdtrit

    gain = richer - plain
    by_view = np.array([gain[np.array(views) == view].sum() for view in dict.fromkeys(views)])
    error = by_view.std(ddof=1) * np.sqrt(len(by_view))
    return bool(by_view.sum() > float(stdtrit(len(by_view) - 1, _CERTAIN)) * error)
