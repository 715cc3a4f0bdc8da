"""The two restorers that stand on other models: a denoiser as prior, a depth model first."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from benchmark_data import FakeDataset, toy_dataset
from blurred_photos import HEIGHT, WIDTH, blurred_set, blurred_triple, with_lens, write_weights

from idfd.benchmark.baselines.dncnn import DnCNN
from idfd.benchmark.baselines.ircnn import IRCNN, transfer_function
from idfd.benchmark.baselines.light import to_bytes
from idfd.benchmark.baselines.pipeline import Pipeline, deblur
from idfd.benchmark.baselines.spot import Spot, lens_of
from idfd.benchmark.evaluate import evaluate, model_input
from idfd.benchmark.metrics.restoration import psnr
from idfd.benchmark.models import ModelInput, Prediction, Target, load_model
from idfd.benchmark.protocol import load_protocol
from idfd.errors import InputError, ReleaseError
from idfd.model.triple import Triple
from idfd.storage.color import linear_from_uint8

REAL = Path("weights/kair_dncnn25/dncnn_25.pth")


def test_the_transfer_function_is_that_of_the_convolution() -> None:
    plane = np.random.default_rng(0).random((20, 26))
    kernel = Spot(4.0, 0.5).kernel()
    spectrum = transfer_function(kernel, plane.shape) * np.fft.rfft2(plane)
    wide = np.pad(plane, 20, mode="wrap")
    direct = cv2.filter2D(wide, -1, kernel)[20:-20, 20:-20]
    np.testing.assert_allclose(np.fft.irfft2(spectrum, plane.shape), direct, atol=1e-12)


@pytest.mark.real
def test_a_denoiser_as_prior_undoes_a_blur(real_data: Path) -> None:
    """With noise on the photo, where a prior is needed."""
    spot = Spot(4.0, 1.0)
    triple = blurred_triple("a-a", 0, spot)
    noise = np.random.default_rng(0).normal(0, 2.5, triple.defocused.shape)
    noisy = np.rint(np.clip(triple.defocused + noise, 0, 255)).astype(np.uint8)
    model = IRCNN(weights=str(real_data / REAL))
    model.chosen = (spot, 0.01)
    item = ModelInput("a-a", noisy, triple.record.defocused, None)
    restored = model.predict(item).all_in_focus
    assert restored is not None
    assert psnr(restored, triple.all_in_focus) > psnr(noisy, triple.all_in_focus) + 2


def test_a_prior_without_an_opinion_leaves_the_inverse_filter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A denoiser that changes nothing: each step moves towards the inverse of the blur."""
    monkeypatch.setattr(DnCNN, "forward", lambda _self, photo: photo * 0)
    model = IRCNN(weights=str(write_weights(tmp_path / "net.pth")))
    sharp = 0.3 + 0.4 * np.random.default_rng(0).random((24, 24))
    kernel = Spot(1.5, 0.0).kernel()
    transfer = transfer_function(kernel, sharp.shape)
    blurry = np.fft.irfft2(transfer * np.fft.rfft2(sharp), sharp.shape)
    restored = model.restore(blurry, kernel, 1e-4)
    np.testing.assert_allclose(restored, sharp, atol=2e-3)
    # A denoiser that is trusted beyond measure lets nothing of the photo change.
    np.testing.assert_allclose(model.restore(blurry, kernel, 1e3), blurry, atol=2e-3)


def test_ircnn_chooses_on_the_training_split(tmp_path: Path) -> None:
    model = IRCNN(weights=str(write_weights(tmp_path / "net.pth")), sigma="15")
    with pytest.raises(ReleaseError, match="has not seen a training split"):
        model.predict(model_input(toy_dataset(1)[0]))
    model.fit(blurred_set(Spot(3.0, 1.0)))
    assert model.describe().keys() == {"weights", "sigma", "spot", "strength"}


def test_ircnn_says_what_it_needs(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"needs the option 'weights'.*--option NAME=VALUE"):
        load_model("ircnn")
    with pytest.raises(InputError, match="does not take the option 'wieghts'"):
        load_model("ircnn", {"wieghts": "x"})
    colour = write_weights(tmp_path / "colour.pth", channels=3)
    with pytest.raises(InputError, match=r"colour\.pth: the network is one for colour"):
        load_model("ircnn", {"weights": str(colour)})
    for sigma in ("0", "300", "loud"):
        with pytest.raises(InputError, match="sigma"):
            IRCNN(weights=str(colour), sigma=sigma)


FOCUS, FAR = 1.4, 2.2


