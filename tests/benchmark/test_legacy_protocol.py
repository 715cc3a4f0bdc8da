"""The min-max protocol against the formulas of the code that it repeats."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from benchmark_data import make_release, toy_dataset, write_predictions
from hypothesis import given
from hypothesis import strategies as st

from idfd.benchmark.baselines import Identity
from idfd.benchmark.evaluate import evaluate
from idfd.benchmark.metrics.legacy import minmax, minmax_metrics
from idfd.benchmark.metrics.registry import METRICS
from idfd.benchmark.models import ModelInput, Prediction, Target
from idfd.benchmark.predictions import open_predictions
from idfd.benchmark.protocol import LEGACY, load_protocol
from idfd.benchmark.results import Results
from idfd.benchmark.run import run
from idfd.errors import InputError
from idfd.model.schema import load

# Millimetres, as releases store them: truths closer than that to the nearest one do not occur.
depths = st.lists(st.integers(100, 10_000).map(lambda mm: mm / 1000), min_size=2, max_size=30)


class Ramp:
    """Depth that rises from left to right, times a factor, plus an offset."""

    predicts: frozenset[Target] = frozenset({"depth", "aif"})

    def __init__(self, factor: float = 1.0, offset: float = 0.0) -> None:
        self.name = f"ramp {factor} {offset}"
        self.factor, self.offset = factor, offset

    def predict(self, item: ModelInput) -> Prediction:
        height, width = item.defocused.shape[:2]
        depth = np.tile(np.linspace(1, 3, width), (height, 1)) * self.factor + self.offset
        return Prediction(depth_m=depth, all_in_focus=item.defocused)


def plain(prediction: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    """The formulas as one would write them, for truth and predictions that are not flat."""
    p = (prediction - np.min(prediction)) / (np.max(prediction) - np.min(prediction))
    t = (truth - np.min(truth)) / (np.max(truth) - np.min(truth))
    scores = {"rmse_minmax": np.sqrt(np.mean((p - t) ** 2))}
    p, t = p[t > 0], t[t > 0]
    scores["abs_rel_minmax"] = np.mean(np.abs(p - t) / t)
    with np.errstate(divide="ignore"):
        ratio = np.maximum(p / t, t / p)
    for power in (1, 2, 3):
        scores[f"delta{power}_minmax"] = np.mean(ratio < 1.25**power)
    return scores


@given(depths, st.integers(0, 2**32 - 1))
def test_the_scores_are_those_of_the_plain_formulas(values: list[float], seed: int) -> None:
    truth = np.array([*values, max(values) + 1])
    prediction = np.random.default_rng(seed).uniform(0.5, 6, truth.size)
    found = minmax_metrics(prediction, truth)
    assert found == pytest.approx(plain(prediction, truth), rel=1e-9)
    assert found.keys() <= METRICS.keys()


@given(depths, st.floats(0.2, 5), st.floats(0, 3))
def test_they_are_blind_to_scale_and_offset(
    values: list[float], factor: float, offset: float
) -> None:
    truth = np.array([*values, max(values) + 1])
    found = minmax_metrics(truth * factor + offset, truth)
    assert found["rmse_minmax"] == pytest.approx(0, abs=1e-9)
    assert found["delta1_minmax"] == pytest.approx(1)


def test_a_pixel_outside_the_mask_does_not_set_the_range() -> None:
    truth = np.array([1.0, 2.0, 3.0, 99.0])
    valid = np.array([True, True, True, False])
    assert minmax_metrics(truth[::-1].copy(), truth, valid) != minmax_metrics(
        truth[::-1].copy(), truth
    )
    assert minmax_metrics(truth, truth, valid)["rmse_minmax"] == 0


def test_flat_maps_have_no_range() -> None:
    assert minmax(np.full(4, 2.0)).tolist() == [0, 0, 0, 0]
    ramp = np.array([1.0, 2.0, 3.0])
    flat = np.full(3, 2.0)
    assert minmax_metrics(flat, ramp)["abs_rel_minmax"] == 1
    assert minmax_metrics(flat, ramp)["delta3_minmax"] == 0
    assert set(minmax_metrics(ramp, flat)) == {"rmse_minmax"}


def score(factor: float = 1.0, offset: float = 0.0) -> Results:
    return evaluate(toy_dataset(4), Ramp(factor, offset), load_protocol(LEGACY), progress=False)


def test_a_wrong_scale_costs_nothing_under_it_and_much_under_the_metric_one() -> None:
    right, wrong = score(), score(5.0, 4.0)
    for name, value in right.metrics.items():
        assert wrong.metrics[name].mean == pytest.approx(value.mean, abs=1e-3)
    metric = [
        evaluate(toy_dataset(4), model, load_protocol(), progress=False).metrics["rmse"].mean
        for model in (Ramp(), Ramp(5.0, 4.0))
    ]
    assert metric[1] > 10 * metric[0]


def test_its_scores_have_names_of_their_own_and_no_unit() -> None:
    results = score()
    assert results.protocol.kind == "legacy"
    assert "rmse" not in results.metrics
    assert results.pooled.keys() == {"rmse_minmax"}
    assert METRICS["rmse_minmax"].heading == "RMSE, min-max ↓"
    assert {"psnr", "ssim", "psnr_floor"} <= results.metrics.keys()
    assert any("published tables only" in warning for warning in results.warnings)


def test_pooled_over_images_of_one_size_is_the_root_of_the_mean_square() -> None:
    results = score()
    pixels = {row.valid_pixels for row in results.images}
    assert len(pixels) == 1
    squares = [row.metrics["rmse_minmax"] ** 2 for row in results.images]
    assert results.pooled["rmse_minmax"] == pytest.approx(np.sqrt(np.mean(squares)))


def test_the_last_image_is_given_beside_the_mean() -> None:
    results = score()
    assert results.last_image == results.images[-1].metrics
    assert results.last_image["psnr"] != results.metrics["psnr"].mean
    metric = evaluate(toy_dataset(2), Identity(), load_protocol(), progress=False)
    assert metric.last_image == {}
    assert metric.warnings == ()


def test_another_meaning_of_origin_is_left_alone() -> None:
    model = Ramp()
    model.origin = "a paper"  # type: ignore[attr-defined]
    assert evaluate(toy_dataset(1), model, load_protocol(), progress=False).model.training is None


def test_depth_that_is_no_depth_is_still_an_error() -> None:
    with pytest.raises(InputError, match="NaN, infinite, zero or negative"):
        score(offset=-2)


def test_a_depth_that_rounds_to_nothing_is_scored() -> None:
    results = score(1e-7)
    assert results.metrics["rmse_minmax"].mean > 0


def test_from_a_release_to_results_with_pictures(tmp_path: Path) -> None:
    data = toy_dataset(3)
    release = make_release(tmp_path, data)
    files = write_predictions(tmp_path / "net", data)
    output = tmp_path / "net.json"
    first = run(release, open_predictions(files), protocol=LEGACY, output=output, progress=False)
    assert load(Results, output) == first
    # 1.1 times the truth, rounded to millimetres.
    assert first.metrics["rmse_minmax"].mean < 1e-3
    assert (tmp_path / "net.pictures" / "pictures.json").exists()
