"""Runs of a study: what is done, what is left alone, who does it."""

from __future__ import annotations

import fcntl
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from study_results import data, pretend

from idfd.benchmark.protocol import load_protocol
from idfd.benchmark.study import runs as module
from idfd.benchmark.study.runs import ScoredOn, StudyRun, Turn, results_path, standing, work
from idfd.benchmark.training.config import TrainConfig, change_config
from idfd.errors import InputError

LEARNED, OTHER = data("learned"), data("other")


def make_runs() -> list[StudyRun]:
    tests = (ScoredOn(LEARNED), ScoredOn(OTHER, "other"))
    return [
        StudyRun(name, LEARNED, change_config(TrainConfig(), {"seed": seed}), tests)
        for seed in (0, 1)
        for name in ("one", "two")
    ]


@pytest.fixture
def deeds(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """Training and scoring that only write down what they were asked for."""
    done: list[str] = []
    by_key = {run.key: run for run in make_runs()}

    def train(run: StudyRun, folder: Path, *_: Any) -> None:
        if not (folder / module.WEIGHTS).exists():
            done.append(f"train {run.key}")
            folder.mkdir(parents=True)
            (folder / module.WEIGHTS).touch()

    def score(path: Path, model: str, output: Path, progress: bool) -> None:
        done.append(f"score {output.stem}")
        run = by_key[model]
        test = next(test for test in run.tests if results_path(tmp_path, run, test) == output)
        alone = StudyRun(run.name, run.train, run.config, (test,))
        pretend(tmp_path, alone, lambda *_: {"rmse": np.ones(3)})

    monkeypatch.setattr(module, "_train", train)
    monkeypatch.setattr(module, "score", score)
    monkeypatch.setattr(module, "open_checkpoint", lambda path, device, name: name)
    return done


def test_every_run_is_trained_once_and_scored_on_every_test(
    tmp_path: Path, deeds: list[str]
) -> None:
    turns: list[Turn] = []
    assert work(tmp_path, make_runs(), tell=turns.append) == ()
    assert deeds[:3] == ["train one-seed0", "score one-seed0", "score one-seed0-on-other"]
    assert len(deeds) == 4 * 3
    assert [(turn.key, turn.number, turn.total) for turn in turns[:2]] == [
        ("one-seed0", 1, 4),
        ("two-seed0", 2, 4),
    ]
    assert turns[0].left_s is None
    assert turns[1].left_s is not None
    before = list(deeds)
    work(tmp_path, make_runs())
    assert deeds == before


def test_a_stopped_study_goes_on_with_what_is_missing(tmp_path: Path, deeds: list[str]) -> None:
    def stop(turn: Turn) -> None:
        if turn.number == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        work(tmp_path, make_runs(), tell=stop)
    results_path(tmp_path, make_runs()[0], make_runs()[0].tests[1]).unlink()
    deeds.clear()
    work(tmp_path, make_runs()[:2])
    # The weights of the first run are there, so that it is only scored.
    assert deeds[:2] == ["score one-seed0-on-other", "train two-seed0"]


def test_a_run_in_other_hands_is_left_to_them(tmp_path: Path, deeds: list[str]) -> None:
    lock = tmp_path / "runs" / "two-seed0.lock"
    lock.parent.mkdir(parents=True)
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert work(tmp_path, make_runs()) == ("two-seed0",)
    assert not [deed for deed in deeds if "two-seed0" in deed]
    # A process that was killed leaves its lock file behind, but not the lock.
    assert work(tmp_path, make_runs()) == ()
    assert "train two-seed0" in deeds


def test_more_seeds_and_tests_may_follow(tmp_path: Path, deeds: list[str]) -> None:
    runs = make_runs()
    first = StudyRun("one", LEARNED, runs[0].config, runs[0].tests[:1])
    work(tmp_path, [first])
    work(tmp_path, runs)
    assert deeds[:3] == ["train one-seed0", "score one-seed0", "score one-seed0-on-other"]
    assert deeds.count("train one-seed0") == 1


def test_weights_can_be_dropped(tmp_path: Path, deeds: list[str]) -> None:
    work(tmp_path, make_runs(), drop_weights=True)
    assert not list(tmp_path.rglob(module.WEIGHTS))
    before = list(deeds)
    work(tmp_path, make_runs(), drop_weights=True)
    assert deeds == before


def test_results_of_an_older_protocol_do_not_stand(
    tmp_path: Path, deeds: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = make_runs()[0]
    work(tmp_path, [run])
    assert standing(tmp_path, run, run.tests[0]) is not None
    older = load_protocol("idfd-metric-1")
    monkeypatch.setattr(module, "load_protocol", lambda: older)
    assert standing(tmp_path, run, run.tests[0]) is None
    assert "train one-seed0" in deeds


@pytest.mark.parametrize("change", ["settings", "train", "test"])
def test_another_study_in_the_folder_is_refused(
    tmp_path: Path, deeds: list[str], change: str
) -> None:
    run = make_runs()[0]
    work(tmp_path, [run])
    changed = {
        "settings": StudyRun(
            "one", LEARNED, change_config(run.config, {"loss.regulariser": "hu"}), run.tests
        ),
        "train": StudyRun("one", OTHER, run.config, run.tests),
        "test": StudyRun("one", LEARNED, run.config, (ScoredOn(OTHER),)),
    }[change]
    with pytest.raises(InputError, match=r"one-seed0\.json.*other settings or releases"):
        work(tmp_path, [changed])
    assert len(deeds) == 3
