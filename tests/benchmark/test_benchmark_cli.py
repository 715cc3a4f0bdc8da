from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import click
import pytest
from benchmark_data import FakeDataset, make_release, make_triple, toy_dataset, write_predictions
from click.testing import CliRunner

from idfd.benchmark.protocol import DEFAULT
from idfd.cli.benchmark import benchmark
from idfd.cli.benchmark.evaluate import evaluate
from idfd.cli.benchmark.robustness import robustness
from idfd.errors import InputError


@pytest.fixture
def release(tmp_path: Path) -> Path:
    train = FakeDataset([make_triple("hall-a", 77)], split="train")
    return make_release(tmp_path, toy_dataset(3), train)


def invoke(*arguments: object) -> str:
    result = CliRunner().invoke(benchmark, [str(a) for a in arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return str(result.output)


def test_from_predictions_to_a_page(release: Path, tmp_path: Path) -> None:
    files = write_predictions(tmp_path / "net", toy_dataset(3))
    output = tmp_path / "net.json"
    text = invoke("evaluate", release, "--predictions", files, "-o", output, "--name", "[net]")
    assert "[net] on toy 1.0.0, split test" in text
    assert "RMSE" in text
    assert "100.00" in text
    baseline = tmp_path / "median.json"
    invoke("evaluate", release, "--model", "median-depth", "-o", baseline, "--no-pictures")
    assert not (tmp_path / "median.pictures").exists()
    page = tmp_path / "page.html"
    assert str(page) in invoke("report", output, baseline, "-o", page, "--title", "Toys")
    assert "<h1>Toys</h1>" in page.read_text()


def test_json_goes_to_standard_output_alone(release: Path) -> None:
    text = invoke("evaluate", release, "--model", "identity", "--split", "train", "--json")
    document = json.loads(text)
    assert document["schema"] == "idfd/results"
    assert document["release"]["split"] == "train"


@pytest.mark.parametrize("command", [evaluate, robustness])
def test_the_default_protocol_is_that_of_the_library(command: click.Command) -> None:
    (option,) = (one for one in command.params if one.name == "protocol")
    assert option.default == DEFAULT


def test_the_mask_and_the_protocol_can_be_chosen(release: Path, tmp_path: Path) -> None:
    custom = tmp_path / "mine.json"
    from importlib import resources

    source = resources.files("idfd.benchmark") / "protocols" / "idfd-metric-1.json"
    custom.write_text(source.read_text().replace('"maximum_m": 10.0', '"maximum_m": 2.0'))
    text = invoke(
        "evaluate", release, "--model", "median-depth", "--protocol", custom,
        "--mask", "measured", "--json",
    )  # fmt: skip
    facts = json.loads(text)["protocol"]
    assert facts["custom"]
    assert facts["mask"] == "measured"


def test_wrong_usage_and_errors(release: Path, tmp_path: Path) -> None:
    for arguments in (
        ["evaluate", release],
        ["evaluate", release, "--model", "identity", "--predictions", tmp_path],
        ["evaluate", release, "--model", "identity", "--name", "x"],
        ["report", "-o", "page.html"],
    ):
        result = CliRunner().invoke(benchmark, [str(a) for a in arguments])
        assert result.exit_code == 2
    with pytest.raises(InputError, match="no model 'identitty'"):
        invoke("evaluate", release, "--model", "identitty")


def test_the_module_imports_nothing_heavy() -> None:
    code = (
        "import sys, idfd.cli.benchmark;"
        "print([m for m in ('cv2', 'numpy', 'h5py', 'torch', 'rich') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
