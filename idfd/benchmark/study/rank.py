"""Whether an order that was printed holds in results of one's own, and how sure that is."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy import stats

from idfd.benchmark.bootstrap import Interval, paired_difference
from idfd.benchmark.metrics.registry import METRICS, Metric
from idfd.benchmark.protocol import load_protocol
from idfd.benchmark.seeds import Combined

LEVEL = 0.05


@dataclass(frozen=True)
class Difference:
    """How much one model differs from another on the same images.

    Attributes:
        images: Mean of ``one - other`` with its interval over images.
        seeds: That mean with one seed each, of the seeds that both have, (n,) float64.
    """

    images: Interval
    seeds: tuple[float, ...]

    @property
    def seed_sd(self) -> float | None:
        """Standard deviation over the seeds, divisor n - 1; None with one seed."""
        return float(np.std(self.seeds, ddof=1)) if len(self.seeds) > 1 else None

    @property
    def certain(self) -> bool:
        """Whether neither other images nor other seeds would turn it round, each at 5 %.

        The interval over images does without 0, and so does Student's over the seeds. With one
        seed nothing is certain.
        """
        count, sd = len(self.seeds), self.seed_sd
        if sd is None or self.images.low <= 0 <= self.images.high:
            return False
        reach = float(stats.t.ppf(1 - LEVEL / 2, count - 1)) * sd / np.sqrt(count)
        return abs(float(np.mean(self.seeds))) > reach


def difference(one: Combined, other: Combined, metric: str) -> Difference:
    """Compare two models on the images that both could score.

    Raises:
        InputError: There is no such image.
    """
    rules = load_protocol().protocol.bootstrap
    mine, theirs = (side.values.get(metric, {}) for side in (one, other))
    shared = [image for image in mine if image in theirs]
    pairs = {
        seed: (result, other.results[other.seeds.index(seed)])
        for seed, result in zip(one.seeds, one.results, strict=True)
        if seed in other.seeds
    }
    return Difference(
        paired_difference(
            np.array([mine[image] for image in shared]),
            np.array([theirs[image] for image in shared]),
            resamples=rules.resamples,
            confidence=1 - LEVEL,
            seed=rules.seed,
        ),
        tuple(a.metrics[metric].mean - b.metrics[metric].mean for a, b in pairs.values()),
    )


@dataclass(frozen=True)
class Ranking:
    """A printed order beside a measured one.

    Attributes:
        metric: What they are ordered by.
        printed: Names, best first, as printed.
        measured: The same names, best first, as measured, mean over the seeds.
        tau: Kendall's rank correlation of the two orders.
        p: Chance of a correlation at least as strong, either way, if no order held.
        seeds: The correlation of each seed's own order.
        told_apart: Pairs, better first, whose difference is certain.
    """

    metric: Metric
    printed: tuple[str, ...]
    measured: tuple[str, ...]
    tau: float
    p: float
    seeds: dict[int, float]
    told_apart: tuple[tuple[str, str], ...]

    @property
    def pairs(self) -> int:
        """Number of pairs."""
        return len(self.printed) * (len(self.printed) - 1) // 2

    @property
    def agreeing(self) -> int:
        """How many of the pairs that are told apart stand in the printed order."""
        place = self.printed.index
        return sum(place(better) < place(worse) for better, worse in self.told_apart)

    @property
    def verdict(self) -> str:
        """What may be said."""
        own = self.seeds.values()
        if len(self.seeds) > 1 and self.p < LEVEL and (min(own) > 0 or max(own) < 0):
            return "the printed order holds" if self.tau > 0 else "the printed order is reversed"
        return "these runs do not decide whether the printed order holds"

    def text(self) -> str:
        """All of it in words."""
        words = [
            f"By {self.metric.title}, best first: printed {', '.join(self.printed)}; measured "
            f"{', '.join(self.measured)}.",
            f"Kendall's τ = {self.tau:.2f} (exact p = {self.p:.2g})",
        ]
        if len(self.seeds) > 1:
            words[-1] += (
                f", of single seeds {min(self.seeds.values()):.2f} to "
                f"{max(self.seeds.values()):.2f}."
            )
            words.append(
                f"Of {self.pairs} pairs {len(self.told_apart)} are told apart both over images and "
                f"over seeds, where chance alone tells about {self.pairs * LEVEL:.1g}; "
                f"{self.agreeing} of them stand in the printed order."
            )
        else:
            words[-1] += "."
            words.append("One seed tells no two of them apart.")
        words.append(f"So {self.verdict}.")
        return " ".join(words)


def rank(
    printed: Mapping[str, float], measured: Mapping[str, Combined], name: str
) -> Ranking | None:
    """Hold a printed order against a measured one.

    Args:
        printed: Printed value by name.
        measured: Models by name.
        name: The metric.

    Returns:
        None where fewer than three of the names have both, or where all measured values are one.

    Source: Kendall, "A New Measure of Rank Correlation", Biometrika 30, 1938.
    """
    metric = METRICS[name]
    sign = -1 if metric.higher_is_better else 1
    names = [one for one in printed if one in measured and name in measured[one].metrics]
    theirs = [sign * printed[one] for one in names]
    ours = [sign * measured[one].metrics[name].mean for one in names]
    if len(names) < 3 or len(set(ours)) == 1:
        return None
    common = set.intersection(*(set(measured[one].seeds) for one in names))
    found = stats.kendalltau(theirs, ours)
    apart = []
    for one, other in itertools.combinations(names, 2):
        gap = difference(measured[one], measured[other], name)
        if gap.certain:
            better = sign * gap.images.mean < 0
            apart.append((one, other) if better else (other, one))
    return Ranking(
        metric=metric,
        printed=tuple(names[i] for i in np.argsort(theirs, kind="stable")),
        measured=tuple(names[i] for i in np.argsort(ours, kind="stable")),
        tau=float(found.statistic),
        p=float(found.pvalue),
        seeds={seed: _tau_of(seed, theirs, names, measured, name, sign) for seed in sorted(common)},
        told_apart=tuple(apart),
    )


def _tau_of(
    seed: int,
    theirs: list[float],
    names: list[str],
    measured: Mapping[str, Combined],
    metric: str,
    sign: int,
) -> float:
    ours = [
        sign * measured[one].results[measured[one].seeds.index(seed)].metrics[metric].mean
        for one in names
    ]
    return float(stats.kendalltau(theirs, ours).statistic)
