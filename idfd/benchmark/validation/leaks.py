"""Does a split see what another one shows?"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from itertools import pairwise

from idfd.errors import ReleaseError
from idfd.model.triple import TripleRecord
from idfd.release.findings import VerifyReport
from idfd.release.importers.dfd_views import GROUP_GAP_S
from idfd.release.validation import CheckResult, Finding, Verdict, worst

_CHECKS = {
    "splits cover": "triples in no split",
    "splits agree": "triples in two splits",
    "scene leaks": "scene groups in two splits",
    "near duplicates": "photos nearly alike in two splits",
}


def check_leaks(
    members: Mapping[str, tuple[str, ...]],
    records: Mapping[str, TripleRecord],
    report: VerifyReport,
) -> CheckResult:
    """Leaks that the verification of the release found, and photos taken one after another.

    Args:
        members: Ids of each split.
        records: Of each triple.
        report: Of :func:`idfd.release.verify.verify_release`.

    Raises:
        ReleaseError: The verification found damage, which is no matter of splits.
    """
    damage = [f for f in report.findings if f.level == "error" and f.check not in _CHECKS]
    if damage:
        raise ReleaseError(
            f"the release is damaged: {damage[0].where}: {damage[0].message}",
            where=report.release,
            remedy="See 'idfd release verify', and download or build the release again",
        )
    findings = [_count(check, name, report) for check, name in _CHECKS.items()]
    findings.append(_adjacent(members, records))
    verdict = worst(finding.verdict for finding in findings)
    found = [f"{f.name} ({f.value:g})" for f in findings if f.verdict in ("warn", "fail")]
    return CheckResult(
        name="leaks",
        verdict=verdict,
        summary=f"Found: {'; '.join(found)}." if found else "No split shows what another one does.",
        findings=tuple(findings),
    )


def _count(check: str, name: str, report: VerifyReport) -> Finding:
    found = [finding for finding in report.findings if finding.check == check]
    verdict: Verdict = "pass"
    if found:
        verdict = "fail" if any(finding.level == "error" for finding in found) else "warn"
    shown = "; ".join(f"{f.where}: {f.message}" for f in found[:3])
    return Finding(
        name=name,
        where="all splits",
        value=len(found),
        limit="0",
        verdict=verdict,
        note=shown + (f"; and {len(found) - 3} more" if len(found) > 3 else ""),
    )


def _adjacent(
    members: Mapping[str, tuple[str, ...]], records: Mapping[str, TripleRecord]
) -> Finding:
    """Photos of two splits that follow each other without the pause that parts view groups."""
    times = [
        (datetime.fromisoformat(moment), split, take)
        for split, takes in members.items()
        for take in takes
        if (moment := records[take].taken_at) is not None
    ]
    name = f"photos less than {GROUP_GAP_S:g} s apart in two splits"
    if len(times) < 2:
        return Finding(
            name=name,
            where="all splits",
            value=None,
            verdict="skipped",
            note="the release has no capture times",
        )
    near = [
        (first[2], second[2])
        for first, second in pairwise(sorted(times))
        if first[1] != second[1] and (second[0] - first[0]).total_seconds() < GROUP_GAP_S
    ]
    return Finding(
        name=name,
        where="all splits",
        value=len(near),
        limit="0",
        verdict="warn" if near else "pass",
        note="; ".join(f"{one}, {other}" for one, other in near[:3]),
    )
