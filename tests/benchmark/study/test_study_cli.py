"""``idfd benchmark study`` from a release to its pages, with a small network."""

from __future__ import annotations

from pathlib import Path

import cv2
import pytest
from click.testing import CliRunner
from safetensors.numpy import load_file
from training_set import QUICK, small_networks, training_release

from idfd.benchmark import optional
from idfd.benchmark.training.config import TrainConfig, change_config, show_config
from idfd.cli.benchmark import benchmark
from idfd.cli.benchmark.study import study
from idfd.errors import MissingDependencyError


def settings(folder: Path) -> str:
    path = folder / "settings.yaml"
    quick: TrainConfig = change_config(QUICK, {"epochs": 1, "validation.share": 0})
    path.write_text(show_config(quick))
    return str(path)


def test_regularisers_from_a_release_to_the_page(tmp_path: Path) -> None:
    release, out = training_release(tmp_path, 2), tmp_path / "out"
    words = ["study", "regularisers", str(release), "-o", str(out), "--seeds", "3"]
    words += ["--config", settings(tmp_path)]
    with small_networks():
        done = CliRunner().invoke(benchmark, words, catch_exceptions=False)
        assert done.exit_code == 0, done.output
        pages = [out / f"regularisers.{suffix}" for suffix in ("md", "html", "csv", "jpg")]
        for path in pages:
            assert f"Wrote {path}" in done.output
        assert "Run 6 of 6: godard-seed3, about" in done.output
        results = {path: path.read_bytes() for path in (out / "results").glob("*.json")}
        assert len(results) == 6
        again = CliRunner().invoke(benchmark, words, catch_exceptions=False)
    assert "Run " not in again.output
    assert results == {path: path.read_bytes() for path in (out / "results").glob("*.json")}
    # Photo, truth and six models, each with its error below and a heading above.
    picture = cv2.imread(str(pages[3]))
    assert picture is not None
    assert picture.shape[1] == 8 * 240
    run = out / "runs" / "xian-seed3"
    names = load_file(run / "weights.safetensors")
    assert names
    assert not [name for name in names if name.startswith("training.")]
    assert not (run / "last.safetensors").exists()
    text = pages[0].read_text()
    assert "D3-Net (depth)" in text
    assert text.count(" | measured | ") == 6


def test_cross_from_two_releases_to_the_page(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    first = training_release(tmp_path / "a", 2).rename(tmp_path / "first.h5")
    second = training_release(tmp_path / "b", 3).rename(tmp_path / "second.h5")
    out = tmp_path / "out"
    words = ["study", "cross", "-o", str(out), "--seeds", "0", "--heads", "depth"]
    words += ["--config", settings(tmp_path), "--drop-weights"]
    for release in (first, second):
        words += ["--train", str(release), "--test", str(release)]
    with small_networks():
        done = CliRunner().invoke(benchmark, words, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    assert sorted(path.name for path in (out / "results").glob("*.json")) == [
        f"{train}-seed0-on-{test}.json"
        for train in ("first", "second")
        for test in ("first", "second")
    ]
    assert not list(out.rglob("*.safetensors"))
    text = (out / "cross.md").read_text()
    assert "Trained on second (natural defocus) instead of first" in text


@pytest.mark.parametrize("seeds", ["", "1,1", "a", "-1", "0;1"])
def test_seeds_are_different_numbers(seeds: str) -> None:
    words = ["regularisers", "x.h5", "-o", "out", "--seeds", seeds]
    done = CliRunner().invoke(study, words)
    assert done.exit_code == 2
    assert "no list of different numbers, such as 0,1,2" in " ".join(done.output.split())


def test_without_torch_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(optional, "find_spec", lambda name: None if name == "torch" else object())
    done = CliRunner().invoke(study, ["regularisers", "x.h5", "-o", "out"])
    assert isinstance(done.exception, MissingDependencyError)
    assert "pip install idfd[benchmark]" in str(done.exception)
