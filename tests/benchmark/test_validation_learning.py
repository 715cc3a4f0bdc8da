from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from benchmark_data import FakeDataset, make_release
from training_set import SMALL, training_triple
from validation_data import Pretender, small_release

from idfd.benchmark.baselines import Identity, MedianDepth
from idfd.benchmark.models import Model, ModelInput, Prediction, Target
from idfd.benchmark.training.config import TrainConfig
from idfd.benchmark.validation import learning
from idfd.benchmark.validation.learning import check_learning, make_config, train_in
from idfd.errors import ReleaseError
from idfd.model.triple import Triple
from idfd.release.reader import IDFD
from idfd.release.validation import CheckResult


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Triple]]:
    return small_release(tmp_path_factory.mktemp("set"), train=9, test=5)


@pytest.fixture
def data(made: tuple[Path, dict[str, Triple]]) -> Iterator[IDFD]:
    with IDFD(made[0]) as data:
        yield data


class Nothing:
    """A network that knows less than the baselines: a wrong depth, and the photo itself."""

    name = "nothing"
    predicts: frozenset[Target] = frozenset({"depth", "aif"})

    def __init__(self) -> None:
        self.median = MedianDepth()
        self.median.median_m = 0.5  # worse than any that a split has

    def predict(self, item: ModelInput) -> Prediction:
        depth = self.median.predict(item).depth_m
        return Prediction(depth_m=depth, all_in_focus=Identity().predict(item).all_in_focus)


def check(data: IDFD, model: Model) -> CheckResult:
    return check_learning(data, lambda config: model, quick=True, seed=0, progress=False)


def test_a_network_that_is_better_on_every_image_passes(
    data: IDFD, made: tuple[Path, dict[str, Triple]]
) -> None:
    result = check(data, Pretender(made[1], depth_error_m=0.05, levels=1))
    held, test = result.findings[0], result.findings[2]
    assert [(found.where, found.unit) for found in result.findings] == [
        ("held out of train", "m"), ("held out of train", "dB"),
        ("split test", "m"), ("split test", "dB"),
    ]  # fmt: skip
    assert [found.verdict for found in result.findings] == ["warn", "warn", "pass", "pass"]
    assert result.verdict == "warn"
    assert "1 image of 1 scene group; fewer than 5 images prove nothing" in held.note
    assert "RMSE 0.050 m" in test.note
    assert test.value is not None
    assert test.high is not None
    assert -1 < test.value <= test.high < 0


