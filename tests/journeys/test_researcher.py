"""The researcher's path, as typed: train, score, compare, predict, export, and what goes wrong.

The network has all its layers, but a hundredth of its parameters.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from idfd import IDFD
from idfd.cli.main import main
from idfd.storage.images import encode_png, read_depth, read_photo

pytest.importorskip("torch")
pytest.importorskip("onnx")
from training_set import small_networks, training_release

ID = "hall-a"
"""The one triple of the release's test split."""


def run(*arguments: object) -> int:
    with pytest.raises(SystemExit) as caught:
        main([str(argument) for argument in arguments])
    return int(str(caught.value.code))


@pytest.fixture(scope="module", autouse=True)
def small_network() -> Iterator[None]:
    with small_networks():
        yield


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return training_release(tmp_path_factory.mktemp("release"))


@pytest.fixture(scope="module")
def checkpoint(
    release: Path, small_network: None, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """Trained with the settings of the smoke preset, as saved in a file and changed there."""
    folder = tmp_path_factory.mktemp("training")
    with pytest.MonkeyPatch.context() as patch:
        shown: list[str] = []
        patch.setattr("click.echo", lambda text, **_: shown.append(text))
        assert run("benchmark", "train", "--preset", "smoke", "--show-config") == 0
    settings = folder / "settings.yaml"
    settings.write_text(re.sub(r"(?m)^crop: \d+$", "crop: 64", "".join(shown)))
    assert run("benchmark", "train", release, "--config", settings, "-o", folder / "run",
               "--device", "cpu") == 0  # fmt: skip
    return folder / "run" / "best.safetensors"


def evaluate(release: Path, output: Path, *subject: object) -> dict[str, Any]:
    assert run("benchmark", "evaluate", release, *subject, "-o", output) == 0
    found: dict[str, Any] = json.loads(output.read_text())
    return found


def means(results: dict[str, Any]) -> dict[str, float]:
    return {name: metric["mean"] for name, metric in results["metrics"].items()}


@pytest.fixture(scope="module")
def scores(
    release: Path, checkpoint: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("scores")
    return evaluate(release, folder / "net.json", "--checkpoint", checkpoint, "--device", "cpu")


def test_a_training_that_is_done_stays_as_it_is(release: Path, checkpoint: Path) -> None:
    before = checkpoint.read_bytes()
    assert run("benchmark", "train", release, "-o", checkpoint.parent, "--device", "cpu") == 0
    assert checkpoint.read_bytes() == before
    names = {path.name for path in checkpoint.parent.iterdir()}
    assert {"config.yaml", "last.safetensors", "log.jsonl", "pictures"} <= names


def test_two_evaluations_differ_in_the_time_alone(
    release: Path, checkpoint: Path, scores: dict[str, Any], tmp_path: Path
) -> None:
    again = evaluate(release, tmp_path / "net.json", "--checkpoint", checkpoint, "--device", "cpu")
    assert {name for name in scores if scores[name] != again[name]} <= {"created"}
    assert scores["model"]["name"] == "2HDED:NET"
    assert {"rmse", "psnr"} <= scores["metrics"].keys()


def test_the_leaderboard_holds_network_and_baselines(
    release: Path, checkpoint: Path, tmp_path: Path
) -> None:
    results = tmp_path / "results"
    for name in ("identity", "median-depth"):
        evaluate(release, results / f"{name}.json", "--model", name)
    evaluate(release, results / "net.json", "--checkpoint", checkpoint, "--device", "cpu")
    page = tmp_path / "report.html"
    assert run("benchmark", "report", results, "-o", page) == 0
    text = page.read_text()
    assert all(name in text for name in ("identity", "median-depth", "2HDED:NET"))
    assert not re.findall(r"(?:src|href)=[\"']?(?:https?:|//)", text)


def test_predicted_files_score_as_the_checkpoint_does(
    release: Path, checkpoint: Path, scores: dict[str, Any], tmp_path: Path
) -> None:
    """Two ways from a photo to a score; the files hold depth in whole millimetres."""
    photo = tmp_path / f"{ID}.png"
    with IDFD(release, split="test") as test:
        assert test.ids == (ID,)
        photo.write_bytes(encode_png(test[0].defocused))
    made = tmp_path / "made"
    assert run("benchmark", "predict", photo, "--checkpoint", checkpoint, "-o", made,
               "--device", "cpu") == 0  # fmt: skip
    outputs = tmp_path / "outputs"
    for name in ("depth", "all_in_focus"):
        (outputs / name).mkdir(parents=True)
        (made / f"{ID}.{name}.png").rename(outputs / name / f"{ID}.png")
    assert read_depth(outputs / "depth" / f"{ID}.png").shape == (72, 96)
    found = means(evaluate(release, tmp_path / "files.json", "--predictions", outputs))
    expected = means(scores)
    assert found["rmse"] == pytest.approx(expected["rmse"], abs=1e-3)
    assert found["psnr"] == pytest.approx(expected["psnr"], abs=1e-9)


def test_a_jpeg_becomes_depth_and_a_jpeg(checkpoint: Path, tmp_path: Path) -> None:
    photo = tmp_path / "photo.jpg"
    sharp = np.random.default_rng(0).integers(0, 256, (70, 101, 3), np.uint8)
    assert cv2.imwrite(str(photo), sharp)
    made = tmp_path / "made"
    assert run("benchmark", "predict", photo, tmp_path / "none.jpg", "--checkpoint", checkpoint,
               "-o", made, "--device", "cpu") == 1  # fmt: skip
    assert sorted(path.name for path in made.iterdir()) == [
        "photo.all_in_focus.jpg",
        "photo.depth-color.png",
        "photo.depth.png",
        "photo.prediction.json",
    ]
    assert read_photo(made / "photo.all_in_focus.jpg").shape == sharp.shape
    assert read_depth(made / "photo.depth.png").min() > 0


def test_an_onnx_file_scores_as_the_checkpoint_does(
    release: Path, checkpoint: Path, scores: dict[str, Any], tmp_path: Path
) -> None:
    pytest.importorskip("onnxruntime")
    model = tmp_path / "net.onnx"
    assert run("benchmark", "export", checkpoint, "-o", model) == 0
    found = evaluate(release, tmp_path / "onnx.json", "--onnx", model)
    expected = means(scores)
    assert means(found) == {
        name: pytest.approx(mean, rel=1e-3, abs=1e-3) for name, mean in expected.items()
    }


def test_tables_and_list_are_printed(
    release: Path, checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    results = tmp_path / "net.json"
    evaluate(release, results, "--checkpoint", checkpoint, "--device", "cpu")
    capsys.readouterr()
    assert run("benchmark", "tables", results) == 0
    assert "4.2" in capsys.readouterr().out
    assert run("benchmark", "list") == 0
    listed = capsys.readouterr().out
    assert all(name in listed for name in ("median-depth", "idfd-metric-1", "smoke", "torch"))


@pytest.mark.parametrize("damage", ["cut", "pickle", "missing"])
def test_a_checkpoint_that_cannot_be_used_is_named(
    release: Path, checkpoint: Path, tmp_path: Path, damage: str, capsys: pytest.CaptureFixture[str]
) -> None:
    import torch

    bad = tmp_path / "bad.safetensors"
    if damage == "cut":
        bad.write_bytes(checkpoint.read_bytes()[:-1000])
    elif damage == "pickle":
        torch.save({"weight": torch.zeros(3)}, bad)
    photo, output = tmp_path / "photo.png", tmp_path / "bad.json"
    photo.write_bytes(encode_png(np.zeros((64, 64, 3), np.uint8)))
    for command in (
        ("evaluate", release, "--checkpoint", bad, "-o", output),
        ("export", bad, "-o", tmp_path / "bad.onnx"),
        ("predict", photo, "--checkpoint", bad, "-o", tmp_path / "made"),
    ):
        capsys.readouterr()
        assert run("benchmark", *command) == 1
        error = capsys.readouterr().err
        assert "bad.safetensors" in error.replace("\n", "")
        assert "Traceback" not in error
    assert not output.exists()
    assert not (tmp_path / "bad.onnx").exists()
