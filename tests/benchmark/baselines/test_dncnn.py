"""DnCNN: the network, its weight files, what it does to noise, and the training from scratch."""

from __future__ import annotations

import pickle
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from benchmark_data import make_release, toy_dataset
from blurred_photos import blurred_set, write_weights
from torch import Tensor
from torch.nn import functional

from idfd.benchmark.baselines import restorer
from idfd.benchmark.baselines.dncnn import DnCNN, load_dncnn
from idfd.benchmark.baselines.restorer import GivenDnCNN, TrainedDnCNN
from idfd.benchmark.baselines.spot import Spot
from idfd.benchmark.evaluate import model_input
from idfd.benchmark.metrics.restoration import psnr
from idfd.benchmark.models import load_model
from idfd.benchmark.run import run
from idfd.errors import InputError, ReleaseError
from idfd.storage.hashing import sha256_file

REAL = Path("weights/kair_dncnn25/dncnn_25.pth")


def reference(tensors: dict[str, Tensor], photo: Tensor) -> Tensor:
    """The network from the raw tensors alone."""
    last = len(tensors) - 2
    for place in range(0, last + 1, 2):
        weight, bias = tensors[f"model.{place}.weight"], tensors[f"model.{place}.bias"]
        photo = functional.conv2d(photo, weight, bias, padding=1)
        if place < last:
            photo = photo.clamp(min=0)
    return photo


@pytest.mark.parametrize("channels", [1, 3])
def test_the_network_is_that_of_the_file(tmp_path: Path, channels: int) -> None:
    path = write_weights(tmp_path / "net.pth", channels, depth=4, width=6)
    tensors = torch.load(path, weights_only=True)
    photo = torch.rand(2, channels, 9, 11)
    network = load_dncnn(path)
    torch.testing.assert_close(network(photo), reference(tensors, photo))
    torch.testing.assert_close(network.clean(photo), photo - reference(tensors, photo))
    assert not any(parameter.requires_grad for parameter in network.parameters())


def test_a_grey_network_takes_channels_one_by_one(tmp_path: Path) -> None:
    network = load_dncnn(write_weights(tmp_path / "net.pth"))
    photo = torch.rand(2, 3, 8, 8)
    together = network.clean(photo)
    for channel in range(3):
        alone = network.clean(photo[:, channel : channel + 1])
        torch.testing.assert_close(together[:, channel : channel + 1], alone)


def test_published_sizes() -> None:
    with torch.device("meta"):
        grey, colour = DnCNN(1, 17), DnCNN(3, 20)
    assert sum(p.numel() for p in grey.parameters()) == 555_137
    assert len(colour.state_dict()) == 40


@pytest.mark.real
def test_real_weights_remove_noise_from_a_real_photo(real_data: Path) -> None:
    network = load_dncnn(real_data / REAL)
    photos = sorted((real_data / "pairs" / "vabd_canon70d").rglob("input/*"))
    photo = cv2.imread(str(photos[0]), cv2.IMREAD_GRAYSCALE)
    assert photo is not None
    clean = photo[300:428, 500:628].astype(np.float32)
    noise = np.random.default_rng(0).normal(0, 25, clean.shape)
    noisy = np.rint(np.clip(clean + noise, 0, 255)).astype(np.float32)
    tensors = torch.load(real_data / REAL, weights_only=True)
    values = torch.from_numpy(noisy / 255)[None, None]
    restored = network.clean(values)
    torch.testing.assert_close(values - reference(tensors, values), restored, atol=1e-5, rtol=0)
    levels = (restored[0, 0].numpy() * 255).round().clip(0, 255).astype(np.uint8)
    truth = clean.astype(np.uint8)
    assert psnr(levels, truth) > psnr(noisy.astype(np.uint8), truth) + 5


def spoiled() -> dict[str, object]:
    good = DnCNN(1, 3, 4).state_dict()
    nan = {name: tensor.clone() for name, tensor in good.items()}
    nan["model.2.bias"][1] = float("nan")
    return {
        "missing": {name: tensor for name, tensor in good.items() if name != "model.2.bias"},
        "unknown": good | {"running_mean": torch.zeros(3)},
        "gap": {name.replace("model.4", "model.5"): tensor for name, tensor in good.items()},
        "shape": good | {"model.2.weight": torch.zeros(4, 4, 5, 5)},
        "colours": good | {"model.0.weight": torch.zeros(4, 2, 3, 3)},
        "flat": good | {"model.0.weight": torch.zeros(4)},
        "whole numbers": good | {"model.2.bias": torch.zeros(4, dtype=torch.int64)},
        "nan": nan,
        "empty": {},
        "one layer": {name: good[name] for name in ("model.0.weight", "model.0.bias")},
        "list": [torch.zeros(3)],
        "nested": {"state_dict": good},
    }


