"""Every user's path on the rendered set, through the command line as a user types it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import cv2
import msgspec
import numpy as np
import pytest

from idfd import IDFD
from idfd.cli.main import main


def run(*arguments: object) -> int:
    with pytest.raises(SystemExit) as caught:
        main([str(argument) for argument in arguments])
    return int(str(caught.value.code))


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("demo")
    assert run("demo", "-o", folder, "--scenes", 9) == 0
    return folder


def test_the_demo_leaves_what_it_says(demo: Path) -> None:
    for name in ("report.html", "demo.card.html", "demo.card.md", "demo.h5", "collection/audit.md"):
        assert (demo / name).stat().st_size > 100
    page = (demo / "report.html").read_text()
    # Portable: nothing is fetched from anywhere.
    assert not re.findall(r"(?:src|href)=[\"']?(?:https?:|//)", page)


def test_the_demo_recovers_the_rendered_geometry(demo: Path) -> None:
    """The truth beside the rendered photos: every pair's transform is found to 0.3 px."""
    from idfd.model import schema
    from idfd.model.curation import PairFit
    from idfd.model.triple import PairTransform
    from idfd.processing.transform import map_points

    truth = {
        view["photo"].replace("-", "").replace(":", "").split(".")[0]: msgspec.convert(
            view["transform"], PairTransform
        )
        for view in json.loads((demo / "photos/truth.json").read_text())["views"]
    }
    corners = np.array([[0, 0], [479, 0], [0, 319], [479, 319]])
    errors = []
    for path in (demo / "triples/fits").glob("*.json"):
        found = schema.load(PairFit, path).transform
        difference = map_points(found, corners) - map_points(truth[path.stem], corners)
        errors.append(np.linalg.norm(difference, axis=1).max())
    assert len(errors) == 9
    assert max(errors) < 0.3


def test_a_second_demo_changes_nothing(demo: Path) -> None:
    before = (demo / "demo.h5").read_bytes()
    assert run("demo", "-o", demo, "--scenes", 9) == 0
    assert (demo / "demo.h5").read_bytes() == before


def test_the_maintainer_draws_splits_and_shows(
    demo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    splits, release = tmp_path / "splits.json", tmp_path / "own.h5"
    assert run("release", "split", demo / "triples", "-o", splits,
               "--share", "train=0.6", "--share", "test=0.4") == 0  # fmt: skip
    assert run("release", "build", demo / "triples", "-o", release, "--version", "1.2.3",
               "--splits", splits, "--name", "own") == 0  # fmt: skip
    capsys.readouterr()
    assert run("release", "verify", release, "--json") == 0
    report = json.loads(capsys.readouterr().out)
    assert report["findings"] == []
    assert report["checked"]["array checksum"] > 30
    assert run("release", "info", release, "--json") == 0
    assert json.loads(capsys.readouterr().out)["version"] == "1.2.3"
    picture = tmp_path / "triple.png"
    assert run("release", "show", release, IDFD(release).ids[0], "-o", picture) == 0
    assert run("release", "show", release, "-o", tmp_path / "sheet.png") == 0
    for path in (picture, tmp_path / "sheet.png"):
        image = cv2.imread(str(path))
        assert image is not None
        assert image.shape[1] > 400


def test_the_researcher_scores_own_predictions(
    demo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    test = IDFD(demo / "demo.h5", split="test")
    folder = tmp_path / "mine"
    (folder / "depth").mkdir(parents=True)
    for triple in test:
        guess = np.where(triple.depth > 0, triple.depth.astype(np.uint32) + 100, 1000)
        cv2.imwrite(str(folder / "depth" / f"{triple.record.id}.png"), guess.astype(np.uint16))
    results = tmp_path / "mine.json"
    assert run("benchmark", "evaluate", demo / "demo.h5", "--predictions", folder,
               "-o", results) == 0  # fmt: skip
    found = json.loads(results.read_text())
    assert found["metrics"]["rmse"]["mean"] == pytest.approx(0.1, abs=1e-6)
    page = tmp_path / "report.html"
    others = [demo / "results" / f"{name}.json" for name in ("identity", "median-depth")]
    assert run("benchmark", "report", results, *others, "-o", page) == 0
    assert "median-depth" in page.read_text()
    capsys.readouterr()


def test_a_damaged_release_is_refused_by_verify(demo: Path, tmp_path: Path) -> None:
    data = bytearray((demo / "demo.h5").read_bytes())
    data[-5000] ^= 0x10
    bad = tmp_path / "bad.h5"
    bad.write_bytes(data)
    assert run("release", "verify", bad) == 1
