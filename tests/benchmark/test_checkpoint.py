"""Checkpoints: what is in them, and what is refused."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

import msgspec
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from idfd.benchmark.checkpoint import (
    CheckpointRecord,
    EncoderFacts,
    Progress,
    TrainedOn,
    load_network,
    load_weights,
    read_checkpoint,
    read_record,
    software,
    write_checkpoint,
)
from idfd.benchmark.network.config import Head, NetworkConfig
from idfd.benchmark.network.start import initialise
from idfd.benchmark.network.twohead import TwoHeadNet
from idfd.benchmark.training.config import TrainConfig
from idfd.errors import IdfdError, InputError, SchemaError
from idfd.model.schema import encode

SMALL = {"a": torch.rand(2, 3, 4, 5), "training.b": torch.tensor(3.0)}


def make_record(heads: tuple[Head, ...] = ("depth", "aif")) -> CheckpointRecord:
    network = NetworkConfig(heads=heads, dropout=0.5)
    return CheckpointRecord(
        network=network,
        config=TrainConfig(network=network),
        encoder=EncoderFacts(start="file", sha256="b" * 64, tensors=603),
        data=TrainedOn(
            name="toy",
            version="1.0.0",
            digest="a" * 64,
            schema_version="1.0.0",
            depth_kind="raw",
            train=("desk1-a",),
            validation=("desk2-a",),
        ),
        progress=Progress(step=7, epoch=1.75, best=0.1 + 0.2, balance=(1 / 3, 2 / 3)),
        hardware="a test",
        precision="fp32",
        software=software(),
    )


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "file.safetensors"
    write_checkpoint(file, SMALL, make_record())
    return file


def test_what_is_written_is_read(path: Path) -> None:
    record, tensors = read_checkpoint(path)
    assert record == read_record(path) == make_record()
    assert tensors.keys() == SMALL.keys()
    assert all(torch.equal(tensors[name], SMALL[name]) for name in SMALL)


def test_the_layout_in_memory_leaves_no_trace(path: Path) -> None:
    before = path.read_bytes()
    inner = {**SMALL, "a": SMALL["a"].contiguous(memory_format=torch.channels_last)}
    write_checkpoint(path, inner, make_record())
    assert path.read_bytes() == before


def test_a_checkpoint_is_read_without_idfd(path: Path) -> None:
    with safe_open(path, framework="np") as file:
        header = json.loads(file.metadata()["idfd"])
        assert file.get_tensor("a").shape == (2, 3, 4, 5)
    assert header["schema"] == "idfd/checkpoint"
    assert header["network"]["heads"] == ["depth", "aif"]
    assert header["data"]["digest"] == "a" * 64


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"schema": "idfd/results"}, SchemaError, "schema is 'idfd/results'.*idfd/checkpoint"),
        ({"schema_version": "2.0.0"}, SchemaError, "version 2.0.0.*version 1.x.*newer idfd"),
        ({"schema_version": "new"}, SchemaError, "'new' is not a semantic version"),
        ({"network": {"heads": []}}, SchemaError, "one or two different heads"),
        ({"network": {"heads": ["sound"]}}, SchemaError, "invalid field.*sound"),
        ({"extra": 1}, SchemaError, "unknown field `extra`"),
        (None, InputError, "without idfd's header"),
    ],
)
def test_another_header_is_named(
    tmp_path: Path, changes: dict[str, object] | None, error: type[IdfdError], message: str
) -> None:
    path = tmp_path / "file.safetensors"
    header = json.loads(encode(make_record()))
    metadata = None if changes is None else {"idfd": json.dumps(header | changes)}
    save_file(SMALL, path, metadata)
    with pytest.raises(error, match=message) as caught:
        load_network(path)
    assert caught.value.where is None or str(path) in caught.value.where


def test_a_file_of_other_tensors_than_its_header_says_is_named(path: Path) -> None:
    with pytest.raises(
        InputError, match=r"is without \d+ tensors: encoder.features.conv0"
    ) as caught:
        load_network(path)
    assert caught.value.where == str(path)
    assert "2HDED:NET" in str(caught.value.limit)


@pytest.fixture(scope="module")
def network() -> TwoHeadNet:
    made = TwoHeadNet()
    initialise(made, 0)
    return made.eval()


def test_load_network_keeps_all_bits_and_a_head_alone_gives_the_same(
    tmp_path: Path, network: TwoHeadNet
) -> None:
    path = tmp_path / "both.safetensors"
    write_checkpoint(path, {**network.state_dict(), "training.x": torch.ones(1)}, make_record())
    whole, record = load_network(path)
    assert record == make_record()
    weights = network.state_dict()
    assert all(torch.equal(tensor, weights[name]) for name, tensor in whole.state_dict().items())
    x = torch.rand(1, 3, 40, 33) * 2 - 1
    expected = network(x)
    for head in ("depth", "aif"):
        single, _ = load_network(path, (head,))
        assert single.config == msgspec.structs.replace(record.network, heads=(head,))
        with torch.inference_mode():
            found = getattr(single.eval()(x), head)
        assert torch.equal(found, getattr(expected, head))
        assert found.std() > 0


@pytest.mark.parametrize("heads", [(), ("aif",), ("depth", "aif")])
def test_heads_that_are_not_there_are_named(tmp_path: Path, heads: tuple[Head, ...]) -> None:
    path = tmp_path / "file.safetensors"
    write_checkpoint(path, SMALL, make_record(("depth",)))
    with pytest.raises(InputError, match="were asked for. Expected .*heads, depth"):
        load_network(path, heads)


def without(weights: dict[str, Tensor], name: str) -> dict[str, Tensor]:
    return {n: tensor for n, tensor in weights.items() if n != name}


NAME = "encoder.features.denseblock1.denselayer2.conv1.weight"


def test_weights_that_do_not_fit_are_named_and_change_nothing(network: TwoHeadNet) -> None:
    good = network.state_dict()
    before = good[NAME].clone()
    wild = good[NAME].clone()
    wild.view(-1)[5] = float("nan")
    other = {n: torch.zeros_like(tensor) for n, tensor in good.items()}
    for weights, message in (
        (without(other, NAME), f"is without 1 tensor: {NAME}"),
        (without(without(other, NAME), "heads.aif.last.weight"), "is without 2 tensors"),
        ({**other, "x": before}, "has in excess 1 tensor: x"),
        ({**other, NAME: before[:1]}, f"has of another type or shape 1 tensor: {NAME}"),
        ({**other, NAME: before.double()}, f"has of another type or shape 1 tensor: {NAME}"),
        ({**other, NAME: wild}, f"NaN or infinity is in 1 tensor: {NAME}"),
        (
            {n: t for n, t in other.items() if not n.startswith("heads.aif")},
            r"is without \d+ tensors: heads.aif.*, \.\.\.",
        ),
    ):
        with pytest.raises(InputError, match=message) as caught:
            load_weights(network, weights, "file")
        assert caught.value.where == "file"
        assert caught.value.limit
        assert caught.value.remedy
        assert torch.equal(network.state_dict()[NAME], before)


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_any_damage_gives_a_checkpoint_or_a_clear_error(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    path = tmp_path_factory.getbasetemp() / "damaged.safetensors"
    save_file(SMALL, path, {"idfd": encode(make_record()).decode()})
    content = bytearray(path.read_bytes())
    places = st.integers(0, len(content) - 1)
    for place in data.draw(st.lists(places, max_size=3)):
        content[place] ^= 1 << data.draw(st.integers(0, 7))
    path.write_bytes(content[: data.draw(st.none() | places)])
    with contextlib.suppress(IdfdError):
        read_checkpoint(path)
