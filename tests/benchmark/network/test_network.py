"""The architecture against its specification, and what the heads owe each other: nothing."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
import torch
from densenet_files import PARAMETERS, densenet_shapes
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional as F

from idfd.benchmark.network.config import NetworkConfig
from idfd.benchmark.network.decoder import CHAIN, Decoder, DecoderBlock
from idfd.benchmark.network.encoder import Encoder
from idfd.benchmark.network.start import initialise
from idfd.benchmark.network.twohead import TwoHeadNet, padding


def parameters(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def photos(height: int, width: int, count: int = 1, seed: int = 0) -> Tensor:
    draw = torch.Generator().manual_seed(seed)
    return torch.rand(count, 3, height, width, generator=draw) * 2 - 1


@pytest.fixture(scope="module")
def network() -> TwoHeadNet:
    """Both heads, with the norms of a photo, so that something goes through them."""
    made = TwoHeadNet()
    initialise(made, 1)
    norms = [module for module in made.modules() if isinstance(module, nn.BatchNorm2d)]
    for norm in norms:
        norm.momentum = None  # the mean of all batches so far, which is one
    with torch.no_grad():
        output = made(photos(64, 64, count=2, seed=3))
    assert output.depth.std() > 0.01
    for norm in norms:
        norm.momentum = 0.1
    return made.eval()


def one_head(network: TwoHeadNet, head: str) -> TwoHeadNet:
    """The network with one head cut off, as a network of its own."""
    single = TwoHeadNet(NetworkConfig(heads=(head,)))  # type: ignore[arg-type]
    other = "aif" if head == "depth" else "depth"
    weights = network.state_dict()
    single.load_state_dict(
        {n: w for n, w in weights.items() if not n.startswith(f"heads.{other}.")}
    )
    return single.train(network.training)


def test_every_part_has_the_published_number_of_parameters(network: TwoHeadNet) -> None:
    assert parameters(network.encoder) == 7_011_840
    assert parameters(network.heads["depth"]) == 17_200_704
    assert parameters(network.heads["aif"]) == 17_201_856
    assert parameters(network) == 41_414_400


def test_one_head_makes_a_d3_net() -> None:
    assert parameters(Encoder()) + parameters(Decoder(1)) == 24_212_544
    assert NetworkConfig(heads=("depth",)).name == "D3-Net (depth)"
    assert NetworkConfig().name == "2HDED:NET"


@pytest.mark.parametrize("heads", [(), ("depth", "depth")])
def test_no_head_and_the_same_head_twice_are_refused(heads: tuple[str, ...]) -> None:
    with pytest.raises(msgspec.ValidationError, match="one or two different heads"):
        msgspec.convert({"heads": heads}, NetworkConfig)


def test_the_written_down_densenet_is_the_public_one() -> None:
    learned = {
        name: shape for name, shape in densenet_shapes().items() if not name.count("running")
    }
    assert sum(int(np.prod(shape)) for shape in learned.values()) == PARAMETERS


def test_the_dense_part_has_the_names_and_shapes_of_torchvision(network: TwoHeadNet) -> None:
    own = {
        name: tuple(tensor.shape)
        for name, tensor in network.encoder.state_dict().items()
        if not name.endswith("num_batches_tracked")
    }
    public = densenet_shapes()
    assert {name for name in own if public.get(name) != own[name]} == {
        "features.conv0.weight",
        "features.downconv0.weight",
        *(f"features.downnorm0.{p}" for p in ("weight", "bias", "running_mean", "running_var")),
    }
    assert set(public) - set(own) == {"classifier.weight", "classifier.bias"}


def test_skips_have_the_channels_and_resolutions_of_the_specification(network: TwoHeadNet) -> None:
    with torch.inference_mode():
        features, skips = network.encoder(photos(64, 96))
    assert features.shape == (1, 1024, 2, 3)
    assert [tuple(skip.shape[1:]) for skip in skips] == [
        (64, 32, 48),
        (128, 16, 24),
        (256, 8, 12),
        (512, 4, 6),
    ]


def written_out(weights: dict[str, Tensor], x: Tensor, head: str) -> Tensor:
    """The table of docs/network.md as calls of functions, in evaluation mode."""

    def norm(x: Tensor, name: str) -> Tensor:
        mean, var = weights[f"{name}.running_mean"], weights[f"{name}.running_var"]
        return F.batch_norm(x, mean, var, weights[f"{name}.weight"], weights[f"{name}.bias"])

    def conv(x: Tensor, name: str, stride: int = 1, padding: int = 0) -> Tensor:
        return F.conv2d(x, weights[f"{name}.weight"], None, stride, padding)

    base = "encoder.features"
    x = F.leaky_relu(norm(conv(x, f"{base}.conv0", 2, 1), f"{base}.norm0"), 0.2)
    skips = [x]
    x = F.leaky_relu(norm(conv(x, f"{base}.downconv0", 2, 1), f"{base}.downnorm0"), 0.2)
    for b, layers in enumerate((6, 12, 24, 16), start=1):
        seen = [x]
        for k in range(1, layers + 1):
            layer = f"{base}.denseblock{b}.denselayer{k}"
            narrow = conv(F.relu(norm(torch.cat(seen, 1), f"{layer}.norm1")), f"{layer}.conv1")
            seen.append(conv(F.relu(norm(narrow, f"{layer}.norm2")), f"{layer}.conv2", 1, 1))
        x = torch.cat(seen, 1)
        if b < 4:
            x = conv(F.relu(norm(x, f"{base}.transition{b}.norm")), f"{base}.transition{b}.conv")
            skips.append(x)
            x = F.avg_pool2d(x, 2)
    x = F.leaky_relu(norm(x, f"{base}.norm5"), 0.2)
    for d in (5, 4, 3, 2, 1):
        block = f"heads.{head}.blocks.d{d}"
        x = x if d == 5 else torch.cat((skips[d - 1], x), 1)
        up = weights[f"{block}.up.weight"], weights[f"{block}.up.bias"]
        x = F.relu(norm(F.conv_transpose2d(x, *up, stride=2, padding=1), f"{block}.norm1"))
        x = F.relu(norm(conv(x, f"{block}.conv", 1, 1), f"{block}.norm2"))
    return conv(x, f"heads.{head}.last", 1, 1)


def test_the_network_is_its_table(network: TwoHeadNet) -> None:
    x = photos(64, 32)
    with torch.inference_mode():
        output = network(x)
        depth, aif = (written_out(network.state_dict(), x, head) for head in ("depth", "aif"))
    assert torch.allclose(output.depth, depth, atol=1e-5)
    assert torch.allclose(output.aif, aif + x, atol=1e-5)
    assert depth.std() > 1e-3
    assert aif.std() > 1e-3


def test_decoder_blocks_are_those_of_the_specification() -> None:
    decoder = Decoder(3)
    assert CHAIN == ((1024, 512), (1024, 256), (512, 128), (256, 64), (128, 64))
    assert list(decoder.blocks) == ["d5", "d4", "d3", "d2", "d1"]
    for block, (channels_in, channels_out) in zip(decoder.blocks.values(), CHAIN, strict=True):
        assert isinstance(block, DecoderBlock)
        up, conv = block.up, block.conv
        assert (up.in_channels, up.out_channels, up.kernel_size) == (
            channels_in,
            channels_out,
            (4, 4),
        )
        assert up.bias is not None
        assert conv.bias is None
        assert conv.kernel_size == (3, 3)
    assert decoder.last.bias is None
    assert decoder.last.weight.shape == (3, 64, 3, 3)


def test_a_decoder_block_equals_the_same_layers_in_a_row() -> None:
    torch.manual_seed(0)
    block = DecoderBlock(6, 4, dropout=0.5).eval()
    block.norm1.running_mean.uniform_()  # type: ignore[union-attr]
    row = nn.Sequential(
        block.up, block.norm1, nn.Dropout(0.5), nn.ReLU(),
        block.conv, block.norm2, nn.Dropout(0.5), nn.ReLU(),
    ).eval()  # fmt: skip
    x = torch.randn(2, 6, 5, 7)
    assert torch.equal(block(x), row(x))


def test_dropout_is_in_d5_and_d4_and_only_where_switched_on() -> None:
    shares = [block.dropout for block in Decoder(1, dropout=0.5).blocks.values()]
    assert shares == [0.5, 0.5, 0, 0, 0]
    assert [block.dropout for block in Decoder(1).blocks.values()] == [0] * 5


def test_dropout_drops_its_share_in_training_and_nothing_else() -> None:
    torch.manual_seed(0)
    block = DecoderBlock(4, 8, dropout=0.25)
    block.norm2.bias.data.fill_(50.0)  # far from where ReLU makes zeros
    x = torch.randn(4, 4, 32, 32)
    assert (block(x) == 0).float().mean().item() == pytest.approx(0.25, abs=0.01)
    assert (block.eval()(x) != 0).all()


@settings(max_examples=6, deadline=None)
@given(height=st.integers(1, 70), width=st.integers(1, 70))
def test_any_size_gives_maps_of_that_size(network: TwoHeadNet, height: int, width: int) -> None:
    x = photos(height, width)
    # numpy's padding is the oracle of what the photo goes on with beyond its border.
    below, right = -height % 32, -width % 32
    padded = np.pad(x.numpy(), ((0, 0), (0, 0), (0, below), (0, right)), mode="edge")
    with torch.inference_mode():
        small, large = network(x), network(torch.from_numpy(padded))
    assert small.depth.shape == (1, 1, height, width)
    assert small.aif.shape == (1, 3, height, width)
    assert torch.equal(small.depth, large.depth[..., :height, :width])
    assert torch.equal(small.aif, large.aif[..., :height, :width])


@given(height=st.integers(1, 5000), width=st.integers(1, 5000))
def test_padding_is_the_least_that_32_divides(height: int, width: int) -> None:
    left, right, above, below = padding(height, width)
    assert (height + above + below) % 32 == (width + left + right) % 32 == 0
    assert left == above == 0
    assert 0 <= right < 32
    assert 0 <= below < 32


def test_a_multiple_of_32_goes_through_unchanged(network: TwoHeadNet) -> None:
    x = photos(32, 64)
    with torch.inference_mode():
        features, skips = network.encoder(x)
        depth = network.heads["depth"](features, skips)
        aif = network.heads["aif"](features, skips)
        given_back = network(x)
    assert torch.equal(given_back.depth, depth)
    assert torch.equal(given_back.aif, aif + x)


@pytest.mark.parametrize("head", ["depth", "aif"])
@pytest.mark.parametrize("training", [False, True])
def test_a_head_gives_the_same_bits_without_the_other(
    network: TwoHeadNet, head: str, training: bool
) -> None:
    x = photos(64, 64, count=2)
    before = {name: buffer.clone() for name, buffer in network.named_buffers()}
    try:
        single = one_head(network.train(training), head)
        with torch.no_grad():
            both, alone = network(x), single(x)
    finally:
        network.load_state_dict(before, strict=False)
        network.eval()
    assert torch.equal(getattr(both, head), getattr(alone, head))
    assert [name for name in ("depth", "aif") if getattr(alone, name) is None] == [
        "aif" if head == "depth" else "depth"
    ]


def test_the_joint_layer_adds_and_on_request_takes_the_tanh(network: TwoHeadNet) -> None:
    x = photos(32, 32)
    squashed = TwoHeadNet(NetworkConfig(joint="tanh"))
    squashed.load_state_dict(network.state_dict())
    with torch.inference_mode():
        added, tanh = network(x), squashed.eval()(x)
    assert torch.equal(tanh.aif, torch.tanh(added.aif))
    assert torch.equal(tanh.depth, added.depth)
    assert (added.aif.abs() > 1).any()
    assert not torch.equal(added.aif, x)


def test_depth_start_is_added_to_the_depth(network: TwoHeadNet) -> None:
    x = photos(32, 32)
    raised = TwoHeadNet(NetworkConfig(depth_start_m=1.5))
    raised.load_state_dict(network.state_dict())
    with torch.inference_mode():
        assert torch.equal(raised.eval()(x).depth, network(x).depth + 1.5)


def test_outputs_are_float32_under_autocast(network: TwoHeadNet) -> None:
    x = photos(32, 32)
    with torch.inference_mode():
        exact = network(x)
        with torch.autocast("cpu", torch.bfloat16):
            rough = network(x)
    for one, other in zip(exact[:2], rough[:2], strict=True):
        assert other.dtype == torch.float32
        assert not torch.equal(one, other)
        assert torch.allclose(one, other, atol=0.1)
