"""How far the lens would move with other photos: honest where the likelihood of pixels is not."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from idfd.calibration.defocus.estimate import Estimate, views_of, without_each
from idfd.calibration.defocus.lens import NAMES, WIDTHS

Array = NDArray[np.float64]


def covariance(estimate: Estimate, misfit_px: Array) -> Array:
    """Covariance of the whole lens, (9, 9); parameters held fixed have none.

    Patches of one view share the errors of its pose and its light, of which the likelihood of
    their pixels knows nothing: only the scatter between views tells. It is taken in two ways, and
    of each parameter's deviations the larger one counts. The jackknife over views (Efron and
    Tibshirani, *An Introduction to the Bootstrap*, chapter 11) is right whatever the errors are,
    but rests on few views where a few carry the fit. The other way takes the misfit of spots per
    view to be of one size in all views (a random effect, in the sandwich formula of White 1982).
    Both are widened so that 1.96 deviations hold the 95 % of Student's t.

    Args:
        estimate: The lens with the patches of the fit.
        misfit_px: Spot measured less that by the lens, diameters, of each patch, (P,).
    """
    from scipy.special import stdtrit

    views = views_of(estimate)
    changes = np.array(list(without_each(estimate).values()))
    count = len(changes)
    away = changes - changes.mean(0)
    jackknife = (count - 1) / count * away.T @ away
    pooled = _random_effect(estimate, np.array(views), misfit_px)
    ratio = np.diag(pooled) / np.maximum(np.diag(jackknife), 1e-300)
    wider = np.sqrt(np.maximum(ratio, 1.0))
    wider[np.diag(jackknife) == 0] = 1.0
    student = float(stdtrit(count - 1, 0.975)) / 1.96
    return np.asarray(jackknife * np.outer(wider, wider) * student**2)


def _random_effect(estimate: Estimate, views: NDArray[np.str_], misfit_px: Array) -> Array:
    large = np.array([sample.prepared.patch.large for sample in estimate.samples])
    names = list(dict.fromkeys(views[large].tolist()))
    means = np.array([misfit_px[(views == name) & large].mean() for name in names])
    variance = float((means**2).sum()) / max(len(names) - 2, 1)
    pulls = np.array([estimate.pulls[views == name].sum(0) for name in names])
    at = list(estimate.free)
    total = np.linalg.inv(estimate.informations.sum(0) + np.diag(1 / WIDTHS[at] ** 2))
    out = np.zeros((len(NAMES), len(NAMES)))
    out[np.ix_(at, at)] = variance * total @ pulls.T @ pulls @ total
    return out
