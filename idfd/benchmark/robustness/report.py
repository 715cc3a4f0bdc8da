"""The robustness document: scores on clean and on degraded photos, and how they differ."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from idfd.benchmark.bootstrap import Interval, paired_difference
from idfd.benchmark.metrics.registry import METRICS
from idfd.benchmark.protocol import BootstrapRules
from idfd.benchmark.results import Results
from idfd.model.degradation import Degradation
from idfd.model.provenance import Sha256
from idfd.model.schema import Document, Record


class DegradedScores(Record, frozen=True, kw_only=True):
    """Scores on photos with one degradation.

    Attributes:
        degradation: What was done to the photos.
        results: Scores; the release's digest is that of the degraded photos.
        change: Degraded minus clean of the same images, mean and interval, by metric.
    """

    degradation: Degradation
    results: Results
    change: dict[str, Interval]


class RobustnessReport(Document, frozen=True, kw_only=True):
    """A model on clean photos and on degraded ones.

    Attributes:
        subject: SHA-256 of model, photos and rules: levels of one subject can stand together.
        clean: Scores on the photos as they are.
        levels: Scores on degraded photos, in the order in which they were asked for.
    """

    SCHEMA: ClassVar[str] = "idfd/robustness"
    VERSION: ClassVar[str] = "1.0.0"

    subject: Sha256
    clean: Results
    levels: tuple[DegradedScores, ...] = ()

    def level(self, degradation: Degradation) -> DegradedScores | None:
        """Scores with that degradation, if they are there."""
        return next((one for one in self.levels if one.degradation == degradation), None)


def changes(clean: Results, degraded: Results, rules: BootstrapRules) -> dict[str, Interval]:
    """Degraded minus clean, paired by image, by metric.

    Args:
        clean: Scores on the clean photos.
        degraded: Scores of the same model on the same photos, degraded.
        rules: Of the bootstrap.
    """
    before = {row.id: row.metrics for row in clean.images}
    found = {}
    for name in METRICS:
        pairs = np.array(
            [
                (row.metrics[name], before[row.id][name])
                for row in degraded.images
                if name in row.metrics and name in before[row.id]
            ]
        )
        if len(pairs):
            found[name] = paired_difference(
                pairs[:, 0],
                pairs[:, 1],
                resamples=rules.resamples,
                confidence=rules.confidence,
                seed=rules.seed,
            )
    return found
