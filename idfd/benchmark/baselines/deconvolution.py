"""Wiener and Richardson-Lucy deconvolution of the whole photo by one spot, by scikit-image.

Blur differs from place to place, and these do not know the depth: they take one spot for all
pixels. Where the lens is known it is that of a depth of the training split; else it is guessed.
Spot and strength are those with the best PSNR on windows of the training split.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from itertools import product
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from idfd.benchmark.baselines.choice import Window, choose, training_windows
from idfd.benchmark.baselines.light import Plane, in_linear_light
from idfd.benchmark.baselines.spot import SMALLEST_PX, Spot, lens_of, spot_for
from idfd.benchmark.dataset import TripleDataset
from idfd.benchmark.models import ModelInput, Prediction, Target
from idfd.benchmark.optional import require
from idfd.errors import ReleaseError

_GUESSES = tuple(
    Spot(size, share) for size, share in product((1.5, 2.0, 3.0, 4.0, 6.0, 9.0), (0, 1))
)
_DEPTH_SHARES = (0.1, 0.3, 0.5, 0.7, 0.9)
_WINDOWS, _SIDE = 6, 128


def spot_candidates(windows: Sequence[Window]) -> tuple[Spot | float, ...]:
    """Spots to try: the lens's at quantiles of the depth, or guesses where it is not known."""
    depth = np.concatenate([window.depth_m[window.depth_m > 0] for window in windows])
    if len(depth) and all(lens_of(window.item) is not None for window in windows):
        return tuple(float(at) for at in np.quantile(depth, _DEPTH_SHARES))
    return _GUESSES


class Deconvolution(ABC):
    """A method that undoes one spot in the whole photo; its subclasses say how.

    Attributes:
        chosen: Where the spot is taken from, and the strength of the method; None before
            :meth:`fit`.
    """

    name: str
    predicts: frozenset[Target] = frozenset({"aif"})
    STRENGTHS: ClassVar[tuple[float, ...]]

    def __init__(self) -> None:
        require("skimage", extra="baselines")
        self.chosen: tuple[Spot | float, float] | None = None
        self._factor = 1.0

    def fit(self, train: TripleDataset) -> None:
        """Choose spot and strength on windows of the training split.

        Raises:
            ReleaseError: The split has no pair of photos.
        """
        windows = training_windows(train, _WINDOWS, _SIDE)
        self._factor = windows[0].factor
        self.chosen = choose(
            windows,
            tuple(product(spot_candidates(windows), self.STRENGTHS)),
            lambda window, one: self._restored(window.item, *one),
            f"choose settings of {self.name}",
        )

    def predict(self, item: ModelInput) -> Prediction:
        """Return the deconvolved photo, (H, W, 3) uint8.

        Raises:
            ReleaseError: :meth:`fit` was not called.
            InputError: This photo's lens is not known, although those of the training split are.
        """
        if self.chosen is None:
            raise not_fitted(self.name)
        return Prediction(all_in_focus=self._restored(item, *self.chosen))

    def describe(self) -> dict[str, str]:
        """What was chosen."""
        if self.chosen is None:
            return {}
        source, strength = self.chosen
        spot = str(source) if isinstance(source, Spot) else f"of the lens at {source:.2f} m"
        return {"spot": spot, "strength": f"{strength:g}"}

    def _restored(
        self, item: ModelInput, source: Spot | float, strength: float
    ) -> NDArray[np.uint8]:
        spot = spot_for(source, item, self._factor)
        if spot.diameter_px < SMALLEST_PX:
            return item.defocused
        kernel = spot.kernel()
        return in_linear_light(
            item.defocused,
            2 * len(kernel),
            lambda plane: self.restore(plane, kernel, strength),
        )

    @abstractmethod
    def restore(self, plane: Plane, kernel: Plane, strength: float) -> Plane:
        """Deconvolve a plane whose borders meet, (H, W) in linear light, by a kernel of sum 1."""


class Wiener(Deconvolution):
    """``X = H*·Y / (|H|² + β·|Λ|²)`` with the Laplacian ``Λ``: quadratic smoothness.

    Source: Hunt, IEEE Trans. Audio and Electroacoustics 20(2), 1972; scikit-image's
    ``restoration.wiener``. The strength is the balance β.
    """

    name = "wiener"
    STRENGTHS = (3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1, 1.0)

    def restore(self, plane: Plane, kernel: Plane, strength: float) -> Plane:
        """See :class:`Wiener`."""
        return wiener(plane, kernel, strength)


def wiener(plane: Plane, kernel: Plane, balance: float) -> Plane:
    """scikit-image's Wiener filter of a plane whose borders meet."""
    from skimage import restoration

    filtered: Callable[..., Plane] = restoration.wiener
    return np.asarray(filtered(plane, kernel, balance, clip=False))


class RichardsonLucy(Deconvolution):
    """``x ← x · (h⋆ * (y / (h * x)))``: the likeliest non-negative light under photon noise.

    Source: Richardson, JOSA 62(1), 1972; Lucy, Astronomical Journal 79, 1974; scikit-image's
    ``restoration.richardson_lucy``. The strength is the number of iterations.
    """

    name = "richardson-lucy"
    STRENGTHS = (5, 10, 20)

    def restore(self, plane: Plane, kernel: Plane, strength: float) -> Plane:
        """See :class:`RichardsonLucy`."""
        from skimage import restoration

        iterated: Callable[..., Plane] = restoration.richardson_lucy
        return np.asarray(iterated(plane, kernel, int(strength), clip=False))


def not_fitted(name: str) -> ReleaseError:
    """The error of a baseline that was not shown the training split."""
    return ReleaseError(
        f"the baseline {name} has not seen a training split",
        remedy="Call fit() with the training split first",
    )
