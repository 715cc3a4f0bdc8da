"""Results as documents, without scoring anything."""

from __future__ import annotations

from typing import Any, Literal

import msgspec
import numpy as np

from idfd.benchmark.bootstrap import mean_interval
from idfd.benchmark.origin import TrainingFacts
from idfd.benchmark.protocol import DEFAULT, MaskKind, load_protocol
from idfd.benchmark.results import (
    Environment,
    ImageRow,
    ModelFacts,
    ProtocolFacts,
    ReleaseFacts,
    Results,
)
from idfd.model.triple import DepthKind


def training(seed: int = 0, release: str = "dfd_indoor", **changes: Any) -> TrainingFacts:
    facts = TrainingFacts(
        checkpoint=f"{seed:064x}",
        network="2HDED:NET",
        heads=("depth", "aif"),
        trained_heads=("depth", "aif"),
        joint="add",
        parameters=41_414_400,
        encoder="random encoder initialisation",
        release=release,
        release_version="1.0.0",
        release_digest="d" * 64,
        depth_kind="inpainted",
        train_images=74,
        validation_images=7,
        epochs=400.0,
        steps=4000,
        seed=seed,
        precision="bf16",
        hardware="a GPU",
        wall_hours=0.4,
        cpu_hours=0.5,
        software={},
        settings={"seed": seed, "epochs": 400},
        scored_on="a GPU",
    )
    return msgspec.structs.replace(facts, **changes)


def results(
    metrics: dict[str, list[float]],
    *,
    name: str = "2HDED:NET",
    facts: TrainingFacts | None = None,
    release: str = "dfd_indoor",
    depth_kind: DepthKind = "inpainted",
    protocol: str = DEFAULT,
    origin: Literal["model", "predictions"] = "model",
    warnings: tuple[str, ...] = (),
    digest: str = "e" * 64,
    mask: MaskKind = "any",
) -> Results:
    """Results with these values of each image, by metric; every third is of another scene."""
    loaded = load_protocol(protocol)
    rules = loaded.protocol.bootstrap
    count = len(next(iter(metrics.values())))
    images = tuple(
        ImageRow(
            id=f"image{i:03d}",
            scene=f"scene{i % 3}",
            metrics={metric: values[i] for metric, values in metrics.items()},
            valid_pixels=100,
            measured_share=1.0,
        )
        for i in range(count)
    )
    means = {
        metric: mean_interval(
            np.array(values),
            resamples=rules.resamples,
            confidence=rules.confidence,
            seed=rules.seed,
        )
        for metric, values in metrics.items()
    }
    return Results(
        created="2026-01-01T00:00:00+00:00",
        model=ModelFacts(name=name, origin=origin, predicts=("depth",), training=facts),
        release=ReleaseFacts(
            name=release,
            version="1.0.0",
            digest=digest,
            split="test",
            depth_kind=depth_kind,
            images=count,
        ),
        protocol=ProtocolFacts(
            name=loaded.protocol.name,
            sha256=loaded.sha256,
            custom=False,
            mask=mask,
            confidence=rules.confidence,
            kind=loaded.protocol.kind,
        ),
        environment=Environment(idfd="0", python="3", platform="x", cpu_count=1, packages={}),
        metrics=means,
        pooled={"rmse": 1.0},
        skipped=(),
        images=images,
        last_image=images[-1].metrics if loaded.protocol.last_image else {},
        warnings=warnings,
    )
