"""Settings of the solver."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class SolveConfig:
    """Settings of the solver.

    Attributes:
        lens: Lens model; ``auto`` takes the one with the smaller error on views held out.
        folds: Parts that the views are divided into for that.
        robust: Whether corners and views that do not fit are left out.
        corner_limit: Distance from its place, in deviations, beyond which a corner is left out:
            of Gaussian noise 1 in 25 000 is.
        view_limit: Robust z-score beyond which a view is left out.
        refuse_focal: Relative half-width of the 95 % interval of a focal length beyond which a set
            of views is refused.
        warn_focal: Beyond which it is warned about.
        given_focal: Relative standard deviation that the focal lengths given for the depth camera
            are taken to have, where the photo camera is estimated: held fixed, their error would
            become one of the photo camera's. 0 holds them fixed.
    """

    lens: Literal["auto", "brown_conrady", "rational"] = "auto"
    folds: int = 5
    robust: bool = True
    corner_limit: float = 4.5
    view_limit: float = 5.0
    refuse_focal: float = 0.01
    warn_focal: float = 0.002
    given_focal: float = 0.002
