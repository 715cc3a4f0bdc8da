"""How well a blur explains one patch, with everything that is not blur fitted away.

A patch is modelled as its reference, blurred, moved by a fraction of a pixel and passed through an
unknown tone and illumination::

    image = a + (b + bx x + by y) T + d T² + noise,    T = shift(reference ⊛ blur)

where the blur is that of the photo over that of the reference. The linear unknowns and the noise
are profiled out, which leaves ``−n/2 log(RSS / n)``, and its derivatives by variable projection
(Golub and Pereyra 1973, in Kaufman's form). A patch that is wrong in another way has a large RSS
and so little weight.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from idfd.calibration.defocus import psf
from idfd.calibration.defocus.patches import Patch

Array = NDArray[np.float64]
_NOISE = 1e-3
"""Standard deviation of light, 1 at clipping, that no patch is trusted beyond."""
_ALIKE = 0.1
"""Shifts whose correlation lacks this much more of 1 are as good."""
_AHEAD = 1e-3
"""Weight against shifts along which the patch hardly changes."""
REACH = 6
"""Largest shift of a patch: this part of its side."""

SQUARE, RATIO, EXTRA, SHARE = range(4)
"""Places of the parameters of :class:`Blur` in derivatives."""


@dataclass(frozen=True)
class Blur:
    """Blur of one patch.

    Attributes:
        square: Squared spot diameter at the large aperture, px²; below 0 counts as 0.
        ratio: Squared ratio of the spot at the small aperture to it.
        extra: Variance of the Gaussian blur besides: what photo has and reference has not, px².
        share: Weight of the disk in the spot.
    """

    square: float
    ratio: float
    extra: float
    share: float


@dataclass(frozen=True)
class Fit:
    """The likelihood of a patch at a blur, and its derivatives.

    Attributes:
        value: Log-likelihood, noise profiled out.
        score: Derivatives by the active parameters, (A,).
        information: Expected second derivatives with the sign changed, (A, A).
        move: Step of the patch's shift that would fit better, pixels (x, y).
    """

    value: float
    score: Array
    information: Array
    move: tuple[float, float]


@dataclass(frozen=True)
class Prepared:
    """A patch, its reference transformed, and how far the image lies from it (x, y), pixels."""

    patch: Patch
    spectrum: NDArray[np.complex64]
    shift: tuple[float, float]

    @classmethod
    def of(cls, patch: Patch) -> Prepared:
        """Transform the reference, and find the shift to a whole pixel."""
        from scipy import fft

        return cls(patch, fft.rfft2(patch.reference), _coarse_shift(patch))

    def moved(self, step: tuple[float, float]) -> Prepared:
        """With another shift; steps are at most half a pixel, beyond which they are guesses."""
        x, y = np.clip(step, -0.5, 0.5)
        return replace(self, shift=(self.shift[0] + float(x), self.shift[1] + float(y)))


def _coarse_shift(patch: Patch) -> tuple[float, float]:
    """Whole-pixel shift of the image against its reference, by normalised correlation."""
    import cv2

    side = len(patch.image)
    reach = side // REACH
    template = np.where(patch.valid, patch.image, patch.image[patch.valid].mean())
    middle = slice(side // 2 - reach, side // 2 + side + reach)
    score = cv2.matchTemplate(
        patch.reference[middle, middle], template.astype(np.float32), cv2.TM_CCOEFF_NORMED
    )
    # Along a straight edge all shifts are alike: the smallest of the good ones is taken.
    rows, columns = np.nonzero(score > score.max() - _ALIKE * (1 - score.max()) - 1e-4)
    best = int(np.hypot(rows - reach, columns - reach).argmin())
    # The image was found in the reference: it lies the other way from it.
    return float(reach - columns[best]), float(reach - rows[best])


def fit_patch(prepared: Prepared, blur: Blur, active: Sequence[int] = ()) -> Fit:
    """Likelihood of a patch and its derivatives by some of the blur's parameters.

    Args:
        prepared: The patch.
        blur: Its blur.
        active: Which of :data:`SQUARE`, :data:`RATIO`, :data:`EXTRA` and :data:`SHARE`.
    """
    from scipy import fft

    patch = prepared.patch
    side, n = len(patch.reference), len(patch.image)
    stack = _transfers(psf.frequencies(side), patch, blur, active)
    spectra = prepared.spectrum * _phase(side, prepared.shift) * stack
    # One pixel more on each side, for the gradient.
    edge = (side - n) // 2 - 1
    window = np.s_[:, edge : edge + n + 2, edge : edge + n + 2]
    pictures = fft.irfft2(spectra, s=(side, side))[window]
    rows, columns = np.nonzero(patch.valid)
    x, y = columns / n - 0.5, rows / n - 0.5
    at = (slice(None), rows + 1, columns + 1)
    sharp = pictures[0]
    seen, *by = pictures[at].astype(np.float64)
    mean, scale = seen.mean(), seen.std() + 1e-9
    unit = (seen - mean) / scale
    across = (sharp[rows + 1, columns + 2] - sharp[rows + 1, columns]) / 2
    down = (sharp[rows + 2, columns + 1] - sharp[rows, columns + 1]) / 2
    design = np.stack([np.ones_like(unit), unit, x * unit, y * unit, unit * unit, across, down])
    gram = design @ design.T
    gram[np.diag_indices(len(gram))] *= 1 + 1e-9
    gram[[5, 6], [5, 6]] += _AHEAD * max(gram[5, 5], gram[6, 6])
    target = patch.image[rows, columns].astype(np.float64)
    weights = np.linalg.solve(gram, design @ target)
    residual = target - weights @ design
    count = len(target)
    spread = residual @ residual + count * _NOISE**2
    gain = (weights[1] + weights[2] * x + weights[3] * y + 2 * weights[4] * unit) / scale
    change = gain * np.array(by).reshape(len(active), count)
    change -= np.linalg.solve(gram, design @ change.T).T @ design
    steepness = np.float64(weights[1] / scale)
    move = (-weights[5] / steepness, -weights[6] / steepness) if steepness > 0 else (0.0, 0.0)
    return Fit(
        value=float(-count / 2 * np.log(spread / count)),
        score=count / spread * (change @ residual),
        information=count / spread * (change @ change.T),
        move=(float(move[0]), float(move[1])),
    )


def _transfers(q: psf.Array, patch: Patch, blur: Blur, active: Sequence[int]) -> psf.Array:
    """The blur's transfer function and its derivatives, (1 + A, side, side // 2 + 1)."""
    square, ratio = max(blur.square, 0.0), blur.ratio
    part = 1.0 if patch.large else ratio
    top = psf.spot(q, part * square, blur.share)
    value = top.value
    by = {
        SQUARE: np.float32(part) * top.by_square,
        RATIO: np.float32(0.0 if patch.large else square) * top.by_square,
        SHARE: top.by_share,
    }
    if not patch.ideal:
        under = psf.spot(q, ratio * square, blur.share)
        inverse, slope = psf.invert(under.value), value * psf.invert_slope(under.value)
        by[SQUARE] = by[SQUARE] * inverse + np.float32(ratio) * slope * under.by_square
        by[RATIO] = np.float32(square) * slope * under.by_square
        by[SHARE] = by[SHARE] * inverse + slope * under.by_share
        value = value * inverse
    by[EXTRA] = -2 * q * value
    return np.stack([value, *(by[index] for index in active)]) * psf.soften(q, blur.extra)


def _phase(side: int, shift: tuple[float, float]) -> NDArray[np.complex64]:
    down = np.exp(-2j * np.pi * np.fft.fftfreq(side) * shift[1])
    across = np.exp(-2j * np.pi * np.fft.rfftfreq(side) * shift[0])
    return np.asarray(down[:, None] * across, np.complex64)
