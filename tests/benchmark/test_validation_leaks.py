from __future__ import annotations

import msgspec
import pytest
from benchmark_data import make_record

from idfd.benchmark.validation.leaks import check_leaks
from idfd.errors import ReleaseError
from idfd.model.triple import TripleRecord
from idfd.release.findings import Finding, VerifyReport
from idfd.release.validation import CheckResult


def records(times: dict[str, str | None]) -> dict[str, TripleRecord]:
    return {
        take: msgspec.structs.replace(make_record(take), taken_at=time)
        for take, time in times.items()
    }


TIMES: dict[str, str | None] = {
    "a-1": "2020-01-01T10:00:00",
    "a-2": "2020-01-01T10:01:00",
    "b-1": "2020-01-01T10:20:00",
}
MEMBERS = {"train": ("a-1", "a-2"), "test": ("b-1",)}


def check(*findings: Finding, times: dict[str, str | None] = TIMES) -> CheckResult:
    report = VerifyReport(release="toy.h5", checked={}, findings=findings)
    return check_leaks(MEMBERS, records(times), report)


def finding(check: str, level: str = "error") -> Finding:
    return Finding(check=check, level=level, where="/splits/test", message="what")  # type: ignore[arg-type]


def test_nothing_found_is_a_pass() -> None:
    result = check()
    assert result.verdict == "pass"
    assert all(found.value == 0 for found in result.findings)
    assert len(result.findings) == 5


@pytest.mark.parametrize("name", ["scene leaks", "splits cover", "splits agree"])
def test_a_leak_fails(name: str) -> None:
    result = check(finding(name), finding(name))
    assert result.verdict == "fail"
    assert "(2)" in result.summary
    assert "/splits/test: what" in "".join(found.note for found in result.findings)


@pytest.mark.parametrize("name", ["scene leaks", "near duplicates"])
def test_what_verification_only_doubts_is_a_warning(name: str) -> None:
    assert check(finding(name, "warning")).verdict == "warn"


def test_damage_is_an_error_and_no_verdict() -> None:
    with pytest.raises(ReleaseError, match="idfd release verify"):
        check(finding("array checksum"))


def test_photos_of_two_splits_without_a_pause_are_a_warning() -> None:
    result = check(times={**TIMES, "b-1": "2020-01-01T10:02:29"})
    assert result.verdict == "warn"
    assert result.findings[-1].value == 1
    assert result.findings[-1].note == "a-2, b-1"
    assert check(times={**TIMES, "b-1": "2020-01-01T10:02:30"}).verdict == "pass"


def test_without_capture_times_there_is_no_verdict_on_them() -> None:
    result = check(times=dict.fromkeys(TIMES))
    assert result.findings[-1].verdict == "skipped"
    assert result.verdict == "pass"