@pytest.mark.parametrize("kind", spoiled())
def test_other_files_of_tensors_are_refused_by_name(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "wrong.pth"
    torch.save(spoiled()[kind], path)
    with pytest.raises(InputError, match=r"wrong\.pth"):
        load_dncnn(path)


class Opens:
    """What a hostile file would run."""

    def __reduce__(self) -> tuple[object, ...]:
        return (open, ("pwned", "w"))


def test_a_file_cannot_run_a_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("bad.pth").write_bytes(pickle.dumps(Opens()))
    with pytest.raises(InputError, match=r"bad\.pth"):
        load_dncnn(Path("bad.pth"))
    assert not Path("pwned").exists()


def test_damaged_files_are_refused(tmp_path: Path) -> None:
    """Cut or with wrong bytes: an error that names the file, or weights that are finite."""
    path = tmp_path / "net.pth"
    legacy = tmp_path / "legacy.pth"
    write_weights(path)
    torch.save(DnCNN(1, 3, 4).state_dict(), legacy, _use_new_zipfile_serialization=False)
    draw = np.random.default_rng(0)
    named = []
    for source in (path, legacy):
        whole = source.read_bytes()
        for trial in range(60):
            data = bytearray(whole)
            if trial < 30:
                del data[int(draw.integers(0, len(data))) :]
            else:
                for place in draw.integers(0, min(len(data), 1200), 8):
                    data[place] = int(draw.integers(0, 256))
            bad = tmp_path / "bad.pth"
            bad.write_bytes(data)
            try:
                network = load_dncnn(bad)
            except InputError as error:
                named.append(error.where)
            else:
                assert all(torch.isfinite(p).all() for p in network.parameters())
    assert len(named) >= 60
    assert set(named) == {str(tmp_path / "bad.pth")}
    with pytest.raises(InputError, match="cannot be read"):
        load_dncnn(tmp_path / "none.pth")
    with pytest.raises(InputError, match="cannot be read"):
        load_dncnn(tmp_path)


def test_it_learns_a_blur_and_repeats_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(restorer, "_SIDE", 16)
    monkeypatch.setattr(restorer, "_BATCH", 4)
    train = blurred_set(Spot(2.5, 1.0), 2)
    photos = []
    for _ in range(2):
        model = TrainedDnCNN(steps="12")
        model.fit(train)
        photos.append(model.predict(model_input(train[0])).all_in_focus)
    restored = photos[0]
    assert restored is not None
    np.testing.assert_array_equal(restored, photos[1])
    floor = psnr(train[0].defocused, train[0].all_in_focus)
    assert psnr(restored, train[0].all_in_focus) > floor + 0.05
    assert model.describe() == {"steps": "12"}


def test_weights_are_used_as_they_are(tmp_path: Path) -> None:
    path = write_weights(tmp_path / "net.pth")
    model = load_model("dncnn", {"weights": str(path)})
    assert isinstance(model, GivenDnCNN)
    photo = model_input(toy_dataset(1)[0])
    values = torch.from_numpy(photo.defocused).permute(2, 0, 1)[None].float() / 255
    expected = (load_dncnn(path).clean(values)[0] * 255).round().clamp(0, 255)
    made = model.predict(photo).all_in_focus
    np.testing.assert_array_equal(made, expected.permute(1, 2, 0).numpy())
    assert model.describe() == {"weights": sha256_file(path)}


def test_weights_need_no_training_split(tmp_path: Path) -> None:
    release = make_release(tmp_path, toy_dataset(2))
    weights = write_weights(tmp_path / "net.pth")
    results = run(release, load_model("dncnn", {"weights": str(weights)}), progress=False)
    assert results.model.settings == {"weights": sha256_file(weights)}
    with pytest.raises(ReleaseError, match="needs a training split"):
        run(release, load_model("dncnn"), progress=False)


def test_what_it_needs_is_said() -> None:
    with pytest.raises(ReleaseError, match="has not seen a training split"):
        TrainedDnCNN().predict(model_input(toy_dataset(1)[0]))
    for steps in ("0", "-3", "many"):
        with pytest.raises(InputError, match="steps"):
            load_model("dncnn", {"steps": steps})
    with pytest.raises(InputError, match="nothing is trained with a weight file"):
        load_model("dncnn", {"weights": "net.pth", "steps": "10"})
