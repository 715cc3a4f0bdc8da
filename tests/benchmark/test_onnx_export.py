"""Checkpoints as ONNX files: the same numbers as torch, and what a wrong one leaves behind."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import onnx
import pytest
import torch
from benchmark_data import make_release, toy_dataset
from click.testing import CliRunner
from onnx_files import photo_item
from training_set import SMALL

from idfd.benchmark import optional
from idfd.benchmark.checkpoint import (
    CheckpointRecord,
    EncoderFacts,
    Progress,
    TrainedOn,
    write_checkpoint,
)
from idfd.benchmark.network.config import NetworkConfig
from idfd.benchmark.network.twohead import TwoHeadNet
from idfd.benchmark.onnx import export as exporting
from idfd.benchmark.onnx.export import LIMITS, Export, export
from idfd.benchmark.onnx.model import OnnxModel
from idfd.benchmark.run import run
from idfd.benchmark.trained import open_checkpoint
from idfd.benchmark.training.config import TrainConfig
from idfd.cli.benchmark import benchmark
from idfd.errors import InputError, MissingDependencyError
from idfd.model.schema import decode
from idfd.storage.hashing import sha256_file


def write(path: Path, config: NetworkConfig, spoil: float | None = None) -> Path:
    """A checkpoint of random weights, whose norms and biases do something too."""
    torch.manual_seed(3)
    network = TwoHeadNet(config)
    for name, tensor in network.state_dict().items():
        if tensor.dtype.is_floating_point and ("norm" in name or name.endswith("bias")):
            tensor.uniform_(0.5, 1.5)
    if spoil is not None:
        next(network.encoder.parameters()).data[0, 0, 0, 0] = spoil
    record = CheckpointRecord(
        network=config,
        config=TrainConfig(),
        encoder=EncoderFacts(start="random"),
        data=TrainedOn(
            name="toy",
            version="1.0.0",
            digest="b" * 64,
            schema_version="1.0.0",
            depth_kind="raw",
            train=("hall-a", "desk1-a"),
            validation=("hall-b",),
        ),
        progress=Progress(step=12),
        hardware="a processor",
        precision="fp32",
        software={"idfd": "0.1.0", "torch": "2"},
    )
    write_checkpoint(path, network.state_dict(), record)
    return path


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    for (module, name), value in SMALL.items():
        monkeypatch.setattr(module, name, value)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, Export]:
    """The real network with both heads, exported once."""
    folder = tmp_path_factory.mktemp("whole")
    checkpoint = write(folder / "best.safetensors", NetworkConfig(depth_start_m=2.0))
    output = folder / "net.onnx"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return checkpoint, output, export(checkpoint, output)


def test_the_whole_network_gives_what_torch_gives(whole: tuple[Path, Path, Export]) -> None:
    checkpoint, output, done = whole
    assert done.network == "2HDED:NET"
    assert done.outputs == ("depth", "all_in_focus")
    assert (done.sha256, done.bytes) == (sha256_file(output), output.stat().st_size)
    assert {(c.width, c.height) for c in done.checks} == set(exporting.CHECKED_SIZES)
    assert done.largest.keys() == done.limits.keys() == set(done.outputs)
    ours = open_checkpoint(checkpoint, device="cpu")
    theirs = OnnxModel(output)
    assert theirs.predicts == ours.predicts
    for width, height in ((64, 64), (71, 35), (1, 1)):
        item = photo_item(width, height, seed=width)
        expected, found = ours.predict(item), theirs.predict(item)
        assert expected.depth_m is not None
        assert found.depth_m is not None
        assert found.depth_m.std() > 0 or width == 1
        np.testing.assert_allclose(found.depth_m, expected.depth_m, atol=LIMITS["depth"])
        assert expected.all_in_focus is not None
        assert found.all_in_focus is not None
        difference = found.all_in_focus.astype(int) - expected.all_in_focus
        assert np.abs(difference).max() <= 1  # a value between two levels may fall either way
        assert np.count_nonzero(difference) <= 0.01 * difference.size


def test_the_file_is_one_plain_graph_that_says_what_it_is(
    whole: tuple[Path, Path, Export],
) -> None:
    checkpoint, output, _ = whole
    assert sorted(path.name for path in output.parent.iterdir()) == [
        "best.safetensors", "net.onnx",
    ]  # fmt: skip
    proto = onnx.load(output)
    assert not proto.functions
    assert {entry.domain for entry in proto.opset_import} == {""}
    assert [entry.version for entry in proto.opset_import] == [exporting.OPSET]
    for entry in (*proto.graph.input, *proto.graph.output):
        sides = entry.type.tensor_type.shape.dim
        assert [side.dim_param for side in sides[2:]] == ["height", "width"]
        assert sides[0].dim_value == 1
    # Exporters like to note where the code lies on the machine that ran them.
    assert str(Path(exporting.__file__).parents[2]).encode() not in output.read_bytes()
    facts = OnnxModel(output).facts
    assert facts is not None
    assert facts.training.checkpoint == sha256_file(checkpoint)
    assert facts.training.release_digest == "b" * 64
    assert facts.network == NetworkConfig(depth_start_m=2.0)
    assert "metres" in facts.tensors["depth"]


def test_scores_of_the_file_say_how_it_was_trained_and_on_what(
    whole: tuple[Path, Path, Export], tmp_path: Path
) -> None:
    release = make_release(tmp_path, toy_dataset(2))
    results = run(release, OnnxModel(whole[1]), progress=False)
    training = results.model.training
    assert training is not None
    assert training.steps == 12
    assert "onnxruntime" in training.scored_on
    assert len(results.warnings) == 1
    assert "trained on images of another release" in results.warnings[0]


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize(
    ("config", "heads", "outputs"),
    [
        (NetworkConfig(joint="tanh", dropout=0.5), "aif", ("all_in_focus",)),
        (NetworkConfig(), "both", ("depth", "all_in_focus")),
        (NetworkConfig(heads=("aif", "depth")), None, ("depth", "all_in_focus")),
        (NetworkConfig(heads=("depth",)), None, ("depth",)),
        (NetworkConfig(heads=("defocus", "aif")), None, ("all_in_focus", "defocus")),
        (NetworkConfig(heads=("defocus", "aif")), "defocus", ("defocus",)),
    ],
)
def test_heads_can_be_chosen(
    tmp_path: Path, config: NetworkConfig, heads: str | None, outputs: tuple[str, ...]
) -> None:
    checkpoint, output = write(tmp_path / "net.safetensors", config), tmp_path / "net.onnx"
    arguments = ["export", str(checkpoint), "-o", str(output), "--json"]
    result = CliRunner().invoke(
        benchmark, arguments + (["--heads", heads] if heads else []), catch_exceptions=False
    )
    done = decode(Export, result.stdout.encode(), "output")
    assert done.outputs == outputs
    assert [entry.name for entry in onnx.load(output).graph.output] == list(outputs)
    item = photo_item(50, 33)
    expected = open_checkpoint(checkpoint, device="cpu").predict(item)
    found = OnnxModel(output).predict(item)
    if "all_in_focus" in outputs:
        assert expected.all_in_focus is not None
        assert found.all_in_focus is not None
        assert np.abs(found.all_in_focus.astype(int) - expected.all_in_focus).max() <= 1
    if "defocus" in outputs:
        assert expected.defocus_px is not None
        assert found.defocus_px is not None
        assert found.defocus_px.std() > 0
        np.testing.assert_allclose(found.defocus_px, expected.defocus_px, atol=LIMITS["defocus"])


@pytest.mark.usefixtures("small")
def test_a_size_can_be_fixed(tmp_path: Path) -> None:
    checkpoint = write(tmp_path / "net.safetensors", NetworkConfig())
    output = tmp_path / "net.onnx"
    result = CliRunner().invoke(
        benchmark,
        ["export", str(checkpoint), "-o", str(output), "--size", "70x45"],
        catch_exceptions=False,
    )
    assert "2HDED:NET, photos of 70x45" in result.stdout
    assert "depth differs from torch by at most " in result.stdout
    assert "grey levels" in result.stdout
    model = OnnxModel(output)
    depth = model.predict(photo_item(70, 45)).depth_m
    assert depth is not None
    assert depth.shape == (45, 70)
    with pytest.raises(InputError, match="Expected 70x45"):
        model.predict(photo_item(64, 64))


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("spoil", [3e38, None], ids=["overflow", "another graph"])
def test_a_file_that_gives_other_numbers_is_not_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spoil: float | None
) -> None:
    checkpoint = write(
        tmp_path / "net.safetensors", NetworkConfig(heads=("depth",), depth_start_m=2.0), spoil
    )
    if spoil is None:
        trace = exporting._trace

        def another(graph: Any, *rest: Any) -> None:
            weight = graph.network.heads["depth"].last.weight
            with torch.no_grad():
                weight *= 2
                trace(graph, *rest)
                weight /= 2

        monkeypatch.setattr(exporting, "_trace", another)
    output = tmp_path / "out" / "net.onnx"
    output.parent.mkdir()
    output.write_text("before")
    with pytest.raises(InputError, match=r"'depth' that differs by up to .*at most 0.0001"):
        export(checkpoint, output)
    assert output.read_text() == "before"
    assert list(output.parent.iterdir()) == [output]


@pytest.mark.usefixtures("small")
def test_wrong_checkpoints_heads_and_sizes_are_refused(tmp_path: Path) -> None:
    checkpoint = write(tmp_path / "net.safetensors", NetworkConfig(heads=("depth",)))
    output = tmp_path / "net.onnx"
    with pytest.raises(InputError, match="depth, aif were asked for"):
        export(checkpoint, output, heads=("depth", "aif"))
    cut = tmp_path / "cut.safetensors"
    cut.write_bytes(checkpoint.read_bytes()[:-9])
    with pytest.raises(InputError, match="cut.safetensors"):
        export(cut, output)
    assert not output.exists()
    for size in ("70", "0x5", "axb", "70x-4", "70x45x3"):
        result = CliRunner().invoke(
            benchmark, ["export", str(checkpoint), "-o", str(output), "--size", size]
        )
        assert result.exit_code == 2
        assert "such as 640x480" in result.output


def test_the_packages_are_needed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(optional, "find_spec", lambda name: None)
    with pytest.raises(MissingDependencyError, match="torch, safetensors, onnx, onnxruntime"):
        CliRunner().invoke(
            benchmark,
            ["export", "net.safetensors", "-o", str(tmp_path / "net.onnx")],
            catch_exceptions=False,
        )


def test_the_report_is_json(whole: tuple[Path, Path, Export]) -> None:
    text = json.loads(msgspec.json.encode(whole[2]))
    assert text["largest"]["depth"] <= text["limits"]["depth"]
    assert text["size"] is None
