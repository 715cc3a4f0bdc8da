from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from click.testing import CliRunner, Result
from toy_predictor import jpeg, noise, png, write_header
from training_set import small_networks

from idfd.benchmark.network.config import NetworkConfig
from idfd.benchmark.network.start import initialise
from idfd.benchmark.network.twohead import TwoHeadNet
from idfd.benchmark.predict import open_predictor
from idfd.benchmark.trained import to_input
from idfd.cli.benchmark import benchmark
from idfd.errors import InputError

DEPTH_ONLY = NetworkConfig(heads=("depth",), depth_start_m=2)


@pytest.fixture(scope="module")
def network() -> TwoHeadNet:
    made = TwoHeadNet(DEPTH_ONLY)
    initialise(made, 0)
    return made.eval()


@pytest.fixture(scope="module")
def checkpoint(network: TwoHeadNet, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("run") / "best.safetensors"
    return write_header(path, tensors=network.state_dict(), network=DEPTH_ONLY)


def invoke(*arguments: object) -> Result:
    words = ["predict", *map(str, arguments), "--device", "cpu"]
    return CliRunner().invoke(benchmark, words, standalone_mode=False)


def test_a_checkpoint_predicts_a_photo(
    network: TwoHeadNet, checkpoint: Path, tmp_path: Path
) -> None:
    photo = noise(40, 70)
    (tmp_path / "one.png").write_bytes(png(photo))
    whole = jpeg(photo)
    (tmp_path / "two.jpg").write_bytes(whole[: len(whole) // 2])
    output = tmp_path / "out"
    result = invoke(tmp_path, "--checkpoint", checkpoint, "-o", output, "--json")
    assert result.return_value == 1
    rows = json.loads(result.stdout)
    assert [row["state"] for row in rows] == ["made", "failed"]
    assert "truncated" in rows[1]["error"]
    with torch.inference_mode():
        expected = network(to_input(photo)).depth
    assert expected is not None
    depth = cv2.imread(str(output / "one.depth.png"), cv2.IMREAD_UNCHANGED)
    assert depth is not None
    np.testing.assert_allclose(depth / 1000, expected[0, 0].numpy(), atol=1e-3)
    assert not (output / "one.all_in_focus.png").exists()
    (tmp_path / "two.jpg").unlink()
    again = invoke(tmp_path, "--checkpoint", checkpoint, "-o", output)
    assert again.return_value == 0
    assert "0 photos predicted, 1 kept, 0 failed" in again.stdout


def test_a_map_of_defocus_beside_the_photo_and_alone(tmp_path: Path) -> None:
    config, photo = NetworkConfig(heads=("defocus", "aif")), noise(40, 70)
    with small_networks():
        made = TwoHeadNet(config)
        initialise(made, 0)
        made.eval()
        path = write_header(tmp_path / "net", tensors=made.state_dict(), network=config)
        (tmp_path / "one.png").write_bytes(png(photo))
        both, alone = tmp_path / "both", tmp_path / "alone"
        for words in ((both,), (alone, "--heads", "defocus")):
            result = invoke(tmp_path / "one.png", "--checkpoint", path, "-o", *words)
            assert result.return_value == 0, result.output
        with torch.inference_mode():
            expected = made(to_input(photo))
    assert expected.defocus is not None
    for folder in (both, alone):
        hundredths = cv2.imread(str(folder / "one.defocus.png"), cv2.IMREAD_UNCHANGED)
        assert hundredths is not None
        np.testing.assert_allclose(hundredths / 100, expected.defocus[0, 0].numpy(), atol=0.006)
    aif = cv2.imread(str(both / "one.all_in_focus.png"))
    assert aif is not None
    levels = (expected.aif[0] + 1) * 127.5
    rgb = levels.clamp(0, 255).permute(1, 2, 0).numpy()
    np.testing.assert_allclose(aif[..., ::-1], rgb, atol=0.51)
    assert not (alone / "one.all_in_focus.png").exists()


def test_half_precision_is_near(checkpoint: Path) -> None:
    photo = noise(32, 64)
    exact, half = (
        open_predictor(checkpoint, device="cpu", precision=precision).predict(photo).depth_m
        for precision in ("fp32", "bf16")
    )
    assert exact is not None
    assert half is not None
    assert 0 < np.abs(exact - half).max() < 0.05


def test_what_cannot_be_used_is_said_before_any_photo_is_read(
    checkpoint: Path, tmp_path: Path
) -> None:
    (tmp_path / "one.png").write_bytes(png(noise(40, 70)))
    pickle = tmp_path / "net.safetensors"
    pickle.write_bytes(b"PK\3\4" + bytes(200))
    for arguments, words in (
        (("--checkpoint", pickle), "pickle"),
        (("--checkpoint", tmp_path / "absent"), "no such file"),
        (("--checkpoint", checkpoint, "--heads", "aif"), "head"),
        (("--checkpoint", checkpoint, "--tile", "100"), "multiples of 32"),
        (("--checkpoint", checkpoint, "--precision", "fp16"), "fp16"),
    ):
        result = invoke(tmp_path / "one.png", "-o", tmp_path / "out", *arguments)
        assert isinstance(result.exception, InputError)
        assert words in str(result.exception)
