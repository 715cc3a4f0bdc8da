from __future__ import annotations

import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from training_set import QUICK, small_networks, training_release

from idfd.benchmark.checkpoint import (
    STATE,
    CheckpointRecord,
    read_checkpoint,
    read_record,
    write_checkpoint,
)
from idfd.benchmark.training import loop
from idfd.benchmark.training.config import TrainConfig, change_config, show_config
from idfd.benchmark.training.facts import Outcome
from idfd.benchmark.training.log import read_log
from idfd.benchmark.training.loop import BEST, LAST, train
from idfd.errors import InputError

TIMES = {"images_per_s", "wait_share", "wall_s", "cpu_s"}
CONFIGS = {
    "fp32": QUICK,
    "no mean, no channels_last": change_config(QUICK, {"average": 0, "channels_last": False}),
    "bf16, AdamW, plateau": change_config(
        QUICK,
        {
            "precision": "bf16",
            "optimiser.weight_decay": 0.01,
            "optimiser.clip": 1.0,
            "schedule.kind": "plateau",
            "schedule.patience": 1,
        },
    ),
}


@pytest.fixture(scope="module", autouse=True)
def small_network() -> Iterator[None]:
    with small_networks():
        yield


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return training_release(tmp_path_factory.mktemp("release"))


@pytest.fixture(scope="module")
def whole(release: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A folder of an undisturbed run for each of the settings."""
    folders = {}
    for name, config in CONFIGS.items():
        folders[name] = tmp_path_factory.mktemp("whole")
        run(release, config, folders[name])
    return folders


def run(release: Path, config: TrainConfig, folder: Path, **more: Any) -> Outcome:
    cache = release.parent / "cache"
    return train(release, config, folder, device="cpu", cache=cache, progress=False, **more)


def state(path: Path) -> tuple[CheckpointRecord, dict[str, Tensor]]:
    return read_checkpoint(path)


def entries(folder: Path) -> list[dict[str, Any]]:
    return [{k: v for k, v in entry.items() if k not in TIMES} for entry in read_log(folder)]


def assert_same_run(folder: Path, other: Path) -> None:
    for name in (BEST, LAST):
        (record, tensors), (wanted, expected) = state(folder / name), state(other / name)
        assert set(tensors) == set(expected)
        for key, tensor in tensors.items():
            assert torch.equal(tensor, expected[key]), f"{name}: {key}"
        for field in ("step", "epoch", "scores", "best", "stale", "rate_factor", "balance"):
            assert getattr(record.progress, field) == getattr(wanted.progress, field), field
    assert entries(folder) == entries(other)


def test_a_run_is_reproduced_to_the_bit(
    release: Path, whole: dict[str, Path], tmp_path: Path
) -> None:
    run(release, QUICK, tmp_path)
    assert_same_run(tmp_path, whole["fp32"])


def test_the_state_holds_all_that_training_changes(whole: dict[str, Path]) -> None:
    _, tensors = state(whole["fp32"] / LAST)
    weights = {key for key in tensors if not key.startswith(STATE)}
    assert {f"{STATE}weights.{key}" for key in weights} <= set(tensors)
    moments = [key for key in tensors if key.endswith(".exp_avg")]
    assert moments
    assert all(tensors[key].abs().max() > 0 for key in moments)
    # The mean lags behind the weights, so the two are not the same by accident.
    key = "heads.depth.last.weight"
    assert not torch.equal(tensors[key], tensors[f"{STATE}weights.{key}"])


@pytest.mark.parametrize("steps", [3, 5], ids=["where it validates", "between"])
def test_a_stopped_run_goes_on_to_the_same_weights(
    release: Path, whole: dict[str, Path], tmp_path: Path, steps: int
) -> None:
    stopped = run(release, QUICK, tmp_path, stop=lambda step: step == steps)
    assert not stopped.finished
    assert state(tmp_path / LAST)[0].progress.step == steps
    assert run(release, QUICK, tmp_path).finished
    assert_same_run(tmp_path, whole["fp32"])


@pytest.mark.parametrize("name", [name for name in CONFIGS if name != "fp32"])
def test_it_does_so_in_every_setting(
    release: Path, whole: dict[str, Path], tmp_path: Path, name: str
) -> None:
    run(release, CONFIGS[name], tmp_path, stop=lambda step: step == 4)
    run(release, CONFIGS[name], tmp_path)
    assert_same_run(tmp_path, whole[name])


def test_a_finished_run_is_left_as_it_is(release: Path, tmp_path: Path) -> None:
    config = change_config(QUICK, {"epochs": 1})
    run(release, config, tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.glob("*.safetensors")}
    assert run(release, config, tmp_path).finished
    assert {path: path.read_bytes() for path in tmp_path.glob("*.safetensors")} == before


def test_killed_between_best_and_last_it_repeats_the_validation(
    release: Path, whole: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(release, QUICK, tmp_path, stop=lambda step: step == 1)

    def dying(path: Path, tensors: dict[str, Tensor], record: CheckpointRecord) -> None:
        if path.name == LAST:
            raise SystemExit("killed")
        write_checkpoint(path, tensors, record)

    with monkeypatch.context() as patch, pytest.raises(SystemExit):
        patch.setattr(loop, "write_checkpoint", dying)
        run(release, QUICK, tmp_path)
    ahead, behind = (state(tmp_path / name)[0].progress.step for name in (BEST, LAST))
    assert ahead > behind
    run(release, QUICK, tmp_path)
    assert_same_run(tmp_path, whole["fp32"])


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_saves_after_the_step_under_way(
    release: Path, whole: dict[str, Path], tmp_path: Path, number: signal.Signals
) -> None:
    before = signal.getsignal(number)

    def interrupt(step: int) -> bool:
        if step == 4:
            os.kill(os.getpid(), number)
        return False

    with pytest.raises(KeyboardInterrupt):
        run(release, QUICK, tmp_path, stop=interrupt)
    assert signal.getsignal(number) is before
    # The request is seen after step 4 or, where the signal comes late, after step 5.
    assert state(tmp_path / LAST)[0].progress.step in (4, 5)
    run(release, QUICK, tmp_path)
    assert_same_run(tmp_path, whole["fp32"])


def test_a_killed_run_goes_on(release: Path, whole: dict[str, Path], tmp_path: Path) -> None:
    settings = tmp_path / "settings.yaml"
    settings.write_text(show_config(QUICK))
    folder = tmp_path / "run"
    program = Path(__file__).with_name("training_set.py")
    command = [sys.executable, str(program), "benchmark", "train", str(release), "-o", str(folder)]
    command += ["--config", str(settings), "--cache", str(release.parent / "cache"), "--json"]
    command += ["--device", "cpu"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        # It saves after every step; the kill strikes somewhere after the second.
        while process.poll() is None and saved_steps(folder) < 2:
            time.sleep(0.02)
        time.sleep(secrets.randbelow(300) / 1000)
        process.kill()
    run(release, QUICK, folder)
    assert not list(folder.glob(".*.part"))
    assert_same_run(folder, whole["fp32"])


def saved_steps(folder: Path) -> int:
    path = folder / LAST
    return read_record(path).progress.step if path.exists() else 0


def test_other_settings_are_refused_by_name(release: Path, tmp_path: Path) -> None:
    run(release, QUICK, tmp_path, stop=lambda step: step == 1)
    other = change_config(QUICK, {"optimiser.rate": 0.5})
    with pytest.raises(InputError, match=r"config\.optimiser\.rate: 0\.002 there, 0\.5 here"):
        run(release, other, tmp_path)
    # A refused start leaves the folder's settings alone.
    assert "rate: 0.002" in (tmp_path / "config.yaml").read_text()


def test_another_release_is_refused(release: Path, tmp_path: Path) -> None:
    run(release, QUICK, tmp_path / "run", stop=lambda step: step == 1)
    other = training_release(tmp_path / "other", count=6)
    with pytest.raises(InputError, match=r"data\.digest"):
        train(other, QUICK, tmp_path / "run", device="cpu", progress=False)
