"""The scene groups of a release as rows of numbers, ready to be given to other splits."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from idfd.benchmark.validation.permutation import (
    FAIL_P,
    WARN_P,
    Assignments,
    TestResult,
    assignments,
)
from idfd.benchmark.validation.survey import Survey
from idfd.release.validation import Chart, Finding, Permutations, Verdict

TRAIN = "train"
_NULL_BINS = 24


@dataclass(frozen=True)
class Groups:
    """Groups and the ways to give them to the splits.

    Attributes:
        names: The G groups.
        splits: Splits that are home to a group; the labels of ``ways`` count these.
        ways: Assignments of the groups, the released one first.
        pairs: The splits to compare, as places in ``splits``: training with each other one.
    """

    names: tuple[str, ...]
    splits: tuple[str, ...]
    ways: Assignments
    pairs: tuple[tuple[int, int], ...]

    def label(self, pair: tuple[int, int]) -> str:
        """A pair of splits in words."""
        return f"{self.splits[pair[0]]} and {self.splits[pair[1]]}"

    def permutations(self, statistic: str, smallest_p: float) -> Permutations:
        """The test in words and numbers."""
        return Permutations(
            hypothesis="scene groups are exchangeable: which split a group is in has nothing to "
            "do with what it shows",
            statistic=statistic,
            groups=len(self.names),
            assignments=len(self.ways.labels),
            exact=self.ways.exact,
            smallest_p=smallest_p,
        )


def make_groups(survey: Survey, seed: int) -> Groups:
    """Lay the groups of a release out; a cut group counts for the split with most of it."""
    home = survey.home
    splits = tuple(split for split in survey.members if split in home.values())
    source = splits.index(TRAIN) if TRAIN in splits else 0
    labels = np.array([splits.index(split) for split in home.values()], np.int8)
    return Groups(
        names=tuple(home),
        splits=splits,
        ways=assignments(labels, seed),
        pairs=tuple((source, other) for other in range(len(splits)) if other != source),
    )


def judge(p: float, smallest: float) -> tuple[Verdict, str]:
    """Verdict on an adjusted p, and a note where there can be none."""
    if smallest > WARN_P:
        return "skipped", (
            f"too few scene groups to tell: no split of them could get a p below {smallest:.2g}"
        )
    return ("fail" if p <= FAIL_P else "warn" if p <= WARN_P else "pass"), ""


def tested(
    name: str,
    unit: str,
    groups: Groups,
    pair: tuple[int, int],
    values: NDArray[np.float64],
    result: TestResult,
    column: int,
    note: str,
) -> Finding:
    """A statistic of the released splits beside what chance gives.

    Args:
        name: What was measured.
        unit: Its unit.
        groups: The groups that were permuted.
        pair: The splits that were compared.
        values: The statistic of each assignment, (B,); the first is the released one's.
        result: Of the permutation test.
        column: Place of this statistic in it.
        note: What else to say.
    """
    p = float(result.adjusted[column])
    verdict, doubt = judge(p, result.smallest)
    low, high = np.quantile(values, [0.05, 0.95])
    return Finding(
        name=name,
        where=groups.label(pair),
        value=float(values[0]),
        unit=unit,
        low=float(low),
        high=float(high),
        p=float(result.p[column]),
        adjusted_p=p,
        limit=f"adjusted p above {WARN_P:g}",
        verdict=verdict,
        note="; ".join(part for part in (note, doubt) if part),
    )


def null_chart(title: str, axis: str, values: NDArray[np.float64]) -> Chart:
    """Histogram of a statistic over all assignments with the released one marked."""
    low, high = float(values.min()), float(values.max())
    room = max(high - low, 1e-6) * 0.02
    counts, edges = np.histogram(values, _NULL_BINS, (low - room, high + room))
    return Chart(
        title=title,
        axis=axis,
        edges=tuple(float(edge) for edge in edges),
        series={"random splits of the groups": tuple((counts / counts.sum()).tolist())},
        marks={"this release": float(values[0])},
    )
