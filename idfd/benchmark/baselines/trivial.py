"""Baselines without any model of blur: the photo itself, and one depth for all pixels."""

from __future__ import annotations

import numpy as np

from idfd.benchmark.dataset import TripleDataset
from idfd.benchmark.models import ModelInput, Prediction, Target
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
        below = np.cumsum(counts)
        total = int(below[-1])
        if total == 0:
            raise ReleaseError(
                f"split '{train.split}' has no valid depth", remedy="Choose another depth kind"
            )
        lower, upper = np.searchsorted(below, [(total + 1) // 2, total // 2 + 1])
        self.median_m = (int(lower) + int(upper)) / 2000

    def predict(self, item: ModelInput) -> Prediction:
        """Return the median as a constant map, (H, W) float32 metres.

        Raises:
            ReleaseError: :meth:`fit` was not called.
        """
        if self.median_m is None:
            raise ReleaseError(
                "the baseline median-depth has not seen a training split",
                remedy="Call fit() with the training split first",
            )
        return Prediction(depth_m=np.full(item.defocused.shape[:2], self.median_m, np.float32))
