"""Equations 5.1 to 5.4 against scikit-image, loops and finite differences; what they prefer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import msgspec
import numpy as np
import pytest
import torch
from skimage import metrics as skimage_metrics
from torch import Tensor

from idfd.benchmark.losses.config import LossConfig, SelfSupervisedConfig
from idfd.benchmark.losses.photo import charbonnier
from idfd.benchmark.losses.self_supervised import (
    normalised_sparsity,
    reblurring,
    self_supervised_terms,
    smoothness,
)
from idfd.benchmark.losses.total import Balance, terms, total
from idfd.benchmark.network.twohead import Output
from idfd.benchmark.reblur.layer import reblur
from idfd.storage.images import read_photo


def texture(height: int = 24, width: int = 30, seed: int = 0) -> Tensor:
    """Patches of one colour each, (1, 3, H, W) float64."""
    coarse = np.random.default_rng(seed).random((height // 4, width // 4, 3))
    photo = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_NEAREST)
    return torch.from_numpy(photo).permute(2, 0, 1)[None]


def scene() -> tuple[Tensor, Tensor, dict[str, Tensor]]:
    """A sharp photo, its true map (diameters, pixels), and the batch with both photos."""
    sharp = texture(40, 48)
    truth = torch.linspace(2, 10, 48, dtype=torch.float64).expand(1, 1, 40, 48)
    return sharp, truth, {"all_in_focus": sharp, "defocused": reblur(sharp, truth / 4)}


def against_references(a: Tensor, b: Tensor) -> None:
    peers: Any = skimage_metrics
    similarity = peers.structural_similarity(
        *(photo[0].permute(1, 2, 0).numpy() for photo in (a, b)),
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
        channel_axis=-1,
        data_range=1,
    )
    expected = 0.85 / 2 * (1 - similarity) + 0.15 * np.abs((a - b).numpy()).mean()
    assert reblurring(a, b).item() == pytest.approx(expected, abs=1e-6)


def test_reblurring_is_its_equation() -> None:
    against_references(texture(), texture(seed=1))
    assert reblurring(texture(), texture()).item() == pytest.approx(0, abs=1e-12)


@pytest.mark.real
def test_reblurring_of_real_photos_is_its_equation(real_data: Path) -> None:
    folder = real_data / "pairs" / "vabd_canon70d" / "train"
    paths = sorted(folder.rglob("*.[jp][pn]*g"))[:2]
    a, b = (
        torch.from_numpy(read_photo(path)[100:200, 100:220].copy()).permute(2, 0, 1)[None] / 255.0
        for path in paths
    )
    against_references(a.double(), b.double())


def test_smoothness_is_its_equation() -> None:
    draw = np.random.default_rng(2)
    d, i = draw.random((5, 6)), draw.random((3, 5, 6))
    across = [
        abs(d[y, x + 1] - d[y, x]) * np.exp(-2.5 * np.abs(i[:, y, x + 1] - i[:, y, x]).mean())
        for y in range(5)
        for x in range(5)
    ]
    down = [
        abs(d[y + 1, x] - d[y, x]) * np.exp(-2.5 * np.abs(i[:, y + 1, x] - i[:, y, x]).mean())
        for y in range(4)
        for x in range(6)
    ]
    found = smoothness(torch.from_numpy(d)[None, None], torch.from_numpy(i)[None])
    assert found.item() == pytest.approx(np.mean(across) + np.mean(down), abs=1e-12)


def test_gradients_agree_with_finite_differences() -> None:
    draw = torch.Generator().manual_seed(3)
    a, b = (torch.rand(1, 3, 12, 12, generator=draw, dtype=torch.float64) for _ in range(2))
    d = torch.rand(1, 1, 12, 12, generator=draw, dtype=torch.float64).requires_grad_()
    photo = a.clone().requires_grad_()
    fast = {"fast_mode": True}
    assert torch.autograd.gradcheck(lambda x: reblurring(x, b), (photo,), **fast)
    assert torch.autograd.gradcheck(smoothness, (d, photo), **fast)
    assert torch.autograd.gradcheck(normalised_sparsity, (photo,), **fast)


def test_sparsity_is_lower_for_the_sharper_photo_and_blind_to_contrast() -> None:
    sharp = texture()
    values = [
        normalised_sparsity(reblur(sharp, torch.full_like(sharp[:, :1], sigma))).item()
        for sigma in (0.1, 0.8, 1.5, 3.0)
    ]
    assert values == sorted(values)
    assert normalised_sparsity(sharp / 2).item() == pytest.approx(values[0], abs=1e-5)
    ramp = torch.arange(8.0).expand(1, 3, 8, 8)
    assert normalised_sparsity(ramp + ramp.mT).item() == pytest.approx(1, abs=1e-6)


def test_the_total_has_the_published_weights() -> None:
    sharp, truth, batch = scene()
    estimate = (sharp * 0.9).clamp(0, 1)
    found = terms(Output(None, estimate * 2 - 1, truth * 1.3), batch, LossConfig())
    assert set(found) == {"defocus", "reblur", "smooth", "charbonnier"}
    again = reblur(sharp, truth * 1.3 / 4, 51, 0.25)
    expected = (
        2 * reblurring(again, batch["defocused"])
        + 0.5 * smoothness(truth * 1.3 / 32, sharp)
        + 0.01 * charbonnier(estimate, sharp)
    )
    loss, factor = total(found, Balance("auto"))
    assert loss.item() == pytest.approx(expected.item(), abs=1e-12)
    assert factor.item() == 1


def test_the_true_map_is_better_than_others() -> None:
    _, truth, batch = scene()

    def loss(defocus: Tensor) -> float:
        return terms(Output(None, None, defocus), batch, LossConfig())["defocus"].item()

    others = (truth * 0.5, truth * 1.5, truth.flip(-1), truth.mean().expand_as(truth))
    assert all(loss(truth) < loss(other) for other in others)


def test_without_a_given_photo_it_is_never_looked_at() -> None:
    sharp, truth, batch = scene()
    config = LossConfig(self_supervised=SelfSupervisedConfig(sharp="self"))
    aif = (sharp * 2 - 1).requires_grad_()
    found = self_supervised_terms(
        Output(None, aif, truth), {"defocused": batch["defocused"]}, config
    )
    assert set(found) == {"defocus", "reblur", "smooth", "sparsity"}
    assert found["reblur"].item() == pytest.approx(0, abs=1e-3)
    (slope,) = torch.autograd.grad(found["defocus"], aif)
    assert slope.any()


def test_sparsity_is_what_makes_the_truth_better_than_the_trivial_answer() -> None:
    """The defocused photo as the sharp one and no defocus re-blurs without error, too."""
    sharp, truth, batch = scene()
    blurred = batch["defocused"]

    def loss(photo: Tensor, defocus: Tensor, sparsity: float) -> float:
        config = LossConfig(
            self_supervised=SelfSupervisedConfig(sharp="self", sparsity=sparsity, smooth=0)
        )
        output = Output(None, photo * 2 - 1, defocus)
        return self_supervised_terms(output, batch, config)["defocus"].item()

    nothing = torch.full_like(truth, 1e-3)
    assert loss(blurred, nothing, 0) <= loss(sharp, truth, 0)
    assert loss(sharp, truth, 0.1) < loss(blurred, nothing, 0.1) - 0.01


def test_an_even_window_is_refused() -> None:
    with pytest.raises(msgspec.ValidationError, match="window 50 is not odd"):
        msgspec.convert({"window": 50}, SelfSupervisedConfig)
