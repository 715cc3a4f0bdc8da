"""Evaluation of a checkpoint: its facts, the same bytes twice, and warnings of leaks."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
import torch
from benchmark_data import FakeDataset, make_release, make_triple, toy_dataset
from click.testing import CliRunner

from idfd.benchmark import optional
from idfd.benchmark.checkpoint import (
    CheckpointRecord,
    EncoderFacts,
    Progress,
    TrainedOn,
    write_checkpoint,
)
from idfd.benchmark.evaluate import evaluate
from idfd.benchmark.network.config import NetworkConfig
from idfd.benchmark.network.twohead import TwoHeadNet
from idfd.benchmark.origin import Origin
from idfd.benchmark.protocol import load_protocol
from idfd.benchmark.results import Results
from idfd.benchmark.run import run
from idfd.benchmark.trained import TrainedModel, open_checkpoint
from idfd.benchmark.training.config import TrainConfig
from idfd.cli.benchmark import benchmark
from idfd.errors import InputError, MissingDependencyError
from idfd.model.schema import decode, encode
from idfd.storage.hashing import sha256_file

TRAIN = ("hall-a", "hall-b", "hall-c")


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(1)
    config = NetworkConfig(depth_start_m=2.0)
    record = CheckpointRecord(
        network=config,
        config=TrainConfig(seed=7),
        encoder=EncoderFacts(start="random"),
        data=TrainedOn(
            name="toy",
            version="1.0.0",
            digest="b" * 64,
            schema_version="1.0.0",
            depth_kind="raw",
            train=TRAIN,
            validation=("desk0-a",),
        ),
        progress=Progress(step=12, epoch=4.0, wall_s=1800.0, cpu_s=3600.0),
        hardware="a processor",
        precision="fp32",
        software={"idfd": "0.1.0", "torch": "2"},
    )
    path = tmp_path_factory.mktemp("run") / "best.safetensors"
    write_checkpoint(path, TwoHeadNet(config).state_dict(), record)
    return path


@pytest.fixture(scope="module")
def model(checkpoint: Path) -> TrainedModel:
    return open_checkpoint(checkpoint, device="cpu")


def origin(model: TrainedModel) -> Origin:
    assert model.origin is not None
    return model.origin


def test_the_facts_are_those_of_the_file(checkpoint: Path, model: TrainedModel) -> None:
    facts = origin(model).facts
    assert facts.checkpoint == sha256_file(checkpoint)
    assert (facts.network, facts.heads, facts.joint) == ("2HDED:NET", ("depth", "aif"), "add")
    assert facts.parameters == 41_414_400
    assert facts.encoder == "random encoder initialisation"
    assert (facts.release, facts.train_images, facts.validation_images) == ("toy", 3, 1)
    assert (facts.wall_hours, facts.cpu_hours, facts.steps, facts.seed) == (0.5, 1.0, 12, 7)
    assert facts.settings["seed"] == 7
    assert "threads" in facts.scored_on


def test_two_evaluations_of_a_checkpoint_give_the_same_bytes(
    checkpoint: Path, tmp_path: Path
) -> None:
    release = make_release(tmp_path, toy_dataset(2))
    first, again = (
        run(release, open_checkpoint(checkpoint, device="cpu"), progress=False) for _ in range(2)
    )
    assert encode(msgspec.structs.replace(again, created=first.created)) == encode(first)
    assert first.model.training is not None
    assert {"rmse", "psnr"} <= first.metrics.keys()
    assert decode(Results, encode(first), "memory") == first


def test_one_head_alone_scores_as_it_does_beside_the_other(
    checkpoint: Path, model: TrainedModel
) -> None:
    alone = open_checkpoint(checkpoint, ("depth",), "cpu")
    assert alone.name == "2HDED:NET, depth head"
    facts = origin(alone).facts
    assert (facts.heads, facts.trained_heads) == (("depth",), ("depth", "aif"))
    assert facts.parameters == 24_212_544
    both, one = (
        evaluate(toy_dataset(1), m, load_protocol(), progress=False) for m in (model, alone)
    )
    assert one.metrics["rmse"] == both.metrics["rmse"]
    assert "psnr" not in one.metrics


def test_a_name_can_be_given(checkpoint: Path) -> None:
    assert open_checkpoint(checkpoint, ("aif",), "cpu", "mine").name == "mine"


@pytest.mark.parametrize(
    ("digest", "ids", "expected"),
    [
        ("b" * 64, ("kitchen-a", "kitchen-b"), []),
        ("b" * 64, ("hall-a", "hall-b", "kitchen-a"), ["trained on 2 of the 3 scored images"]),
        ("b" * 64, ("desk0-a",), ["chosen by its scores on 1 of the 1"]),
        ("c" * 64, ("hall-a", "x"), ["trained on images of another release (toy 1.0.0, bbbbbbbb)"]),
        ("b" * 64, ("hall-a", "desk0-a"), ["trained on 1", "chosen by its scores on 1"]),
    ],
)
def test_images_that_the_network_has_seen_are_named(
    model: TrainedModel, digest: str, ids: tuple[str, ...], expected: list[str]
) -> None:
    found = origin(model).warnings(digest, ids)
    assert len(found) == len(expected)
    for sentence, part in zip(found, expected, strict=True):
        assert part in sentence


def test_a_leak_is_in_the_results_and_on_the_screen(checkpoint: Path, tmp_path: Path) -> None:
    train = FakeDataset([make_triple(name, 70 + i) for i, name in enumerate(TRAIN[:2])])
    release = make_release(tmp_path, toy_dataset(1), train)
    output = tmp_path / "leak.json"
    done = CliRunner().invoke(
        benchmark,
        [
            "evaluate", str(release), "--checkpoint", str(checkpoint), "--split", "train",
            "--heads", "aif", "--device", "cpu", "-o", str(output), "--no-pictures",
        ],
        catch_exceptions=False,
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    results = decode(Results, output.read_bytes(), output)
    assert "names of 2 of the 2 scored ones" in results.warnings[0]
    # The screen breaks lines; its words are the same.
    assert results.warnings[0] in " ".join(done.output.split())


def test_results_without_the_new_facts_are_read(model: TrainedModel) -> None:
    whole = evaluate(toy_dataset(1), model, load_protocol(), progress=False)
    document = msgspec.json.decode(encode(whole))
    document["schema_version"] = "1.0.0"
    for field in ("last_image", "warnings"):
        del document[field]
    del document["model"]["training"], document["protocol"]["kind"]
    old = decode(Results, msgspec.json.encode(document), "old.json")
    assert (old.model.training, old.warnings, old.last_image) == (None, (), {})
    assert old.protocol.kind == "metric"
    assert old.metrics == whole.metrics


def test_a_missing_checkpoint_is_named(tmp_path: Path) -> None:
    missing = tmp_path / "none.safetensors"
    with pytest.raises(InputError, match=r"none\.safetensors: no such file"):
        open_checkpoint(missing, device="cpu")


@pytest.mark.parametrize(
    "options",
    [
        ["--checkpoint", "c", "--model", "identity"],
        ["--checkpoint", "c", "--onnx", "o"],
        ["--model", "identity", "--heads", "depth"],
        ["--predictions", "p", "--heads", "depth"],
        ["--checkpoint", "c", "--heads", "both"],
        ["--checkpoint", "c", "--device", "tpu"],
    ],
)
def test_wrong_usage(options: list[str]) -> None:
    assert CliRunner().invoke(benchmark, ["evaluate", "toy.h5", *options]).exit_code == 2


def test_a_missing_package_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(optional, "find_spec", lambda name: None if name == "torch" else object())
    with pytest.raises(MissingDependencyError, match=r"torch\..*pip install idfd\[benchmark\]"):
        optional.require("torch", "safetensors")
    optional.require("safetensors")
