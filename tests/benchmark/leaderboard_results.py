"""Results made from per-image values, without a release or a model."""

from __future__ import annotations

import numpy as np

from idfd.benchmark.evaluate import summarise
from idfd.benchmark.origin import TrainingFacts
from idfd.benchmark.protocol import MaskKind, load_protocol
from idfd.benchmark.results import (
    Environment,
    ImageRow,
    ModelFacts,
    ProtocolFacts,
    ReleaseFacts,
    Results,
)


def make_results(
    name: str,
    rmse: list[float],
    psnr: list[float] | None = None,
    *,
    digest: str = "a" * 64,
    mask: MaskKind = "any",
    training: TrainingFacts | None = None,
) -> Results:
    """Results with one row per value; every third image is of another scene."""
    rows = [
        ImageRow(
            id=f"image{place:03d}",
            scene=f"scene{place % 3}",
            metrics={"rmse": value} | ({"psnr": psnr[place]} if psnr else {}),
            valid_pixels=100,
            measured_share=1.0,
        )
        for place, value in enumerate(rmse)
    ]
    loaded = load_protocol()
    return Results(
        created="2026-01-01T00:00:00+00:00",
        model=ModelFacts(name=name, origin="model", predicts=("depth",), training=training),
        release=ReleaseFacts(
            name="toy",
            version="1.0.0",
            digest=digest,
            split="test",
            depth_kind="raw",
            images=len(rmse),
        ),
        protocol=ProtocolFacts(
            name=loaded.protocol.name,
            sha256=loaded.sha256,
            custom=False,
            mask=mask,
            confidence=loaded.protocol.bootstrap.confidence,
        ),
        environment=Environment(
            idfd="0", python="3", platform="none", cpu_count=1, packages={"numpy": "2"}
        ),
        metrics=summarise(rows, loaded.protocol.bootstrap),
        pooled={"rmse": float(np.sqrt(np.mean(np.square(rmse))))},
        skipped=(),
        images=tuple(rows),
    )


def make_training(seed: int, epochs: int = 10) -> TrainingFacts:
    """Facts of a trained network; only ``seed`` and ``epochs`` vary."""
    return TrainingFacts(
        checkpoint=f"{seed:064x}",
        network="2HDED:NET",
        heads=("depth",),
        trained_heads=("depth",),
        joint="both",
        parameters=1000,
        encoder="random encoder initialisation",
        release="toy",
        release_version="1.0.0",
        release_digest="b" * 64,
        depth_kind="raw",
        train_images=9,
        validation_images=1,
        epochs=epochs,
        steps=90,
        seed=seed,
        precision="32-true",
        hardware="a processor",
        wall_hours=1.5,
        cpu_hours=2.5,
        software={"torch": "2"},
        settings={"seed": seed, "epochs": epochs},
        scored_on="a processor",
    )
