"""What an installation can train and score: models, protocols, metrics, presets and packages."""

from __future__ import annotations

from importlib import metadata
from typing import ClassVar

from idfd.benchmark.metrics.registry import METRICS
from idfd.benchmark.models import Registered, available_models
from idfd.benchmark.protocol import DEFAULT, PINNED, ProtocolKind, load_protocol
from idfd.benchmark.training.config import PRESETS, load_config
from idfd.model.provenance import Sha256
from idfd.model.schema import Document, Record

PACKAGES = {
    "torch": "train, predict, export, score checkpoints",
    "lightning-fabric": "train",
    "safetensors": "read and write checkpoints",
    "tensorboard": "curves of a training",
    "onnxruntime": "score ONNX files, check exports",
    "onnx": "export",
    "scikit-image": "score wiener, richardson-lucy, ircnn and pipeline",
}
"""Packages of the extras ``benchmark`` and ``baselines``, with what needs them."""
INSTALL = "pip install idfd[benchmark,baselines]"


class ProtocolEntry(Record, frozen=True, kw_only=True):
    """A published protocol; ``legacy`` ones are for comparison with published tables only."""

    name: str
    sha256: Sha256
    kind: ProtocolKind
    default: bool


class MetricEntry(Record, frozen=True, kw_only=True):
    """A metric; ``higher_is_better`` is None where the value describes the data."""

    name: str
    heading: str
    unit: str
    higher_is_better: bool | None
    kind: str
    description: str


class PresetEntry(Record, frozen=True, kw_only=True):
    """Settings of a training that have a name."""

    name: str
    network: str
    epochs: int
    batch: int
    crop: int


class PackageEntry(Record, frozen=True, kw_only=True):
    """An optional package; ``version`` is None where it is not installed."""

    name: str
    version: str | None
    purpose: str


class Catalogue(Document, frozen=True, kw_only=True):
    """Everything that has a name, and the optional packages; ``install`` adds those."""

    SCHEMA: ClassVar[str] = "idfd/benchmark-list"
    VERSION: ClassVar[str] = "1.0.0"

    models: tuple[Registered, ...]
    protocols: tuple[ProtocolEntry, ...]
    metrics: tuple[MetricEntry, ...]
    presets: tuple[PresetEntry, ...]
    packages: tuple[PackageEntry, ...]
    install: str = INSTALL


def catalogue() -> Catalogue:
    """Look at this installation; no optional package is imported.

    Raises:
        SchemaError: A file of a published protocol was edited.
    """
    presets = {name: load_config(name) for name in PRESETS}
    return Catalogue(
        models=available_models(),
        protocols=tuple(
            ProtocolEntry(
                name=name,
                sha256=digest,
                kind=load_protocol(name).protocol.kind,
                default=name == DEFAULT,
            )
            for name, digest in PINNED.items()
        ),
        metrics=tuple(
            MetricEntry(
                name=metric.name,
                heading=metric.heading,
                unit=metric.unit,
                higher_is_better=metric.higher_is_better,
                kind=metric.kind,
                description=metric.description,
            )
            for metric in METRICS.values()
        ),
        presets=tuple(
            PresetEntry(
                name=name,
                network=config.network.name,
                epochs=config.epochs,
                batch=config.batch,
                crop=config.crop,
            )
            for name, config in presets.items()
        ),
        packages=tuple(
            PackageEntry(name=name, version=_version(name), purpose=purpose)
            for name, purpose in PACKAGES.items()
        ),
    )


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
