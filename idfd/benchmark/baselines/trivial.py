"""Baselines without any model: the photo itself, and one depth or blur for all pixels."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from idfd.benchmark.dataset import TripleDataset
from idfd.benchmark.models import ModelInput, Prediction, Target
from idfd.benchmark.protocol import load_protocol
from idfd.errors import ReleaseError
from idfd.model.triple import MAX_DEPTH_MM


class Identity:
    """The defocused photo as its own deblurring: the floor of restoration."""

    name = "identity"
    predicts: frozenset[Target] = frozenset({"aif"})

    def predict(self, item: ModelInput) -> Prediction:
        """Return the photo unchanged, (H, W, 3) uint8."""
        return Prediction(all_in_focus=item.defocused)


class MedianDepth:
    """One depth for every pixel: the median of the valid depth of the training split.

    A model that does not beat it has learned nothing about the scene.
    """

    name = "median-depth"
    predicts: frozenset[Target] = frozenset({"depth"})

    def __init__(self) -> None:
        self.median_m: float | None = None

    def fit(self, train: TripleDataset) -> None:
        """Take the median over all valid pixels of ``train``.

        Raises:
            ReleaseError: The training split has no valid depth.
        """
        # Counts of each millimetre give the exact median of any number of pixels in 512 KiB.
        counts = np.zeros(MAX_DEPTH_MM + 1, np.int64)
        for index in range(len(train)):
            counts += np.bincount(train[index].depth.ravel(), minlength=MAX_DEPTH_MM + 1)
        counts[0] = 0
        middle = _middle(counts)
        if middle is None:
            raise ReleaseError(
                f"split '{train.split}' has no valid depth", remedy="Choose another depth kind"
            )
        self.median_m = (middle[0] + middle[1]) / 2000

    def predict(self, item: ModelInput) -> Prediction:
        """Return the median as a constant map, (H, W) float32 metres.

        Raises:
            ReleaseError: :meth:`fit` was not called.
        """
        return Prediction(depth_m=_everywhere(self.median_m, item, self.name))


class MedianDefocus:
    """One circle of confusion for every pixel: the median of the training split's true maps.

    A head for defocus that does not beat it has learned nothing about where the photo is blurred.
    """

    name = "median-defocus"
    predicts: frozenset[Target] = frozenset({"defocus"})

    def __init__(self) -> None:
        self.median_px: float | None = None

    def fit(self, train: TripleDataset) -> None:
        """Take the median diameter, without its sign, over all known pixels of ``train``.

        Maps that come normalised, without a full scale of their own, get that of the default
        protocol, by which they are scored.

        Raises:
            ReleaseError: The training split has no map of defocus.
        """
        rules = load_protocol().protocol.defocus
        assert rules is not None
        # Half-precision numbers of 0 or more stand in the order of their bits.
        counts = np.zeros(1 << 15, np.int64)
        for index in range(len(train)):
            triple = train[index]
            if triple.defocus is None:
                continue
            given, diameter = triple.record.given_defocus, np.abs(triple.defocus)
            if given is not None and given.unit == "normalised":
                full_scale = given.full_scale_px or rules.full_scale_px
                diameter = (diameter.astype(np.float32) * full_scale).astype(np.float16)
            bits = diameter[np.isfinite(diameter)].view(np.uint16)
            counts += np.bincount(bits, minlength=len(counts))
        middle = _middle(counts)
        if middle is None:
            raise ReleaseError(
                f"split '{train.split}' has no map of defocus",
                remedy="Build the release with a calibrated lens ('idfd process --blur') or from "
                "'idfd process defocus'",
            )
        self.median_px = float(np.array(middle, np.uint16).view(np.float16).mean(dtype=np.float64))

    def predict(self, item: ModelInput) -> Prediction:
        """Return the median as a constant map, (H, W) float32 pixels.

        Raises:
            ReleaseError: :meth:`fit` was not called.
        """
        return Prediction(defocus_px=_everywhere(self.median_px, item, self.name))


def _everywhere(value: float | None, item: ModelInput, name: str) -> NDArray[np.float32]:
    if value is None:
        raise ReleaseError(
            f"the baseline {name} has not seen a training split",
            remedy="Call fit() with the training split first",
        )
    return np.full(item.defocused.shape[:2], value, np.float32)


def _middle(counts: NDArray[np.int64]) -> tuple[int, int] | None:
    """The two values in the middle, which are one where an odd number was counted."""
    below = np.cumsum(counts)
    total = int(below[-1])
    if total == 0:
        return None
    lower, upper = np.searchsorted(below, [(total + 1) // 2, total // 2 + 1])
    return int(lower), int(upper)
