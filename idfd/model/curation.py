"""The index of a folder of curated triples."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

import msgspec

from idfd.model.capture import AuditEntry, Identifier, Scene, SplitTable
from idfd.model.provenance import Provenance, Sha256
from idfd.model.schema import Document, Record
from idfd.model.triple import Check, Crop, PairTransform, PhotometricGain


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


class PairFit(Document, frozen=True, kw_only=True):
    """What was found out about a pair before anything is cropped.

    ``key`` identifies the files, settings and code that it was found with, ``crop`` is the
    largest valid window.
    """

    SCHEMA: ClassVar[str] = "idfd/pair-fit"
    VERSION: ClassVar[str] = "1.0.0"

    key: Sha256
    transform: PairTransform
    gain: PhotometricGain
    crop: Crop
    checks: tuple[Check, ...]
    measures: dict[str, float]

    @property
    def verdict(self) -> Literal["pass", "warn", "fail"]:
        """The worst verdict of all checks."""
        found = {check.verdict for check in self.checks}
        return "fail" if "fail" in found else "warn" if "warn" in found else "pass"

    @property
    def reasons(self) -> tuple[str, ...]:
        """The checks that did not pass, with value and limit."""
        return tuple(
            f"{c.name} {c.value:.3g} {c.unit} (limit {c.fail if c.verdict == 'fail' else c.warn:g})"
            for c in self.checks
            if c.verdict != "pass"
        )
