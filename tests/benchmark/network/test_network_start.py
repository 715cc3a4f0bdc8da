"""First weights: drawn, or read from a file of DenseNet-121 weights."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from densenet_files import densenet_tensors, old_names
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file
from torch import Tensor, nn

from idfd.benchmark.network.config import NetworkConfig
from idfd.benchmark.network.encoder_file import read_state_dict
from idfd.benchmark.network.start import initialise, load_encoder
from idfd.benchmark.network.twohead import TwoHeadNet
from idfd.errors import InputError

DENSE_TENSORS = 603


@pytest.fixture(scope="module")
def tensors() -> dict[str, Tensor]:
    return densenet_tensors()


@pytest.fixture(scope="module")
def network() -> TwoHeadNet:
    return TwoHeadNet(NetworkConfig(heads=("depth",)))


@pytest.fixture(scope="module")
def start() -> dict[str, Tensor]:
    """First weights of 2HDED:NET with seed 5."""
    made = TwoHeadNet()
    initialise(made, 5)
    return {name: tensor.clone() for name, tensor in made.state_dict().items()}


def test_convolutions_start_normal_with_the_published_deviation(start: dict[str, Tensor]) -> None:
    weights = [tensor for name, tensor in start.items() if tensor.ndim == 4]
    assert len(weights) == 120 + 1 + 2 * 11
    for weight in weights:
        tolerance = 6 * 0.02 / (2 * weight.numel()) ** 0.5
        assert weight.std().item() == pytest.approx(0.02, abs=tolerance)
        assert weight.mean().item() == pytest.approx(0, abs=6 * 0.02 / weight.numel() ** 0.5)


def test_norms_start_as_they_are_and_biases_at_zero(start: dict[str, Tensor]) -> None:
    for name, tensor in start.items():
        if tensor.ndim == 1:
            ones = name.endswith("running_var") or ("norm" in name and name.endswith("weight"))
            assert (tensor == float(ones)).all(), name


@pytest.mark.parametrize("head", ["depth", "aif"])
def test_a_head_starts_alike_whether_the_other_is_there(
    start: dict[str, Tensor], head: str
) -> None:
    single = TwoHeadNet(NetworkConfig(heads=(head,)))  # type: ignore[arg-type]
    torch.manual_seed(99)
    initialise(single, 5)
    for name, tensor in single.state_dict().items():
        assert torch.equal(tensor, start[name]), name


def test_another_seed_starts_elsewhere_and_leaves_the_state_of_torch(
    start: dict[str, Tensor], network: TwoHeadNet
) -> None:
    before = torch.get_rng_state()
    initialise(network, 6)
    assert torch.equal(torch.get_rng_state(), before)
    for name, tensor in network.state_dict().items():
        assert tensor.ndim < 4 or not torch.equal(tensor, start[name]), name


def test_residual_start_gives_the_photo_back() -> None:
    made = TwoHeadNet(NetworkConfig(heads=("aif",), residual_start=True))
    initialise(made, 0)
    photo = torch.rand(1, 3, 40, 33) * 2 - 1
    with torch.inference_mode():
        assert torch.equal(made.eval()(photo).aif, photo)


def save_legacy(tensors: dict[str, Tensor], path: Path) -> None:
    """The format of torch before 1.6, which the public file has, with the names of its time."""
    torch.save(old_names(tensors), path, _use_new_zipfile_serialization=False)


@pytest.mark.parametrize(
    ("name", "save"),
    [
        ("old.pth", save_legacy),
        ("new.pth", torch.save),
        ("new.safetensors", save_file),
    ],
)
def test_a_file_gives_all_dense_weights_and_nothing_else(
    tmp_path: Path,
    tensors: dict[str, Tensor],
    network: TwoHeadNet,
    name: str,
    save: Callable[[dict[str, Tensor], Path], None],
) -> None:
    path = tmp_path / name
    save(tensors, path)
    initialise(network, 3)
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    facts = load_encoder(network, str(path))
    assert facts.start == "file"
    assert facts.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert facts.tensors == DENSE_TENSORS
    stem = ("conv0", "downconv0", "downnorm0")
    taken = 0
    for name, tensor in network.state_dict().items():
        public = name.removeprefix("encoder.")
        if name.startswith("encoder.") and public in tensors and public.split(".")[1] not in stem:
            assert torch.equal(tensor, tensors[public]), name
            taken += 1
        else:
            assert torch.equal(tensor, before[name]), name
    assert taken == DENSE_TENSORS


def test_no_file_leaves_the_network_as_it_is(network: TwoHeadNet) -> None:
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    facts = load_encoder(network, None)
    assert (facts.start, facts.sha256, facts.tensors) == ("random", None, 0)
    assert all(torch.equal(tensor, before[n]) for n, tensor in network.state_dict().items())


def test_the_hash_in_the_name_is_checked_before_anything_is_read(
    tmp_path: Path, network: TwoHeadNet
) -> None:
    path = tmp_path / "densenet121-a639ec97.pth"
    torch.save({"x": Trap(tmp_path / "sprung")}, path)
    with pytest.raises(InputError, match="SHA-256 begins with") as caught:
        load_encoder(network, str(path))
    assert caught.value.limit == "a639ec97, as its name says"


def test_a_right_hash_in_the_name_is_accepted(
    tmp_path: Path, tensors: dict[str, Tensor], network: TwoHeadNet
) -> None:
    plain = tmp_path / "plain.pth"
    torch.save(tensors, plain)
    digest = hashlib.sha256(plain.read_bytes()).hexdigest()
    named = plain.rename(tmp_path / f"densenet121-{digest[:8]}.pth")
    assert load_encoder(network, str(named)).sha256 == digest


class Trap:
    """What a hostile pickle holds: a call that is made when it is read."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("zipped", [True, False])
