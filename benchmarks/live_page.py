"""Frames per second of the live page, of the rendered rig through libgphoto2.

A client reads both streams as a browser does and counts the pictures that come.

    python benchmarks/live_page.py --seconds 10
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import threading
import time
import urllib.request
from pathlib import Path


def count(address: str, seconds: float, found: dict[str, float], name: str) -> None:
    """Pictures per second of a stream, after its first one."""
    with urllib.request.urlopen(address, timeout=60) as stream:
        pictures, began, tail = 0, 0.0, b""
        while not began or time.perf_counter() - began < seconds:
            block = tail + stream.read1(1 << 16)
            starts = block.count(b"\xff\xd8\xff")
            if starts and not began:
                began = time.perf_counter()
            else:
                pictures += starts
            tail = block[-2:]  # a marker may be cut in two
        found[name] = pictures / (time.perf_counter() - began)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=10.0)
    options = parser.parse_args()
    idfd = Path(sys.executable).with_name("idfd")
    command = [idfd, "capture", "preview", "--rig", "simulated", "--port", "0"]
    page = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert page.stdout is not None
        address = re.search(r"http://[0-9.:]+/", page.stdout.readline())
        assert address is not None
        found: dict[str, float] = {}
        threads = [
            threading.Thread(
                target=count, args=(f"{address[0]}{name}.mjpg", options.seconds, found, name)
            )
            for name in ("photo", "depth")
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        page.terminate()
        page.communicate()
    print(", ".join(f"{name}: {rate:.1f} pictures/s" for name, rate in sorted(found.items())))


if __name__ == "__main__":
    main()
