"""Score a model on every triple of a split."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from idfd.benchmark.bootstrap import Interval, mean_interval
from idfd.benchmark.dataset import TripleDataset
from idfd.benchmark.metrics.registry import METRICS
from idfd.benchmark.models import DescribedModel, Model, ModelInput, Prediction
from idfd.benchmark.onnx.model import OnnxModel
from idfd.benchmark.origin import Origin
from idfd.benchmark.predictions import FolderPredictions, H5Predictions
from idfd.benchmark.protocol import DEFAULT, BootstrapRules, LoadedProtocol, MaskKind, Protocol
from idfd.benchmark.results import (
    ImageRow,
    ModelFacts,
    ProtocolFacts,
    ReleaseFacts,
    Results,
    environment,
)
from idfd.benchmark.score import (
    DepthScore,
    check_prediction,
    measured_share,
    rmse_name,
    score_defocus,
    score_depth,
    score_photo,
)
from idfd.errors import InputError, ReleaseError
from idfd.model.triple import Triple
from idfd.progress import track
from idfd.storage.hashing import sha256_array, sha256_bytes, sha256_file

_FROM_FILES = (FolderPredictions, H5Predictions)
_LEGACY = (
    "scored under a legacy protocol, for comparison with published tables only: depth is "
    "normalised image by image, so that the scores are blind to its scale and have no unit."
)


def model_input(triple: Triple) -> ModelInput:
    """What a model may see of a triple; the photo is a copy, so that the truth stays whole."""
    return ModelInput(
        id=triple.record.id,
        defocused=triple.defocused.copy(),
        settings=triple.record.defocused,
        intrinsics=triple.record.intrinsics,
        blur=triple.record.blur,
        scale=triple.record.crop.scale,
    )


def evaluate(
    dataset: TripleDataset,
    model: Model,
    loaded: LoadedProtocol,
    *,
    mask: MaskKind | None = None,
    on_image: Callable[[Triple, Prediction], None] | None = None,
    progress: bool = True,
) -> Results:
    """Score ``model`` on every triple, one at a time.

    Args:
        dataset: An opened split of a release.
        model: A model, fitted where it needs to be, or predictions from files.
        loaded: The protocol, as :func:`idfd.benchmark.protocol.load_protocol` gives it.
        mask: Replaces the protocol's mask: 'any' known depth, or 'measured' depth only.
        on_image: Called with each triple and its prediction once they are scored.
        progress: Show progress on standard error.

    Returns:
        Rows, means with bootstrap intervals, and the facts they depend on.

    Raises:
        InputError: A prediction is missing or cannot be scored; the message names the image.
        ReleaseError: The split is empty, or no image has a pixel to score depth on.
    """
    if len(dataset) == 0:
        raise ReleaseError(f"split '{dataset.split}' is empty", where=dataset.info.name)
    if "defocus" in model.predicts and loaded.protocol.defocus is None:
        raise InputError(
            f"the protocol {loaded.protocol.name} has no rules for maps of defocus, which "
            f"{model.name} predicts",
            limit="a protocol with 'defocus'",
            remedy=f"Score with '--protocol {DEFAULT}', or leave the head out with --heads",
        )
    if isinstance(model, _FROM_FILES):
        model.check(dataset.ids)
    mask = mask or loaded.protocol.depth.mask
    rows: list[ImageRow] = []
    depth_scores: list[DepthScore] = []
    hashes: list[tuple[str | None, ...]] = []
    indices = range(len(dataset))
    for index in track(indices, len(dataset), f"score {model.name}") if progress else indices:
        triple = dataset[index]
        _check_input(triple, dataset)
        prediction = model.predict(model_input(triple))
        check_prediction(prediction, model, triple)
        row, depth = _score(triple, prediction, model, loaded.protocol, mask)
        rows.append(row)
        depth_scores += [] if depth is None else [depth]
        if isinstance(model, _FROM_FILES):
            hashes.append(_hashes(row.id, prediction))
        if on_image is not None:
            on_image(triple, prediction)
    if depth_scores and not any(score.valid_pixels for score in depth_scores):
        raise ReleaseError(
            f"no image of split '{dataset.split}' has a pixel of {mask} depth in the protocol's "
            "range",
            where=dataset.info.name,
            limit="at least one image with depth to score",
            remedy="Score with '--mask any', or use a release that records what was measured"
            if mask == "measured"
            else "Choose another split or depth kind",
        )
    if not any(row.metrics for row in rows):
        raise ReleaseError(
            f"the release has nothing that {model.name} could be scored on",
            where=dataset.info.name,
            limit=f"truth for one of {', '.join(sorted(model.predicts))}",
            remedy="'idfd release info' lists what is absent; choose a release that has it",
        )
    origin = _origin(model)
    warnings = [_LEGACY] if loaded.protocol.kind == "legacy" else []
    if origin is not None:
        warnings += origin.warnings(dataset.digest, dataset.ids)
    return Results(
        created=datetime.now(timezone.utc).isoformat(timespec="seconds"),
        model=ModelFacts(
            name=model.name,
            origin="predictions" if isinstance(model, _FROM_FILES) else "model",
            predicts=tuple(sorted(model.predicts)),
            sha256=_sha256(model, hashes),
            training=origin.facts if origin else None,
            settings=model.describe() if isinstance(model, DescribedModel) else {},
        ),
        release=ReleaseFacts(
            name=dataset.info.name,
            version=dataset.info.version,
            digest=dataset.digest,
            split=dataset.split,
            depth_kind=dataset.depth_kind,
            images=len(dataset),
        ),
        protocol=ProtocolFacts(
            name=loaded.protocol.name,
            sha256=loaded.sha256,
            custom=loaded.custom,
            mask=mask,
            confidence=loaded.protocol.bootstrap.confidence,
            kind=loaded.protocol.kind,
        ),
        environment=environment(),
        metrics=summarise(rows, loaded.protocol.bootstrap),
        pooled=_pooled(depth_scores, loaded.protocol),
        skipped=tuple(row.id for row in rows if depth_scores and not row.valid_pixels),
        images=tuple(rows),
        last_image=rows[-1].metrics if loaded.protocol.last_image else {},
        warnings=tuple(warnings),
    )


def _check_input(triple: Triple, dataset: TripleDataset) -> None:
    if "defocused" in triple.record.absent:
        raise ReleaseError(
            f"image {triple.record.id} has no defocused photo to predict from",
            where=dataset.info.name,
            limit="a release whose defocused photos were taken or computed",
            remedy="Make one with 'idfd process defocus' from its sharp photos and depth",
        )


def _score(
    triple: Triple, prediction: Prediction, model: Model, protocol: Protocol, mask: MaskKind
) -> tuple[ImageRow, DepthScore | None]:
    metrics: dict[str, float] = {}
    depth = None
    border, absent = protocol.border_px, triple.record.absent
    if "depth" in model.predicts and prediction.depth_m is not None and "depth" not in absent:
        depth = score_depth(
            prediction.depth_m, triple, protocol.depth, mask, border, protocol.edges
        )
        metrics |= depth.metrics
    photo = prediction.all_in_focus
    if "aif" in model.predicts and photo is not None and "all_in_focus" not in absent:
        metrics |= score_photo(photo, triple, protocol.restoration, border)
    if protocol.defocus is not None and prediction.defocus_px is not None:
        metrics |= score_defocus(prediction.defocus_px, triple, protocol.defocus, border)
    row = ImageRow(
        id=triple.record.id,
        scene=triple.record.scene,
        metrics=metrics,
        valid_pixels=depth.valid_pixels if depth else 0,
        measured_share=measured_share(triple),
    )
    return row, depth


def _pooled(scores: list[DepthScore], protocol: Protocol) -> dict[str, float]:
    if not scores or "rmse" not in protocol.pooled:
        return {}
    pixels = sum(score.valid_pixels for score in scores)
    total = sum(score.squared_error for score in scores)
    return {rmse_name(protocol.depth): float(np.sqrt(total / pixels))}


def _origin(model: Model) -> Origin | None:
    origin = getattr(model, "origin", None)
    # A model of one's own may use the name for something else.
    return origin if isinstance(origin, Origin) else None


def _hashes(name: str, prediction: Prediction) -> tuple[str | None, ...]:
    arrays: list[NDArray[Any] | None] = [prediction.depth_m, prediction.all_in_focus]
    # Last, and only where there is one: hashes of older predictions stay what they were.
    arrays += [] if prediction.defocus_px is None else [prediction.defocus_px]
    return (name, *(None if array is None else sha256_array(array) for array in arrays))


def _sha256(model: Model, hashes: list[tuple[str | None, ...]]) -> str | None:
    """See :class:`idfd.benchmark.results.ModelFacts`."""
    if isinstance(model, OnnxModel):
        return sha256_file(model.path)
    return sha256_bytes(msgspec.json.encode(hashes)) if hashes else None


def summarise(rows: list[ImageRow], rules: BootstrapRules) -> dict[str, Interval]:
    """Mean over the images that have each metric, with its bootstrap interval."""
    summary: dict[str, Interval] = {}
    for name in METRICS:
        values = [row.metrics[name] for row in rows if name in row.metrics]
        if values:
            summary[name] = mean_interval(
                np.array(values),
                resamples=rules.resamples,
                confidence=rules.confidence,
                seed=rules.seed,
            )
    return summary
