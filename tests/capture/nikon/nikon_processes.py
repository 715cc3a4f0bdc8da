"""The camera's processes, as the operating system sees them."""

from __future__ import annotations

import os
import time
from pathlib import Path

CHILDREN = "print(open(f'/proc/self/task/{os.getpid()}/children').read(), flush=True)\n"
"""Line of a script that prints the processes it started."""


def children() -> list[int]:
    """Processes that this one started."""
    text = Path(f"/proc/self/task/{os.getpid()}/children").read_text()
    return [int(number) for number in text.split()]


def ends(process: int, seconds: float = 10.0) -> bool:
    """Whether a process that is not ours ends in time; one that nobody buries has ended too."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            if Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except FileNotFoundError:
            return True
        time.sleep(0.02)
    return False
