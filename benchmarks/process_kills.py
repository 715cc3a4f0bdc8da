"""Kill ``idfd process`` and its workers at random moments; compare with an undisturbed run.

The takes of a session go through all steps. The command is run again whenever it was killed, and
does what is not done yet. In the end every file - the index, the triples, the manifests of all
steps - must be there with the content that it has in the run that nobody disturbed, and no other.

    python benchmarks/process_kills.py
    python benchmarks/process_kills.py --scheduler dask --takes 400 --start 8 --gap 4
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "tests/processing/pipeline"), str(ROOT / "tests/capture")]
sys.path.insert(0, str(ROOT / "tests"))

from killing_workers import content, run_and_kill  # noqa: E402  they lie with the tests
from take_files import make_session, many_takes, process_command  # noqa: E402


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--takes", type=int, default=48)
    parser.add_argument("--width", type=int, default=960, help="Of the photos, pixels.")
    parser.add_argument("--workers", type=int, default=20, help="Kills of workers.")
    parser.add_argument("--drivers", type=int, default=5, help="Kills of the driver.")
    parser.add_argument("--gap", type=float, default=1.0, help="Mean time between kills, s.")
    parser.add_argument("--start", type=float, default=0.0, help="Time without kills, s.")
    parser.add_argument("--scheduler", default="local")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    scheduler = ("--scheduler", options.scheduler)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        session = folder / "session"
        one = make_session(folder / "one", options.width)
        many_takes(one, session, [f"take-{number:04}" for number in range(options.takes)])
        began = time.perf_counter()
        command = process_command(session, folder / "whole", *scheduler)
        subprocess.run(command, check=True, capture_output=True)
        undisturbed, began = time.perf_counter() - began, time.perf_counter()
        command = process_command(session, folder / "killed", *scheduler)
        tally = run_and_kill(
            command, options.workers, options.drivers, options.gap, options.start, options.seed
        )
        took = time.perf_counter() - began
        whole, killed = content(folder / "whole"), content(folder / "killed")
    both = whole.keys() & killed.keys()
    table = Table("", "number", title=f"{options.takes} takes, --scheduler {options.scheduler}")
    for what, number in (
        ("kills of workers", tally.workers),
        ("kills of the driver", tally.drivers),
        ("runs", tally.runs),
        ("runs that ended in an error", len(tally.faults)),
        ("files compared", len(both)),
        ("files that differ", sum(whole[file] != killed[file] for file in both)),
        ("files missing", len(whole.keys() - killed.keys())),
        ("files left over", len(killed.keys() - whole.keys())),
        ("seconds undisturbed", round(undisturbed)),
        ("seconds with kills", round(took)),
    ):
        table.add_row(what, str(number))
    console = Console()
    console.print(table)
    for fault in (*tally.faults, *sorted(file for file in both if whole[file] != killed[file])):
        console.print(fault, markup=False)
    spared = (options.workers, options.drivers) != (tally.workers, tally.drivers)
    if spared:
        console.print("The work was done before all kills were: give it more --takes.")
    sys.exit(spared or bool(tally.faults) or whole != killed)


if __name__ == "__main__":
    main()
