"""Scores of a network under training, by the same protocol as any other model's."""

from __future__ import annotations

import dataclasses
import math

import msgspec
import numpy as np

from idfd.benchmark.dataset import TripleDataset
from idfd.benchmark.evaluate import evaluate
from idfd.benchmark.metrics.restoration import psnr
from idfd.benchmark.models import Prediction
from idfd.benchmark.protocol import load_protocol
from idfd.benchmark.reblur.photo import reblur_photo
from idfd.benchmark.trained import TrainedModel
from idfd.errors import ReleaseError
from idfd.model.triple import Triple

FEWEST_RESAMPLES = 100
"""That a protocol may ask for."""
MOST_DECIBELS = 100.0
"""Of a photo that is re-blurred without error."""


def validate(dataset: TripleDataset, model: TrainedModel) -> dict[str, float]:
    """Mean of every metric but those of edges over the validation triples, by the default protocol.

    A map of defocus gets ``reblur_psnr`` too: of the sharp photo, blurred by the map, against the
    defocused photo. That asks for no true map. Where a triple has no sharp photo, the predicted
    one is blurred.
    """
    reblurred: list[float] = []

    def note(triple: Triple, prediction: Prediction) -> None:
        lacking = "all_in_focus" in triple.record.absent
        sharp = prediction.all_in_focus if lacking else triple.all_in_focus
        if prediction.defocus_px is not None and sharp is not None:
            again = reblur_photo(sharp, prediction.defocus_px)
            reblurred.append(min(psnr(again, triple.defocused), MOST_DECIBELS))

    loaded = load_protocol()
    # Only means are used here; intervals would take as long as the predictions.
    rules = msgspec.structs.replace(loaded.protocol.bootstrap, resamples=FEWEST_RESAMPLES)
    # The edge metric takes longer than a prediction, and no checkpoint is chosen by it.
    quick = msgspec.structs.replace(loaded.protocol, bootstrap=rules, edges=None)
    shortened = dataclasses.replace(loaded, protocol=quick)
    try:
        found = evaluate(dataset, model, shortened, on_image=note, progress=False).metrics
    except ReleaseError:
        # Nothing is scored if nothing is known but photos, which is enough to re-blur one.
        if not reblurred:
            raise
        found = {}
    scores = {name: interval.mean for name, interval in found.items()}
    return scores | ({"reblur_psnr": float(np.mean(reblurred))} if reblurred else {})


def selection_score(scores: dict[str, float]) -> float:
    """One number to choose a checkpoint by; smaller is better.

    ``ln(RMSE) + ln(RMS error of the photo / that of the input)``, where the second is the PSNR
    gain in other units: ten per cent less error of either kind counts the same. A map of defocus
    is judged by the RMS error of the photo that it re-blurs, in the place of depth, because its
    truth is for scoring alone.

    Example:
        >>> selection_score({"rmse": 1.0, "psnr_gain": 20.0}) == -math.log(10)
        True
    """
    score = math.log(scores["rmse"]) if "rmse" in scores else 0.0
    decibels = scores.get("psnr_gain", 0.0) + scores.get("reblur_psnr", 0.0)
    return score - decibels * math.log(10) / 20
