"""The lens that makes all patches most likely: a start, the ascent, and its uncertainty."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from idfd.calibration.defocus.lens import (
    DISK_SHARE,
    FLOOR,
    FOCUS,
    LOG_RATIO,
    LOG_SCALE,
    NAMES,
    SMALL_FLOOR,
    STEP_LIMITS,
    WIDTHS,
    Place,
    blur_of,
)
from idfd.calibration.defocus.likelihood import SQUARE, Blur, Fit, Prepared, fit_patch

Array = NDArray[np.float64]
_SCAN = np.array([0.0, 0.015, 0.03, 0.05, 0.08, 0.12, 0.17, 0.23, 0.3, 0.4, 0.5])
"""Spot diameters to try on a patch, in sides of it."""
_SCANNED = 64
_STEPS = 30
_SETTLED = 0.02
"""A step that promises less gain in log-likelihood per patch ends the ascent: the scatter between
views moves the lens by far more."""


@dataclass(frozen=True)
class Sample:
    """A patch that takes part, and where it lies."""

    prepared: Prepared
    place: Place


@dataclass(frozen=True)
class Estimate:
    """A lens, and how each patch likes it.

    Attributes:
        lens: By :data:`idfd.calibration.defocus.lens.NAMES`, (9,).
        free: Places of the parameters that were estimated.
        samples: The patches at their best shifts.
        values: Log-likelihood of each patch.
        scores: Its derivatives by the free parameters, (P, A).
        informations: (P, A, A).
        pulls: How far a spot that is one pixel wider pulls at the scores, (P, A).
    """

    lens: Array
    free: tuple[int, ...]
    samples: tuple[Sample, ...]
    values: Array
    scores: Array
    informations: Array
    pulls: Array


def start(samples: Sequence[Sample], ratio: float, share: float) -> Array:
    """A lens to begin with, from the blur of single patches.

    Args:
        samples: The patches.
        ratio: Of the spots at the small and the large aperture.
        share: Of the disk.
    """
    large = [s for s in samples if s.prepared.patch.large]
    chosen = large[:: -(-len(large) // _SCANNED)]
    circles = np.array([_scan(sample, ratio * ratio, share) for sample in chosen])
    vergences = np.array([sample.place.vergence for sample in chosen])
    lens = np.zeros(len(NAMES))
    lens[[LOG_RATIO, FLOOR, SMALL_FLOOR, DISK_SHARE]] = 2 * np.log(ratio), 0.35, 0.35, share
    best = np.inf
    # The sign of a circle cannot be seen, so the plane in focus is tried everywhere.
    for focus in np.linspace(0.02, max(6.0, 1.5 * vergences.max()), 600):
        defocus = np.abs(focus - vergences) + 1e-9
        scale = float(np.median(circles / defocus))
        for _ in range(3):
            weight = 1 / (0.3 + np.abs(circles - scale * defocus))
            scale = float((weight * circles * defocus).sum() / (weight * defocus**2).sum())
        cost = np.abs(circles - scale * defocus).sum()
        if cost < best and scale > 0:
            best = cost
            lens[[LOG_SCALE, FOCUS]] = np.log(scale), focus
    return lens


def ascend(samples: Sequence[Sample], lens: Array, free: Sequence[int]) -> Estimate:
    """Maximise the likelihood over some parameters of the lens (Levenberg and Marquardt)."""
    free = tuple(free)
    with ThreadPoolExecutor() as pool:
        now = _evaluate(pool, samples, lens, free)
        damping = 1e-3
        for _ in range(_STEPS):
            step, promise = _step(now, lens, damping)
            if promise < _SETTLED * len(samples) or damping > 1e6:
                break
            moved = now.lens + step
            moved[DISK_SHARE] = np.clip(moved[DISK_SHARE], 0, 1)
            # Shifts follow the lens, as the linear unknowns of a patch do.
            then = _evaluate(pool, now.samples, moved, free)
            if _worth(then, lens) > _worth(now, lens):
                now, damping = then, max(damping / 10, 1e-7)
            else:
                damping *= 8
    return now


def _step(now: Estimate, centre: Array, damping: float) -> tuple[Array, float]:
    """The next step of the whole lens, (9,), and the gain that it promises."""
    at = np.array(now.free)
    score = now.scores.sum(0) - (now.lens - centre)[at] / WIDTHS[at] ** 2
    information = now.informations.sum(0) + np.diag(1 / WIDTHS[at] ** 2)
    # A share that presses against its bound stays there.
    share = now.lens[DISK_SHARE]
    held = (at == DISK_SHARE) & (((share <= 0) & (score < 0)) | ((share >= 1) & (score > 0)))
    go = ~held
    damped = information + np.diag(damping * np.diag(information) + 1e-12)
    part = np.linalg.solve(damped[np.ix_(go, go)], score[go])
    part *= min(1.0, float((STEP_LIMITS[at[go]] / np.maximum(np.abs(part), 1e-12)).min()))
    step = np.zeros(len(NAMES))
    step[at[go]] = part
    return step, float(part @ score[go] - part @ information[np.ix_(go, go)] @ part / 2)


def _worth(estimate: Estimate, centre: Array) -> float:
    """Log-likelihood with what is believed without data."""
    return float(estimate.values.sum() - (((estimate.lens - centre) / WIDTHS) ** 2).sum() / 2)


def views_of(estimate: Estimate) -> tuple[str, ...]:
    """View of each patch."""
    return tuple(sample.prepared.patch.view for sample in estimate.samples)


def values_at(samples: Sequence[Sample], lenses: Sequence[Array]) -> Array:
    """Log-likelihood of each patch under a lens of its own, (P,)."""

    def one(pair: tuple[Sample, Array]) -> float:
        sample, lens = pair
        blur, _ = blur_of(lens, sample.place, sample.prepared.patch)
        return fit_patch(sample.prepared, blur).value

    with ThreadPoolExecutor() as pool:
        return np.array(list(pool.map(one, zip(samples, lenses, strict=True))))


def without_each(estimate: Estimate) -> dict[str, Array]:
    """How the lens would change without each view, (9,) each, by one Newton step."""
    views, at = np.array(views_of(estimate)), list(estimate.free)
    total = estimate.informations.sum(0) + np.diag(1 / WIDTHS[at] ** 2)
    changes = {}
    for view in dict.fromkeys(views.tolist()):
        inside = views == view
        # A view that alone tells a parameter leaves it at large, but finite.
        left = total - estimate.informations[inside].sum(0) + np.diag(1e-6 * np.diag(total))
        change = np.zeros(len(NAMES))
        change[at] = -np.linalg.solve(left, estimate.scores[inside].sum(0))
        changes[view] = change
    return changes


def _scan(sample: Sample, ratio: float, share: float) -> float:
    """The spot diameter that one patch likes best, to about a tenth of it."""
    circles = _SCAN * len(sample.prepared.patch.image)
    values = [
        fit_patch(sample.prepared, Blur(circle * circle, ratio, 0.0, share)).value
        for circle in circles
    ]
    best = int(np.argmax(values))
    if not 0 < best < len(circles) - 1:
        return float(circles[best])
    around = slice(best - 1, best + 2)
    a, b, _ = np.polyfit(circles[around], values[around], 2)
    return float(np.clip(-b / (2 * a), circles[best - 1], circles[best + 1]))


def _evaluate(
    pool: ThreadPoolExecutor, samples: Sequence[Sample], lens: Array, free: tuple[int, ...]
) -> Estimate:
    at = list(free)

    def one(sample: Sample) -> tuple[Sample, Fit, Array, Array]:
        blur, by = blur_of(lens, sample.place, sample.prepared.patch)
        by = by[:, at]
        active = [int(index) for index in np.nonzero(by.any(1))[0]]
        fit = fit_patch(sample.prepared, blur, active)
        by = by[active]
        # SQUARE is always active and comes first; d(c²) = 2c dc.
        pull = 2 * np.sqrt(blur.square) * (by.T @ fit.information[:, SQUARE])
        moved = replace(sample, prepared=sample.prepared.moved(fit.move))
        return moved, fit, by, pull

    done = list(pool.map(one, samples))
    return Estimate(
        lens=lens,
        free=free,
        samples=tuple(sample for sample, *_ in done),
        values=np.array([fit.value for _, fit, _, _ in done]),
        scores=np.array([by.T @ fit.score for _, fit, by, _ in done]),
        informations=np.array([by.T @ fit.information @ by for _, fit, by, _ in done]),
        pulls=np.array([pull for *_, pull in done]),
    )
