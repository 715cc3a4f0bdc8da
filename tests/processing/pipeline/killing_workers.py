"""Kill a command's worker processes and the command itself, run it again, and compare what is left.

The command is any that goes on where it stopped: here a driver of small tasks (see ``main``).
"""

from __future__ import annotations

import hashlib
import os
import random
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from idfd.errors import IdfdError
from idfd.processing.pipeline.schedule import open_scheduler
from idfd.storage.hashing import sha256_bytes
from idfd.storage.places import open_place

HERE = Path(__file__).resolve().parent


@dataclass
class Tally:
    """What was killed.

    Attributes:
        workers: Worker processes killed.
        drivers: Drivers killed.
        runs: How often the command was started.
        faults: What a run wrote to standard error when it ended in an error by itself.
    """

    workers: int = 0
    drivers: int = 0
    runs: int = 0
    faults: list[str] = field(default_factory=list)


def run_and_kill(
    command: list[str],
    workers: int,
    drivers: int,
    gap_s: float,
    start_s: float = 0.0,
    seed: int = 0,
) -> Tally:
    """Run a command until it ends well, killing its processes with SIGKILL at random moments.

    Args:
        command: What to run; run again after each kill of its driver.
        workers: Number of kills of one of its worker processes.
        drivers: Number of kills of itself.
        gap_s: Mean time between kills, s; workers need most of one to start.
        start_s: Time after each start in which nobody is killed, s.
        seed: Of the moments and of who is killed.

    Returns:
        The tally; fewer kills than were asked for where the command was done before.
    """
    rng = random.Random(seed)
    victims = ["worker"] * workers + ["driver"] * drivers
    rng.shuffle(victims)
    tally = Tally()
    for _ in range(drivers + 3):
        tally.runs += 1
        driver = subprocess.Popen(
            command,
            env={**os.environ, "PYTHONPATH": f"{HERE}:{os.environ.get('PYTHONPATH', '')}"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        time.sleep(start_s)
        while victims and driver.poll() is None:
            time.sleep(rng.uniform(0.3, 1.7) * gap_s)
            if driver.poll() is not None:
                break
            if victims[-1] == "driver":
                driver.kill()
                tally.drivers += 1
                victims.pop()
            elif found := workers_of(driver.pid):
                try:
                    os.kill(rng.choice(found), signal.SIGKILL)
                except ProcessLookupError:
                    continue
                tally.workers += 1
                victims.pop()
        _, said = driver.communicate()
        if driver.returncode == 0:
            return tally
        if driver.returncode != -signal.SIGKILL:
            tally.faults.append(said)
    return tally


def workers_of(pid: int) -> list[int]:
    """Processes that multiprocessing started below a process (Linux only)."""
    parents: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                stat = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            parents.setdefault(int(stat[1]), []).append(int(entry.name))
    below, found = list(parents.get(pid, [])), []
    while below:
        child = below.pop()
        below += parents.get(child, [])
        try:
            if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes():
                found.append(child)
        except OSError:
            continue
    return sorted(found)


def content(folder: Path) -> dict[str, str]:
    """Hash of each file below a folder."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def driver_command(source: Path | str, output: Path | str, scheduler: str = "local") -> list[str]:
    """Command of a driver over all files of a folder."""
    return [sys.executable, str(HERE / "killing_workers.py"), str(source), str(output), scheduler]


def scene(task: tuple[str, str, str, float]) -> str:
    """A small scene: a file is read, worked on, and two files are written, a record last."""
    source, output, name, seconds = task
    target = open_place(output)
    data = open_place(source).read(name)
    until = time.thread_time() + seconds
    while time.thread_time() < until:
        sha256_bytes(data)
    target.write(f"{name}/result", sha256_bytes(data).encode() * 500, lasting=False)
    target.write(f"{name}/record", sha256_bytes(data).encode())
    return name


def main() -> None:
    """Process what is not done yet; exit 1 where a task ended in an error."""
    source, output, scheduler = sys.argv[1:4]
    seconds = float(sys.argv[4]) if len(sys.argv) > 4 else 0.05
    place = open_place(output)
    place.sweep("")
    done = place.sizes("")
    tasks = (
        (source, output, name, seconds)
        for name in open_place(source).sizes("")
        if f"{name}/record" not in done
    )
    with open_scheduler(scheduler, 2) as workers:
        errors = [
            result for _, result in workers.run(scene, tasks) if isinstance(result, IdfdError)
        ]
    for error in errors:
        sys.stderr.write(f"{error}\n")
    sys.exit(bool(errors))


if __name__ == "__main__":
    main()
