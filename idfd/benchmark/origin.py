"""Where a trained model comes from, and whether it has seen what it is scored on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from idfd.model.provenance import Sha256
from idfd.model.schema import Record


class TrainingFacts(Record, frozen=True, kw_only=True):
    """How a scored network came to be and where it was computed.

    Attributes:
        checkpoint: SHA-256 of the file that holds the weights.
        network: Name of the network that was trained.
        heads: Heads that were scored; others may have been removed.
        trained_heads: Heads that were trained together.
        joint: Input joint layer of the all-in-focus head.
        parameters: Number of the scored network's parameters.
        encoder: What the encoder started from: 'random encoder initialisation', or the SHA-256 of
            the file of weights.
        release: Name of the release it was trained on.
        release_version: Version of it.
        release_digest: SHA-256 that identifies its content.
        depth_kind: Depth maps it learned from.
        train_images: Number of triples trained on.
        validation_images: Number of triples that chose the checkpoint.
        epochs: Passes over the training triples.
        steps: Steps of the optimiser.
        seed: Seed of the run.
        precision: Numbers that training computed with.
        hardware: What it was trained on.
        wall_hours: Time spent training, without validation.
        cpu_hours: Processor time of it.
        software: Versions of idfd and torch in training.
        settings: All settings of the run.
        scored_on: Processor and threads, or GPU, that computed the scored predictions in float32.
    """

    checkpoint: Sha256
    network: str
    heads: tuple[str, ...]
    trained_heads: tuple[str, ...]
    joint: str
    parameters: int
    encoder: str
    release: str
    release_version: str
    release_digest: Sha256
    depth_kind: str
    train_images: int
    validation_images: int
    epochs: float
    steps: int
    seed: int
    precision: str
    hardware: str
    wall_hours: float
    cpu_hours: float
    software: dict[str, str]
    settings: dict[str, Any]
    scored_on: str


@dataclass(frozen=True)
class Origin:
    """Facts about a trained model, and the identifiers of the triples that it has seen.

    A model that knows them carries them as its attribute ``origin``.
    """

    facts: TrainingFacts
    train: frozenset[str]
    validation: frozenset[str]

    def warnings(self, digest: str, ids: Sequence[str]) -> list[str]:
        """Sentences on scored triples that the model was trained on or chosen by.

        Args:
            digest: Digest of the scored release.
            ids: Identifiers of the scored triples.
        """
        found = []
        uses = ((self.train, "trained on"), (self.validation, "chosen by its scores on"))
        for seen, deed in uses:
            count = sum(name in seen for name in ids)
            if not count:
                continue
            if digest == self.facts.release_digest:
                found.append(
                    f"{deed} {count} of the {len(ids)} scored images: these scores "
                    "say nothing about other images."
                )
            else:
                found.append(
                    f"{deed} images of another release "
                    f"({self.facts.release} {self.facts.release_version}, "
                    f"{self.facts.release_digest[:8]}) with the names of {count} of the "
                    f"{len(ids)} scored ones: they may be the same photos."
                )
        return found
