"""What a run does beside training: what it validates on, when it stops, what it writes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import pytest
import torch
from click.testing import CliRunner
from torch import Tensor
from training_set import QUICK, small_networks, training_release

from idfd.benchmark.checkpoint import read_checkpoint, read_record
from idfd.benchmark.losses.total import terms
from idfd.benchmark.network.twohead import TwoHeadNet
from idfd.benchmark.training import learner, loop
from idfd.benchmark.training.config import (
    PRESETS,
    TrainConfig,
    ValidationConfig,
    change_config,
    load_config,
    show_config,
)
from idfd.benchmark.training.facts import Outcome, Start
from idfd.benchmark.training.held_out import choose_roles
from idfd.benchmark.training.log import Log, read_log
from idfd.benchmark.training.loop import BEST, LAST, train
from idfd.benchmark.training.state import Weights
from idfd.benchmark.training.validate import selection_score
from idfd.cli.benchmark.train import train as command
from idfd.errors import IdfdError, InputError, ReleaseError
from idfd.release.reader import IDFD


@pytest.fixture(scope="module", autouse=True)
def small_network() -> Iterator[None]:
    with small_networks():
        yield


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return training_release(tmp_path_factory.mktemp("release"))


def run(release: Path, config: TrainConfig, folder: Path, **more: Any) -> Outcome:
    cache = release.parent / "cache"
    return train(release, config, folder, device="cpu", cache=cache, progress=False, **more)


def test_a_run_leaves_pictures_a_log_and_its_settings(release: Path, tmp_path: Path) -> None:
    config = change_config(QUICK, {"pictures_every": 1, "epochs": 2})
    starts: list[Start] = []
    outcome = run(release, config, tmp_path, tell=starts.append)
    (start,) = starts
    assert (start.train, start.validation, start.steps, start.step) == (5, 2, 5, 0)
    assert start.held_out == "held out of train"
    assert outcome.finished
    assert outcome.checkpoint == tmp_path / BEST
    assert load_config(str(tmp_path / "config.yaml")) == config
    names = sorted(path.name for path in (tmp_path / "pictures").iterdir())
    assert names == ["epoch-00001.jpg", "epoch-00002.jpg"]
    picture = cv2.imread(str(tmp_path / "pictures" / names[0]))
    assert picture is not None
    # Two rows of photo, two photos and two maps, not enlarged.
    assert picture.shape == (2 * (72 + 4), 5 * 96, 3)
    assert picture.std() > 20
    log = read_log(tmp_path)
    assert [(entry["kind"], entry["step"]) for entry in log] == [
        ("train", 1),
        ("validation", 3),
        ("validation", 5),
    ]
    assert log[0]["loss"] == pytest.approx(
        log[0]["depth"] + log[0]["lambda"] * log[0]["deblur"], rel=1e-5
    )
    assert log[1]["selection"] == pytest.approx(selection_score(log[1]))
    last = read_record(tmp_path / LAST)
    assert last.progress.scores == {
        key: value for key, value in log[2].items() if key not in ("kind", "step", "selection")
    }
    held = set(last.data.validation)
    assert held.isdisjoint(last.data.train)
    assert "hall-a" not in held | set(last.data.train)


def test_tensorboard_reads_the_log_back(tmp_path: Path) -> None:
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    log = Log(tmp_path, 0)
    for step in (1, 10, 20):
        log.write("train", step, {"loss": 1.0 / step})
    log.close()
    # A run that was killed after step 20 and goes on from step 10.
    log = Log(tmp_path, 10)
    log.write("train", 20, {"loss": 0.5})
    log.close()
    assert [entry["step"] for entry in read_log(tmp_path)] == [1, 10, 20]
    events = accumulator.EventAccumulator(str(tmp_path / "tensorboard")).Reload()
    found = [(event.step, event.value) for event in events.Scalars("train/loss")]
    assert found == [(1, 1.0), (10, pytest.approx(0.1)), (20, 0.5)]


def test_a_line_that_a_kill_cut_off_is_dropped(tmp_path: Path) -> None:
    (tmp_path / "log.jsonl").write_text('{"kind": "train", "step": 1}\n{"kind": "tra')
    assert [entry["step"] for entry in read_log(tmp_path)] == [1]
    log = Log(tmp_path, 1)
    log.write("train", 2, {"loss": float("nan")})
    log.close()
    lines = (tmp_path / "log.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines] == [
        {"kind": "train", "step": 1},
        {"kind": "train", "step": 2, "loss": None},
    ]


@pytest.fixture
def growing_scores(monkeypatch: pytest.MonkeyPatch) -> None:
    """Validations of which the second is the best."""
    scores = iter([3.0, 2.0, *(4.0 + k for k in range(40))])
    monkeypatch.setattr(loop, "validate", lambda *_: {"rmse": next(scores)})


@pytest.mark.usefixtures("growing_scores")
def test_it_stops_when_nothing_gets_better(release: Path, tmp_path: Path) -> None:
    config = change_config(
        QUICK,
        {
            "epochs": 20,
            "validation.stop_after": 4,
            "schedule.kind": "plateau",
            "schedule.patience": 2,
        },
    )
    outcome = run(release, config, tmp_path)
    assert outcome.finished
    assert outcome.record.progress.scores == {"rmse": 2.0}
    last = read_record(tmp_path / LAST)
    assert last.progress.stale == 4
    assert last.progress.rate_factor == 0.25
    validated = [entry["step"] for entry in read_log(tmp_path) if entry["kind"] == "validation"]
    assert len(validated) == 6
    assert outcome.record.progress.step == validated[1]
    # It stays stopped.
    assert run(release, config, tmp_path).finished
    assert read_record(tmp_path / LAST).progress.step == last.progress.step


def test_without_validation_the_last_weights_are_the_outcome(release: Path, tmp_path: Path) -> None:
    config = change_config(QUICK, {"validation.share": 0, "epochs": 1})
    outcome = run(release, config, tmp_path)
    assert outcome.checkpoint == tmp_path / LAST
    assert outcome.record.data.validation == ()
    assert outcome.record.progress.scores == {}


def test_a_loss_that_is_no_number_ends_the_run(
    release: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = change_config(QUICK, {"optimiser.clip": 1.0})
    run(release, config, tmp_path, stop=lambda step: step == 3)
    good = (tmp_path / LAST).read_bytes()

    def broken(*arguments: Any) -> dict[str, Tensor]:
        return {name: value * float("nan") for name, value in terms(*arguments).items()}

    monkeypatch.setattr(learner, "terms", broken)
    with pytest.raises(IdfdError, match=r"at step 5\..*lower optimiser\.rate.*clip.*fp32"):
        run(release, config, tmp_path, stop=lambda step: step == 5)
    assert (tmp_path / LAST).read_bytes() == good


@pytest.mark.parametrize("due", [True, False], ids=["validation", "stop"])
def test_a_weight_that_is_no_number_is_never_saved(
    release: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, due: bool
) -> None:
    network: list[TwoHeadNet] = []
    original = Weights.stepped

    def stepped(weights: Any) -> None:
        original(weights)
        network.append(weights.network)
        if len(network) == 3:
            with torch.no_grad():
                weights.network.encoder.features["conv0"].weight[0] = float("nan")

    monkeypatch.setattr(Weights, "stepped", stepped)
    config = change_config(QUICK, {"average": 0, "validation.every": 1 if due else 3})
    with pytest.raises(IdfdError, match="a weight is no longer a number at step 3"):
        run(release, config, tmp_path, stop=lambda step: not due and step == 3)
    assert not list(tmp_path.glob("*.safetensors"))


def test_a_compiled_run_writes_plain_names(
    release: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The real compiler takes minutes for this network; what it wraps is the same.
    compiled: list[Any] = []

    def wrap(network: Any, **_: Any) -> Any:
        compiled.append(network)
        return real(network, backend="eager")

    real = torch.compile
    monkeypatch.setattr(torch, "compile", wrap)
    config = change_config(QUICK, {"compile": True, "epochs": 1, "validation.share": 0})
    run(release, config, tmp_path / "compiled", stop=lambda step: step == 1)
    run(release, change_config(config, {"compile": False}), tmp_path / "plain", stop=lambda _: True)
    assert compiled
    found, expected = (read_checkpoint(tmp_path / name / LAST)[1] for name in ("compiled", "plain"))
    assert set(found) == set(expected)
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-4)


def test_whole_groups_are_held_out_and_always_the_same(release: Path) -> None:
    with IDFD(release) as data:
        roles = choose_roles(data, ValidationConfig(share=0.3))
        assert choose_roles(data, ValidationConfig(share=0.3)) == roles
        groups = [
            {data.record(take).group for take in part} for part in (roles.train, roles.validation)
        ]
        assert groups[0].isdisjoint(groups[1])
        assert set(roles.train) | set(roles.validation) == set(data.members["train"])
        assert choose_roles(data, ValidationConfig(share=0)).validation == ()
        named = choose_roles(data, ValidationConfig(split="test"))
        assert named.validation == data.members["test"]
        assert named.train == data.members["train"]


def test_one_group_cannot_be_held_out(tmp_path: Path) -> None:
    with (
        IDFD(training_release(tmp_path, count=1)) as data,
        pytest.raises(ReleaseError, match=r"one scene group.*validation\.share to 0"),
    ):
        choose_roles(data, ValidationConfig())


@pytest.mark.parametrize("name", PRESETS)
def test_presets_are_whole_settings_that_yaml_keeps(name: str, tmp_path: Path) -> None:
    config = load_config(name)
    path = tmp_path / "settings.yaml"
    path.write_text(show_config(config))
    assert load_config(str(path)) == config


def test_the_thesis_preset_holds_the_published_settings() -> None:
    config = load_config("thesis")
    assert (config.batch, config.crop, config.epochs) == (4, 256, 3000)
    assert (config.optimiser.rate, config.optimiser.betas) == (2e-4, (0.5, 0.999))
    assert (config.augment.flip, config.augment.rotation_deg) == (True, 5)
    assert (config.loss.gradient, config.loss.ssim) == (0.001, 4)
    assert not config.network.residual_start
    assert not config.median_start


def test_replaced_settings_are_checked() -> None:
    with pytest.raises(InputError, match="batch"):
        change_config(TrainConfig(), {"batch": 0})


def invoke(*arguments: object) -> Any:
    return CliRunner().invoke(command, [str(part) for part in arguments])


def test_the_command_trains_and_goes_on_with_its_own_settings(
    release: Path, tmp_path: Path
) -> None:
    settings, folder = tmp_path / "settings.yaml", tmp_path / "run"
    settings.write_text(show_config(change_config(QUICK, {"epochs": 1})))
    more = ("-o", folder, "--cache", release.parent / "cache", "--device", "cpu")
    first = invoke(release, *more, "--config", settings, "--heads", "depth", "--seed", 5)
    assert first.exit_code == 0, first.output
    for text in (
        "D3-Net (depth)",
        "5 triples to train on, 2 to validate on (held out of train)",
        "3 steps, fp32 on",
        "RMSE",
        f"Wrote {folder / BEST}",
    ):
        assert text in first.output
    again = invoke(release, *more, "--json")
    assert again.exit_code == 0, again.output
    outcome = json.loads(again.stdout)
    assert outcome["checkpoint"] == str(folder / BEST)
    assert outcome["finished"]
    assert outcome["record"]["config"]["seed"] == 5
    assert outcome["record"]["network"]["heads"] == ["depth"]
    other = invoke(release, *more, "--seed", 6)
    assert isinstance(other.exception, InputError)
    assert "config.seed: 5 there, 6 here" in str(other.exception)


def test_the_command_shows_settings_that_it_reads_back(tmp_path: Path) -> None:
    shown = invoke("--preset", "cpu", "--epochs", 7, "--show-config")
    assert shown.exit_code == 0
    path = tmp_path / "shown.yaml"
    path.write_text(shown.stdout)
    assert load_config(str(path)) == change_config(load_config("cpu"), {"epochs": 7})


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("release.h5", "-o", "nothing"), "Give --preset or --config; nothing holds no run"),
        (("release.h5", "--preset", "cpu"), "Missing option '-o'"),
        (("-o", "folder", "--preset", "cpu"), "Missing argument 'RELEASE'"),
        (("--preset", "cpu", "--config", "x.yaml"), "either --preset or --config"),
    ],
)
def test_wrong_usage_is_explained(arguments: tuple[str, ...], message: str) -> None:
    result = invoke(*arguments)
    assert result.exit_code == 2
    assert message in result.output
