"""Score a model on every triple of a split."""

from __future__ import annotations

from datetime import datetime, timezone

import numpy as np

from idfd.benchmark.bootstrap import Interval, mean_interval
from idfd.benchmark.dataset import TripleDataset
from idfd.benchmark.metrics.registry import METRICS
from idfd.benchmark.models import Model, ModelInput
from idfd.benchmark.origin import Origin
from idfd.benchmark.predictions import FolderPredictions, H5Predictions
from idfd.benchmark.protocol import BootstrapRules, LoadedProtocol, MaskKind
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
    score_depth,
    score_photo,
)
from idfd.errors import ReleaseError
from idfd.model.triple import Triple
from idfd.progress import track

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
    )


def evaluate(
    dataset: TripleDataset,
    model: Model,
    loaded: LoadedProtocol,
    *,
    mask: MaskKind | None = None,
    progress: bool = True,
) -> Results:
    """Score ``model`` on every triple, one at a time.

    Args:
        dataset: An opened split of a release.
        model: A model, fitted where it needs to be, or predictions from files.
        loaded: The protocol, as :func:`idfd.benchmark.protocol.load_protocol` gives it.
        mask: Replaces the protocol's mask: 'any' known depth, or 'measured' depth only.
        progress: Show progress on standard error.

    Returns:
        Rows, means with bootstrap intervals, and the facts they depend on.

    Raises:
        InputError: A prediction is missing or cannot be scored; the message names the image.
        ReleaseError: The split is empty, or no image has a pixel to score depth on.
    """
    if len(dataset) == 0:
        raise ReleaseError(f"split '{dataset.split}' is empty", where=dataset.info.name)
    from_files = isinstance(model, (FolderPredictions, H5Predictions))
    if isinstance(model, (FolderPredictions, H5Predictions)):
        model.check(dataset.ids)
    mask = mask or loaded.protocol.depth.mask
    rows: list[ImageRow] = []
    depth_scores: list[DepthScore] = []
    indices = range(len(dataset))
    for index in track(indices, len(dataset), f"score {model.name}") if progress else indices:
        row, depth = _score(dataset[index], model, loaded, mask)
        rows.append(row)
        depth_scores += [] if depth is None else [depth]
    scored = [score for score in depth_scores if score.valid_pixels]
    if depth_scores and not scored:
        raise ReleaseError(
            f"no image of split '{dataset.split}' has a pixel of {mask} depth in the protocol's "
            "range",
            where=dataset.info.name,
            limit="at least one image with depth to score",
            remedy="Score with '--mask any', or use a release that records what was measured"
            if mask == "measured"
            else "Choose another split or depth kind",
        )
    pooled: dict[str, float] = {}
    if scored and "rmse" in loaded.protocol.pooled:
        pixels = sum(score.valid_pixels for score in scored)
        total = sum(score.squared_error for score in scored)
        pooled[rmse_name(loaded.protocol.depth)] = float(np.sqrt(total / pixels))
    origin = getattr(model, "origin", None)
    # A model of one's own may use the name for something else.
    origin = origin if isinstance(origin, Origin) else None
    warnings = [_LEGACY] if loaded.protocol.kind == "legacy" else []
    if origin is not None:
        warnings += origin.warnings(dataset.digest, dataset.ids)
    return Results(
        created=datetime.now(timezone.utc).isoformat(timespec="seconds"),
        model=ModelFacts(
            name=model.name,
            origin="predictions" if from_files else "model",
            predicts=tuple(sorted(model.predicts)),
            training=origin.facts if origin else None,
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
        pooled=pooled,
        skipped=tuple(row.id for row in rows if depth_scores and not row.valid_pixels),
        images=tuple(rows),
        last_image=rows[-1].metrics if loaded.protocol.last_image else {},
        warnings=tuple(warnings),
    )


def _score(
    triple: Triple, model: Model, loaded: LoadedProtocol, mask: MaskKind
) -> tuple[ImageRow, DepthScore | None]:
    protocol = loaded.protocol
    prediction = model.predict(model_input(triple))
    check_prediction(prediction, model, triple)
    metrics: dict[str, float] = {}
    depth = None
    if "depth" in model.predicts and prediction.depth_m is not None:
        depth = score_depth(prediction.depth_m, triple, protocol.depth, mask, protocol.border_px)
        metrics |= depth.metrics
    if "aif" in model.predicts and prediction.all_in_focus is not None:
        metrics |= score_photo(
            prediction.all_in_focus, triple, protocol.restoration, protocol.border_px
        )
    row = ImageRow(
        id=triple.record.id,
        scene=triple.record.scene,
        metrics=metrics,
        valid_pixels=depth.valid_pixels if depth else 0,
        measured_share=measured_share(triple),
    )
    return row, depth


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
