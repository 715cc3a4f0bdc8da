"""Which models differ: paired tests over the same images, corrected for the number of pairs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

RESAMPLES = 20_000
"""Fine enough that the smallest p, 1e-4, survives Holm's correction over 20 models' 190 pairs."""
SEED = 20_260_101
CELLS = 2_000_000
"""Random numbers held at once."""


@dataclass(frozen=True)
class PairTest:
    """Columns ``one`` and ``other`` compared; p values are two-sided and not corrected.

    ``mean`` is that of one - other, ``low`` and ``high`` its percentile bootstrap interval.
    """

    one: int
    other: int
    mean: float
    low: float
    high: float
    p_bootstrap: float
    p_sign_flip: float


def compare_pairs(
    values: NDArray[np.float64], confidence: float, resamples: int = RESAMPLES, seed: int = SEED
) -> list[PairTest]:
    """Test every pair of models on the same images.

    The paired bootstrap draws images with replacement, the same for all models, and asks how
    often the mean difference crosses 0. The sign-flip test exchanges the two models' values
    image by image at random and asks how often the mean difference gets as large as it was.
    Few images fool the first (three that agree give a tiny p), but never the second.

    Args:
        values: One column for each model, (N images, M models) float64, finite.
        confidence: Share of resampled mean differences inside the interval.
        resamples: Number of resamples and of sign flips.
        seed: Seed of the generator; the same seed gives the same tests.

    Returns:
        One test for each pair of columns, in the order of :func:`itertools.combinations`.

    Source: Efron and Tibshirani, "An Introduction to the Bootstrap", 1993, chapters 15 and 16;
        Phipson and Smyth, "Permutation P-values should never be zero", 2010 (the +1).
    """
    count, models = values.shape
    pairs = list(combinations(range(models), 2))
    generator = np.random.default_rng(seed)
    means = np.concatenate(
        [
            generator.multinomial(count, np.full(count, 1 / count), rows) / count @ values
            for rows in _chunks(resamples, count)
        ]
    )
    differences = np.stack([values[:, i] - values[:, j] for i, j in pairs], axis=1)
    observed = np.abs(differences.mean(axis=0))
    # The flips that change nothing must count as reached, whatever the order of summation.
    reached = observed * (1 - 1e-9) - 1e-15
    exceeded = np.zeros(len(pairs), np.int64)
    for rows in _chunks(resamples, max(count, len(pairs))):
        signs = generator.integers(0, 2, (rows, count), np.int8) * 2.0 - 1
        exceeded += (np.abs(signs @ differences) / count >= reached).sum(axis=0)
    tail = (1 - confidence) / 2
    tests = []
    for (i, j), exceed, column in zip(pairs, exceeded, differences.T, strict=True):
        drawn = means[:, i] - means[:, j]
        low, high = np.quantile(drawn, [tail, 1 - tail])
        crossings = min(np.count_nonzero(drawn <= 0), np.count_nonzero(drawn >= 0))
        tests.append(
            PairTest(
                i,
                j,
                float(column.mean()),
                float(low),
                float(high),
                min(1.0, 2 * (1 + crossings) / (resamples + 1)),
                (1 + int(exceed)) / (resamples + 1),
            )
        )
    return tests


def _chunks(total: int, width: int) -> Iterator[int]:
    step = max(1, CELLS // width)
    for start in range(0, total, step):
        yield min(step, total - start)


def holm(p: NDArray[np.float64]) -> NDArray[np.float64]:
    """Adjust p values so that the chance of any false finding among them stays at the level.

    Args:
        p: (P,) float64 in [0, 1].

    Returns:
        (P,) float64 in the same order, at most 1.

    Source: Holm, "A Simple Sequentially Rejective Multiple Test Procedure", 1979.

    Example:
        >>> holm(np.array([0.01, 0.04, 0.03])).round(3).tolist()
        [0.03, 0.06, 0.06]
    """
    order = np.argsort(p, kind="stable")
    factors = np.arange(p.size, 0, -1)
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(np.maximum.accumulate(p[order] * factors), 1)
    return adjusted


def letters(models: int, different: set[tuple[int, int]]) -> list[str]:
    """Compact letters: two models share one exactly where they were not shown to differ.

    Args:
        models: Number of models, in the order in which letters are given out.
        different: Pairs (i, j), i < j, that were shown to differ.

    Returns:
        The letters of each model, spaces between. There is one letter for each largest group
        without a shown difference inside, after Piepho, "An Algorithm for a Letter-Based
        Representation of All-Pairwise Comparisons", 2004.

    Example:
        >>> letters(3, {(0, 2)})
        ['a', 'a b', 'b']
    """
    groups = [frozenset(range(models))]
    for i, j in sorted(different):
        split: list[frozenset[int]] = []
        for group in groups:
            split += [group - {i}, group - {j}] if {i, j} <= group else [group]
        unique = list(dict.fromkeys(split))
        groups = [one for one in unique if not any(one < other for other in unique)]
    groups.sort(key=sorted)
    return [
        " ".join(letter(number) for number, group in enumerate(groups) if model in group)
        for model in range(models)
    ]


def letter(number: int) -> str:
    """The nth letter: a to z, then a1 to z1 and so on."""
    turn, place = divmod(number, 26)
    return chr(ord("a") + place) + (str(turn) if turn else "")


def rank_ranges(models: int, better: set[tuple[int, int]]) -> list[tuple[int, int]]:
    """Ranks that the shown differences leave open to each model.

    Args:
        models: Number of models.
        better: Pairs (i, j): i was shown to be better than j, at a level that holds for all
            pairs together.

    Returns:
        For each model 1 + the number shown to be better, and the number of models less those
        shown to be worse. All ranges hold together at the level of ``better``.

    Source: Mogstad, Romano, Shaikh and Wilhelm, "Inference for Ranks", Review of Economic
        Studies 91, 2024.

    Example:
        >>> rank_ranges(3, {(0, 1), (0, 2)})
        [(1, 1), (2, 3), (2, 3)]
    """
    return [
        (
            1 + sum(loser == model for _, loser in better),
            models - sum(winner == model for winner, _ in better),
        )
        for model in range(models)
    ]
