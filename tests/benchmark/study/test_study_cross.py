"""The tables of training against test releases."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from study_results import data, pretend

from idfd.benchmark.study.cross import plan, write
from idfd.benchmark.study.runs import StudyRun
from idfd.benchmark.training.config import TrainConfig
from idfd.errors import InputError

LENS, MADE = data("lens"), data("made", "synthetic")


def scores(run: StudyRun, test: str) -> dict[str, NDArray[np.float64]]:
    """Training on computed defocus costs 0.2 m and 2 dB on photos of a lens."""
    images = np.random.default_rng(5).uniform(-0.3, 0.3, 10)
    seed = 0.01 * run.config.seed
    crossed = run.name != test
    return {
        "rmse": 1.0 + images + seed + 0.2 * crossed,
        "psnr": 30.0 + images + seed - 2.0 * crossed,
    }


@pytest.fixture(scope="module")
def runs() -> list[StudyRun]:
    return plan([LENS, MADE], [LENS, MADE], TrainConfig(), [0, 1, 2])


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory, runs: list[StudyRun]) -> Path:
    """The folder of a whole study."""
    folder = tmp_path_factory.mktemp("cross")
    for run in runs:
        pretend(folder, run, scores)
    names = [path.name for path in write(folder, runs)]
    assert names == ["cross.md", "cross.html", "cross.csv"]
    return folder


def test_the_plan_takes_all_releases_before_the_next_seed(runs: list[StudyRun]) -> None:
    assert [run.key for run in runs[:3]] == ["lens-seed0", "made-seed0", "lens-seed1"]
    assert all([test.name for test in run.tests] == ["lens", "made"] for run in runs)


def test_releases_need_names_of_their_own() -> None:
    with pytest.raises(InputError, match="'lens'"):
        plan([LENS, LENS], [MADE], TrainConfig(), [0])


def test_cells_say_interval_seeds_and_hardware(pages: Path) -> None:
    text = (pages / "cross.md").read_text()
    rmse = text.split("## RMSE")[1].split("##")[0]
    assert "Scored on lens (natural defocus)" in rmse
    row = next(line for line in rmse.splitlines() if line.startswith("| made (synthetic"))
    assert "± 0.010; 3 seeds, a GPU, bf16" in row
    assert row.count("(0.") + row.count("(1.") == 2  # two intervals
    assert "<h2>RMSE [m] ↓</h2>" in (pages / "cross.html").read_text()


def test_the_change_is_paired(pages: Path) -> None:
    text = (pages / "cross.md").read_text()
    change = text.split("instead of lens")[1].split("##")[0]
    # The same images and seeds: what is left of their spread is nothing.
    assert r"| lens | RMSE \[m] ↓ | +0.200 (+0.200 to +0.200) | 0.000 | 3 | 10 | worse |" in change
    assert r"| lens | PSNR \[dB] ↑ | -2.00 (-2.00 to -2.00) | 0.00 | 3 | 10 | worse |" in change
    assert r"| made | RMSE \[m] ↓ | -0.200 (-0.200 to -0.200) | 0.000 | 3 | 10 | better |" in change


def test_printed_rows_of_the_same_kind_stand_beside(pages: Path) -> None:
    beside = (pages / "cross.md").read_text().split("## Rows of the thesis")[1]
    rows = {tuple(line.split(" | ")[:2]) for line in beside.splitlines() if " → " in line}
    assert any(a == "| made → lens" and b.startswith("4.2 2HDED:NET, NYU") for a, b in rows)
    assert any(a == "| lens → lens" and b.startswith("4.2 2HDED:NET, iDFD → iDFD") for a, b in rows)
    assert any(a == "| made → made" and b.startswith("3.1") for a, b in rows)
    assert not any(a == "| lens → made" for a, _ in rows)  # nobody printed that


def test_what_is_missing_is_empty(tmp_path: Path, runs: list[StudyRun]) -> None:
    assert write(tmp_path, runs) == []
    pretend(tmp_path, runs[0], scores)
    write(tmp_path, runs)
    text = (tmp_path / "cross.md").read_text()
    assert "| made (synthetic defocus) | – | – |" in text
    assert "instead of" not in text


def test_numbers_for_programs(pages: Path) -> None:
    with (pages / "cross.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 2 * 2 * 2
    one = next(
        r for r in rows if (r["model"], r["scored_on"], r["metric"]) == ("made", "lens", "rmse")
    )
    assert (one["seeds"], one["images"], one["unit"]) == ("0 1 2", "10", "m")
    assert float(one["low"]) < float(one["value"]) < float(one["high"])


def test_another_release_of_the_name_is_refused(tmp_path: Path, runs: list[StudyRun]) -> None:
    pretend(tmp_path, runs[0], scores)
    other = plan([data("lens2")], [LENS], TrainConfig(), [0])[0]
    path = tmp_path / "results" / "lens-seed0-on-lens.json"
    path.rename(path.with_name("lens2-seed0-on-lens.json"))
    with pytest.raises(InputError, match="other settings or releases"):
        write(tmp_path, [other])
