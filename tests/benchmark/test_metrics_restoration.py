from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from skimage import metrics as skimage_metrics

from idfd.benchmark.metrics.restoration import psnr, ssim
from idfd.errors import InputError
from idfd.storage.images import read_photo

Photo = NDArray[np.uint8]
photos = arrays(np.uint8, (13, 16, 3))


def pair(shape: tuple[int, ...] = (48, 64, 3)) -> tuple[Photo, Photo]:
    sharp = np.random.default_rng(5).integers(0, 256, shape, np.uint8)
    return np.asarray(cv2.GaussianBlur(sharp, (0, 0), 1.0), np.uint8), sharp


def against_references(prediction: Photo, truth: Photo) -> None:
    references: Any = skimage_metrics
    reference = references.structural_similarity(
        prediction,
        truth,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
        channel_axis=-1 if truth.ndim == 3 else None,
        data_range=255,
    )
    assert ssim(prediction, truth) == pytest.approx(reference, abs=1e-6)
    ratio = references.peak_signal_noise_ratio(truth, prediction, data_range=255)
    assert psnr(prediction, truth) == pytest.approx(ratio, abs=1e-6)


@pytest.mark.parametrize("shape", [(48, 64, 3), (11, 11, 3), (31, 12), (25, 40, 1)])
def test_random_photos_agree_with_scikit_image(shape: tuple[int, ...]) -> None:
    prediction, truth = pair(shape)
    against_references(prediction.reshape(shape), truth)


def test_random_photos_agree_with_torchmetrics() -> None:
    import torch
    from torchmetrics.functional.image import structural_similarity_index_measure
    from torchmetrics.image import PeakSignalNoiseRatio

    prediction, truth = pair()
    one, other = (
        torch.from_numpy(photo).permute(2, 0, 1)[None].double() for photo in (prediction, truth)
    )
    # torchmetrics averages over the mirrored border too, so its map is compared where both score.
    _, full = structural_similarity_index_measure(
        one, other, sigma=1.5, kernel_size=11, data_range=255.0, return_full_image=True
    )
    assert ssim(prediction, truth) == pytest.approx(float(full[..., 5:-5, 5:-5].mean()), abs=1e-4)
    ratio = float(PeakSignalNoiseRatio(data_range=255.0)(one, other))
    assert psnr(prediction, truth) == pytest.approx(ratio, abs=1e-4)


@pytest.mark.real
def test_real_defocus_agrees_with_scikit_image(real_data: Path) -> None:
    folder = real_data / "pairs" / "vabd_canon70d" / "train"
    truth = read_photo(folder / "input" / "0001.JPG")[:512, :512]
    wide, half = (read_photo(folder / stop / "0001.JPG")[:512, :512] for stop in ("1_8", "8"))
    against_references(wide, truth)
    assert ssim(half, truth) > ssim(wide, truth)
    assert psnr(half, truth) > psnr(wide, truth)


def test_identical_photos_are_perfect() -> None:
    _, truth = pair()
    assert psnr(truth, truth) == np.inf
    assert ssim(truth, truth) == pytest.approx(1, abs=1e-12)


@settings(max_examples=25)
@given(photos, photos)
def test_both_are_symmetric_and_bounded(one: Photo, other: Photo) -> None:
    assert psnr(one, other) == psnr(other, one)
    assert psnr(one, other) >= 0
    assert ssim(one, other) == pytest.approx(ssim(other, one), abs=1e-9)
    assert -1 <= ssim(one, other) <= 1 + 1e-9


@settings(max_examples=25)
@given(st.integers(1, 60))
def test_psnr_of_a_constant_offset(offset: int) -> None:
    truth = np.full((12, 12, 3), 100, np.uint8)
    expected = 20 * np.log10(255 / offset)
    assert psnr((truth + offset).astype(np.uint8), truth) == pytest.approx(expected)


def test_unusable_photos_are_refused() -> None:
    prediction, truth = pair()
    with pytest.raises(InputError, match="one shape"):
        psnr(prediction[:-1], truth)
    with pytest.raises(InputError, match="float64"):
        psnr(prediction.astype(np.float64), truth)
    with pytest.raises(InputError, match="11x11 window"):
        ssim(prediction[:10], truth[:10])
