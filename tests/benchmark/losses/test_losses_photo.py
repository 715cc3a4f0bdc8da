"""Losses on photos against their formulas, scikit-image and the benchmark's own metric."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from skimage import metrics as skimage_metrics
from torch import Tensor

from idfd.benchmark.losses.photo import charbonnier, ssim
from idfd.benchmark.metrics import restoration
from idfd.storage.images import read_photo

Photo = NDArray[np.uint8]


def pair(height: int = 40, width: int = 52, seed: int = 5) -> tuple[Photo, Photo]:
    sharp = np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
    return np.asarray(cv2.GaussianBlur(sharp, (0, 0), 1.0), np.uint8), sharp


def tensor(photo: Photo, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.from_numpy(photo.astype(np.float64) / 255).permute(2, 0, 1)[None].to(dtype)


def against_references(prediction: Photo, truth: Photo) -> None:
    peers: Any = skimage_metrics
    reference = peers.structural_similarity(
        prediction / 255,
        truth / 255,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
        channel_axis=-1,
        data_range=1,
    )
    exact = ssim(tensor(prediction), tensor(truth)).item()
    assert exact == pytest.approx(reference, abs=1e-6)
    assert exact == pytest.approx(restoration.ssim(prediction, truth), abs=1e-12)
    # Training computes in float32, where a variance is a difference of rounded squares.
    rough = ssim(tensor(prediction, torch.float32), tensor(truth, torch.float32)).item()
    assert rough == pytest.approx(exact, abs=2e-5)


@pytest.mark.parametrize("size", [(40, 52), (11, 11), (12, 33)])
def test_ssim_of_random_photos_agrees_with_the_references(size: tuple[int, int]) -> None:
    against_references(*pair(*size))


@pytest.mark.real
def test_ssim_of_real_defocus_agrees_with_the_references(real_data: Path) -> None:
    folder = real_data / "pairs" / "vabd_canon70d" / "train"
    truth = read_photo(folder / "input" / "0001.JPG")[:320, :320]
    against_references(read_photo(folder / "1_8" / "0001.JPG")[:320, :320], truth)


def test_ssim_of_a_batch_is_the_mean_and_layout_changes_nothing() -> None:
    pairs = [pair(seed=seed) for seed in (1, 2)]
    one, other = (torch.cat([tensor(p[k]) for p in pairs]) for k in (0, 1))
    mean = np.mean([restoration.ssim(*p) for p in pairs])
    assert ssim(one, other).item() == pytest.approx(mean, abs=1e-12)
    inner = one.contiguous(memory_format=torch.channels_last)
    assert ssim(inner, other).item() == pytest.approx(mean, abs=1e-12)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10_000), level=st.floats(0.01, 1))
def test_ssim_is_symmetric_bounded_and_1_for_equal_photos(seed: int, level: float) -> None:
    one, other = (tensor(photo) * level for photo in pair(13, 16, seed))
    assert ssim(one, other).item() == pytest.approx(ssim(other, one).item(), abs=1e-12)
    assert -1 <= ssim(one, other).item() < 1
    assert ssim(one, one).item() == pytest.approx(1, abs=1e-12)


def test_charbonnier_is_its_formula() -> None:
    prediction, truth = (tensor(photo) for photo in pair())
    error = (prediction - truth).numpy()
    for epsilon in (1e-3, 0.1):
        expected = np.mean(np.sqrt(error**2 + epsilon**2))
        assert charbonnier(prediction, truth, epsilon).item() == pytest.approx(expected, rel=1e-12)


@given(error=st.floats(-1, 1), epsilon=st.floats(1e-6, 1))
def test_charbonnier_lies_between_the_error_and_the_error_plus_epsilon(
    error: float, epsilon: float
) -> None:
    truth = torch.zeros(1, 3, 2, 2, dtype=torch.float64)
    value = charbonnier(truth + error, truth, epsilon).item()
    assert max(abs(error), epsilon) * (1 - 1e-9) <= value <= (abs(error) + epsilon) * (1 + 1e-9)


def test_charbonnier_has_a_derivative_at_no_error() -> None:
    photo = torch.zeros(1, 3, 2, 2, requires_grad=True)
    charbonnier(photo, torch.zeros(1, 3, 2, 2)).backward()  # type: ignore[no-untyped-call]
    assert photo.grad is not None
    assert (photo.grad == 0).all()


@pytest.mark.parametrize("loss", [charbonnier, ssim])
def test_derivatives_are_those_of_the_values(loss: Any) -> None:
    prediction, truth = (tensor(photo) for photo in pair(12, 13))
    prediction.requires_grad_()
    assert torch.autograd.gradcheck(lambda p: loss(p, truth), prediction, fast_mode=True)
