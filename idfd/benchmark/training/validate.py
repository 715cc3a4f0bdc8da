"""Scores of a network under training, by the same protocol as any other model's."""

from __future__ import annotations

import dataclasses
import math

import msgspec

from idfd.benchmark.dataset import TripleDataset
from idfd.benchmark.evaluate import evaluate
from idfd.benchmark.protocol import load_protocol
from idfd.benchmark.trained import TrainedModel

FEWEST_RESAMPLES = 100
"""That a protocol may ask for."""


def validate(dataset: TripleDataset, model: TrainedModel) -> dict[str, float]:
    """Mean of every metric over the validation triples, under the default protocol."""
    loaded = load_protocol()
    # Only means are used here; intervals would take as long as the predictions.
    rules = msgspec.structs.replace(loaded.protocol.bootstrap, resamples=FEWEST_RESAMPLES)
    quick = msgspec.structs.replace(loaded.protocol, bootstrap=rules)
    results = evaluate(dataset, model, dataclasses.replace(loaded, protocol=quick), progress=False)
    return {name: interval.mean for name, interval in results.metrics.items()}


def selection_score(scores: dict[str, float]) -> float:
    """One number to choose a checkpoint by; smaller is better.

    ``ln(RMSE) + ln(RMS error of the photo / that of the input)``, where the second is the PSNR
    gain in other units: ten per cent less error of either kind counts the same.

    Example:
        >>> selection_score({"rmse": 1.0, "psnr_gain": 20.0}) == -math.log(10)
        True
    """
    score = math.log(scores["rmse"]) if "rmse" in scores else 0.0
    return score - scores.get("psnr_gain", 0.0) * math.log(10) / 20
