"""The edge metric: what it says of faults of growing size, and its time beside pyrtools' pyramid.

Three kinds of faults, mild to strong, on a drawn scene or a depth map of your own, scored with the
windows of the protocol and with one histogram of the whole image. The picture of the docs is drawn
with --picture. The time is that of the whole metric on two 640x480 maps; the peer makes their two
pyramids and nothing else. Processor time says the same on a machine that is not idle, where no
clean round can be had.

Usage: python benchmarks/edge_metric.py [--depth MAP.npy] [--picture FILE.png]
       [--rounds N | --cpu-time-only]
"""

from __future__ import annotations

import argparse
import statistics
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import cv2
import msgspec
import numpy as np
from numpy.typing import NDArray
from rounds import compare, print_ratios

from idfd.benchmark.metrics.edges import edge_divergence, logarithm
from idfd.benchmark.protocol import EdgeRules, load_protocol
from idfd.processing.pictures import Picture, colors, label_strip
from idfd.storage.images import encode_png

Map = NDArray[np.float64]
HEIGHT, WIDTH = 240, 320


def drawn_scene() -> Map:
    """A wall, a floor, boxes and a ball, in metres."""
    y, x = np.mgrid[:HEIGHT, :WIDTH].astype(np.float64)
    depth = np.minimum(3.2 - 0.001 * x, 190 / np.maximum(y - 60, 1))
    for left, top, right, bottom, metres in (
        (20, 70, 95, 190, 2.2), (60, 120, 130, 205, 1.7), (225, 40, 300, 200, 2.5),
    ):  # fmt: skip
        inside = (x >= left) & (x < right) & (y >= top) & (y < bottom)
        depth = np.where(inside, np.minimum(depth, metres), depth)
    square = 45.0**2 - (x - 190) ** 2 - (y - 150) ** 2
    return np.where(square > 0, 1.5 - 0.004 * np.sqrt(np.maximum(square, 0)), depth)


def blurred(depth: Map, sigma: float) -> Map:
    """Edges spread out."""
    return np.asarray(cv2.GaussianBlur(depth, (0, 0), sigma))


def shifted(depth: Map, pixels: float) -> Map:
    """Edges in another place."""
    padded = np.pad(depth, ((0, 0), (int(pixels), 0)), mode="edge")
    return padded[:, : depth.shape[1]]


def sharpened(depth: Map, amount: float) -> Map:
    """Edges that overshoot."""
    return np.asarray(np.clip(depth + amount * (depth - blurred(depth, 2.0)), 0.1, 10.0))


FAULTS: dict[str, tuple[Callable[[Map, float], Map], tuple[float, ...], str]] = {
    "blurred": (blurred, (1, 2, 4), "sigma {:g} px"),
    "shifted": (shifted, (1, 4, 8), "{:g} px"),
    "sharpened": (sharpened, (0.5, 1, 4), "amount {:g}"),
}


def print_scores(depth: Map, rules: EdgeRules) -> Picture:
    """Print a row for each fault; return the grid of their pictures."""
    whole = msgspec.structs.replace(rules, window_px=None)
    low, high = float(depth.min()), float(np.quantile(depth, 0.99))
    truth = label_strip(colors(depth, low, high), "truth")
    rows = []
    print("| fault | kld_sum | kld | kld_sum, one histogram |\n|---|---|---|---|")
    for name, (change, sizes, text) in FAULTS.items():
        row = [truth if not rows else np.full_like(truth, 255)]
        for size in sizes:
            made = change(depth, size)
            windows = edge_divergence(made, depth, None, rules)
            alone = edge_divergence(made, depth, None, whole)
            assert windows is not None
            assert alone is not None
            title = f"{name}, {text.format(size)}"
            print(f"| {title} | {windows:.3f} | {logarithm(windows, rules.d0):.3f} | {alone:.4f} |")
            row.append(label_strip(colors(made, low, high), f"{title}: {windows:.2f}"))
        rows.append(np.concatenate(row, axis=1))
    return np.concatenate(rows)


def time_it(depth: Map, rules: EdgeRules, rounds: int | None) -> None:
    """Time the metric at 640x480 against the two pyramids of pyrtools."""
    import pyrtools

    truth = np.asarray(cv2.resize(depth, (640, 480)))
    prediction = blurred(truth, 2.0)

    def peer() -> None:
        for depth_map in (truth, prediction):
            pyrtools.pyramids.SteerablePyramidFreq(depth_map, 2, 3)

    contenders: dict[str, Callable[[], object]] = {
        "pyrtools, pyramids alone": peer,
        "edge metric": lambda: edge_divergence(prediction, truth, None, rules),
    }
    if rounds is not None:
        print_ratios(compare(contenders, rounds), 1, "pair")
        return
    for name, action in contenders.items():
        action()
        seconds = []
        for _ in range(5):
            start = time.process_time()
            action()
            seconds.append(time.process_time() - start)
        print(f"{name:28} {statistics.median(seconds):.3f} s of processor, median of 5")


def main() -> None:
    """Print scores and times."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--depth", type=Path, help="(H, W) metres without holes; else drawn")
    parser.add_argument("--picture", type=Path)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--cpu-time-only", action="store_true")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    rules = load_protocol().protocol.edges
    assert rules is not None
    depth = drawn_scene() if arguments.depth is None else np.load(arguments.depth).astype(float)
    grid = print_scores(depth, rules)
    if arguments.picture:
        arguments.picture.write_bytes(encode_png(grid, level=9))
    time_it(depth, rules, None if arguments.cpu_time_only else arguments.rounds)


if __name__ == "__main__":
    main()
