"""Kill workers and drivers with SIGKILL at random moments; compare with an undisturbed run.

A driver works through small scenes on a scheduler and is run again whenever it was killed; scenes
that are done stay done. In the end each file must be there, with the content it has in the run that
nobody disturbed, and nothing else.

    python benchmarks/kill_workers.py --workers 20 --drivers 5
    python benchmarks/kill_workers.py --scheduler dask --gap 6 --start 10 --scenes 2500
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests/processing/pipeline"))


def main() -> None:
    from killing_workers import content, driver_command, run_and_kill
    from rich.console import Console
    from rich.table import Table

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workers", type=int, default=20, help="Kills of workers.")
    parser.add_argument("--drivers", type=int, default=5, help="Kills of the driver.")
    parser.add_argument("--scenes", type=int, default=600)
    parser.add_argument("--seconds", type=float, default=0.1, help="Processor time of a scene.")
    parser.add_argument("--gap", type=float, default=1.5, help="Mean time between kills, s.")
    parser.add_argument("--start", type=float, default=0.0, help="Time without kills, s.")
    parser.add_argument("--scheduler", default="local")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "source").mkdir()
        for number in range(options.scenes):
            (folder / f"source/scene-{number:05}").write_bytes(os.urandom(10_000))
        subprocess.run([*driver_command(folder / "source", folder / "whole"), "0"], check=True)
        began = time.perf_counter()
        tally = run_and_kill(
            [
                *driver_command(folder / "source", folder / "killed", options.scheduler),
                str(options.seconds),
            ],
            options.workers, options.drivers, options.gap, options.start, options.seed,
        )  # fmt: skip
        took = time.perf_counter() - began
        whole, killed = content(folder / "whole"), content(folder / "killed")
    differing = sum(whole[file] != killed[file] for file in whole.keys() & killed.keys())
    table = Table("", "number", title=f"--scheduler {options.scheduler}, {took:.0f} s")
    for what, number in (
        ("scenes", options.scenes),
        ("kills of workers", tally.workers),
        ("kills of the driver", tally.drivers),
        ("runs", tally.runs),
        ("runs that ended in an error", len(tally.faults)),
        ("files compared", len(whole.keys() & killed.keys())),
        ("files that differ", differing),
        ("files missing", len(whole.keys() - killed.keys())),
        ("files left over", len(killed.keys() - whole.keys())),
    ):
        table.add_row(what, str(number))
    Console().print(table)
    for fault in tally.faults:
        Console().print(fault)
    spared = (options.workers, options.drivers) != (tally.workers, tally.drivers)
    if spared:
        Console().print("The work was done before all kills were: give it more --scenes.")
    sys.exit(spared or bool(tally.faults) or whole != killed)


if __name__ == "__main__":
    main()
