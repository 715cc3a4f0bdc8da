from __future__ import annotations

import doctest
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats

from idfd.benchmark import names, seeds
from idfd.benchmark.leaderboard import significance
from idfd.benchmark.leaderboard.significance import compare_pairs, holm, letters, rank_ranges


@pytest.mark.parametrize("module", [significance, seeds, names])
def test_the_examples_hold(module: object) -> None:
    found = doctest.testmod(module)  # type: ignore[arg-type]
    assert found.attempted > 0
    assert found.failed == 0


def images(count: int, gaps: list[float], noise: float = 0.05) -> NDArray[np.float64]:
    generator = np.random.default_rng(3)
    hard = generator.uniform(0.2, 1.0, (count, 1))
    return hard + np.array(gaps) + generator.normal(0, noise, (count, len(gaps)))


def test_the_sign_flip_test_agrees_with_scipy() -> None:
    values = images(9, [0.0, 0.03])
    found = compare_pairs(values, 0.95)[0]
    exact = stats.permutation_test(
        (values[:, 0] - values[:, 1],),
        np.mean,
        permutation_type="samples",
        n_resamples=np.inf,
    )
    assert 0.01 < exact.pvalue < 0.9
    assert found.p_sign_flip == pytest.approx(exact.pvalue, abs=0.012)


def test_the_bootstrap_agrees_with_scipy() -> None:
    values = images(30, [0.0, 0.015])
    found = compare_pairs(values, 0.9)[0]
    difference = values[:, 0] - values[:, 1]
    peer = stats.bootstrap(
        (difference,),
        np.mean,
        confidence_level=0.9,
        n_resamples=20_000,
        method="percentile",
        rng=np.random.default_rng(0),
    ).confidence_interval
    assert found.mean == pytest.approx(difference.mean())
    assert (found.low, found.high) == pytest.approx((peer.low, peer.high), abs=6e-4)
    # The p of a percentile interval is the level at which the interval touches 0.
    assert (found.p_bootstrap < 0.1) == (found.high < 0 or found.low > 0)


def test_equal_models_do_not_differ_and_three_images_show_nothing() -> None:
    same = compare_pairs(np.repeat(images(20, [0.0]), 2, axis=1), 0.95)[0]
    assert (same.p_bootstrap, same.p_sign_flip, same.mean) == (1, 1, 0)
    few = compare_pairs(np.array([[0.1, 0.5], [0.2, 0.7], [0.1, 0.6]]), 0.95)[0]
    assert few.p_bootstrap < 0.01
    assert few.p_sign_flip == pytest.approx(0.25, abs=0.02)


def test_false_findings_are_as_rare_as_promised() -> None:
    generator = np.random.default_rng(0)
    found = 0
    for _ in range(60):
        values = generator.normal(0, 1, (20, 5))
        tests = compare_pairs(values, 0.95, resamples=2000)
        p = np.maximum(
            holm(np.array([test.p_bootstrap for test in tests])),
            holm(np.array([test.p_sign_flip for test in tests])),
        )
        found += bool((p < 0.05).any())
    # 5 % of 60 families are 3; above 8 by chance once in 300.
    assert found <= 8


def test_chunks_of_random_numbers_change_nothing_that_matters(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    values = images(12, [0.0, 0.02, 0.1])
    whole = compare_pairs(values, 0.95, resamples=3000)
    monkeypatch.setattr(significance, "CELLS", 1000)
    parts = compare_pairs(values, 0.95, resamples=3000)
    assert parts == whole


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_holm_only_raises_and_keeps_the_order(numbers: list[float]) -> None:
    p = np.array(numbers)
    adjusted = holm(p)
    assert (adjusted >= p).all()
    assert (adjusted <= 1).all()
    assert adjusted[np.argsort(p, kind="stable")].tolist() == sorted(adjusted)
    assert adjusted.min() == pytest.approx(min(1, p.min() * p.size))


@st.composite
def differences(draw: st.DrawFn) -> tuple[int, set[tuple[int, int]]]:
    models = draw(st.integers(1, 7))
    pairs = list(combinations(range(models), 2))
    return models, set(draw(st.lists(st.sampled_from(pairs), unique=True))) if pairs else set()


@settings(max_examples=150, deadline=None)
@given(differences())
def test_models_share_a_letter_exactly_where_no_difference_is_shown(
    case: tuple[int, set[tuple[int, int]]],
) -> None:
    models, different = case
    groups = [set(one.split()) for one in letters(models, different)]
    assert all(groups)
    for i, j in combinations(range(models), 2):
        assert bool(groups[i] & groups[j]) == ((i, j) not in different)
    # No letter says less than another.
    members = [{m for m in range(models) if one in groups[m]} for one in set.union(*groups)]
    assert not any(one < other for one in members for other in members)


@settings(max_examples=60, deadline=None)
@given(differences())
def test_every_order_that_keeps_the_shown_differences_lies_in_the_ranges(
    case: tuple[int, set[tuple[int, int]]],
) -> None:
    models, better = case
    ranges = rank_ranges(models, better)
    # Sorted by mean, 0 to M - 1 is such an order.
    for model, (low, high) in enumerate(ranges):
        assert low <= model + 1 <= high
    assert all(ranges[i][0] < ranges[j][1] for i, j in better)


def test_more_than_26_groups_get_letters_of_their_own() -> None:
    everyone = set(combinations(range(30), 2))
    assert len(set(letters(30, everyone))) == 30
