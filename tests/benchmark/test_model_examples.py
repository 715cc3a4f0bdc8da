"""The examples of docs/models.md, run as they are written."""

from __future__ import annotations

import importlib
import re
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from benchmark_data import FakeDataset, make_release, make_triple, toy_dataset
from click.testing import CliRunner

from idfd.benchmark.results import Results
from idfd.cli.main import cli
from idfd.model.schema import decode

PAGE = (Path(__file__).parents[2] / "docs" / "models.md").read_text()
FILES = dict(re.findall(r"<!-- file: (\S+) -->\n```\w+\n(.*?)```", PAGE, re.DOTALL))
COMMANDS = [line for line in PAGE.splitlines() if line.startswith("idfd benchmark evaluate")]


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    train = FakeDataset([make_triple("hall-a", 77)], split="train")
    return make_release(tmp_path_factory.mktemp("release"), toy_dataset(2), train)


@pytest.fixture
def folder(tmp_path: Path, release: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A working folder with every file of the page, and none of its modules imported."""
    (tmp_path / "release.h5").symlink_to(release)
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    for name in FILES:
        sys.modules.pop(Path(name).stem, None)


def command(start: str) -> Results:
    """Run the one command of the page that begins so."""
    (line,) = {line for line in COMMANDS if start in line}
    words = shlex.split(line)
    CliRunner().invoke(cli, words[1:], catch_exceptions=False)
    output = Path(words[words.index("-o") + 1])
    return decode(Results, output.read_bytes(), output)


def script(name: str) -> None:
    exec(compile(FILES[name], name, "exec"), {"__name__": "__main__"})


def weights(folder: Path) -> None:
    torch.manual_seed(0)
    network = importlib.import_module("my_network").build()
    with torch.no_grad():
        network[2].bias += 2  # metres
    torch.save(network.state_dict(), folder / "my_network.pt")


def test_a_class_of_a_few_lines(folder: Path) -> None:
    results = command("--model my_models:TwoMetres")
    assert (results.model.name, results.model.predicts) == ("two-metres", ("depth",))
    assert 0.3 < results.metrics["rmse"].mean < 1.3


def test_a_torch_network_scores_the_same_as_its_onnx_file(folder: Path) -> None:
    weights(folder)
    python = command("--model my_network:MyNetwork")
    script("to_onnx.py")
    onnx = command("--onnx my_network.onnx")
    assert python.model.name == "my-network"
    assert onnx.metrics["rmse"].mean == pytest.approx(python.metrics["rmse"].mean, abs=1e-6)
    assert python.metrics["rmse"].mean > 0.1


def test_a_model_that_learns(folder: Path) -> None:
    results = command("--model my_baselines:MeanDepth")
    assert results.model.name == "mean-depth"
    assert results.metrics["rmse"].mean < 1.0


def test_an_installed_package(folder: Path) -> None:
    """What ``pip install .`` would leave: the module on the path, and the package's metadata."""
    entry = re.search(r'entry-points\."(.*)"\]\n(.*) = "(.*)"', FILES["pyproject.toml"])
    assert entry is not None
    group, name, reference = entry.groups()
    info = folder / "two_metres-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: two-metres\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[{group}]\n{name} = {reference}\n")
    listing = CliRunner().invoke(cli, ["benchmark", "list"], catch_exceptions=False)
    assert re.search(r"two-metres +my_models:TwoMetres, of two-metres 1\.0", listing.stdout)
    results = command("--model two-metres")
    assert results.model.name == "two-metres"
    assert "rmse" in results.metrics


def test_a_prediction_folder(folder: Path) -> None:
    script("write_predictions.py")
    results = command("--predictions my-outputs")
    assert (results.model.name, results.model.origin) == ("two-metres", "predictions")
    # The photo was handed back as it was, with red and blue where they belong.
    assert results.metrics["psnr_gain"].mean == 0
    assert (
        results.metrics["rmse"].mean == command("--model my_models:TwoMetres").metrics["rmse"].mean
    )


def test_every_example_of_the_page_is_run() -> None:
    tested = Path(__file__).read_text()
    assert len(FILES) == 6
    for line in COMMANDS:
        assert " ".join(line.split()[4:6]) in tested, line
