from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from idfd.benchmark.validation.permutation import assignments, permutation_test

LABELS = st.lists(st.integers(0, 2), min_size=3, max_size=7).filter(lambda x: {0, 1, 2} <= {*x})


@given(LABELS)
def test_all_assignments_are_there_once(labels: list[int]) -> None:
    found = assignments(np.array(labels, np.int8), seed=0)
    rows = {tuple(row) for row in found.labels.tolist()}
    counts = np.bincount(labels)
    assert found.exact
    assert found.labels[0].tolist() == labels
    ways = math.factorial(len(labels)) // math.prod(math.factorial(n) for n in counts.tolist())
    assert len(rows) == len(found.labels) == ways
    assert {tuple(np.bincount(row)) for row in found.labels} == {tuple(counts)}


def test_too_many_assignments_are_drawn_by_the_seed() -> None:
    labels = np.repeat([0, 1], [20, 10]).astype(np.int8)
    found, again, other = (assignments(labels, seed) for seed in (1, 1, 2))
    assert not found.exact
    assert len(found.labels) == 5000
    assert found.labels[0].tolist() == labels.tolist()
    assert (found.labels.sum(axis=1) == 10).all()
    assert (found.labels == again.labels).all()
    assert (found.labels != other.labels).any()


def test_one_p_is_that_of_scipy() -> None:
    generator = np.random.default_rng(0)
    values = generator.normal(0, 1, 9)
    labels = np.repeat([0, 1], [5, 4]).astype(np.int8)
    values[5:] += 0.8

    def statistic(one: Any, other: Any) -> float:
        return float(np.mean(other) - np.mean(one))

    peer = stats.permutation_test(
        (values[:5], values[5:]), statistic, alternative="greater", n_resamples=np.inf
    )
    ways = assignments(labels, seed=0).labels
    ours = permutation_test(
        np.array([[statistic(values[row == 0], values[row == 1])] for row in ways])
    )
    assert ours.p[0] == pytest.approx(peer.pvalue)
    assert ours.adjusted[0] == ours.p[0]


@given(st.integers(0, 10**6), st.integers(1, 4))
def test_every_statistic_has_the_share_that_reaches_it(seed: int, columns: int) -> None:
    values = np.random.default_rng(seed).integers(0, 6, (30, columns)).astype(float)
    found = permutation_test(values)
    assert found.p.tolist() == [np.mean(values[:, k] >= values[0, k]) for k in range(columns)]
    assert (found.adjusted >= found.p - 1e-12).all()
    assert 1 / 30 <= found.smallest <= found.adjusted.min()


@pytest.mark.parametrize("level", [0.05, 0.2])
@pytest.mark.parametrize("mix", [np.eye(3), np.ones((3, 3))], ids=["independent", "equal"])
def test_several_comparisons_raise_no_more_alarms_than_one(level: float, mix: Any) -> None:
    """Were each assignment the released one in turn, a share of ``level`` would be accused."""
    values = np.random.default_rng(3).normal(0, 1, (200, 3)) @ mix

    def accused(row: int) -> bool:
        order = [row, *(k for k in range(len(values)) if k != row)]
        return bool((permutation_test(values[order]).adjusted <= level).any())

    share = np.mean([accused(row) for row in range(len(values))])
    assert level / 2 < share <= level


def test_rounding_does_not_break_ties() -> None:
    values = np.array([[0.1 + 0.2], [0.3], [0.3], [0.1]])
    assert permutation_test(values).p[0] == 0.75
    assert permutation_test(values[[1, 0, 2, 3]]).p[0] == 0.75


@pytest.mark.parametrize("scale", [1.0, 1e-6, 1e6])
def test_the_unit_does_not_matter(scale: float) -> None:
    make: Callable[[float], Any] = lambda k: permutation_test(  # noqa: E731
        k * np.random.default_rng(1).normal(5, 1, (50, 2))
    )
    assert make(scale).p.tolist() == make(1.0).p.tolist()
