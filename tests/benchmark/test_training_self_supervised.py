"""A map of defocus learned from photos alone: what a run needs, logs, scores and leaves."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pytest
from benchmark_data import FakeDataset
from training_set import QUICK, small_networks, training_release, training_triple

from idfd.benchmark.evaluate import model_input
from idfd.benchmark.models import ModelInput, Prediction, Target
from idfd.benchmark.reblur.photo import reblur_photo
from idfd.benchmark.trained import TrainedModel, open_checkpoint
from idfd.benchmark.training.config import TrainConfig, change_config, load_config
from idfd.benchmark.training.log import read_log
from idfd.benchmark.training.loop import train
from idfd.benchmark.training.preview import draw_preview
from idfd.benchmark.training.samples import check_parts
from idfd.benchmark.training.validate import selection_score, validate
from idfd.errors import InputError, ReleaseError
from idfd.model.triple import Triple
from idfd.release.reader import IDFD
from idfd.storage.images import read_photo

SELF = change_config(
    QUICK,
    {"network.heads": ["defocus", "aif"], "epochs": 1, "pictures_every": 1, "network.dropout": 0},
)


@pytest.fixture(scope="module", autouse=True)
def small_network() -> Iterator[None]:
    with small_networks():
        yield


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return training_release(tmp_path_factory.mktemp("release"), count=4)


def lacking(triple: Triple, *parts: str) -> Triple:
    return replace(triple, record=msgspec.structs.replace(triple.record, absent=parts))


class Truth(TrainedModel):
    """Gives one map for all photos."""

    def __init__(self, defocus_px: float) -> None:
        self.name, self.origin = "truth", None
        self.predicts: frozenset[Target] = frozenset({"defocus"})
        self.value = defocus_px

    def predict(self, item: ModelInput) -> Prediction:
        shape = item.defocused.shape[:2]
        return Prediction(defocus_px=np.full(shape, self.value, np.float32))


@pytest.mark.parametrize("sharp", ["given", "self"])
def test_a_run_learns_and_scores_from_photos_alone(
    release: Path, tmp_path: Path, sharp: str
) -> None:
    config = change_config(SELF, {"loss.self_supervised.sharp": sharp})
    outcome = train(
        release, config, tmp_path, device="cpu", cache=release.parent / "cache", progress=False
    )
    learned = next(entry for entry in read_log(tmp_path) if entry["kind"] == "train")
    extra = {"given": "charbonnier", "self": "sparsity"}[sharp]
    assert {"defocus", "reblur", "smooth", extra} <= set(learned)
    assert outcome.record.network.name == "2HDED:NET (defocus)"
    assert {"reblur_psnr", "psnr"} <= set(outcome.record.progress.scores)
    model = open_checkpoint(outcome.checkpoint, device="cpu")
    prediction = model.predict(model_input(training_triple("hall-a", 99)))
    assert prediction.depth_m is None
    assert prediction.defocus_px is not None
    assert 0 < prediction.defocus_px.min() <= prediction.defocus_px.max() < 32
    assert list((tmp_path / "pictures").glob("*.jpg"))


def test_the_preset_is_chapter_5() -> None:
    config = load_config("self-supervised")
    weights = config.loss.self_supervised
    assert config.network.heads == ("defocus", "aif")
    assert (weights.reblur, weights.smooth, weights.charbonnier) == (2, 0.5, 0.01)
    assert (weights.alpha, weights.beta, weights.window) == (0.85, 2.5, 51)


@pytest.mark.parametrize(
    ("heads", "sharp", "needed"),
    [
        (["depth"], "given", {"defocused", "depth"}),
        (["aif"], "given", {"defocused", "all_in_focus"}),
        (["defocus"], "given", {"defocused", "all_in_focus"}),
        (["defocus", "aif"], "self", {"defocused"}),
    ],
)
def test_what_is_learned_from(heads: list[str], sharp: str, needed: set[str]) -> None:
    changes = {"network.heads": heads, "loss.self_supervised.sharp": sharp}
    assert change_config(TrainConfig(), changes).learns_from == needed


def test_no_sharp_photo_needs_a_head_that_makes_one() -> None:
    changes = {"network.heads": ["defocus"], "loss.self_supervised.sharp": "self"}
    with pytest.raises(InputError, match="needs the head aif"):
        change_config(TrainConfig(), changes)


def test_absent_parts_are_not_learned_from(release: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with IDFD(release) as data:
        record = lacking(training_triple("room0-a", 0), "all_in_focus").record
        monkeypatch.setattr(data, "record", lambda take: record)
        check_parts(data, ("room0-a",), frozenset({"defocused"}))
        with pytest.raises(ReleaseError, match="room0-a has no all_in_focus"):
            check_parts(data, ("room0-a",), frozenset({"defocused", "all_in_focus"}))


def test_a_map_is_selected_by_the_photo_that_it_re_blurs() -> None:
    """No true map is there: the triples hold photos only."""
    triple = lacking(training_triple("hall-a", 99), "depth")
    triple = replace(
        triple,
        depth=np.zeros_like(triple.depth),
        source=np.zeros_like(triple.source),
        defocused=reblur_photo(triple.all_in_focus, np.full(triple.depth.shape, 6.0)),
    )
    scores = {value: validate(FakeDataset([triple]), Truth(value)) for value in (3.0, 6.0, 9.0)}
    assert all(set(found) == {"reblur_psnr"} for found in scores.values())
    assert min(scores, key=lambda value: selection_score(scores[value])) == 6.0


def test_the_preview_shows_the_map_beside_its_truth(tmp_path: Path) -> None:
    triple = training_triple("hall-a", 99)
    known = replace(triple, defocus=np.full(triple.depth.shape, -3, np.float16))
    widths = []
    for shown in (triple, known):
        draw_preview(FakeDataset([shown]), Truth(3.0), tmp_path / "preview.jpg")
        widths.append(read_photo(tmp_path / "preview.jpg").shape[1])
    assert widths[0] // 2 == widths[1] // 3
