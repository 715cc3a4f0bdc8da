"""The PSF layer: memory and time of our sums against windows laid out by torch's unfold.

Both blur photos of 480x640 by a map of standard deviations and give gradients to photo and map.
Unfold holds every window at once, so that it can only be timed at a small window, in a batch of
one; there the two are held against each other. At the published window of 51 and a batch of 4,
ours runs alone in a process of its own, whose peak memory is reported, and unfold's is computed.

Processor time is reported beside the wall clock: it says the same on a machine that is not idle,
where no clean round can be had.

Usage: python benchmarks/reblur_layer.py [--window K] [--rounds N] [--cpu-time-only]
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch
from rounds import compare, print_ratios
from torch import Tensor

from idfd.benchmark.reblur.layer import reblur

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "benchmark" / "reblur"))
from exact_reblur import by_unfold

SIDES = (480, 640)
PUBLISHED_WINDOW = 51


def drawn(batch: int, window: int) -> tuple[Tensor, Tensor]:
    """Random photos, and smooth maps of 0.5 pixels to the most that the window allows."""
    draw = torch.Generator().manual_seed(0)
    image = torch.rand(batch, 3, *SIDES, generator=draw)
    ramp = torch.linspace(0.5, window / 6, SIDES[1]).expand(batch, 1, *SIDES).contiguous()
    return image.requires_grad_(), ramp.requires_grad_()


def both_ways(
    layer: Callable[[Tensor, Tensor, int], Tensor], image: Tensor, sigma: Tensor, window: int
) -> None:
    """One forward and one backward pass."""
    torch.autograd.grad(layer(image, sigma, window).square().sum(), (image, sigma))


def ours(image: Tensor, sigma: Tensor, window: int) -> Tensor:
    return reblur(image, sigma, window, floor_px=0.25)


def at_published_size() -> None:
    """In a process of its own: peak memory and processor time at K = 51, batch 4."""
    image, sigma = drawn(1, PUBLISHED_WINDOW)
    both_ways(ours, image[..., :64, :64], sigma[..., :64, :64], PUBLISHED_WINDOW)  # compiled
    image, sigma = drawn(4, PUBLISHED_WINDOW)
    loaded = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    wall, used = time.perf_counter(), time.process_time()
    both_ways(ours, image, sigma, PUBLISHED_WINDOW)
    wall, used = time.perf_counter() - wall, time.process_time() - used
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    unfolded = 4 * PUBLISHED_WINDOW**2 * SIDES[0] * SIDES[1] * (3 + 1) * 4 / 2**30
    print(
        f"K = {PUBLISHED_WINDOW}, batch 4, with gradients: {(peak - loaded) / 2**10:.0f} MiB above "
        f"the {loaded / 2**10:.0f} MiB of the process with its inputs, {peak / 2**10:.0f} MiB in "
        f"all; {wall:.2f} s, {used:.2f} s of processor time on {torch.get_num_threads()} threads\n"
        f"unfold would hold {unfolded:.0f} GiB of windows alone"
    )


def processor_seconds(action: Callable[[], None], rounds: int) -> float:
    seconds = []
    for _ in range(rounds):
        began = time.process_time()
        action()
        seconds.append(time.process_time() - began)
    return statistics.median(seconds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--window", type=int, default=9)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--cpu-time-only", action="store_true")
    arguments = parser.parse_args()
    child = multiprocessing.get_context("spawn").Process(target=at_published_size)
    child.start()
    child.join()
    window = arguments.window
    image, sigma = drawn(1, window)
    contenders = {
        "unfold": lambda: both_ways(by_unfold, image, sigma, window),
        "idfd": lambda: both_ways(ours, image, sigma, window),
    }
    with torch.no_grad():
        difference = (by_unfold(image, sigma, window) - ours(image, sigma, window)).abs().max()
    print(f"K = {window}, batch 1: largest difference of the two {float(difference):.1e}")
    peer, own = (processor_seconds(action, arguments.rounds) for action in contenders.values())
    print(f"processor time: unfold {peer:.2f} s, idfd {own:.2f} s, ratio {peer / own:.1f}")
    if not arguments.cpu_time_only:
        print_ratios(compare(contenders, rounds=arguments.rounds), 1, "photos")


if __name__ == "__main__":
    main()
