from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from benchmark_data import FakeDataset, make_triple, toy_dataset
from numpy.typing import NDArray

from idfd.benchmark.baselines import MedianDefocus
from idfd.benchmark.evaluate import evaluate, model_input
from idfd.benchmark.metrics import defocus
from idfd.benchmark.models import ModelInput, Prediction, Target
from idfd.benchmark.predictions import open_predictions
from idfd.benchmark.protocol import DefocusRules, load_protocol
from idfd.benchmark.score import score_defocus
from idfd.errors import InputError, ReleaseError
from idfd.model.triple import GivenDefocus, Modality, Triple
from idfd.storage.images import encode_png

RULES = DefocusRules(full_scale_px=32.0, resolution_px=0.01)


def with_defocus(triple: Triple, given: GivenDefocus | None = None) -> Triple:
    """Signed diameters from -8 to 40 px (0 to 1 where they are normalised), with a hole."""
    height, width = triple.depth.shape
    low, high = (0.0, 1.0) if given and given.unit == "normalised" else (-8.0, 40.0)
    truth = np.tile(np.linspace(low, high, width), (height, 1)).astype(np.float16)
    truth[:3, :4] = np.nan
    record = msgspec.structs.replace(triple.record, given_defocus=given)
    return replace(triple, defocus=truth, record=record)


def absent(triple: Triple, *parts: Modality) -> Triple:
    return replace(triple, record=msgspec.structs.replace(triple.record, absent=parts))


@dataclass
class Constant:
    """Predicts one diameter everywhere, and the photo and 2 m where it is asked to."""

    diameter: float = 4.0
    predicts: frozenset[Target] = frozenset({"defocus"})
    name: str = "constant"

    def predict(self, item: ModelInput) -> Prediction:
        shape = item.defocused.shape[:2]
        return Prediction(
            depth_m=np.full(shape, 2.0) if "depth" in self.predicts else None,
            all_in_focus=item.defocused if "aif" in self.predicts else None,
            defocus_px=np.full(shape, self.diameter),
        )


def predicted(value: float, triple: Triple) -> NDArray[np.floating[Any]]:
    return np.full(triple.depth.shape, value, np.float32)


def test_scores_follow_their_formulas() -> None:
    triple = with_defocus(make_triple("desk0-a", 0))
    assert triple.defocus is not None
    truth = triple.defocus[np.isfinite(triple.defocus)].astype(float)
    share = np.minimum(np.abs(truth) / 32, 1)
    found = score_defocus(predicted(4.0, triple), triple, RULES)
    assert found["defocus_mae"] == pytest.approx(np.mean(np.abs(4 / 32 - share)))
    assert found["defocus_mse"] == pytest.approx(np.mean((4 / 32 - share) ** 2))
    assert found["defocus_mae_px"] == pytest.approx(np.mean(np.abs(4 - np.abs(truth))))


def test_metrics_agree_with_scikit_image_and_numpy() -> None:
    from skimage.metrics import mean_squared_error

    one, other = np.random.default_rng(0).random((2, 20, 30))
    assert defocus.mse(one, other) == pytest.approx(mean_squared_error(one, other))
    assert defocus.mae(one, other) == pytest.approx(np.linalg.norm((one - other).ravel(), 1) / 600)
    with pytest.raises(InputError, match="NaN or infinite"):
        defocus.mae(one, other * np.nan)
    with pytest.raises(InputError, match="have shapes"):
        defocus.mse(one, other[:3])


def test_the_sign_of_the_truth_does_not_count() -> None:
    triple = with_defocus(make_triple("desk0-a", 0))
    assert triple.defocus is not None
    turned = replace(triple, defocus=-triple.defocus)
    one, other = (score_defocus(predicted(4.0, t), t, RULES) for t in (triple, turned))
    assert one == other


@pytest.mark.parametrize(
    ("given", "full_scale"),
    [
        (GivenDefocus(origin="x", unit="px"), 32.0),
        (GivenDefocus(origin="x", unit="px", full_scale_px=16.0), 16.0),
        (GivenDefocus(origin="x", unit="normalised", full_scale_px=8.0), 8.0),
        (GivenDefocus(origin="x", unit="normalised"), 32.0),
    ],
)
def test_the_full_scale_is_the_data_s_where_it_has_one(
    given: GivenDefocus, full_scale: float
) -> None:
    triple = with_defocus(make_triple("desk0-a", 0), given)
    assert triple.defocus is not None
    truth = np.abs(triple.defocus[np.isfinite(triple.defocus)].astype(float))
    share = truth if given.unit == "normalised" else np.minimum(truth / full_scale, 1)
    found = score_defocus(predicted(4.0, triple), triple, RULES)
    assert found["defocus_mae"] == pytest.approx(np.mean(np.abs(4 / full_scale - share)))
    assert ("defocus_mae_px" in found) == (given.unit == "px")


@pytest.mark.parametrize("bad", [np.nan, np.inf, -1.0])
def test_a_bad_diameter_on_a_scored_pixel_is_an_error(bad: float) -> None:
    triple = with_defocus(make_triple("desk0-a", 0))
    values = predicted(4.0, triple)
    values[0, 0] = bad  # unknown there
    score_defocus(values, triple, RULES)
    values[10, 10] = bad
    with pytest.raises(InputError, match="at 1 of"):
        score_defocus(values, triple, RULES)


