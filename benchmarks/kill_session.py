"""Kill sessions with SIGKILL at random moments and count what was lost; print a table.

A forked process shoots takes with a fake rig (no camera, no exposure: the disk is all it does),
adds scenes, rejects, notes and copies to a second disk. It is killed after a random time, the disk
is looked at as it is, and the session is opened again, which is also killed now and then.

    python benchmarks/kill_session.py --kills 200
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "tests/capture"), str(ROOT / "tests/capture/session")]


def main() -> None:
    import killing
    from rich.console import Console
    from rich.table import Table

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", type=Path, help="Where the sessions lie; default: temporary.")
    options = parser.parse_args()
    began = time.perf_counter()
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        tally = killing.run(Path(folder) / "random", options.kills, options.seed)
        changes, faults = killing.run_steps(Path(folder) / "steps")
    table = Table("killed while it", "times", title=f"{options.kills} kills at random moments")
    for doing, count in tally.kills.most_common():
        table.add_row(killing.DOING[doing], str(count))
    console = Console()
    console.print(table)
    total = Table("counted over all sessions", "number")
    for what, number in (
        ("takes saved", tally.saved),
        ("of them told by nobody: killed between saving and telling", tally.in_flight),
        ("takes rejected and kept", tally.rejected),
        ("files whose hashes were compared", tally.files),
        *((f"mended: {what}", count) for what, count in tally.mended.most_common()),
        ("saved takes lost, half visible or damaged, notes or rejections lost", len(tally.faults)),
        ("kills before each change of the disk, one after the other", changes),
        ("faults after those", len(faults)),
    ):
        total.add_row(what, str(number))
    console.print(total)
    console.print(f"{time.perf_counter() - began:.0f} s")
    for fault in (*tally.faults, *faults):
        console.print(fault)
    sys.exit(bool(tally.faults or faults))


if __name__ == "__main__":
    main()
