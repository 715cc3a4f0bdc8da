from __future__ import annotations

from importlib import metadata
from pathlib import Path

import numpy as np
import pytest
from benchmark_data import toy_dataset

from idfd.benchmark.baselines import Identity, MedianDepth
from idfd.benchmark.evaluate import model_input
from idfd.benchmark.models import available_models, load_model
from idfd.errors import InputError, ReleaseError


def test_the_baselines_are_registered() -> None:
    assert {"identity", "median-depth"} <= available_models().keys()
    for name in ("identity", "median-depth"):
        assert load_model(name).name == name


def test_an_unknown_model_gets_a_suggestion() -> None:
    with pytest.raises(InputError, match="Did you mean 'median-depth'"):
        load_model("median_depth")


def test_the_median_is_that_of_all_valid_pixels() -> None:
    train = toy_dataset(4)
    model = MedianDepth()
    model.fit(train)
    depths = np.concatenate([t.depth[t.depth > 0] for t in train.triples])
    assert model.median_m == float(np.median(depths)) / 1000
    predicted = model.predict(model_input(train[0])).depth_m
    assert predicted is not None
    assert predicted.shape == train[0].depth.shape
    assert predicted.dtype == np.float32


def test_the_median_needs_depth_and_a_training_split() -> None:
    with pytest.raises(ReleaseError, match="has not seen a training split"):
        MedianDepth().predict(model_input(toy_dataset(1)[0]))
    empty = toy_dataset(1)
    empty.triples[0].depth[:] = 0
    with pytest.raises(ReleaseError, match="no valid depth"):
        MedianDepth().fit(empty)


def test_a_model_cannot_reach_the_truth_or_spoil_the_triple() -> None:
    triple = toy_dataset(1)[0]
    item = model_input(triple)
    assert not hasattr(item, "depth")
    assert not hasattr(item, "all_in_focus")
    before = triple.defocused.copy()
    item.defocused[:] = 0
    np.testing.assert_array_equal(triple.defocused, before)


def test_a_model_in_the_working_folder_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "my_own_model.py").write_text(
        "class Net:\n"
        "    name = 'net'\n"
        "    predicts = frozenset({'depth'})\n"
        "    def predict(self, item):\n"
        "        return None\n"
        "class Half:\n"
        "    name = 'half'\n"
        "class Odd(Net):\n"
        "    predicts = frozenset({'normals'})\n"
        "number = 3\n"
    )
    monkeypatch.chdir(tmp_path)
    assert load_model("my_own_model:Net").name == "net"
    for name, message in (
        ("my_own_model:Half", "gives a Half"),
        ("my_own_model:Odd", "normals"),
        ("my_own_model:Missing", "has no 'Missing'"),
        ("my_own_model:number", "not a class or function"),
        ("no_such_module:Net", "cannot be imported"),
    ):
        with pytest.raises(InputError, match=message):
            load_model(name)


def test_installed_packages_add_models(monkeypatch: pytest.MonkeyPatch) -> None:
    class Entry:
        name = "third-party"
        value = "idfd.benchmark.baselines:Identity"

    monkeypatch.setattr(metadata, "entry_points", lambda group: [Entry()])
    assert "third-party" in available_models()
    assert isinstance(load_model("third-party"), Identity)