def test_results_hold_the_scores_of_the_images_that_have_a_map() -> None:
    data = FakeDataset([with_defocus(make_triple("a-1", 0)), make_triple("a-2", 1)])
    results = evaluate(data, Constant(), load_protocol(), progress=False)
    assert results.model.predicts == ("defocus",)
    assert results.metrics["defocus_mae"].images == 1
    assert set(results.images[1].metrics) == set()


def test_a_protocol_without_rules_for_defocus_says_so() -> None:
    data = FakeDataset([with_defocus(make_triple("a-1", 0))])
    with pytest.raises(InputError, match="idfd-metric-1 has no rules for maps of defocus"):
        evaluate(data, Constant(), load_protocol("idfd-metric-1"), progress=False)


def test_what_is_absent_is_not_scored() -> None:
    everything = Constant(predicts=frozenset({"depth", "aif", "defocus"}))
    triple = with_defocus(make_triple("a-1", 0))
    lacking: dict[tuple[Modality, ...], set[str]] = {
        ("depth",): {"psnr", "defocus_mae"},
        ("all_in_focus",): {"rmse", "defocus_mae"},
        ("all_in_focus", "depth"): {"defocus_mae"},
    }
    for parts, kept in lacking.items():
        data = FakeDataset([absent(triple, *parts)])
        found = evaluate(data, everything, load_protocol(), progress=False).metrics
        assert found.keys() & {"rmse", "psnr", "defocus_mae"} == kept


def test_nothing_to_predict_from_and_nothing_to_score_are_told_apart() -> None:
    triple = make_triple("a-1", 0)
    with pytest.raises(ReleaseError, match="idfd process defocus"):
        data = FakeDataset([absent(triple, "defocused")])
        evaluate(data, Constant(), load_protocol(), progress=False)
    with pytest.raises(ReleaseError, match="nothing that constant could be scored on"):
        evaluate(FakeDataset([triple]), Constant(), load_protocol(), progress=False)


@pytest.mark.parametrize("kind", ["png", "npy"])
def test_maps_from_files_score_as_from_memory(tmp_path: Path, kind: str) -> None:
    data = FakeDataset([with_defocus(make_triple("a-1", 0))])
    (tmp_path / "defocus").mkdir()
    shape = data.triples[0].depth.shape
    if kind == "png":
        png = encode_png(np.full(shape, 400, np.uint16))
        (tmp_path / "defocus" / "a-1.png").write_bytes(png)
    else:
        np.save(tmp_path / "defocus" / "a-1.npy", np.full(shape, 4.0, np.float32))
    model = open_predictions(tmp_path, "constant")
    assert model.predicts == frozenset({"defocus"})
    mine = evaluate(data, model, load_protocol(), progress=False)
    theirs = evaluate(data, Constant(4.0), load_protocol(), progress=False)
    assert mine.metrics == theirs.metrics
    assert mine.model.sha256 is not None


def test_eight_bit_maps_are_refused(tmp_path: Path) -> None:
    data = FakeDataset([with_defocus(make_triple("a-1", 0))])
    (tmp_path / "defocus").mkdir()
    png = encode_png(np.full(data.triples[0].depth.shape, 40, np.uint8))
    (tmp_path / "defocus" / "a-1.png").write_bytes(png)
    with pytest.raises(InputError, match="hundredths of a pixel"):
        evaluate(data, open_predictions(tmp_path), load_protocol(), progress=False)


NORMALISED = GivenDefocus(origin="a mask", unit="normalised")
PARTS_OF_20 = GivenDefocus(origin="a map", unit="normalised", full_scale_px=20.0)


@pytest.mark.parametrize(
    ("given", "full_scale"), [(None, 1.0), (NORMALISED, 32.0), (PARTS_OF_20, 20.0)]
)
@pytest.mark.parametrize("count", [1, 2])
def test_the_median_defocus_is_that_of_all_known_pixels(
    given: GivenDefocus | None, full_scale: float, count: int
) -> None:
    train = toy_dataset(count + 1)
    known = [with_defocus(triple, given) for triple in train.triples[:count]]
    train.triples[:count] = known  # the last has no map
    model = MedianDefocus()
    model.fit(train)
    truth = np.concatenate(
        [t.defocus[np.isfinite(t.defocus)] for t in known if t.defocus is not None]
    )
    expected = float(np.median(np.abs(truth.astype(np.float64)))) * full_scale
    assert model.median_px == pytest.approx(expected, rel=1e-3 if given else 1e-12)
    found = model.predict(model_input(known[0])).defocus_px
    assert found is not None
    assert found.shape == known[0].depth.shape
    assert np.unique(found) == np.float32(model.median_px)


def test_the_median_defocus_needs_maps_and_a_training_split() -> None:
    with pytest.raises(ReleaseError, match="has not seen a training split"):
        MedianDefocus().predict(model_input(toy_dataset(1)[0]))
    with pytest.raises(ReleaseError, match="has no map of defocus"):
        MedianDefocus().fit(toy_dataset(1))
