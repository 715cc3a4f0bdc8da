"""Fusing and cleaning a burst of depth frames: how fast against numpy, how near to the truth.

    python benchmarks/fuse_burst.py [frames]

Speed, on 640x576: the median of each pixel's valid values by ``np.nanmedian`` (the peer, one
thread) and by the sorting network of ``sorted_values``, which give the same bits; the same on one
thread (processor time); ``fuse`` with its uncertainty; ``denoise`` as a whole; ``cv2`` as the peer
of the smoothing alone; and copying the burst, which is the floor.

Accuracy: a flat wall under noise with outliers and holes, and rendered rooms, where the rendered
camera without noise is the truth. Multipath is in that truth: no denoising can tell it.
"""

from __future__ import annotations

import argparse
import statistics
import time
import warnings
from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray
from rounds import compare, print_ratios

from idfd.capture.simulated.world import QUALITIES, Placement, World
from idfd.processing.depth.denoise import denoise
from idfd.processing.depth.fuse import FuseConfig, fuse, sorted_values
from idfd.processing.depth.smooth import smooth

ROOMS = ("lab", "living_room", "kitchen")
SHAPE = (576, 640)
Burst = NDArray[np.uint16]


def wall(frames: int) -> Burst:
    """A wall at 1.5 m: noise of 3 mm, 2 % of outliers, 0.05 % of holes, a part out of view."""
    random = np.random.default_rng(0)
    depth = np.rint(1500 + random.normal(0, 3, (frames, *SHAPE)))
    depth = np.where(
        random.random(depth.shape) < 0.02, random.integers(500, 4000, depth.shape), depth
    )
    depth[random.random(depth.shape) < 0.005] = 0
    depth[:, :, :160] = 0  # as much as the rendered camera's field leaves out
    return depth.astype(np.uint16)


def nan_median(burst: Burst) -> NDArray[np.float32]:
    """The peer: numpy's median, with the conversion that it needs."""
    values = burst.astype(np.float32)
    values[burst == 0] = np.nan
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        return np.nan_to_num(np.nanmedian(values, axis=0))


def processor_ms(action: Callable[[], object], rounds: int = 9) -> float:
    """Processor time of one call, of all threads, ms: the median of a few."""
    taken = []
    for _ in range(rounds):
        start = time.process_time()
        action()
        taken.append(time.process_time() - start)
    return 1000 * statistics.median(taken)


def speed(frames: int) -> None:
    burst = wall(frames)
    fused = fuse(burst)
    logs = np.log(np.where(fused.depth > 0, fused.depth, np.float32(9000)))
    assert np.array_equal(sorted_values(burst)[0], nan_median(burst))
    contenders: dict[str, Callable[[], object]] = {
        "np.nanmedian (peer)": lambda: nan_median(burst),
        "median, sorting network": lambda: sorted_values(burst),
        "clipped mean": lambda: sorted_values(burst, "clipped_mean"),
        "fuse: with uncertainty": lambda: fuse(burst),
        "denoise: and flying, smooth": lambda: denoise(burst),
        "smooth alone": lambda: smooth(fused),
        "cv2.bilateralFilter alone": lambda: cv2.bilateralFilter(logs, 5, 0.002, 1.5),
        "copying the burst (floor)": burst.copy,
    }
    for action in contenders.values():
        action()
    peer = 0.0
    print(f"{frames} frames of 640x576\n{'contender':28} {'processor ms':>12} {'ratio':>8}")
    for name, action in contenders.items():
        taken = processor_ms(action, 3 if "peer" in name else 9)
        peer = peer or taken
        print(f"{name:28} {taken:12.2f} {peer / taken:8.1f}")
    print("\nwall time, all threads")
    print_ratios(compare(contenders, rounds=5), 1, "bursts")


def rmse(depth: NDArray[np.float32], truth: NDArray[np.float32], where: NDArray[np.bool_]) -> float:
    where = where & (depth > 0)
    return float(np.sqrt(np.mean((depth - truth)[where].astype(np.float64) ** 2)))


def accuracy(frames: int) -> None:
    print(f"\nRMSE, mm\n{'scene':14} {'frames':>6} {'one':>7} {'mode':>7} {'median':>7} "
          f"{'clipped':>7} {'denoise':>7} {'told':>7} {'bilateral':>9}")  # fmt: skip
    scenes = {"wall": (wall(frames), np.full(SHAPE, 1500, np.float32), np.ones(SHAPE, np.bool_))}
    world = World(QUALITIES["small"], seed=5)
    for room in ROOMS:
        world.place(Placement(room, "scene-01"))
        burst, _ = world.depth_frames(frames, 0)
        truth, _ = world._here().depth.expected()
        near, far = (f(truth, np.ones((5, 5))) for f in (cv2.erode, cv2.dilate))
        scenes[room] = (burst, truth, (near > 0) & (far - near < 0.04 * truth))
    for name, (burst, truth, calm) in scenes.items():
        for count in (1, 10, frames):
            part = burst[:count]
            clean = denoise(part)
            clipped = fuse(part).depth
            calm_here = calm & (clean.depth > 0)
            logs = np.log(np.where(clipped > 0, clipped, np.float32(9000)))
            peer = min(
                rmse(np.exp(cv2.bilateralFilter(logs, 5, sigma, 1.5)), truth, calm_here)
                for sigma in (0.0005, 0.001, 0.002, 0.004, 0.008)
            )
            published = FuseConfig(method="mode", largest_spread_mm=None)
            told = (
                0.0
                if clean.uncertainty is None
                else np.sqrt(np.mean(clean.uncertainty[calm_here] ** 2))
            )
            found = (
                burst[0].astype(np.float32), fuse(part, published).depth,
                fuse(part, FuseConfig("median")).depth, clipped, clean.depth,
            )  # fmt: skip
            numbers = " ".join(f"{rmse(depth, truth, calm_here):7.2f}" for depth in found)
            print(f"{name:14} {count:6} {numbers} {told:7.2f} {peer:9.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("frames", type=int, nargs="?", default=30)
    parser.add_argument("--accuracy-only", action="store_true")
    arguments = parser.parse_args()
    accuracy(arguments.frames)
    if not arguments.accuracy_only:
        speed(arguments.frames)


if __name__ == "__main__":
    main()