def test_a_pickle_that_holds_a_call_is_refused_and_does_not_run(
    tmp_path: Path, network: TwoHeadNet, zipped: bool
) -> None:
    path = tmp_path / "weights.pth"
    torch.save({"x": Trap(tmp_path / "sprung")}, path, _use_new_zipfile_serialization=zipped)
    with pytest.raises(InputError, match=r"a pickle that holds posix\.mkdir"):
        load_encoder(network, str(path))
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (nn.Linear(2, 2), "a pickle that holds torch.nn.modules.linear.Linear"),
        (torch.ones(3), "the file holds no dictionary"),
        ({"epoch": 3, "state_dict": {}}, "the file holds a dictionary of epoch, state_dict"),
        ({"layer1.0.conv1.weight": torch.ones(3)}, "1 tensors .layer1.0.conv1.weight.; 0 of"),
    ],
)
def test_files_of_something_else_are_named(
    tmp_path: Path, network: TwoHeadNet, content: object, message: str
) -> None:
    path = tmp_path / "other.pth"
    torch.save(content, path)
    with pytest.raises(InputError, match=message) as caught:
        load_encoder(network, str(path))
    assert caught.value.where == str(path)
    assert caught.value.limit
    assert caught.value.remedy


def test_another_densenet_is_named_and_changes_nothing(tmp_path: Path, network: TwoHeadNet) -> None:
    path = tmp_path / "densenet169.pth"
    torch.save(densenet_tensors((6, 12, 32, 32)), path)
    before = network.encoder.state_dict()["features.denseblock1.denselayer1.conv1.weight"].clone()
    with pytest.raises(InputError, match="a DenseNet with blocks of 6, 12, 32, 32 layers"):
        load_encoder(network, str(path))
    after = network.encoder.state_dict()["features.denseblock1.denselayer1.conv1.weight"]
    assert torch.equal(before, after)


def test_one_missing_or_wild_tensor_is_refused(
    tmp_path: Path, tensors: dict[str, Tensor], network: TwoHeadNet
) -> None:
    name = "features.denseblock2.denselayer3.norm2.bias"
    path = tmp_path / "file.safetensors"
    save_file({n: t for n, t in tensors.items() if n != name}, path)
    with pytest.raises(InputError, match=f"{DENSE_TENSORS - 1} of the encoder's {DENSE_TENSORS}"):
        load_encoder(network, str(path))
    save_file(tensors | {name: torch.full_like(tensors[name], float("nan"))}, path)
    with pytest.raises(InputError, match=f"NaN or infinity is in {name}"):
        load_encoder(network, str(path))


@pytest.mark.parametrize("name", ["none.pth", "."])
def test_a_missing_file_is_named(tmp_path: Path, network: TwoHeadNet, name: str) -> None:
    with pytest.raises(InputError, match="no such file"):
        load_encoder(network, str(tmp_path / name))


@pytest.mark.real
def test_a_public_file_of_another_network_is_refused(real_data: Path, network: TwoHeadNet) -> None:
    """A real file in torch's format: a denoiser of 34 tensors."""
    (path,) = (real_data / "weights").rglob("*.pth")
    assert len(read_state_dict(path)) == 34
    with pytest.raises(InputError, match="seems to be 34 tensors .model.0.weight"):
        load_encoder(network, str(path))


@pytest.fixture(scope="module")
def small_files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[bytes]]:
    folder = tmp_path_factory.mktemp("fuzz")
    content = {f"features.{k}": torch.rand(3, 2) for k in range(4)}
    files = []
    for zipped in (True, False):
        torch.save(content, folder / "good.pth", _use_new_zipfile_serialization=zipped)
        files.append((folder / "good.pth").read_bytes())
    return folder / "damaged.pth", files


@settings(max_examples=150, deadline=None)
@given(data=st.data())
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_damaged_files_give_tensors_or_a_clear_error(
    small_files: tuple[Path, list[bytes]], data: st.DataObject
) -> None:
    path, files = small_files
    content = bytearray(data.draw(st.sampled_from(files)))
    places = st.integers(0, len(content) - 1)
    for place in data.draw(st.lists(places, max_size=4)):
        content[place] = data.draw(st.integers(0, 255))
    path.write_bytes(content[: data.draw(st.none() | places)])
    with contextlib.suppress(InputError):
        assert all(isinstance(tensor, Tensor) for tensor in read_state_dict(path).values())
