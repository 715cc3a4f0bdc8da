"""Time and size of a leaderboard page over 20 models and 28 images, and of its tests.

The named peer of the tests is a loop over pairs with scipy.stats.bootstrap and
scipy.stats.permutation_test at the same number of resamples.

    python benchmarks/report_page.py
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from itertools import combinations
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray
from rounds import compare, print_ratios
from scipy import stats

from idfd.benchmark.leaderboard.significance import RESAMPLES, compare_pairs
from idfd.benchmark.report import write_report
from idfd.benchmark.results import Results
from idfd.model.schema import encode, load


def by_scipy(values: NDArray[np.float64]) -> None:
    """Both tests for every pair, one pair at a time."""
    for i, j in combinations(range(values.shape[1]), 2):
        difference = (values[:, i] - values[:, j],)
        stats.bootstrap(difference, np.mean, n_resamples=RESAMPLES, method="percentile")
        stats.permutation_test(
            difference, np.mean, permutation_type="samples", n_resamples=RESAMPLES
        )


def copies(source: Path, folder: Path, models: int) -> None:
    """Results of ``models`` models from one: other values, the same pictures."""
    results = load(Results, source)
    pictures = source.with_name(f"{source.stem}.pictures")
    for number in range(models):
        generator = np.random.default_rng(number)
        rows = tuple(
            msgspec.structs.replace(
                row,
                metrics={
                    name: value * float(1 + 0.01 * number + generator.normal(0, 0.02))
                    for name, value in row.metrics.items()
                },
            )
            for row in results.images
        )
        metrics = {
            name: msgspec.structs.replace(
                value, mean=float(np.mean([row.metrics[name] for row in rows]))
            )
            for name, value in results.metrics.items()
        }
        model = msgspec.structs.replace(results.model, name=f"model {number:02d}")
        path = folder / f"{number:02d}.json"
        copy = msgspec.structs.replace(results, model=model, images=rows, metrics=metrics)
        path.write_bytes(encode(copy))
        if pictures.is_dir():
            (folder / f"{number:02d}.pictures").symlink_to(pictures.resolve())


def processor_time(action: Callable[[], object]) -> float:
    """Processor seconds of one call."""
    start = time.process_time()
    action()
    return time.process_time() - start


def main() -> None:
    """Print the page's time and size, and the ratio of the tests."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--results", type=Path, help="results of one model, with its pictures")
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    values = np.random.default_rng(0).normal(0, 1, (28, 20))
    contenders: dict[str, Callable[[], object]] = {
        "scipy, pair by pair": lambda: by_scipy(values),
        "idfd": lambda: compare_pairs(values, 0.95),
    }
    for name, action in contenders.items():
        print(f"{name}: {processor_time(action):.2f} s of processor for 190 pairs")
    if arguments.results is not None:
        with tempfile.TemporaryDirectory() as folder:
            copies(arguments.results, Path(folder), 20)
            page = Path(folder) / "page.html"
            used = processor_time(lambda: write_report([Path(folder)], page))
            print(
                f"page of 20 models: {used:.2f} s of processor, {page.stat().st_size / 1e6:.2f} MB"
            )
    print_ratios(compare(contenders, arguments.rounds), 190, "pairs")


if __name__ == "__main__":
    main()
