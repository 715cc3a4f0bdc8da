"""The results document: scores of one model on one split, with all they depend on."""

from __future__ import annotations

import os
import platform
import sys
from typing import ClassVar, Literal

import msgspec

from idfd.benchmark.bootstrap import Interval
from idfd.benchmark.models import Target
from idfd.benchmark.origin import TrainingFacts
from idfd.benchmark.protocol import MaskKind, ProtocolKind
from idfd.model.provenance import Sha256, provenance
from idfd.model.schema import Document, Record
from idfd.model.triple import DepthKind
from idfd.version import __version__


class ModelFacts(Record, frozen=True, kw_only=True):
    """The scored model.

    Attributes:
        name: Name in tables.
        origin: Whether it was run, or its predictions were read from files.
        predicts: What was scored.
        sha256: Of the ONNX file, or of the predictions that were read: of a JSON list with, for
            each image, its id and the SHA-256 of the depth in metres and of the photo, null where
            there is none, and of the defocus where there is one. None for models made in Python;
            that of a checkpoint is in ``training``.
        training: How a trained network came to be, where the model knows it.
        settings: What a model that describes itself was told or chose, by name.
    """

    name: str
    origin: Literal["model", "predictions"]
    predicts: tuple[Target, ...]
    sha256: Sha256 | None = None
    training: TrainingFacts | None = None
    settings: dict[str, str] = msgspec.field(default_factory=dict)


class ReleaseFacts(Record, frozen=True, kw_only=True):
    """The data it was scored on; ``digest`` identifies the release's content."""

    name: str
    version: str
    digest: Sha256
    split: str | None
    depth_kind: DepthKind
    images: int


class ProtocolFacts(Record, frozen=True, kw_only=True):
    """The rules: name, hash, whether they are idfd's own, and the mask in force.

    Scores of ``kind`` 'legacy' are for comparison with published tables only.
    """

    name: str
    sha256: Sha256
    custom: bool
    mask: MaskKind
    confidence: float
    kind: ProtocolKind = "metric"


class Environment(Record, frozen=True, kw_only=True):
    """The software and machine that computed the scores."""

    idfd: str
    python: str
    platform: str
    cpu_count: int
    packages: dict[str, str]


class ImageRow(Record, frozen=True, kw_only=True):
    """Scores of one image.

    ``valid_pixels`` counts the pixels that depth was scored on; ``measured_share`` is the
    share of the true depth that was measured rather than in-painted, None without depth.
    """

    id: str
    scene: str
    metrics: dict[str, float]
    valid_pixels: int
    measured_share: float | None


class Results(Document, frozen=True, kw_only=True):
    """Scores of one model on one split.

    Two evaluations of the same predictions differ in ``created`` only.

    Attributes:
        created: UTC time of the evaluation, ISO 8601.
        metrics: Mean over images with its interval, by metric.
        pooled: Values over all scored pixels of the split, by metric.
        skipped: Images without a pixel to score depth on.
        images: One row for each image, in the split's order.
        last_image: Scores of the last image alone, where the protocol asks for them: public code
            that prints them calls them averages.
        warnings: Sentences on what keeps the scores from meaning what they seem to.
    """

    SCHEMA: ClassVar[str] = "idfd/results"
    VERSION: ClassVar[str] = "1.2.0"

    created: str
    model: ModelFacts
    release: ReleaseFacts
    protocol: ProtocolFacts
    environment: Environment
    metrics: dict[str, Interval]
    pooled: dict[str, float]
    skipped: tuple[str, ...]
    images: tuple[ImageRow, ...]
    last_image: dict[str, float] = msgspec.field(default_factory=dict)
    warnings: tuple[str, ...] = ()


def environment() -> Environment:
    """Describe this process: versions of idfd, Python and the packages that shape scores."""
    packages = provenance().packages
    python = packages.pop("python")
    for name in ("torch", "onnxruntime"):
        if module := sys.modules.get(name):
            packages[name] = str(module.__version__)
    return Environment(
        idfd=__version__,
        python=python,
        platform=f"{platform.system()} {platform.machine()}",
        cpu_count=os.cpu_count() or 1,
        packages=packages,
    )
