"""The index of a folder of curated triples."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

import msgspec

from idfd.model.capture import AuditEntry, Identifier, Scene, SplitTable
from idfd.model.provenance import Provenance, Sha256
from idfd.model.schema import Document, Record
from idfd.model.triple import PairTransform, PhotometricGain

INDEX = "curation.json"
TRIPLES, RECORD = "triples", "triple.json"
"""A triple is a folder ``triples/<id>``; its record is written last, and no record is no triple."""


class CuratedEntry(Record, frozen=True, kw_only=True):
    """One curated triple: its verdict, and the key of everything that it was made from."""

    id: Identifier
    verdict: Literal["pass", "warn", "fail"]
    key: Sha256
    reasons: tuple[str, ...] = ()


class FailedEntry(Record, frozen=True, kw_only=True):
    """A take that could not be curated, and why."""

    id: Identifier
    reason: str


class Curation(Document, frozen=True, kw_only=True):
    """``curation.json``: what a folder of curated triples holds."""

    SCHEMA: ClassVar[str] = "idfd/curation"
    VERSION: ClassVar[str] = "1.0.0"

    name: str
    title: str
    licence: str
    citation: str
    size: tuple[Annotated[int, msgspec.Meta(gt=0)], Annotated[int, msgspec.Meta(gt=0)]] | None
    scenes: tuple[Scene, ...]
    triples: tuple[CuratedEntry, ...]
    failed: tuple[FailedEntry, ...]
    splits: SplitTable | None
    audit: tuple[AuditEntry, ...]
    provenance: Provenance


class PairFit(Record, frozen=True, kw_only=True):
    """What was found out about a pair of photos before anything is cropped.

    Attributes:
        width: Of the all-in-focus photo, pixels.
        height: Of it.
        transform: From its pixels to the defocused photo's.
        gain: Brings the defocused photo's exposure and vignetting to it.
        measures: ``displacement_px`` (largest movement of a corner), ``residual_px`` (median shift
            left between patches; absent where no patch has texture), ``correlation``,
            ``gain_residual`` (robust standard deviation of the log ratio of light between blocks
            that the gain leaves), ``exposure_stops``, ``sharpness`` (detail of the all-in-focus
            photo over that of the defocused one where they differ most), ``psnr_before`` and
            ``psnr_after`` (dB; absent where nothing is left to compare).
    """

    width: int
    height: int
    transform: PairTransform
    gain: PhotometricGain
    measures: dict[str, float]
