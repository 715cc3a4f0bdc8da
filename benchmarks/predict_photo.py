"""Prediction of photos: time and peak memory against a plain float32 pass of the same network.

The peer gives the whole photo to 2HDED:NET in float32 with channels outermost, as code without a
tool does. ``Predictor`` keeps channels innermost, and cuts large photos into tiles. Weights are
random, which costs the same as trained ones. Contenders take turns in one process for the times;
each has a process of its own for the memory. Load of other processes is reported, and processor
time beside the wall clock, as a ratio that other load disturbs less.

Usage: python benchmarks/predict_photo.py [--size 640x480] [--rounds 5] [--only NAME]...

A photo of 24 megapixels (--size 6000x4000) is for --only fp32 or --only bf16 with --rounds 0, which
measures one prediction in a process of its own: the peer needs some 25 GB for it.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable

import numpy as np
import torch
from rounds import foreign_share

from idfd.benchmark.network.start import initialise
from idfd.benchmark.network.twohead import TwoHeadNet
from idfd.benchmark.predict import Predictor
from idfd.benchmark.trained import to_input

PEER = "fp32, NCHW, whole (peer)"


def contenders(size: tuple[int, int], only: list[str]) -> dict[str, Callable[[], object]]:
    """Actions by name, each on its own copy of the network."""
    photo = np.random.default_rng(0).integers(0, 256, (size[1], size[0], 3), np.uint8)

    def plain() -> Callable[[], object]:
        network = new_network()

        def action() -> object:
            with torch.no_grad():
                return network(to_input(photo).contiguous())

        return action

    def ours(device: str, precision: str) -> Callable[[], object]:
        network = new_network().to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        predictor = Predictor(network, device=device, precision=precision)
        return lambda: predictor.predict(photo)

    made = {PEER: plain, "fp32": lambda: ours("cpu", "fp32"), "bf16": lambda: ours("cpu", "bf16")}
    if torch.cuda.is_available():
        made["GPU fp32"] = lambda: ours("cuda", "fp32")
        made["GPU bf16"] = lambda: ours("cuda", "bf16")
    return {name: make() for name, make in made.items() if not only or name in only}


def new_network() -> TwoHeadNet:
    network = TwoHeadNet().eval()
    initialise(network, 0)
    return network


def once(action: Callable[[], object]) -> dict[str, float]:
    """One prediction in this process: seconds, and memory before it and at most, MB."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    processor = time.process_time()
    wall, foreign = foreign_share(action)
    return {
        "wall_s": wall,
        "cpu_s": time.process_time() - processor,
        "foreign": foreign,
        "before_mb": before,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", default="640x480")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", action="append", default=[])
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    width, height = (int(part) for part in arguments.size.split("x"))
    chosen = contenders((width, height), arguments.only)
    if arguments.child:
        print(json.dumps(once(next(iter(chosen.values())))))
        return
    print(f"{width}x{height}, {torch.get_num_threads()} threads", file=sys.stderr)
    print(f"{'contender':26} {'first s':>8} {'cpu s':>7} {'peak MB':>8} {'of it before':>13}  load")
    for name in chosen:
        command = [sys.executable, __file__, "--child", "--size", arguments.size, "--only", name]
        fact = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
        print(
            f"{name:26} {fact['wall_s']:8.2f} {fact['cpu_s']:7.2f} {fact['peak_mb']:8.0f} "
            f"{fact['before_mb']:13.0f}  {100 * fact['foreign']:.0f} %"
        )
    if arguments.rounds:
        take_turns(chosen, arguments.rounds)


def take_turns(chosen: dict[str, Callable[[], object]], rounds: int) -> None:
    wall: dict[str, list[float]] = {name: [] for name in chosen}
    processor: dict[str, list[float]] = {name: [] for name in chosen}
    load: dict[str, list[float]] = {name: [] for name in chosen}
    for action in chosen.values():
        action()
    for _ in range(rounds):
        for name, action in chosen.items():
            start = time.process_time()
            seconds, foreign = foreign_share(action)
            processor[name].append(time.process_time() - start)
            wall[name].append(seconds)
            load[name].append(foreign)
    first = next(iter(chosen))
    middle = statistics.median
    print(f"\n{'contender':26} {'s':>7} {'ratio':>6} {'cpu s':>7} {'ratio':>6}  foreign load")
    for name in chosen:
        seconds, cpu = middle(wall[name]), middle(processor[name])
        print(
            f"{name:26} {seconds:7.2f} {middle(wall[first]) / seconds:6.2f} {cpu:7.2f} "
            f"{middle(processor[first]) / cpu:6.2f}  {100 * middle(load[name]):.0f} %"
        )


if __name__ == "__main__":
    main()