def test_a_network_that_learned_nothing_fails(data: IDFD, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(learning, "_LEAST_IMAGES", 1)
    result = check(data, Nothing())
    assert result.verdict == "fail"
    assert {f.verdict for f in result.findings if f.where == "held out of train"} == {"fail"}
    # What is held out decides; the test split can only warn.
    assert {f.verdict for f in result.findings if f.where == "split test"} == {"warn"}
    assert "brought nothing" in result.summary


def test_a_few_images_prove_nothing_either_way(data: IDFD) -> None:
    few = [f for f in check(data, Nothing()).findings if "prove nothing" in f.note]
    assert few
    assert {f.verdict for f in few} == {"warn"}


def test_better_in_the_mean_but_not_for_sure_is_a_warning(
    data: IDFD, made: tuple[Path, dict[str, Triple]]
) -> None:
    class Moody(Pretender):
        """Wrong on one photo of five."""

        def predict(self, item: ModelInput) -> Prediction:
            self.depth_error_m = 2.0 if item.id == "hall0-b" else 0.1
            return super().predict(item)

    found = check(data, Moody(made[1], depth_error_m=0.1, levels=1)).findings[2]
    assert found.value is not None
    assert found.high is not None
    assert found.value < 0 < found.high
    assert found.verdict == "warn"


@pytest.mark.parametrize("quick", [True, False])
def test_settings_hold_out_groups_and_do_not_choose_by_scores(data: IDFD, quick: bool) -> None:
    config = make_config(data, quick=quick, seed=5)
    steps = 80 if quick else 320
    assert config.seed == 5
    assert config.epochs * len(data.members["train"]) / config.batch == pytest.approx(
        steps, rel=0.05
    )
    assert config.validation.every >= config.epochs
    assert config.network.heads == ("depth", "aif")
    assert config.crop == 64  # the triples are 72 pixels high


def test_a_split_val_is_used_and_training_does_not_see_it(tmp_path: Path) -> None:
    train = FakeDataset([training_triple(f"room{k}-a", k) for k in range(3)], split="train")
    val = FakeDataset([training_triple("hall-a", 9), training_triple("hall-b", 10)])
    path = make_release(tmp_path, val, train, name="val")
    seen: list[TrainConfig] = []
    triples = {triple.record.id: triple for triple in val.triples}

    def learn(config: TrainConfig) -> Model:
        seen.append(config)
        return Pretender(triples, 0.05, 1)

    with IDFD(path) as data:
        result = check_learning(data, learn, quick=True, seed=0, progress=False)
    assert {found.where for found in result.findings} == {"split val"}
    assert result.verdict == "warn"
    assert "2 images of 1 scene group" in result.findings[0].note
    assert (seen[0].validation.split, seen[0].validation.share) == ("", 0.0)


def test_of_a_large_split_a_part_is_scored(
    data: IDFD, made: tuple[Path, dict[str, Triple]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(learning, "_IMAGES", {True: 2})
    result = check(data, Pretender(made[1], 0.05, 1))
    assert "2 images of 2 scene groups" in result.findings[2].note


def test_a_release_without_train_cannot_be_learned_from(tmp_path: Path) -> None:
    path = make_release(tmp_path, FakeDataset([training_triple("hall-a", 9)]))
    with IDFD(path) as data, pytest.raises(ReleaseError, match="no split 'train'"):
        check(data, Nothing())


@pytest.fixture
def small_network(monkeypatch: pytest.MonkeyPatch) -> None:
    for (module, name), value in SMALL.items():
        monkeypatch.setattr(module, name, value)
    monkeypatch.setattr(learning, "_STEPS", {True: 30})
    monkeypatch.setattr(learning, "_CROP", {True: 64})


def train_on(folder: Path, triples: list[Triple], validation: list[Triple]) -> CheckResult:
    path = make_release(
        folder, FakeDataset(validation), FakeDataset(triples, split="train"), name="val"
    )
    learn = train_in(path, folder / "run", device="cpu", cache=folder / "cache", progress=False)
    with IDFD(path) as data:
        return check_learning(data, learn, quick=True, seed=0, progress=False)


@pytest.mark.usefixtures("small_network")
@pytest.mark.parametrize("honest", [True, False])
def test_a_real_training_learns_depth_only_where_photos_show_it(
    tmp_path: Path, honest: bool
) -> None:
    train, validation = (
        [marked(f"{name}{k}-a", k + 50 * (name == "hall"), honest) for k in range(8)]
        for name in ("room", "hall")
    )
    depth = train_on(tmp_path, train, validation).findings[0]
    assert (depth.verdict == "pass") is honest


def marked(name: str, seed: int, honest: bool) -> Triple:
    """A flat scene at 1 or 3 m; its photos are dark or bright, for that reason or for none."""
    triple = training_triple(name, seed)
    far = seed % 2 == 0
    bright = far if honest else (seed // 2) % 2 == 0
    level = 2 if bright else 0.4

    def lit(photo: np.ndarray) -> np.ndarray:
        return np.clip(photo * 0.3 * level + 20, 0, 255).astype(np.uint8)

    depth = np.where(triple.depth > 0, 3000 if far else 1000, 0).astype(np.uint16)
    return replace(
        triple, depth=depth, all_in_focus=lit(triple.all_in_focus), defocused=lit(triple.defocused)
    )
