"""Covariance of an adjustment, honest about errors that a view's corners share.

Corners of one view are not independent: a bent board, motion or a bias of the detector moves them
together. The pull of each view on the answer, were it not for what the view itself fitted away (the
CR2 estimator of Bell and McCaffrey, "Bias reduction in standard errors for linear regression with
multi-stage samples", 2002), sees that. With few views it is noisy; so it is shrunk towards the
covariance of independent errors, scaled to the same size, by as much as its own scatter asks for
(Ledoit and Wolf, "A well-conditioned estimator for large-dimensional covariance matrices", 2004).
Intervals take Student's quantile with one degree of freedom less than there are views.

What a corner finder gets wrong in the same way in all views, such as edges that lie a hair towards
the dark side, no scatter shows. So corners of one image are taken to share an error of
:data:`SHARED_PX` in whatever pattern hurts most: of ``n`` corners with deviation ``s`` that is
``n (SHARED_PX/s)²`` times what independent errors of ``s`` do (Cauchy-Schwarz). It matters only
where corners are better than a few hundredths of a pixel.
"""

from __future__ import annotations

import numpy as np

from idfd.calibration.derivatives import parameter_names
from idfd.calibration.solve.bundle import normal_equations
from idfd.calibration.solve.lens import HELD
from idfd.calibration.solve.poses import Array
from idfd.calibration.solve.problem import Problem, State, parameters
from idfd.calibration.solve.robust import Fit
from idfd.model.covariance import Covariance

SHARED_PX = 0.005
"""What rendered boards of known geometry leave of a corner finder's bias."""
FEWEST = 5
"""Views below which their scatter tells nothing, and errors are taken to be independent."""


def covariance(problem: Problem, state: State) -> Array:
    """Covariance (G, G) of the global parameters at a least-squares solution.

    Args:
        problem: With deviations as estimated from the residuals.
        state: Its solution.
    """
    information, pull = (normal := normal_equations(problem, state)).reduced()
    total = information.sum(axis=0) + normal.prior
    scale = 1 / np.sqrt(total.diagonal())
    values, vectors = np.linalg.eigh(total * np.outer(scale, scale))
    # Parameters are root @ z, with z of unit covariance if errors are independent, which is in
    # part what is known beforehand and in part what the views show.
    root = scale[:, None] * vectors / np.sqrt(np.maximum(values, 1e-14 * values[-1]))
    known = root.T @ normal.prior @ root
    seen = root.T @ information.sum(axis=0) @ root
    if len(information) >= FEWEST:
        share, axes = np.linalg.eigh(root.T @ information @ root)
        along = np.einsum("vij,vi->vj", axes, pull @ root)
        # A view that alone determines something has no residual left to judge it by.
        along /= np.sqrt(np.maximum(1 - share, 1e-3))
        seen = shrunk(np.einsum("vij,vj->vi", axes, along), seen)
    hidden = np.tensordot(_hidden(problem), root.T @ information @ root, axes=1)
    out: Array = root @ (seen + hidden + known) @ root.T
    return out


def _hidden(problem: Problem) -> Array:
    """What shared errors add, over what independent errors do, for each view, (V,)."""
    sums = {view: [0.0, 0.0] for view in problem.views}
    for image in problem.images:
        weight = float((1 / image.deviation**2).sum())
        sums[image.view][0] += weight**2
        sums[image.view][1] += weight
    return np.array([SHARED_PX**2 * squares / weights for squares, weights in sums.values()])


def joint_covariance(fit: Fit) -> Covariance:
    """Covariance of a fit by the names of the parameters, without those that were held."""
    names = parameters(fit.problem, fit.state)
    held = {
        f"{camera}.{name}"
        for camera, prior in fit.problem.prior.items()
        for name, deviation in zip(
            parameter_names(fit.state.cameras[camera]), prior.deviation, strict=True
        )
        if deviation <= HELD
    }
    matrix = covariance(fit.problem, fit.state)
    free = [place for place, name in enumerate(names) if name not in held]
    return Covariance.of([names[place] for place in free], matrix[np.ix_(free, free)])


def interval_factor(views: int) -> float:
    """Half-width of a 95 % interval in standard deviations, for a number of views."""
    from scipy.special import stdtrit

    return float(stdtrit(views - 1 if views >= FEWEST else np.inf, 0.975))


def shrunk(pulls: Array, shape: Array) -> Array:
    """Covariance (G, G) of the sum of pulls (V, G), shrunk towards a multiple of a ``shape``."""
    count = len(pulls)
    pulls = (pulls - pulls.mean(axis=0)) * np.sqrt(count / (count - 1))
    raw = pulls.T @ pulls
    target = shape * (np.trace(raw) / np.trace(shape))
    distance = float(((raw - target) ** 2).sum())
    each = count * np.einsum("vi,vj->vij", pulls, pulls)
    scatter = float(((each - raw) ** 2).sum()) / count**2
    share = min(1.0, scatter / distance) if distance > 0 else 1.0
    out: Array = share * target + (1 - share) * raw
    return out
