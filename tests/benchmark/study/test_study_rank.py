"""Printed against measured order: correlation, and what is said of it."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from results_makers import results, training

from idfd.benchmark.seeds import Combined, combine
from idfd.benchmark.study.rank import Ranking, difference, rank

NAMES = ("a", "b", "c", "d", "e", "f")
PRINTED = {name: float(place) for place, name in enumerate(NAMES)}


def model(
    name: str, mean: float, *, seeds: int = 3, noise: float = 0.0, images: int = 12
) -> Combined:
    """Values around ``mean``; ``noise`` is the standard deviation over the seeds."""
    draw = np.random.default_rng([ord(name[0]), seeds])
    image = np.random.default_rng(0).uniform(-0.3, 0.3, images)
    found = []
    for seed in range(seeds):
        values = mean + image + draw.normal(0, 0.01, images) + draw.normal(0, noise)
        found.append(
            results({"rmse": values.tolist()}, name=f"{name}-seed{seed}", facts=training(seed))
        )
    return combine(found)


def ranked(means: list[float], **changes: float) -> Ranking:
    measured = {
        name: model(name, mean, **changes)  # type: ignore[arg-type]
        for name, mean in zip(NAMES, means, strict=True)
    }
    found = rank(PRINTED, measured, "rmse")
    assert found is not None
    return found


def test_an_order_that_repeats_clearly_holds() -> None:
    found = ranked([1, 2, 3, 4, 5, 6])
    assert found.measured == found.printed == NAMES
    assert found.tau == pytest.approx(1)
    assert found.p == pytest.approx(2 / 720)  # one of 6! orders, and its reverse
    assert len(found.told_apart) == found.agreeing == found.pairs == 15
    assert found.verdict == "the printed order holds"
    assert "τ = 1.00 (exact p = 0.0028), of single seeds 1.00 to 1.00." in found.text()


def test_a_reversed_order_is_called_so() -> None:
    found = ranked([6, 5, 4, 3, 2, 1])
    assert found.tau == pytest.approx(-1)
    assert (len(found.told_apart), found.agreeing) == (15, 0)
    assert found.verdict == "the printed order is reversed"


def test_what_seeds_could_turn_round_is_not_told_apart() -> None:
    # Images alone would tell all of these apart: they differ by 0.01 at most, seeds by 0.5.
    found = ranked([1, 2, 3, 4, 5, 6], noise=20)
    assert len(found.told_apart) <= 3
    assert "do not decide" in found.verdict


def test_one_seed_decides_nothing() -> None:
    found = ranked([1, 2, 3, 4, 5, 6], seeds=1)
    assert found.tau == pytest.approx(1)
    assert found.told_apart == ()
    assert "do not decide" in found.verdict
    assert "One seed tells no two of them apart." in found.text()


def test_a_swapped_pair_is_not_enough_to_refute() -> None:
    found = ranked([2, 1, 4, 3, 6, 5])
    assert found.tau == pytest.approx(1 - 2 * 3 / 15)
    assert found.agreeing == 12
    assert "do not decide" in found.verdict


def test_two_models_have_no_order_to_speak_of() -> None:
    measured = {"a": model("a", 1), "b": model("b", 2)}
    assert rank(PRINTED, measured, "rmse") is None
    assert rank(PRINTED, {}, "rmse") is None
    assert rank(PRINTED, dict.fromkeys(NAMES, measured["a"]), "rmse") is None


@given(st.permutations(range(6)))
@settings(max_examples=4, deadline=None)
def test_tau_counts_pairs(order: list[int]) -> None:
    found = ranked([float(place) for place in order], seeds=1, images=2)
    signs = [np.sign(order[j] - order[i]) for i, j in itertools.combinations(range(6), 2)]
    assert found.tau == pytest.approx(float(np.mean(signs)))


def test_a_difference_is_paired_over_images_and_seeds() -> None:
    gap = difference(model("a", 1.5), model("b", 1.0), "rmse")
    assert gap.images.mean == pytest.approx(0.5, abs=0.02)
    assert gap.images.high - gap.images.low < 0.05  # images differ by 0.6
    assert gap.images.mean == pytest.approx(np.mean(gap.seeds))
    assert gap.seed_sd == pytest.approx(np.std(gap.seeds, ddof=1))
    assert gap.certain
    assert not difference(model("a", 1.5), model("a", 1.5), "rmse").certain


def test_only_seeds_that_both_have_are_paired() -> None:
    gap = difference(model("a", 1.5, seeds=3), model("b", 1.0, seeds=2), "rmse")
    assert len(gap.seeds) == 2
