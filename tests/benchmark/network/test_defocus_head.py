"""The head that gives a map of defocus."""

from __future__ import annotations

import msgspec
import pytest
import torch

from idfd.benchmark.network.config import NetworkConfig
from idfd.benchmark.network.start import initialise
from idfd.benchmark.network.twohead import TwoHeadNet
from idfd.benchmark.trained import to_prediction


@pytest.fixture(scope="module")
def network() -> TwoHeadNet:
    made = TwoHeadNet(NetworkConfig(heads=("defocus", "aif"), defocus_start_px=3))
    initialise(made, 5)
    return made.eval()


def test_it_has_the_parameters_of_the_depth_head(network: TwoHeadNet) -> None:
    counts = [sum(p.numel() for p in part.parameters()) for part in (network, network.encoder)]
    assert counts == [41_414_400, 7_011_840]
    assert sum(p.numel() for p in network.heads["defocus"].parameters()) == 17_200_704


def test_its_output_is_bounded_and_begins_where_it_is_told(network: TwoHeadNet) -> None:
    photo = torch.rand(1, 3, 40, 70) * 2 - 1
    with torch.inference_mode():
        output = network(photo)
    assert output.depth is None
    assert output.defocus.shape == (1, 1, 40, 70)
    assert to_prediction(output).defocus_px.shape == (40, 70)  # type: ignore[union-attr]
    for value, expected in ((0.0, 3.0), (30.0, 32.0), (-30.0, 0.0)):
        assert network._bounded(torch.tensor(value)).item() == pytest.approx(expected, abs=1e-4)


def test_names_say_what_the_heads_are() -> None:
    assert NetworkConfig(heads=("defocus", "aif")).name == "2HDED:NET (defocus)"
    assert NetworkConfig(heads=("defocus",)).name == "D3-Net (defocus)"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"heads": ["depth", "defocus"]}, "a head for depth or one for defocus"),
        ({"defocus_start_px": 32}, "not below defocus_max_px"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings: dict[str, object], message: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=message):
        msgspec.convert(settings, NetworkConfig)
