from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from idfd.benchmark.metrics import depth
from idfd.errors import InputError

Array = NDArray[np.float64]
maps = arrays(np.float64, (4, 5), elements=st.floats(0.2, 9))


def random_pair(seed: int = 3) -> tuple[Array, Array]:
    generator = np.random.default_rng(seed)
    truth = generator.uniform(0.3, 8, (40, 50))
    return truth * generator.uniform(0.6, 1.7, truth.shape), truth


def against_torchmetrics(prediction: Array, truth: Array) -> None:
    import torch
    from torchmetrics.regression import (
        MeanAbsoluteError,
        MeanAbsolutePercentageError,
        MeanSquaredError,
    )

    predicted, true = torch.from_numpy(prediction), torch.from_numpy(truth)
    scores = depth.all_depth_metrics(prediction, truth)
    root = MeanSquaredError(squared=False).double()(predicted, true)
    relative = MeanAbsolutePercentageError().double()(predicted, true)
    logarithm = MeanAbsoluteError().double()(predicted.log10(), true.log10())
    assert scores["rmse"] == pytest.approx(float(root), rel=1e-6)
    assert scores["abs_rel"] == pytest.approx(float(relative), rel=1e-6)
    assert scores["log10"] == pytest.approx(float(logarithm), rel=1e-6)
    logs = (predicted.log() - true.log()).abs()
    for power in (1, 2, 3):
        share = (logs < power * float(np.log(1.25))).double().mean()
        assert scores[f"delta{power}"] == pytest.approx(float(share), abs=1e-9)


def test_random_maps_agree_with_torchmetrics() -> None:
    against_torchmetrics(*random_pair())


@pytest.mark.real
def test_a_published_prediction_agrees_with_torchmetrics(real_data: Path) -> None:
    folder = real_data / "rgbd" / "nyu_fastdepth_224"
    truth = np.load(folder / "depth.npy").astype(np.float64)
    prediction = np.load(folder / "pred.npy")[0, 0].astype(np.float64)
    against_torchmetrics(prediction, truth)
    # FastDepth reports 0.604 m over the test set; one frame lies near it.
    assert depth.rmse(prediction, truth) == pytest.approx(0.604, rel=0.1)


@given(maps)
def test_a_perfect_prediction_has_no_error(truth: Array) -> None:
    scores = depth.all_depth_metrics(truth, truth)
    assert scores == {
        "rmse": 0,
        "abs_rel": 0,
        "log10": 0,
        "delta1": 1,
        "delta2": 1,
        "delta3": 1,
    }


@given(maps, st.floats(1.01, 3))
def test_a_constant_factor_gives_closed_forms(truth: Array, factor: float) -> None:
    scores = depth.all_depth_metrics(truth * factor, truth)
    assert scores["abs_rel"] == pytest.approx(factor - 1, rel=1e-9)
    assert scores["log10"] == pytest.approx(np.log10(factor), rel=1e-9)
    assert scores["rmse"] == pytest.approx((factor - 1) * np.sqrt(np.mean(truth**2)), rel=1e-9)


@given(maps, maps, st.floats(0.5, 2))
def test_ratio_metrics_ignore_the_unit(prediction: Array, truth: Array, unit: float) -> None:
    plain = depth.all_depth_metrics(prediction, truth)
    scaled = depth.all_depth_metrics(prediction * unit, truth * unit)
    assert scaled["abs_rel"] == pytest.approx(plain["abs_rel"], rel=1e-9)
    assert scaled["log10"] == pytest.approx(plain["log10"], rel=1e-9, abs=1e-12)
    assert scaled["rmse"] == pytest.approx(plain["rmse"] * unit, rel=1e-9)


@given(maps, maps)
def test_wider_thresholds_hold_more_pixels(prediction: Array, truth: Array) -> None:
    scores = depth.all_depth_metrics(prediction, truth)
    assert 0 <= scores["delta1"] <= scores["delta2"] <= scores["delta3"] <= 1


def test_pixels_outside_the_mask_do_not_count() -> None:
    prediction, truth = random_pair()
    valid = np.random.default_rng(1).random(truth.shape) < 0.5
    spoiled = np.where(valid, prediction, np.nan)
    assert depth.rmse(spoiled, truth, valid) == depth.rmse(prediction[valid], truth[valid])


def test_the_threshold_itself_is_outside() -> None:
    assert depth.delta(np.array([1.25, 1.2499]), np.array([1.0, 1.0])) == 0.5


@pytest.mark.parametrize(
    ("prediction", "truth", "message"),
    [
        (np.ones((2, 2)), np.ones((2, 3)), "shapes"),
        (np.ones(0), np.ones(0), "no pixel is valid"),
        (np.array([np.nan, 1]), np.ones(2), "1 of 2 valid pixels of the prediction"),
        (np.ones(2), np.zeros(2), "2 of 2 valid pixels of the truth"),
    ],
)
def test_unusable_arrays_are_refused(prediction: Array, truth: Array, message: str) -> None:
    with pytest.raises(InputError, match=message):
        depth.rmse(prediction, truth)
