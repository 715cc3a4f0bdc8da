"""What an ONNX file is to the benchmark; docs/models.md says the same to its authors."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from idfd.benchmark.models import Target
from idfd.benchmark.network.config import NetworkConfig
from idfd.benchmark.origin import TrainingFacts
from idfd.errors import InputError
from idfd.model.schema import Document

INPUT = "photo"
"""Name of the input: the defocused photo, (1, 3, H, W) float32 RGB."""
OUTPUTS: dict[Target, str] = {"depth": "depth", "aif": "all_in_focus", "defocus": "defocus"}
"""Names of the outputs: (1, 1, H, W) float32 metres, a photo like the input, and (1, 1, H, W)
float32 pixels, the diameter of the circle of confusion."""
DEFAULT_RANGE = (-1.0, 1.0)
"""Values of black and white in photos of a file that does not say."""
RANGE = "photo_range"
"""Metadata property that says: two numbers, such as ``0 1``."""
FACTS = "idfd"
"""Metadata property with :class:`ExportFacts` as JSON, in files that idfd wrote."""


class ExportFacts(Document, frozen=True, kw_only=True):
    """What a file that idfd wrote says about itself.

    Attributes:
        network: What was exported.
        training: How it was trained, and the SHA-256 of the checkpoint.
        train: Triples that it was trained on.
        validation: Triples that chose the checkpoint.
        tensors: Meaning of each input and output, with its unit.
        software: Versions of what wrote the file.
    """

    SCHEMA: ClassVar[str] = "idfd/onnx"
    VERSION: ClassVar[str] = "1.0.0"

    network: NetworkConfig
    training: TrainingFacts
    train: tuple[str, ...]
    validation: tuple[str, ...]
    tensors: dict[str, str]
    software: dict[str, str]


def photo_range(properties: dict[str, str], where: Path) -> tuple[float, float]:
    """Values of black and white in photos of a file, from its metadata properties.

    Raises:
        InputError: The property does not hold two increasing numbers.

    Example:
        >>> photo_range({"photo_range": "0 1"}, Path("model.onnx"))
        (0.0, 1.0)
    """
    text = properties.get(RANGE)
    if text is None:
        return DEFAULT_RANGE
    try:
        black, white = (float(word) for word in text.split())
    except ValueError:
        black = white = 0.0
    if not black < white < float("inf"):
        raise InputError(
            f"the metadata property '{RANGE}' is '{text}'",
            where=where,
            limit="the values of black and white, such as '0 1' or '-1 1'",
        )
    return black, white
