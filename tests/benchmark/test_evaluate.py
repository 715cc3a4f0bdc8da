from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import h5py
import msgspec
import numpy as np
import pytest
from benchmark_data import FakeDataset, make_release, make_triple, toy_dataset, write_predictions

from idfd.benchmark.baselines import Identity, MedianDepth
from idfd.benchmark.evaluate import evaluate
from idfd.benchmark.metrics.depth import rmse
from idfd.benchmark.models import Model, ModelInput, Prediction, Target
from idfd.benchmark.predictions import open_predictions
from idfd.benchmark.protocol import LoadedProtocol, load_protocol
from idfd.benchmark.results import Results
from idfd.benchmark.run import run
from idfd.errors import InputError, ReleaseError
from idfd.model.schema import decode, encode
from idfd.model.triple import DepthSource
from idfd.storage.images import encode_png


class Scripted:
    """A model whose depth is a function of the input."""

    name = "scripted"
    predicts: frozenset[Target] = frozenset({"depth"})

    def __init__(self, depth: Callable[[ModelInput], object]) -> None:
        self.depth = depth

    def predict(self, item: ModelInput) -> Prediction:
        return Prediction(depth_m=self.depth(item))  # type: ignore[arg-type]


def constant(metres: float) -> Scripted:
    return Scripted(lambda item: np.full(item.defocused.shape[:2], metres))


def score(dataset: FakeDataset, model: Model, loaded: LoadedProtocol | None = None) -> Results:
    return evaluate(dataset, model, loaded or load_protocol(), progress=False)


def test_rows_means_and_pooling_follow_the_formulas() -> None:
    data = toy_dataset(4)
    data.triples[0].depth[:, :16] = 0
    results = score(data, constant(2.0))
    expected, squares, pixels = [], 0.0, 0
    for triple, row in zip(data.triples, results.images, strict=True):
        truth = triple.depth[triple.depth > 0] / 1000
        expected.append(rmse(np.full(truth.shape, 2.0), truth))
        squares, pixels = squares + float(np.sum((truth - 2) ** 2)), pixels + truth.size
        assert row.valid_pixels == truth.size
        assert row.metrics["rmse"] == pytest.approx(expected[-1])
    assert results.metrics["rmse"].mean == pytest.approx(np.mean(expected))
    assert results.pooled["rmse"] == pytest.approx(np.sqrt(squares / pixels))
    assert results.pooled["rmse"] != pytest.approx(results.metrics["rmse"].mean, rel=1e-4)


def test_truth_outside_the_range_is_not_scored_and_predictions_are_clipped() -> None:
    data = toy_dataset(1)
    data.triples[0].depth[10:] = 12000
    data.triples[0].depth[:10] = 10000
    results = score(data, constant(80.0))
    assert results.images[0].valid_pixels == 10 * 32
    assert results.metrics["rmse"].mean == 0


def test_the_border_is_dropped() -> None:
    loaded = load_protocol()
    protocol = msgspec.structs.replace(loaded.protocol, border_px=6)
    data = toy_dataset(1)
    results = score(data, constant(2.0), LoadedProtocol(protocol, "0" * 64, True))
    assert results.images[0].valid_pixels == 12 * 20
    huge = msgspec.structs.replace(loaded.protocol, border_px=12)
    with pytest.raises(InputError, match="leaves nothing"):
        score(data, constant(2.0), LoadedProtocol(huge, "0" * 64, True))


def test_the_mask_drops_what_was_not_measured() -> None:
    data = toy_dataset(2)
    row = evaluate(data, constant(2.0), load_protocol(), mask="measured", progress=False).images[0]
    assert row.valid_pixels == int(np.count_nonzero(data[0].measured))
    assert row.valid_pixels < int(np.count_nonzero(data[0].depth))
    assert row.measured_share == pytest.approx(row.valid_pixels / np.count_nonzero(data[0].depth))


def test_images_without_measured_depth_are_skipped_and_counted() -> None:
    data = toy_dataset(3)
    data.triples[1] = make_triple("shelf-a", 9, DepthSource.UNKNOWN)
    results = evaluate(data, constant(2.0), load_protocol(), mask="measured", progress=False)
    assert results.skipped == ("shelf-a",)
    assert results.metrics["rmse"].images == 2
    assert results.protocol.mask == "measured"


def test_a_split_without_measured_depth_is_an_error() -> None:
    data = toy_dataset(2, DepthSource.UNKNOWN)
    with pytest.raises(ReleaseError, match="no image of split 'test' has a pixel of measured"):
        evaluate(data, constant(2.0), load_protocol(), mask="measured", progress=False)


def test_restoration_reports_the_floor_and_the_gain() -> None:
    data = toy_dataset(3)
    results = score(data, Identity())
    assert results.metrics["psnr"].mean == results.metrics["psnr_floor"].mean
    assert results.metrics["ssim_gain"].mean == 0
    assert "rmse" not in results.metrics
    assert results.pooled == {}


