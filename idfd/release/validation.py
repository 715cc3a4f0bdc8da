"""What a validation of a release's splits found; shown in the data card.

``idfd benchmark validate`` makes these documents. They stand here because a release may be shown
with one, and read without the benchmark.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import ClassVar, Literal

import msgspec

from idfd.model.provenance import Provenance, Sha256
from idfd.model.schema import Document, Record, load

Verdict = Literal["pass", "warn", "fail", "skipped"]
CheckName = Literal["leaks", "parity", "generalisation", "learning"]
_WEIGHT: dict[Verdict, int] = {"skipped": 0, "pass": 1, "warn": 2, "fail": 3}


class Finding(Record, frozen=True, kw_only=True):
    """One number of a check against its limit.

    Attributes:
        name: What was measured.
        where: The split or the pair of splits it belongs to.
        value: The number; None where it could not be measured.
        unit: Its unit; empty for counts and shares.
        low: Lower end of its interval, or of what chance gives.
        high: Upper end.
        p: Share of the permutations that give this value or a more extreme one.
        adjusted_p: The same after as many comparisons as the check makes.
        limit: What would pass, in words.
        verdict: ``skipped`` where no verdict is possible.
        note: Why, where the numbers do not say it.
    """

    name: str
    where: str
    value: float | None
    unit: str = ""
    low: float | None = None
    high: float | None = None
    p: float | None = None
    adjusted_p: float | None = None
    limit: str = ""
    verdict: Verdict
    note: str = ""


class Chart(Record, frozen=True, kw_only=True):
    """Histograms over common bins, and values to mark among them.

    Attributes:
        title: What is drawn.
        axis: Quantity and unit of the bins.
        edges: Edges of the N bins, N + 1 values.
        series: Share of each bin by name, N values each.
        marks: Values to mark by name.
    """

    title: str
    axis: str
    edges: tuple[float, ...]
    series: dict[str, tuple[float, ...]]
    marks: dict[str, float] = msgspec.field(default_factory=dict)


class Permutations(Record, frozen=True, kw_only=True):
    """The permutation test behind the p values of a check.

    Attributes:
        hypothesis: The null hypothesis.
        statistic: What was compared.
        groups: Scene groups that were permuted.
        assignments: Permutations that were compared, the released one among them.
        exact: Whether these are all there are.
        smallest_p: Smallest adjusted p that any of them could have got.
    """

    hypothesis: str
    statistic: str
    groups: int
    assignments: int
    exact: bool
    smallest_p: float


class CheckResult(Record, frozen=True, kw_only=True):
    """One check: the verdict, why, and the numbers behind it."""

    name: CheckName
    verdict: Verdict
    summary: str
    findings: tuple[Finding, ...]
    permutations: Permutations | None = None
    notes: tuple[str, ...] = ()
    charts: tuple[Chart, ...] = ()


class SplitSize(Record, frozen=True, kw_only=True):
    """How large a split is.

    ``effective_groups`` is Kish's effective number, (Σn)² / Σn² over the n triples of each group:
    one large and many tiny groups are little more than one.
    """

    triples: int
    groups: int
    effective_groups: float
    environments: dict[str, int]


class SplitValidation(Document, frozen=True, kw_only=True):
    """What a validation of the splits of a release found.

    Attributes:
        release: Name of the release.
        version: Its version.
        digest: SHA-256 of its content; a card of another content calls this document stale.
        quick: Whether the network was trained for the short time.
        seed: Of the training and of drawn permutations.
        splits: Sizes by split.
        checks: In the order they were made.
        provenance: Tool, versions and settings.
    """

    SCHEMA: ClassVar[str] = "idfd/split-validation"
    VERSION: ClassVar[str] = "1.0.0"

    release: str
    version: str
    digest: Sha256
    quick: bool
    seed: int
    splits: dict[str, SplitSize]
    checks: tuple[CheckResult, ...]
    provenance: Provenance

    @property
    def verdict(self) -> Verdict:
        """The worst verdict of the checks; ``skipped`` only if all were."""
        return worst(check.verdict for check in self.checks)

    @property
    def undecided(self) -> tuple[CheckName, ...]:
        """Checks that could give no verdict."""
        return tuple(check.name for check in self.checks if check.verdict == "skipped")


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """The worst of some verdicts; ``skipped`` says nothing, and is left where all are.

    Example:
        >>> worst(["pass", "skipped", "warn"])
        'warn'
    """
    return max(verdicts, key=_WEIGHT.__getitem__, default="skipped")


def validation_path(release: Path) -> Path:
    """Where the card looks for the validation of a release."""
    return release.with_suffix(".validation.json")


def read_validation(release: Path) -> SplitValidation | None:
    """The validation that lies beside a release; None where there is none.

    Raises:
        SchemaError: The file is damaged or not such a document.
    """
    path = validation_path(release)
    return load(SplitValidation, path) if path.exists() else None
