from __future__ import annotations

import doctest
from dataclasses import replace
from types import ModuleType

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import jensenshannon
from scipy.stats import wasserstein_distance
from validation_data import Room, make_survey, rooms

from idfd.benchmark.validation import parity, permutation
from idfd.benchmark.validation.groups import make_groups
from idfd.benchmark.validation.parity import check_parity, jensen_shannon, wasserstein
from idfd.benchmark.validation.survey import BLUR_EDGES
from idfd.release.validation import CheckResult

SHARES = st.lists(st.integers(0, 9), min_size=5, max_size=5).filter(any)


def check(made: list[Room], seed: int = 0) -> CheckResult:
    survey = make_survey(made, seed)
    return check_parity(survey, make_groups(survey, seed=0))


def verdicts(result: CheckResult) -> dict[str, str]:
    return {finding.name: finding.verdict for finding in result.findings if finding.p is not None}


@given(SHARES, SHARES)
def test_distances_are_those_of_scipy(one: list[int], other: list[int]) -> None:
    first, second = np.array(one) / sum(one), np.array(other) / sum(other)
    edges = np.linspace(0, 10, 6)
    middles = (edges[:-1] + edges[1:]) / 2
    peer = wasserstein_distance(middles, middles, first, second)
    assert float(wasserstein(first, second, edges)) == pytest.approx(peer, abs=1e-12)
    assert jensen_shannon(first, second) == pytest.approx(
        np.nan_to_num(jensenshannon(first, second, 2)) ** 2, abs=1e-9
    )


def test_fair_splits_pass() -> None:
    result = check(rooms(8, 4))
    assert result.verdict == "pass"
    assert verdicts(result) == {"distance of depths": "pass", "distance of blurs": "pass"}
    assert result.permutations is not None
    assert (result.permutations.groups, result.permutations.assignments) == (12, 495)


@pytest.mark.parametrize(
    ("changed", "name", "value"),
    [
        ({"depth_m": 3.0}, "distance of depths", 1.0),
        ({"blur_px": 2.5}, "distance of blurs", 1.5),
        ({"environment": "garden"}, "distance of environments", 1.0),
    ],
)
def test_a_shift_is_flagged_and_measured(
    changed: dict[str, float | str], name: str, value: float
) -> None:
    result = check(rooms(8, 4, **changed))
    found = {finding.name: finding for finding in result.findings}[name]
    assert result.verdict == found.verdict == "fail"
    assert name in result.summary
    assert found.value == pytest.approx(value, abs=0.1)
    assert found.p == pytest.approx(1 / 495)
    assert found.high is not None
    assert found.high < value


def test_fair_splits_are_seldom_accused() -> None:
    accused = [check(rooms(7, 4), seed).verdict != "pass" for seed in range(25)]
    # One or two in 25 are expected; more than five come once in 800 such sets.
    assert sum(accused) <= 5


def test_with_few_groups_nothing_is_claimed() -> None:
    result = check(rooms(3, 2, depth_m=6.0))
    assert result.verdict == "skipped"
    assert set(verdicts(result).values()) == {"skipped"}
    assert "too few scene groups" in result.findings[-1].note
    assert "too few" in result.summary
    assert result.permutations is not None
    assert result.permutations.smallest_p >= 0.1


def test_a_split_that_is_one_scene_is_a_warning() -> None:
    uneven = [Room("train")] * 6 + [Room("test", triples=30), Room("test", triples=1)]
    result = check(uneven)
    sizes = {f.where: f for f in result.findings if f.name == "effective scene groups"}
    assert sizes["train"].value == pytest.approx(6)
    assert sizes["test"].value == pytest.approx(31**2 / (30**2 + 1))
    assert result.verdict == "warn"
    assert "one scene makes up 'test'" in result.summary
    assert (sizes["test"].verdict, sizes["train"].verdict) == ("warn", "pass")


def test_three_splits_are_each_held_against_train() -> None:
    result = check([*rooms(8, 3), *[Room("val", depth_m=4.0)] * 3])
    found = {f.where: f for f in result.findings if f.name == "distance of depths"}
    assert set(found) == {"train and val", "train and test"}
    assert found["train and val"].verdict == "fail"
    assert found["train and test"].verdict == "pass"


def test_one_split_has_nothing_to_be_compared_with() -> None:
    assert check([Room("train")] * 4).summary.startswith("No two splits")


def test_a_group_without_blur_is_told_and_not_compared() -> None:
    survey = make_survey(rooms(8, 4))
    blind = {
        take: replace(sight, blur=np.zeros(len(BLUR_EDGES) - 1)) if "room03" in take else sight
        for take, sight in survey.sights.items()
    }
    survey = replace(survey, sights=blind)
    result = check_parity(survey, make_groups(survey, seed=0))
    assert set(verdicts(result)) == {"distance of depths"}
    assert any("room03" in note for note in result.notes)


def test_a_cut_group_counts_where_most_of_it_is() -> None:
    survey = make_survey(rooms(8, 4))
    moved = {
        "train": survey.members["train"][1:],
        "test": (survey.members["train"][0], *survey.members["test"]),
    }
    survey = replace(survey, members=moved)
    assert survey.cut == ("room00",)
    assert survey.home["room00"] == "train"
    result = check_parity(survey, make_groups(survey, seed=0))
    assert any("room00" in note for note in result.notes)


def test_charts_show_each_split_and_what_chance_gives() -> None:
    result = check(rooms(8, 4, depth_m=3.0))
    charts = {chart.title: chart for chart in result.charts}
    depth = charts["Depth by split"]
    assert set(depth.series) == {"train", "test"}
    for shares in depth.series.values():
        assert len(shares) + 1 == len(depth.edges)
        assert sum(shares) == pytest.approx(1, abs=1e-3)
    chance = charts["Distance of depths between train and test"]
    assert chance.marks["this release"] == pytest.approx(1.0, abs=0.1)
    assert sum(next(iter(chance.series.values()))) == pytest.approx(1)


@pytest.mark.parametrize("module", [parity, permutation])
def test_the_examples_in_the_docstrings_are_true(module: ModuleType) -> None:
    found = doctest.testmod(module)
    assert found.attempted > 0
    assert not found.failed
