from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from benchmark_data import FakeDataset, toy_dataset, write_predictions

from idfd.benchmark.baselines import Identity
from idfd.benchmark.evaluate import evaluate
from idfd.benchmark.models import Model, ModelInput, Prediction, Target
from idfd.benchmark.predictions import open_predictions
from idfd.benchmark.protocol import DEFAULT, LEGACY, LoadedProtocol, load_protocol
from idfd.benchmark.results import Results
from idfd.benchmark.thumbnails import (
    INDEX,
    Pictures,
    Sketcher,
    chosen_images,
    drawn_images,
)
from idfd.model.schema import load
from idfd.processing import pictures


class Counted:
    """A model that remembers which images it was asked for."""

    name = "counted"
    predicts: frozenset[Target] = frozenset({"aif"})

    def __init__(self) -> None:
        self.asked: list[str] = []

    def predict(self, item: ModelInput) -> Prediction:
        self.asked.append(item.id)
        return Identity().predict(item)


def draw(
    data: FakeDataset, model: Model, folder: Path, loaded: LoadedProtocol | None = None
) -> Results:
    """Score and draw, as a run does."""
    loaded = loaded or load_protocol()
    sketcher = Sketcher(data, model, loaded)
    results = evaluate(data, model, loaded, on_image=sketcher.add, progress=False)
    sketcher.store(results, folder)
    return results


def test_colors_span_the_scale_and_leave_holes_grey() -> None:
    values = np.array([[0.0, 0.5, 1.0, 5.0, np.nan]])
    row = pictures.colors(values, 0, 1)[0]
    assert row[0].tolist() == [68, 1, 84]
    assert row[2].tolist() == row[3].tolist() == [253, 231, 37]
    assert tuple(row[4]) == pictures.NOTHING
    assert tuple(pictures.colors(values, 0, 1, values < 0.2)[0, 1]) == pictures.NOTHING


def test_both_scales_get_steadily_lighter() -> None:
    ramp = np.linspace(0, 1, 64)[None]
    for scale in ("depth", "error"):
        picture = pictures.colors(ramp, 0, 1, scale=scale)
        lightness = cv2.cvtColor(picture, cv2.COLOR_RGB2LAB)[0, :, 0].astype(int)
        assert (np.diff(lightness) >= -2).all()
        assert lightness[-1] - lightness[0] > 150


def test_the_depth_scale_ignores_tails_and_holes() -> None:
    depth = np.linspace(1, 3, 1001)
    depth[0], depth[-1] = 0, 60
    low, high = pictures.depth_scale(depth, depth > 0)
    assert (low, high) == pytest.approx((1.02, 2.98), abs=0.01)
    assert pictures.depth_scale(depth, np.zeros(1001, np.bool_)) == (0, 1)


def test_errors_are_dark_where_right() -> None:
    truth = np.full((2, 2), 2.0)
    predicted = truth + np.array([[0, 1], [0, 0]])
    valid = np.array([[True, True], [True, False]])
    picture = pictures.depth_error(predicted, truth, valid, 1.0)
    assert int(picture[0, 0].sum()) < 20
    assert int(picture[0, 1].sum()) > 400
    assert tuple(picture[1, 1]) == pictures.NOTHING
    photo = np.zeros((2, 2, 3), np.uint8)
    assert (pictures.photo_error(photo, photo) == pictures.photo_error(photo, photo)[0, 0]).all()


def test_strips_and_shrinking_keep_the_shape() -> None:
    picture = np.zeros((30, 60, 3), np.uint8)
    labelled = pictures.label_strip(picture, "a rather long caption for a small picture")
    assert labelled.shape == (54, 60, 3)
    assert labelled[:24].max() > 200
    assert pictures.shrink(labelled, 30).shape == (27, 30, 3)
    assert pictures.shrink(picture, 100) is picture
    assert len(pictures.color_stops("error", 5)) == 5


def test_the_chosen_images_are_worst_median_and_best(tmp_path: Path) -> None:
    data = toy_dataset(5)
    results = evaluate(data, Identity(), load_protocol(), progress=False)
    values = sorted(row.metrics["psnr"] for row in results.images)
    chosen = {rank: row.metrics["psnr"] for rank, row in chosen_images(results)}
    assert chosen == {"worst": values[0], "median": values[2], "best": values[-1]}


