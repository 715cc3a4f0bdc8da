"""Baselines from the command line: ``--model NAME --option NAME=VALUE``."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from benchmark_data import FakeDataset, make_release, make_triple, toy_dataset
from blurred_photos import write_weights
from click.testing import CliRunner

from idfd.benchmark import optional
from idfd.benchmark.models import BUILTIN, available_models, load_model
from idfd.benchmark.results import Results
from idfd.cli.benchmark import benchmark
from idfd.errors import InputError, MissingDependencyError
from idfd.model.schema import decode
from idfd.storage.hashing import sha256_file


def test_every_baseline_has_a_name_and_opens(tmp_path: Path) -> None:
    weights = {"ircnn": {"weights": str(write_weights(tmp_path / "net.pth"))}}
    listed = {model.name for model in available_models()}
    for name in BUILTIN:
        assert name in listed
        assert load_model(name, weights.get(name)).name == name


def test_an_option_reaches_the_model_and_the_results(tmp_path: Path) -> None:
    release = make_release(tmp_path, toy_dataset(2), FakeDataset([make_triple("hall-a", 9)]))
    weights = write_weights(tmp_path / "net.pth")
    output = tmp_path / "results.json"
    words = ["evaluate", str(release), "--model", "dncnn", "--no-pictures", "-o", str(output)]
    done = CliRunner().invoke(benchmark, [*words, "--option", f"weights={weights}"])
    assert done.exit_code == 0, done.output
    found = decode(Results, output.read_bytes(), output)
    assert found.model.name == "dncnn"
    assert found.model.settings == {"weights": sha256_file(weights)}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--model", "dncnn", "--option", "weights"], "'weights' is not NAME=VALUE"),
        (["--onnx", "net.onnx", "--option", "a=b"], "--option goes with --model"),
    ],
)
def test_wrong_options_are_usage_errors(tmp_path: Path, words: list[str], message: str) -> None:
    done = CliRunner().invoke(benchmark, ["evaluate", str(tmp_path / "x.h5"), *words])
    assert done.exit_code == 2
    assert message in done.output


def test_a_model_without_options_says_so() -> None:
    with pytest.raises(InputError, match=r"does not take the option 'a'\. Expected no options"):
        load_model("identity", {"a": "b"})


def test_without_scikit_image_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(optional, "find_spec", lambda _name: None)
    for name in ("wiener", "richardson-lucy", "pipeline"):
        with pytest.raises(MissingDependencyError, match=r"skimage.*idfd\[baselines\]"):
            load_model(name)


def test_without_torch_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("restorer", "dncnn"):
        monkeypatch.delitem(sys.modules, f"idfd.benchmark.baselines.{module}", raising=False)
    monkeypatch.setitem(sys.modules, "torch", None)  # an import of it fails
    with pytest.raises(MissingDependencyError, match=r"torch.*idfd\[benchmark\]"):
        load_model("dncnn")
