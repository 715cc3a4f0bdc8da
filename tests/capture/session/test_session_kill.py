from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]


def killing(call: str, folder: Path) -> list[Any]:
    """Run the killer in a process of its own: it forks, and pytest has threads."""
    script = (
        f"import json, sys, killing; from pathlib import Path; folder = Path(sys.argv[1]); {call}"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(folder)],
        cwd=HERE, env={"PYTHONPATH": f"{HERE}:{HERE.parent}:{ROOT}", "PATH": "/usr/bin:/bin"},
        capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    answer: list[Any] = json.loads(done.stdout)
    return answer


def test_kills_at_random_moments_lose_nothing(tmp_path: Path) -> None:
    call = "tally = killing.run(folder, 25, seed=4); kills = sum(tally.kills.values())"
    call += "; print(json.dumps([tally.faults, kills, tally.saved]))"
    faults, kills, saved = killing(call, tmp_path)
    assert faults == []
    assert kills == 25
    assert saved > 25


def test_a_kill_before_any_change_of_the_disk_loses_nothing(tmp_path: Path) -> None:
    changes, faults = killing("print(json.dumps(killing.run_steps(folder)))", tmp_path)
    assert faults == []
    assert changes > 40
