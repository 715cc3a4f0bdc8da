from __future__ import annotations

import importlib
from pathlib import Path

import numpy as np
import pytest
from benchmark_data import toy_dataset

from idfd.benchmark.baselines import Identity, MedianDepth
from idfd.benchmark.evaluate import model_input
from idfd.benchmark.models import Registered, available_models, load_model
from idfd.errors import InputError, ReleaseError
from idfd.version import __version__


def test_the_baselines_are_registered() -> None:
    found = {model.name: model for model in available_models()}
    assert (found["identity"].distribution, found["identity"].version) == ("idfd", __version__)
    for name in ("identity", "median-depth", "median-defocus"):
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


def package(folder: Path, distribution: str, **models: str) -> None:
    """What an installed package leaves: its metadata, on the path."""
    info = folder / f"{distribution.replace('-', '_')}-2.5.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 2.5\n")
    lines = [f"{name} = {reference}" for name, reference in models.items()]
    (info / "entry_points.txt").write_text("\n".join(["[idfd.models]", *lines, ""]))


def test_installed_packages_add_models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    median = "idfd.benchmark.baselines:MedianDepth"
    package(tmp_path, "first-lab", blind=median, shared=median, identity=median)
    assert (
        Registered(name="blind", reference=median, distribution="first-lab", version="2.5")
        in available_models()
    )
    assert isinstance(load_model("blind"), MedianDepth)
    assert isinstance(load_model("shared"), MedianDepth)
    assert isinstance(load_model("identity"), Identity)  # nobody takes a baseline's name
    package(tmp_path, "second-lab", shared="idfd.benchmark.baselines:Identity")
    importlib.invalidate_caches()
    with pytest.raises(InputError, match="first-lab and second-lab both have a model 'shared'"):
        load_model("shared")
    assert isinstance(load_model("idfd.benchmark.baselines:Identity"), Identity)
