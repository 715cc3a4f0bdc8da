from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from validation_data import Room, make_survey, rooms

from idfd.benchmark.validation import generalise
from idfd.benchmark.validation.generalise import check_generalisation, equations, error, fit
from idfd.benchmark.validation.groups import make_groups
from idfd.release.validation import CheckResult


def check(made: list[Room], seed: int = 0) -> CheckResult:
    survey = make_survey(made, seed)
    return check_generalisation(survey, make_groups(survey, seed=0))


def test_weights_and_errors_are_those_of_least_squares_on_the_patches(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(generalise, "_CLIP", np.inf)
    survey = make_survey(rooms(3, 2))
    groups = make_groups(survey, seed=0)
    system = equations(survey, groups)

    def patches(split: str) -> tuple[np.ndarray, np.ndarray]:
        sights = [survey.sights[take] for take in survey.members[split]]
        return np.concatenate([s.features for s in sights]), np.concatenate(
            [s.log_depth for s in sights]
        )

    (x, y), (x_test, y_test) = patches("train"), patches("test")
    whole = np.concatenate([x, x_test])
    mean, spread = whole.mean(0), whole.std(0)

    def expand(values: np.ndarray) -> np.ndarray:
        z = (values - mean) / spread
        columns = [np.ones(len(z)), *z.T]
        columns += [z[:, i] * z[:, j] for i in range(3) for j in range(i, 3)]
        return np.stack(columns, 1)

    design = expand(x)
    ridge = np.sqrt(generalise.RIDGE * len(y)) * np.eye(design.shape[1])
    ridge[0] = 0
    peer = np.linalg.lstsq(np.vstack([design, ridge]), np.append(y, np.zeros(len(ridge))))[0]
    source, target = (
        system.of((groups.ways.labels[:1] == groups.splits.index(split)).astype(float))
        for split in ("train", "test")
    )
    ours = fit(source)
    assert ours[0] == pytest.approx(peer, abs=1e-9)
    assert error(ours, target)[0] == pytest.approx(
        np.sqrt(np.mean((y_test - expand(x_test) @ peer) ** 2)), rel=1e-6
    )


def test_fair_splits_pass() -> None:
    result = check(rooms(8, 4))
    assert result.verdict == "pass"
    assert result.permutations is not None
    assert result.permutations.exact
    skill = result.findings[0]
    assert skill.value is not None
    assert skill.value > 0.5


def test_a_split_where_features_mean_something_else_fails() -> None:
    result = check(rooms(8, 4, slope=-0.3))
    assert result.verdict == "fail"
    found = result.findings[1]
    assert found.adjusted_p == pytest.approx(1 / 495)
    assert "harder" in result.summary
    chart = result.charts[0]
    assert chart.marks["this release"] == found.value


def test_fair_splits_are_seldom_accused() -> None:
    accused = [check(rooms(7, 4), seed).verdict == "fail" for seed in range(25)]
    assert sum(accused) <= 3


def test_a_split_that_is_too_easy_is_told() -> None:
    survey = make_survey(rooms(8, 4))
    sights = {
        take: replace(sight, log_depth=np.log(2.0) + 0.3 * sight.features[:, 0])
        if take in survey.members["test"]
        else sight
        for take, sight in survey.sights.items()
    }
    survey = replace(survey, sights=sights)
    result = check_generalisation(survey, make_groups(survey, seed=0))
    assert result.verdict == "pass"
    assert any("easier" in note for note in result.notes)


def test_a_model_that_learns_nothing_gives_no_verdict() -> None:
    made = [Room(split, slope=slope) for slope in (0.3, -0.3) for split in ("train",) * 4]
    made += [Room("test", slope=0.3), Room("test", slope=-0.3)] * 2
    survey = make_survey(made)
    result = check_generalisation(survey, make_groups(survey, seed=0))
    assert result.verdict == "skipped"
    assert "learns nothing" in result.summary


def test_few_groups_give_no_verdict() -> None:
    assert check(rooms(3, 1, slope=-0.3)).verdict == "skipped"


def test_a_group_without_patches_gives_no_verdict() -> None:
    survey = make_survey(rooms(8, 4))
    blind = {
        take: replace(sight, features=sight.features[:0], log_depth=sight.log_depth[:0])
        if "room03" in take
        else sight
        for take, sight in survey.sights.items()
    }
    survey = replace(survey, sights=blind)
    result = check_generalisation(survey, make_groups(survey, seed=0))
    assert result.verdict == "skipped"
    assert "room03" in result.summary