def test_a_perfect_photo_counts_as_the_cap(tmp_path: Path) -> None:
    data = toy_dataset(2)
    results = score(data, open_predictions(write_predictions(tmp_path, data)))
    assert results.metrics["psnr"].mean == 100
    assert results.metrics["psnr_gain"].low > 50
    assert results.model.origin == "predictions"


@pytest.mark.parametrize("value", [np.nan, np.inf, 0.0, -1.0])
def test_depth_that_is_no_depth_names_the_image(value: float) -> None:
    with pytest.raises(InputError, match="image desk0-a: the predicted depth is NaN"):
        score(toy_dataset(1), constant(value))


def test_predictions_where_no_truth_is_known_do_not_matter() -> None:
    data = toy_dataset(1)
    hole = data[0].depth == 0
    spoiled = Scripted(lambda item: np.where(hole, np.nan, 2.0))
    assert score(data, spoiled).metrics == score(data, constant(2.0)).metrics


@pytest.mark.parametrize(
    ("depth", "message"),
    [
        (None, "gave no depth"),
        (np.ones((3, 3)), "shape"),
        (np.ones((24, 32), np.uint16), "uint16"),
    ],
)
def test_predictions_of_the_wrong_kind_name_model_and_image(depth: object, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        score(toy_dataset(1), Scripted(lambda item: depth))
    assert "scripted, image desk0-a" in str(caught.value)


def test_missing_predictions_stop_before_the_first_image(tmp_path: Path) -> None:
    data = toy_dataset(3)
    write_predictions(tmp_path, FakeDataset(data.triples[:1]))
    with pytest.raises(InputError, match="4 predictions are missing"):
        score(data, open_predictions(tmp_path))


def test_an_empty_split_is_an_error() -> None:
    with pytest.raises(ReleaseError, match="empty"):
        score(FakeDataset([]), Identity())


def test_scoring_a_release_twice_differs_in_the_time_only(tmp_path: Path) -> None:
    data = toy_dataset(4)
    train = FakeDataset([make_triple(f"train{i}-a", 50 + i) for i in range(3)], split="train")
    release = make_release(tmp_path, data, train)
    files = write_predictions(tmp_path / "net", data)
    for model in (open_predictions(files), MedianDepth(), Identity()):
        path = tmp_path / f"{model.name}.json"
        first = run(release, model, output=path, progress=False)
        again = run(release, model, pictures=False, progress=False)
        assert decode(Results, path.read_bytes(), path) == first
        assert encode(msgspec.structs.replace(again, created=first.created)) == encode(first)
        assert first.release.split == "test"
        assert (tmp_path / f"{model.name}.pictures" / "pictures.json").exists()
        # The reader hands out the same triples as the memory they were built from.
        assert score(data, model).metrics == first.metrics


def test_files_score_like_the_model_that_wrote_them(tmp_path: Path) -> None:
    data = toy_dataset(3)
    generator = np.random.default_rng(8)
    maps = {name: generator.uniform(0.5, 4, (24, 32)) for name in data.ids}
    (tmp_path / "depth").mkdir()
    for name, depth in maps.items():
        np.save(tmp_path / "depth" / f"{name}.npy", depth)
    direct = score(data, Scripted(lambda item: maps[item.id]))
    stored = score(data, open_predictions(tmp_path))
    for name, value in direct.metrics.items():
        assert stored.metrics[name].mean == pytest.approx(value.mean, abs=1e-9)


def test_results_of_files_say_which_predictions_they_are_of(tmp_path: Path) -> None:
    data = toy_dataset(2)
    folder = write_predictions(tmp_path / "net", data)
    first = score(data, open_predictions(folder, "one")).model.sha256
    assert first is not None
    assert score(data, open_predictions(folder, "two")).model.sha256 == first
    with h5py.File(tmp_path / "net.h5", "w") as file:
        for path in folder.glob("*/*.png"):
            image = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
            assert image is not None
            file[f"{path.parent.name}/{path.stem}"] = image[..., ::-1] if image.ndim == 3 else image
    assert score(data, open_predictions(tmp_path / "net.h5")).model.sha256 == first
    photo = folder / "all_in_focus" / f"{data.ids[1]}.png"
    pixels = data[1].all_in_focus.copy()
    pixels[3, 4, 0] ^= 1
    photo.write_bytes(encode_png(pixels))
    assert score(data, open_predictions(folder)).model.sha256 not in (None, first)
    assert score(data, Identity()).model.sha256 is None


def test_the_split_is_chosen_or_asked_for(tmp_path: Path) -> None:
    release = make_release(tmp_path, toy_dataset(2))
    with pytest.raises(ReleaseError, match="needs a training split"):
        run(release, MedianDepth(), progress=False)
    with pytest.raises(InputError, match="no split 'val'"):
        run(release, Identity(), split="val", progress=False)
