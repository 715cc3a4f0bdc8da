"""Permutation tests over scene groups: could chance have made splits as different as these?

Photos of one scene group resemble each other, so that groups and not triples are exchangeable: a
permutation moves whole groups between the splits and keeps the number of groups of each.

Source: Good, "Permutation, Parametric, and Bootstrap Tests of Hypotheses", 3rd ed., 2005; for
several comparisons the single-step minP procedure of Westfall and Young, "Resampling-Based
Multiple Testing", 1993.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

MOST = 5000
"""Assignments to compare; where there are more, so many are drawn."""
WARN_P, FAIL_P = 0.05, 0.01
_TIE = 1e-9
"""Equal splits under other names may differ in the last digits."""


@dataclass(frozen=True)
class Assignments:
    """Ways to give G groups to the splits.

    Attributes:
        labels: Split of each group, (B, G) int8; row 0 is the released one.
        exact: Whether these are all ways with as many groups in each split.
    """

    labels: NDArray[np.int8]
    exact: bool


def assignments(labels: NDArray[np.int8], seed: int, most: int = MOST) -> Assignments:
    """All ways to permute the groups among the splits, or a random draw of ``most``.

    Args:
        labels: Split of each group as released, (G,) int8 from 0 on.
        seed: Of the draw.
        most: Largest number of ways.

    Example:
        >>> assignments(np.array([0, 0, 1], np.int8), seed=0).labels.tolist()
        [[0, 0, 1], [0, 1, 0], [1, 0, 0]]
    """
    counts = np.bincount(labels)
    ways = math.factorial(len(labels)) // math.prod(math.factorial(int(n)) for n in counts)
    if ways <= most:
        every = np.array(list(_arrange(len(labels), counts.tolist())), np.int8)
        others = every[(every != labels).any(axis=1)]
        return Assignments(np.concatenate([labels[None], others]), exact=True)
    generator = np.random.default_rng(seed)
    drawn = generator.permuted(np.tile(labels, (most - 1, 1)), axis=1)
    return Assignments(np.concatenate([labels[None], drawn]), exact=False)


def _arrange(groups: int, counts: list[int]) -> Iterator[NDArray[np.int8]]:
    """Every arrangement of ``counts[s]`` labels s over the groups."""

    def place(
        free: tuple[int, ...], label: int, made: NDArray[np.int8]
    ) -> Iterator[NDArray[np.int8]]:
        if label == len(counts):
            yield made.copy()
            return
        for chosen in combinations(free, counts[label]):
            made[list(chosen)] = label
            yield from place(tuple(g for g in free if g not in chosen), label + 1, made)

    return place(tuple(range(groups)), 0, np.zeros(groups, np.int8))


@dataclass(frozen=True)
class TestResult:
    """p values of the released assignment, one for each of K statistics.

    Attributes:
        p: Share of the assignments whose statistic is as large or larger, (K,).
        adjusted: Chance that at least one of the K statistics reaches so small a p, (K,).
        smallest: Smallest adjusted p that any of the assignments gets.
    """

    p: NDArray[np.float64]
    adjusted: NDArray[np.float64]
    smallest: float


def permutation_test(statistics: NDArray[np.float64]) -> TestResult:
    """One-sided test of several statistics together; large values are the suspicious ones.

    The released assignment counts as one of those compared, so no p is 0. The adjusted p holds
    the chance of a false alarm in any of the K comparisons at its level, and takes into account
    how they depend on each other.

    Args:
        statistics: (B, K) finite; row 0 belongs to the released assignment.

    Example:
        >>> permutation_test(np.array([[3.0], [1.0], [2.0], [0.0]])).p.tolist()
        [0.25]
    """
    count = len(statistics)
    scale = np.abs(statistics).max(axis=0, keepdims=True)
    rounded = np.round(statistics / np.where(scale > 0, scale, 1) / _TIE) * _TIE
    ordered = np.sort(rounded, axis=0)
    p = np.stack(
        [
            (count - np.searchsorted(ordered[:, k], rounded[:, k], side="left")) / count
            for k in range(rounded.shape[1])
        ],
        axis=1,
    )
    least = np.sort(p.min(axis=1))
    adjusted = np.searchsorted(least, p[0], side="right") / count
    return TestResult(p[0], adjusted, float(np.searchsorted(least, least[0], side="right") / count))
