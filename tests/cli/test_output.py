from __future__ import annotations

import pytest

from idfd.cli.output import print_failures


def test_a_failure_names_its_subject_once(capsys: pytest.CaptureFixture[str]) -> None:
    assert print_failures([("a-1", "a-1: no depth"), ("a-2", "a-2/depth.png: cut short")]) == 1
    said = capsys.readouterr()
    assert said.err == "failed: a-1: no depth\nfailed: a-2: a-2/depth.png: cut short\n"
    assert not said.out


def test_without_failures_there_is_nothing_to_say(capsys: pytest.CaptureFixture[str]) -> None:
    assert print_failures([]) == 0
    assert capsys.readouterr() == ("", "")
