"""Fair rounds: contenders in turn, the load of other processes recorded, contended rounds dropped.

A ratio of two timings of one run can be compared between machines; a time alone cannot.
"""

from __future__ import annotations

import gc
import os
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

FOREIGN_LIMIT = 0.05


@dataclass
class Timing:
    """Seconds of one contender over the clean rounds."""

    name: str
    seconds: list[float]
    foreign: list[float]
    dropped: int

    @property
    def median(self) -> float:
        """Median time of a clean round, s."""
        return statistics.median(self.seconds)


def _busy_ticks() -> int:
    with Path("/proc/stat").open(encoding="ascii") as file:
        fields = [int(value) for value in file.readline().split()[1:]]
    return sum(fields[:3]) + sum(fields[5:8])  # user, nice, system, irq, softirq, steal


def foreign_share(action: Callable[[], object]) -> tuple[float, float]:
    """Run ``action``; return its wall time in s and the share of all cores that others used."""
    ticks, cores = os.sysconf("SC_CLK_TCK"), os.cpu_count() or 1
    own = sum(os.times()[:4])
    busy, start = _busy_ticks(), time.perf_counter()
    action()
    wall = time.perf_counter() - start
    used = (_busy_ticks() - busy) / ticks - (sum(os.times()[:4]) - own)
    return wall, max(0.0, used / (wall * cores))


def compare(
    contenders: dict[str, Callable[[], object]], rounds: int = 7, attempts: int = 40
) -> list[Timing]:
    """Time contenders in turn until each has ``rounds`` clean rounds (or attempts run out)."""
    timings = [Timing(name, [], [], 0) for name in contenders]
    for action in contenders.values():
        action()  # warm: caches of the operating system, lazy imports
    gc.disable()
    for _ in range(attempts):
        for timing in timings:
            if len(timing.seconds) >= rounds:
                continue
            wall, foreign = foreign_share(contenders[timing.name])
            timing.foreign.append(foreign)
            if foreign > FOREIGN_LIMIT:
                timing.dropped += 1
            else:
                timing.seconds.append(wall)
        if all(len(timing.seconds) >= rounds for timing in timings):
            break
    gc.enable()
    for timing in timings:
        if not timing.seconds:
            raise SystemExit(f"{timing.name}: no clean round in {attempts}; is the machine busy?")
    return timings


def print_ratios(timings: list[Timing], per_round: int, unit: str) -> None:
    """Print throughput and the ratio to the first contender, the named peer."""
    peer = timings[0]
    print(f"{'contender':28} {unit + '/s':>12} {'ratio':>8}  rounds  dropped  foreign load")
    for timing in timings:
        load = statistics.median(timing.foreign)
        print(
            f"{timing.name:28} {per_round / timing.median:12.1f} "
            f"{peer.median / timing.median:8.2f}  {len(timing.seconds):6}  {timing.dropped:7}  "
            f"{100 * load:.1f} %"
        )
