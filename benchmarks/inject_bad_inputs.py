"""Bad inputs by the hundred: does each end in a clear error, and are the good takes untouched?

Takes of a session and of a collection are damaged in every way of tests/processing/pipeline/
bad_inputs.py, with random details, and processed beside good takes in one run; sessions that are
damaged as a whole are processed one by one. Each damaged take must end in an error that says what
is wrong, or in the verdict ``fail`` with its reasons; nothing half made may be left; and the good
takes must be, to the bit, what they are without the damaged ones beside them.

    python benchmarks/inject_bad_inputs.py
    python benchmarks/inject_bad_inputs.py --seed 7 --each 20
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "tests/processing/pipeline"), str(ROOT / "tests/capture")]
sys.path.insert(0, str(ROOT / "tests"))

from bad_inputs import COLLECTION_DAMAGES, SESSION_DAMAGES  # noqa: E402  they lie with the tests
from bad_runs import damaged_run  # noqa: E402
from bad_sessions import FLAWS, flawed_run  # noqa: E402
from take_files import make_collection, make_session  # noqa: E402

from idfd.processing.pipeline.local import LocalScheduler  # noqa: E402


@dataclass
class Tally:
    """What became of the cases of one kind."""

    cases: int = 0
    faults: list[str] = field(default_factory=list)
    example: str = ""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--each", type=int, default=8, help="Cases of each kind.")
    parser.add_argument("--good", type=int, default=6, help="Good takes beside them.")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    rng = np.random.default_rng(options.seed)
    tallies: dict[str, Tally] = {}
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as name, LocalScheduler(options.workers) as scheduler:
        folder = Path(name)
        for kind, make, damages in (
            ("session", make_session, SESSION_DAMAGES),
            ("collection", make_collection, COLLECTION_DAMAGES),
        ):
            one = make(folder / kind)
            case = folder / f"{kind}-run"
            case.mkdir()
            cases = [damage for damage in damages for _ in range(options.each)]
            found = damaged_run(
                kind, one, folder / f"{kind}-run", cases, options.good, rng, scheduler
            )
            for damage, (fault, text) in zip(cases, found.cases, strict=True):
                note(tallies, f"{kind}: {damage.name}", fault, text)
            tallies[f"{kind}: good takes beside them"] = Tally(options.good, found.faults)
        for index, flaw in enumerate(FLAWS * options.each):
            case = folder / f"flaw-{index}"
            for fault, text in flawed_run(flaw, folder / "session", case, rng, scheduler):
                note(tallies, f"whole session: {flaw.name}", fault, text)
    table = Table("kind", "cases", "faults", "such as", title=f"seed {options.seed}")
    for name, tally in tallies.items():
        table.add_row(name, str(tally.cases), str(len(tally.faults)), tally.example)
    console = Console(width=200)
    console.print(table)
    faults = [f"{name}: {fault}" for name, tally in tallies.items() for fault in tally.faults]
    console.print(f"{sum(t.cases for t in tallies.values())} cases, {len(faults)} faults, "
                  f"{time.perf_counter() - began:.0f} s")  # fmt: skip
    for fault in faults:
        console.print(fault, markup=False)
    sys.exit(bool(faults))


def note(tallies: dict[str, Tally], name: str, fault: str | None, text: str) -> None:
    """Add a case."""
    tally = tallies.setdefault(name, Tally())
    tally.cases += 1
    tally.example = text if len(text) < 110 else f"…{text[-110:]}"
    if fault is not None:
        tally.faults.append(fault)


if __name__ == "__main__":
    main()
