"""Table 2.1 with measured numbers beside the printed ones."""

from __future__ import annotations

import csv
from pathlib import Path

import cv2
import numpy as np
import pytest
from benchmark_data import FakeDataset
from numpy.typing import NDArray
from study_results import data, pretend
from training_set import training_triple

from idfd.benchmark.baselines import MedianDepth
from idfd.benchmark.evaluate import evaluate
from idfd.benchmark.protocol import load_protocol
from idfd.benchmark.study.grid import WIDTH, draw_grid
from idfd.benchmark.study.regularisers import NAMES, plan, short_schedule, write
from idfd.benchmark.study.runs import StudyRun
from idfd.benchmark.thumbnails import Sketcher, pictures_folder
from idfd.benchmark.training.config import change_config
from idfd.errors import InputError

PRINTED_ORDER = ("xian", "godard", "hu", "ummenhofer", "eigen", "none")


def scores(run: StudyRun, test: str) -> dict[str, NDArray[np.float64]]:
    """KLD in the printed order, RMSE in the reverse of it."""
    place = PRINTED_ORDER.index(run.name)
    images = np.random.default_rng(1).uniform(-0.1, 0.1, 8)
    draw = np.random.default_rng([run.config.seed, place]).normal(0, 0.001, 8)
    return {"rmse": 2 - 0.1 * place + images + draw, "kld": 3 + 0.2 * place + images + draw}


def test_the_runs_differ_in_regulariser_and_seed_alone() -> None:
    runs = plan(data("toy"), short_schedule(), [0, 7])
    assert [run.name for run in runs] == [*NAMES, *NAMES]
    assert [run.config.seed for run in runs] == [0] * 6 + [7] * 6
    assert {run.config.loss.gradient for run in runs} == {0}
    same = {"seed": 0, "loss.regulariser": "none"}
    assert len({repr(change_config(run.config, same)) for run in runs}) == 1
    assert runs[0].config.network.heads == ("depth",)


@pytest.fixture(scope="module")
def text(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The page of a whole study."""
    folder = tmp_path_factory.mktemp("regularisers")
    runs = plan(data("toy"), short_schedule(), [0, 1, 2])
    for run in runs:
        pretend(folder, run, scores, "D3-Net (depth)")
    names = [path.name for path in write(folder, runs)]
    assert names == ["regularisers.md", "regularisers.html", "regularisers.csv"]
    return (folder / "regularisers.md").read_text()


def test_the_table_has_printed_and_measured_numbers(text: str) -> None:
    rows = [line.split(" | ") for line in text.splitlines() if " | printed | " in line]
    assert [row[0] for row in rows] == [f"| {name}" for name in NAMES]
    by_name = {row[0][2:]: row for row in rows}
    assert by_name["xian"][2:4] == ["0.559", "0.125"]
    assert by_name["none"][2] == "0.619"
    assert "7100.9" in " ".join(by_name["xian"])
    assert "7192.9" in " ".join(by_name["godard"])
    assert text.count(" | measured | ") == 6
    assert "3 seeds, a GPU, bf16" in text


def test_whether_the_printed_order_holds_is_said(text: str) -> None:
    assert "printed xian, godard, hu, ummenhofer, eigen, none; measured xian, godard, hu" in text
    assert "So the printed order holds." in text
    assert "By RMSE, best first: printed hu, xian, godard, ummenhofer, eigen, none" in text
    assert "So the printed order holds." not in text.split("By RMSE")[1]


def test_one_run_makes_a_table_without_an_order(tmp_path: Path) -> None:
    runs = plan(data("toy"), short_schedule(), [0])
    assert write(tmp_path, runs) == []
    pretend(tmp_path, runs[0], scores)
    write(tmp_path, runs)
    text = (tmp_path / "regularisers.md").read_text()
    assert "Kendall" not in text
    assert text.count(" | measured | –") == 5
    with (tmp_path / "regularisers.csv").open() as file:
        assert {row["model"] for row in csv.DictReader(file)} == {"none"}


def test_other_settings_are_refused(tmp_path: Path) -> None:
    runs = plan(data("toy"), short_schedule(), [0])
    pretend(tmp_path, runs[0], scores)
    longer = plan(data("toy"), change_config(short_schedule(), {"epochs": 51}), [0])
    with pytest.raises(InputError, match="other settings or releases"):
        write(tmp_path, longer)


def test_pictures_of_any_shape_stand_in_one_row(tmp_path: Path) -> None:
    """Photos and maps are stored in two widths, so that rounding gives them two shapes."""
    model = MedianDepth()
    model.median_m = 1.0
    triple = training_triple("hall-a", 9, (422, 630))
    dataset, loaded = FakeDataset([triple]), load_protocol()
    sketcher = Sketcher(dataset, model, loaded, None)
    path = tmp_path / "results.json"
    results = evaluate(dataset, model, loaded, on_image=sketcher.add, progress=False)
    sketcher.store(results, pictures_folder(path))
    folder = pictures_folder(path)
    heights = set()
    for view in ("defocused", "truth"):
        stored = cv2.imread(str(next(folder.glob(f"*.{view}.*"))))
        assert stored is not None
        heights.add(round(stored.shape[0] * WIDTH / stored.shape[1]))
    assert len(heights) == 2
    drawn = draw_grid({"one": path, "other": path})
    assert drawn is not None
    grid = cv2.imdecode(np.frombuffer(drawn, np.uint8), cv2.IMREAD_COLOR)
    assert grid is not None
    assert grid.shape[1] == 4 * WIDTH