def slanted(name: str, seed: int, focus: float | None) -> Triple:
    """A left half in focus and a right half behind it, blurred each by its own spot."""
    triple = with_lens(blurred_triple(name, seed, Spot(2.0, 1.0)), focus)
    lens = lens_of(model_input(triple), FOCUS)
    assert lens is not None
    light = linear_from_uint8(triple.all_in_focus)
    kernel = lens.spot(FAR, 1.0).kernel().astype(np.float32)
    light = np.where(
        np.arange(WIDTH)[:, None] < WIDTH // 2,
        light,
        cv2.filter2D(light, -1, kernel, borderType=cv2.BORDER_REFLECT),
    )
    triple.defocused[:] = to_bytes(light.astype(np.float32))
    triple.depth[:, : WIDTH // 2] = round(FOCUS * 1000)
    triple.depth[:, WIDTH // 2 :] = round(FAR * 1000)
    return triple


class Known:
    """A depth model that knows the answer."""

    name = "known"
    predicts: frozenset[Target] = frozenset({"depth"})

    def predict(self, item: ModelInput) -> Prediction:
        depth = np.full(item.defocused.shape[:2], FOCUS, np.float32)
        depth[:, WIDTH // 2 :] = FAR
        return Prediction(depth_m=depth)


@pytest.fixture
def known(monkeypatch: pytest.MonkeyPatch) -> None:
    import idfd.benchmark.baselines.pipeline as module

    monkeypatch.setattr(module, "_open", lambda _depth: Known())
    monkeypatch.setattr(module, "_FOCUS_M", (1.0, FOCUS, 2.8))
    monkeypatch.setattr(module, "_BALANCES", (3e-3, 3e-2))


@pytest.mark.usefixtures("known")
@pytest.mark.parametrize("recorded", [FOCUS, None])
def test_the_pipeline_deblurs_each_depth_by_its_own_spot(recorded: float | None) -> None:
    """The focus distance is found by itself where the camera did not record it."""
    train = FakeDataset([slanted("room0-a", 0, recorded)], split="train")
    model = Pipeline()
    model.fit(train)
    assert model.focus_distance_m == (None if recorded else FOCUS)
    unseen = slanted("hall-a", 9, recorded)
    made = model.predict(model_input(unseen))
    assert made.all_in_focus is not None
    # Away from the depth edge, where light of both sides mixes.
    far = np.s_[:, WIDTH // 2 + 8 :]
    floor = psnr(unseen.defocused[far], unseen.all_in_focus[far])
    assert psnr(made.all_in_focus[far], unseen.all_in_focus[far]) > floor + 1
    results = evaluate(FakeDataset([unseen]), model, load_protocol("idfd-metric-1"), progress=False)
    assert results.metrics["rmse"].mean < 1e-6
    assert results.metrics["psnr"].images == 1
    assert results.model.settings["depth"] == "known"


def test_deblurring_by_one_depth_is_the_filter_of_its_spot() -> None:
    from idfd.benchmark.baselines.deconvolution import wiener
    from idfd.benchmark.baselines.light import in_linear_light

    triple = with_lens(blurred_triple("a-a", 0, Spot(3.0, 1.0)), FOCUS)
    lens = lens_of(model_input(triple))
    assert lens is not None
    depth = np.full((HEIGHT, WIDTH), 2.5)
    kernel = lens.spot(2.5, 1.0).kernel()
    expected = in_linear_light(
        triple.defocused, 2 * len(kernel), lambda plane: wiener(plane, kernel, 0.01)
    )
    found = deblur(triple.defocused, lens, depth, 1.0, 0.01)
    assert np.abs(found.astype(int) - expected).max() <= 1
    focused = deblur(triple.defocused, lens, np.full((HEIGHT, WIDTH), FOCUS), 1.0, 0.01)
    np.testing.assert_array_equal(focused, triple.defocused)


def test_the_pipeline_says_what_it_needs() -> None:
    with pytest.raises(InputError, match="'identity' predicts no depth"):
        Pipeline("identity")
    with pytest.raises(ReleaseError, match="does not say how its lens blurs"):
        Pipeline().fit(blurred_set(Spot(2.0, 1.0)))
    with pytest.raises(ReleaseError, match="has not seen a training split"):
        Pipeline().predict(model_input(toy_dataset(1)[0]))


def test_its_settings_reach_the_results_and_no_others_do() -> None:
    dataset = toy_dataset(2)
    item: Any = load_model("identity")
    plain = evaluate(dataset, item, load_protocol("idfd-metric-1"), progress=False)
    assert plain.model.settings == {}
