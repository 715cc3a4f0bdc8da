from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import bootstrap  # type: ignore[import-untyped,unused-ignore]

from idfd.benchmark.bootstrap import mean_interval, paired_difference
from idfd.errors import InputError


def test_agrees_with_scipy() -> None:
    values = np.random.default_rng(0).gamma(2, 1, 60)
    found = mean_interval(values, resamples=2000, confidence=0.95, seed=7)
    reference = bootstrap(
        (values,), np.mean, n_resamples=9999, method="percentile", rng=np.random.default_rng(1)
    ).confidence_interval
    assert found.mean == pytest.approx(values.mean())
    assert found.low == pytest.approx(reference.low, abs=0.04)
    assert found.high == pytest.approx(reference.high, abs=0.04)
    assert found.images == 60


def test_the_seed_fixes_the_interval() -> None:
    values = np.random.default_rng(0).random(20)
    one, again = (mean_interval(values, resamples=200, confidence=0.9, seed=3) for _ in "ab")
    other = mean_interval(values, resamples=200, confidence=0.9, seed=4)
    assert one == again
    assert one != other


@settings(max_examples=20)
@given(st.lists(st.floats(-5, 5), min_size=1, max_size=30))
def test_the_interval_lies_within_the_values(numbers: list[float]) -> None:
    values = np.array(numbers)
    found = mean_interval(values, resamples=100, confidence=0.95, seed=1)
    assert values.min() - 1e-9 <= found.low <= found.high <= values.max() + 1e-9


def test_pairing_finds_a_small_steady_gain() -> None:
    generator = np.random.default_rng(2)
    hard = generator.uniform(0, 10, 80)
    better = hard - 0.1 + generator.normal(0, 0.05, 80)
    alone = mean_interval(better, resamples=500, confidence=0.95, seed=1)
    paired = paired_difference(better, hard, resamples=500, confidence=0.95, seed=1)
    assert alone.low < hard.mean() < alone.high
    assert paired.high < 0


def test_unusable_values_are_refused() -> None:
    for values in (np.array([]), np.array([1.0, np.nan])):
        with pytest.raises(InputError, match="bootstrap got"):
            mean_interval(values, resamples=100, confidence=0.95, seed=1)
    with pytest.raises(InputError, match="same images"):
        paired_difference(np.ones(2), np.ones(3), resamples=100, confidence=0.95, seed=1)
