"""Alignment of a defocused 24-megapixel photo to the all-in-focus one, against feature matching.

The peers find key points on grey quarter-size photos, match them (nearest neighbour, ratio test)
and fit a homography by RANSAC, as is usual. The truth is known: the defocused photo is made from
the sharp one by a touch of the tripod and a disk blur in linear light. Errors are distances
between where a grid of pixels was found and where it is.

Processor times are of all rounds; wall-clock times of those without load by other processes, and
left out with --no-rounds. A peer that finds too few matches has no errors to show.

Usage: python benchmarks/align_pairs.py [--photo FILE] [--rounds N] [--no-rounds]

Without --photo a rendered texture is used.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from rounds import FOREIGN_LIMIT, foreign_share

from idfd.model.triple import Crop
from idfd.processing.photos.align import align_pair
from idfd.processing.photos.pair import fit_pair
from idfd.processing.photos.render import render_defocused
from idfd.processing.photos.transform import map_points
from idfd.processing.pipeline.worker import WORKER_ENVIRONMENT
from idfd.storage.images import read_photo

sys.path.append(str(Path(__file__).resolve().parents[1] / "tests" / "processing" / "photos"))
from pairs import MARGIN, make_pair, random_parameters, textured_photo

WIDTH, HEIGHT = 6000, 4000
BLURS = {"mild": 4.0, "strong": 24.0}
"""Radius of the disk, pixels."""
QUARTER = 4
Photo = NDArray[np.uint8]
Mapping = Callable[[NDArray[np.float64]], NDArray[np.float64]]
LEAST_MATCHES = 8


def large_photo(path: Path | None) -> Photo:
    """A photo with a margin for the motion; grain makes up for what enlarging smooths."""
    photo = textured_photo(WIDTH // 2, HEIGHT // 2) if path is None else read_photo(path)
    size = (WIDTH + 2 * MARGIN, HEIGHT + 2 * MARGIN)
    large = cv2.resize(photo, size, interpolation=cv2.INTER_CUBIC)
    grain = np.random.default_rng(0).normal(0, 2.5, (size[1] // 8, size[0] // 8, 3))
    return np.clip(large + np.tile(grain.astype(np.float32), (8, 8, 1)), 0, 255).astype(np.uint8)


def ours(sharp: Photo, blurred: Photo) -> Mapping:
    transform = align_pair(sharp, blurred).transform
    return lambda points: map_points(transform, points)


def features(make: Callable[[], Any], norm: int) -> Callable[[Photo, Photo], Mapping | None]:
    def align(sharp: Photo, blurred: Photo) -> Mapping | None:
        small = [
            cv2.resize(
                cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY), None,
                fx=1 / QUARTER, fy=1 / QUARTER, interpolation=cv2.INTER_AREA,
            )
            for photo in (sharp, blurred)
        ]  # fmt: skip
        detector = make()
        (here, first), (there, second) = (detector.detectAndCompute(s, None) for s in small)
        if min(len(here), len(there)) < LEAST_MATCHES:
            return None
        matches = cv2.BFMatcher(norm).knnMatch(first, second, 2)
        good = [m for m, n in matches if m.distance < 0.75 * n.distance]
        if len(good) < LEAST_MATCHES:
            return None
        source = np.array([here[m.queryIdx].pt for m in good], np.float32)
        target = np.array([there[m.trainIdx].pt for m in good], np.float32)
        homography = cv2.findHomography(source, target, cv2.RANSAC, 1.0)[0]
        if homography is None:
            return None

        def mapping(points: NDArray[np.float64]) -> NDArray[np.float64]:
            quarter = (points + 0.5) / QUARTER - 0.5
            found = np.asarray(cv2.perspectiveTransform(quarter[None], homography)[0])
            return np.asarray((found + 0.5) * QUARTER - 0.5)

        return mapping

    return align


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--photo", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--no-rounds", action="store_true", help="processor time only")
    arguments = parser.parse_args()
    if os.environ.get("NUMBA_NUM_THREADS") != "1":
        os.environ.update(WORKER_ENVIRONMENT)  # read when the process starts
        os.execv(sys.executable, [sys.executable, *sys.argv])
    cv2.setNumThreads(1)
    photo = large_photo(arguments.photo)
    grid = np.stack(np.meshgrid(np.linspace(0, WIDTH - 1, 13), np.linspace(0, HEIGHT - 1, 9)), -1)
    points = grid.reshape(-1, 2)
    contenders: dict[str, Callable[[Photo, Photo], Mapping | None]] = {
        "SIFT, quarter size (peer)": features(cv2.SIFT_create, cv2.NORM_L2),
        "ORB, quarter size": features(lambda: cv2.ORB_create(5000), cv2.NORM_HAMMING),
        "idfd": ours,
    }
    generator = np.random.default_rng(0)
    print(
        f"{'blur':7} {'contender':26} {'cpu s':>6} {'ratio':>6} {'wall s':>7} {'clean':>5} "
        f"{'mean px':>8} {'max px':>8}"
    )
    for blur, radius in BLURS.items():
        parameters = random_parameters(generator, WIDTH + 2 * MARGIN, HEIGHT + 2 * MARGIN)
        sharp, blurred, truth = make_pair(photo, parameters, radius=radius, disk=True, gain=0.8)
        there = map_points(truth, points + MARGIN) - MARGIN
        errors = {}
        for name, align in contenders.items():  # which warms everything, too
            mapping = align(sharp, blurred)
            found = np.full(there.shape, np.nan) if mapping is None else mapping(points)
            errors[name] = np.linalg.norm(found - there, axis=1)
        times = _times({n: _bound(a, sharp, blurred) for n, a in contenders.items()}, arguments)
        peer = next(iter(times.values()))[0]
        for name, (cpu, wall, clean) in times.items():
            print(
                f"{blur:7} {name:26} {cpu:6.2f} {peer / cpu:6.2f} {wall:7.2f} {clean:5} "
                f"{errors[name].mean():8.3f} {errors[name].max():8.3f}"
            )
    fit = fit_pair(sharp, blurred)
    crops = {
        "render, whole frame": Crop(x=40.0, y=40.0, width=WIDTH - 80, height=HEIGHT - 80),
        "render, 1920 x 1280": Crop(x=40.0, y=40.0, width=1920, height=1280, scale=3.05),
    }
    steps: dict[str, Callable[[], object]] = {"fit_pair": lambda: fit_pair(sharp, blurred)}
    steps |= {name: _bound(render_defocused, blurred, fit, crop) for name, crop in crops.items()}
    for action in steps.values():
        action()
    for name, (cpu, wall, clean) in _times(steps, arguments).items():
        print(f"{'':7} {name:26} {cpu:6.2f} {'':6} {wall:7.2f} {clean:5}")


def _bound(function: Callable[..., object], *values: object) -> Callable[[], object]:
    return lambda: function(*values)


def _times(
    actions: dict[str, Callable[[], object]], arguments: argparse.Namespace
) -> dict[str, tuple[float, float, int]]:
    """Median processor time, median wall time of clean rounds (NaN: none), and their number."""
    cpu: dict[str, list[float]] = {name: [] for name in actions}
    wall: dict[str, list[float]] = {name: [] for name in actions}
    for _ in range(arguments.rounds):
        for name, action in actions.items():
            start = time.process_time()
            seconds, foreign = foreign_share(action)
            cpu[name].append(time.process_time() - start)
            if foreign <= FOREIGN_LIMIT and not arguments.no_rounds:
                wall[name].append(seconds)
    return {
        name: (
            statistics.median(cpu[name]),
            statistics.median(wall[name]) if wall[name] else float("nan"),
            len(wall[name]),
        )
        for name in actions
    }


if __name__ == "__main__":
    main()
