"""What a verification checked, and what it found."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import ClassVar, Literal

from idfd.model.schema import Document, Record


class Finding(Record, frozen=True, kw_only=True):
    """One thing that is wrong (``error``) or doubtful (``warning``)."""

    check: str
    level: Literal["error", "warning"]
    where: str
    message: str


class VerifyReport(Document, frozen=True, kw_only=True):
    """What was checked, how often, and what was found."""

    SCHEMA: ClassVar[str] = "idfd/verify-report"
    VERSION: ClassVar[str] = "1.0.0"

    release: str
    checked: dict[str, int]
    findings: tuple[Finding, ...]

    @property
    def ok(self) -> bool:
        """Whether there is no error (warnings are allowed)."""
        return all(finding.level != "error" for finding in self.findings)


class Checker:
    """Collects findings; a check that passes is counted, one that does not is described."""

    def __init__(self) -> None:
        self.checked: Counter[str] = Counter()
        self.findings: list[Finding] = []

    def expect(
        self,
        good: bool,
        check: str,
        where: str,
        message: str,
        level: Literal["error", "warning"] = "error",
    ) -> bool:
        """Note one expectation of a check, and what is wrong where it does not hold."""
        self.checked[check] += 1
        if not good:
            self.findings.append(Finding(check=check, level=level, where=where, message=message))
        return good

    def report(self, path: Path) -> VerifyReport:
        """What was noted, as a report on a file."""
        return VerifyReport(
            release=path.name, checked=dict(self.checked), findings=tuple(self.findings)
        )
