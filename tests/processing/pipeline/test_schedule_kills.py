from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from killing_workers import content, driver_command, run_and_kill

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks for workers in /proc")


@pytest.mark.parametrize(("scheduler", "start_s", "seconds"), [
    ("local", 0.0, 0.05),
    # dask gives up a worker that is killed while it starts.
    pytest.param("dask", 4.0, 0.3, marks=pytest.mark.slow),
])  # fmt: skip
def test_kills_lose_nothing(scheduler: str, start_s: float, seconds: float, tmp_path: Path) -> None:
    if scheduler == "dask":
        pytest.importorskip("distributed")
    source = tmp_path / "source"
    source.mkdir()
    for number in range(24):
        (source / f"scene-{number}").write_bytes(bytes([number]) * 1000)
    subprocess.run([*driver_command(source, tmp_path / "whole"), "0"], check=True)
    command = [*driver_command(source, tmp_path / "killed", scheduler), str(seconds)]
    tally = run_and_kill(command, workers=1, drivers=1, gap_s=0.7, start_s=start_s, seed=1)
    assert tally.faults == []
    assert tally.workers + tally.drivers > 0
    assert content(tmp_path / "killed") == content(tmp_path / "whole")
    assert len(content(tmp_path / "killed")) == 48
