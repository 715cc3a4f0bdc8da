"""Killed at random moments, and run again: the same bytes as a run that nobody disturbed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from killing_workers import content, run_and_kill
from take_files import make_session, many_takes, process_command

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks for workers in /proc")


@pytest.mark.slow
def test_a_session_survives_kills(tmp_path: Path) -> None:
    session = tmp_path / "session"
    many_takes(make_session(tmp_path / "one"), session, [f"take-{n}" for n in range(12)])
    subprocess.run(process_command(session, tmp_path / "whole"), check=True, capture_output=True)
    tally = run_and_kill(
        process_command(session, tmp_path / "killed"), workers=3, drivers=2, gap_s=1.2, seed=4
    )
    assert tally.faults == []
    assert tally.drivers > 0
    assert tally.workers > 0
    whole = content(tmp_path / "whole")
    assert content(tmp_path / "killed") == whole
    assert sum(name.endswith("triple.json") for name in whole) == 12
    assert "curation.json" in whole