def test_every_model_draws_the_same_images_besides_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("idfd.benchmark.thumbnails.LIMIT", 4)
    data = toy_dataset(12)
    results = evaluate(data, Identity(), load_protocol(), progress=False)
    drawn = drawn_images(results)
    ids = [row.id for _, row in drawn]
    assert ids == sorted(ids, key=data.ids.index)
    assert {data.ids[place] for place in (0, 4, 7, 11)} <= set(ids)
    assert {rank for rank, _ in drawn} == {"worst", "median", "best", None}
    assert len(ids) <= 7


def test_each_image_is_predicted_once(tmp_path: Path) -> None:
    data, model = toy_dataset(6), Counted()
    draw(data, model, tmp_path / "pictures")
    assert model.asked == list(data.ids)
    assert len(load(Pictures, tmp_path / "pictures" / INDEX).sets) == 6


def test_in_a_large_split_only_a_models_own_images_are_predicted_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = toy_dataset(12)
    draw(data, Counted(), tmp_path / "all")
    monkeypatch.setattr("idfd.benchmark.thumbnails.LIMIT", 4)
    model = Counted()
    results = draw(data, model, tmp_path / "some")
    own = {row.id for _, row in chosen_images(results)}
    common = {data.ids[place] for place in (0, 4, 7, 11)}
    assert model.asked[:12] == list(data.ids)
    assert model.asked[12:] == [name for name in data.ids if name in own - common]
    assert own - common
    index = load(Pictures, tmp_path / "some" / INDEX)
    assert [one.id for one in index.sets] == [row.id for _, row in drawn_images(results)]
    # Pictures drawn later are those that were drawn at once where all images are common.
    every = {one.id: one.files for one in load(Pictures, tmp_path / "all" / INDEX).sets}
    for one in index.sets:
        for view, name in one.files.items():
            expected = (tmp_path / "all" / every[one.id][view]).read_bytes()
            assert (tmp_path / "some" / name).read_bytes() == expected


def test_an_image_without_a_score_gets_no_pictures(tmp_path: Path) -> None:
    data = toy_dataset(3)
    data.triples[1].depth[:] = 0
    model = open_predictions(write_predictions(tmp_path / "net", data))
    draw(data, model, tmp_path / "pictures")
    index = load(Pictures, tmp_path / "pictures" / INDEX)
    assert [one.id for one in index.sets] == [data.ids[0], data.ids[2]]


def test_a_legacy_prediction_is_drawn_on_the_range_of_the_truth(tmp_path: Path) -> None:
    data = toy_dataset(1)
    folder = write_predictions(tmp_path / "net", data, 2.0)
    model = open_predictions(folder)
    errors = []
    for name in (DEFAULT, LEGACY):
        loaded = load_protocol(name)
        draw(data, model, tmp_path / name, loaded)
        index = load(Pictures, tmp_path / name / INDEX)
        picture = cv2.imread(str(tmp_path / name / index.sets[0].files["depth_error"]))
        assert picture is not None
        errors.append(picture[12, 16])
    # Twice the truth is far off in metres, and right after each image's own normalisation.
    assert int(errors[0].sum()) > 300
    assert int(errors[1].sum()) < 60


def test_stored_pictures_are_complete_and_replace_older_ones(tmp_path: Path) -> None:
    data = toy_dataset(5)
    model = open_predictions(write_predictions(tmp_path / "net", data))
    folder = tmp_path / "net.pictures"
    folder.mkdir()
    (folder / "old.png").write_bytes(b"old")
    draw(data, model, folder)
    index = load(Pictures, folder / INDEX)
    assert [one.id for one in index.sets] == list(data.ids)
    assert {one.rank for one in index.sets} == {"worst", "median", "best", None}
    names = {name for one in index.sets for name in one.files.values()}
    assert {path.name for path in folder.iterdir()} == names | {INDEX}
    assert len(index.sets[0].files) == 7
    truth = cv2.imread(str(folder / index.sets[0].files["truth"]))
    assert truth is not None
    assert truth.shape == (24, 32, 3)
    assert (truth == np.array(pictures.NOTHING)).all(axis=2).sum() == 12
