"""Chapter 2 of the thesis: a D3-Net for depth with each of six regularisers, all else the same."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import get_args

from idfd.benchmark.compare import notes
from idfd.benchmark.losses.config import Regulariser
from idfd.benchmark.seeds import Combined, combine
from idfd.benchmark.study.grid import CAPTION, draw_grid
from idfd.benchmark.study.rank import rank
from idfd.benchmark.study.runs import (
    Data,
    ScoredOn,
    StudyRun,
    collect,
    results_path,
)
from idfd.benchmark.study.sheet import NONE, Page, Sheet, cell, conditions, reading, write_page
from idfd.benchmark.tables.published import COLUMNS, PublishedTable, published_tables
from idfd.benchmark.thumbnails import pictures_folder
from idfd.benchmark.training.config import TrainConfig, change_config, load_config

NAMES: tuple[Regulariser, ...] = get_args(Regulariser)
TABLE = "2.1"
RANKED = {"kld": "kld_printed", "rmse": "rmse"}
"""Our metric, and the printed column whose order it is held against."""


def short_schedule() -> TrainConfig:
    """Settings for about five minutes on a core: 50 passes in windows of 64×64.

    They are those of the preset ``cpu`` otherwise. Nothing is validated before the last step,
    because the last weights are what is scored.
    """
    return change_config(
        load_config("cpu"),
        {
            "epochs": 50,
            "crop": 64,
            "batch": 16,
            "average": 0.98,
            "schedule.warmup_steps": 20,
            "validation.every": 50,
            "pictures_every": 0,
        },
    )


def plan(release: Data, config: TrainConfig, seeds: Sequence[int]) -> list[StudyRun]:
    """The six regularisers with the first seed, then with the next.

    Args:
        release: What to train on; the split 'test' of it is scored.
        config: Settings of all runs; heads, gradient term (μ = 0), regulariser and seed are set
            here.
        seeds: Seeds.
    """
    return [
        StudyRun(name, release, _settings(config, name, seed), (ScoredOn(release),))
        for seed in seeds
        for name in NAMES
    ]


def _settings(config: TrainConfig, name: Regulariser, seed: int) -> TrainConfig:
    changes = {"network.heads": ["depth"], "loss.gradient": 0, "loss.regulariser": name}
    return change_config(config, {**changes, "seed": seed})


def write(output: Path, runs: Sequence[StudyRun]) -> list[Path]:
    """Write ``regularisers.md``, ``.html``, ``.csv`` and ``.jpg`` from the results that stand.

    Returns:
        The paths that were written; none where no results stand.

    Raises:
        IdfdError: Results are not those of ``runs``, or files cannot be read or written.
    """
    test = runs[0].tests[0]
    found: dict[str, Combined] = {}
    for name in NAMES:
        if results := collect(output, runs, name, test):
            found[name] = combine(results)
    if not found:
        return []
    pictures = {}
    for run in runs:
        path = results_path(output, run, test)
        if run.name not in pictures and pictures_folder(path).exists():
            pictures[run.name] = path
    picture = draw_grid(pictures)
    page = Page(
        title=f"Regularisers on {test.data.name}",
        sentences=_sentences(found, runs),
        sheets=(_table(found),),
        measured=tuple(found.values()),
        picture=None if picture is None else (picture, CAPTION),
    )
    return write_page(page, output, "regularisers")


def _printed() -> PublishedTable:
    return next(table for table in published_tables().tables if table.number == TABLE)


def _values(table: PublishedTable) -> dict[str, dict[str, float]]:
    """Printed values by name and column; the name leaves out that Godard's is modified."""
    return {
        row.key.removesuffix("_modified"): {
            name: value
            for name, value in zip(table.columns, row.values, strict=True)
            if value is not None
        }
        for row in table.rows
    }


def _sentences(found: dict[str, Combined], runs: Sequence[StudyRun]) -> tuple[str, ...]:
    settings = runs[0].config
    facts = next(iter(found.values())).first.model.training
    assert facts is not None
    printed = _values(_printed())
    orders = []
    for metric, column in RANKED.items():
        theirs = {one: values[column] for one, values in printed.items()}
        if order := rank(theirs, found, metric):
            orders.append(order.text())
    return (
        f"{facts.network}, {facts.encoder}, {facts.train_images} triples, {facts.steps} steps of "
        f"{settings.batch} windows of {settings.crop}×{settings.crop}; the loss is L1 plus the "
        f"regulariser with weight {settings.loss.regulariser_weight:g}, without the gradient "
        "term. Runs of one seed begin with the same weights and see the same windows.",
        reading(found.values()),
        "Printed numbers are those of NYU-Depth-V2 and of a network that was trained to its end. "
        "The scale of the printed KLD is not known, so that its order alone can be compared.",
        *orders,
        *notes([results for one in found.values() for results in one.results]),
    )


def _table(found: dict[str, Combined]) -> Sheet:
    table = _printed()
    printed, rows = _values(table), []
    for name in NAMES:
        theirs, one = printed[name], found.get(name)
        numbers = (f"{theirs[c]:g}" if c in theirs else NONE for c in table.columns)
        rows.append((name, "printed", *numbers, NONE))
        cells = (cell(one, column) for column in table.columns)
        rows.append((name, "measured", *cells, conditions(one) if one else NONE))
    headings = (COLUMNS[name].heading for name in table.columns)
    return Sheet(
        f"Table {table.number}, with measured numbers",
        ("Regulariser", "Source", *headings, "Seeds and hardware"),
        tuple(rows),
    )
