"""Each training release on each test release: tables 4.2 and 4.3 of the thesis, and beyond."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from idfd.benchmark.compare import notes
from idfd.benchmark.metrics.registry import METRICS, Metric
from idfd.benchmark.seeds import Combined, combine
from idfd.benchmark.study.rank import difference
from idfd.benchmark.study.runs import Data, ScoredOn, StudyRun, collect
from idfd.benchmark.study.sheet import NONE, Page, Sheet, cell, conditions, reading, write_page
from idfd.benchmark.tables.published import PublishedRow, published_tables
from idfd.benchmark.training.config import TrainConfig, change_config
from idfd.errors import InputError

COLUMNS = ("rmse", "abs_rel", "delta1", "kld", "psnr", "psnr_gain", "ssim", "defocus_mae")
COMPARED = ("rmse", "abs_rel", "psnr", "ssim", "defocus_mae")
SYNTHETIC = frozenset({"nyu", "syndof"})
"""Sets of the printed tables whose defocus was computed."""
UNSTATED = "unstated"
"""What the tables call data that the thesis does not name."""
Grid = dict[tuple[str, str], Combined]
"""What was measured, by the names of training and test release."""


def plan(
    train: Sequence[Data], tests: Sequence[Data], config: TrainConfig, seeds: Sequence[int]
) -> list[StudyRun]:
    """All training releases with the first seed, then with the next.

    Raises:
        InputError: Two releases have files of one name.
    """
    for releases in (train, tests):
        names = [data.name for data in releases]
        if twice := next((name for name in names if names.count(name) > 1), None):
            raise InputError(
                f"two releases are files called '{twice}'",
                limit="a name of its own for each",
                remedy="Rename one of the files",
            )
    scored = tuple(ScoredOn(data, data.name) for data in tests)
    return [
        StudyRun(data.name, data, change_config(config, {"seed": seed}), scored)
        for seed in seeds
        for data in train
    ]


def write(output: Path, runs: Sequence[StudyRun]) -> list[Path]:
    """Write ``cross.md``, ``.html`` and ``.csv`` from the results that stand.

    Returns:
        The paths that were written; none where no results stand.

    Raises:
        IdfdError: Results are not those of ``runs``, or files cannot be read or written.
    """
    train = list({run.name: run.train for run in runs}.values())
    tests = runs[0].tests
    grid: Grid = {
        (data.name, test.name): combine(results)
        for data in train
        for test in tests
        if (results := collect(output, runs, data.name, test))
    }
    if not grid:
        return []
    scored = {name for one in grid.values() for name in one.metrics}
    page = Page(
        title=f"{' + '.join(runs[0].config.network.heads)}: trained on one release, scored on "
        "another",
        sentences=(
            reading(grid.values()),
            *notes([results for one in grid.values() for results in one.results]),
        ),
        sheets=(
            *(_matrix(METRICS[name], train, tests, grid) for name in COLUMNS if name in scored),
            *_differences(train, tests, grid),
            _beside(train, tests, grid),
        ),
        measured=tuple(grid.values()),
    )
    return write_page(page, output, "cross")


def _matrix(metric: Metric, train: Sequence[Data], tests: Sequence[ScoredOn], grid: Grid) -> Sheet:
    def text(data: Data, test: ScoredOn) -> str:
        one = grid.get((data.name, test.name))
        if one is None or metric.name not in one.metrics:
            return NONE
        return f"{cell(one, metric.name)}; {conditions(one)}"

    return Sheet(
        metric.heading,
        ("Trained on", *(f"Scored on {_told(test.data)}" for test in tests)),
        tuple((_told(data), *(text(data, test) for test in tests)) for data in train),
    )


def _told(data: Data) -> str:
    return f"{data.name} ({data.defocus} defocus)"


def _differences(train: Sequence[Data], tests: Sequence[ScoredOn], grid: Grid) -> tuple[Sheet, ...]:
    """What training on each other release instead of the first does to the scores."""
    sheets = []
    for data in train[1:]:
        rows = []
        for test in tests:
            one, first = (grid.get((side.name, test.name)) for side in (data, train[0]))
            if one is not None and first is not None:
                rows += [
                    (test.name, METRICS[name].heading, *_gap(one, first, name))
                    for name in COMPARED
                    if name in one.metrics and name in first.metrics
                ]
        if rows:
            sheets.append(
                Sheet(
                    f"Trained on {_told(data)} instead of {_told(train[0])}, on the same images",
                    ("Scored on", "Metric", "Change", "± over seeds", "Seeds", "Images", "Certain"),
                    tuple(rows),
                )
            )
    return tuple(sheets)


def _gap(one: Combined, first: Combined, name: str) -> tuple[str, ...]:
    """Change with its paired interval over images, and whether images and seeds bear it out."""
    gap, metric = difference(one, first, name), METRICS[name]
    write = f"{{:+.{metric.digits}f}}".format
    worse = metric.higher_is_better is (gap.images.mean < 0)
    return (
        f"{write(gap.images.mean)} ({write(gap.images.low)} to {write(gap.images.high)})",
        NONE if gap.seed_sd is None else metric.format(gap.seed_sd),
        str(len(gap.seeds)),
        str(gap.images.images),
        ("worse" if worse else "better") if gap.certain else "no",
    )


def _beside(train: Sequence[Data], tests: Sequence[ScoredOn], grid: Grid) -> Sheet:
    """Printed rows of the same kind: the same step from natural or synthetic defocus to either."""
    published, rows = published_tables(), []
    for data in train:
        for test in tests:
            one = grid.get((data.name, test.name))
            if one is None:
                continue
            for table in published.tables:
                for row in table.rows:
                    if not _alike(row, one, data, test):
                        continue
                    names = [name for name in table.columns if name in one.metrics]
                    if not names:
                        continue
                    printed = dict(zip(table.columns, row.values, strict=True))
                    rows.append(
                        (
                            f"{data.name} → {test.name}",
                            f"{table.number} {row.model}, {published.route(row)}",
                            ", ".join(
                                f"{METRICS[name].title} {cell(one, name)} "
                                f"(printed {NONE if printed[name] is None else printed[name]})"
                                for name in names
                            ),
                        )
                    )
    return Sheet(
        "Rows of the thesis that these stand beside: the same step between natural and synthetic "
        "defocus with other data, so no row is repeated",
        ("Trained → scored", "Printed row", "Measured (printed)"),
        tuple(rows),
    )


def _alike(row: PublishedRow, one: Combined, data: Data, test: ScoredOn) -> bool:
    """Whether a printed row took the same step; where it does not say from what, to the same."""
    facts = one.first.model.training
    learned, scored = (
        "synthetic" if name in SYNTHETIC else "natural" for name in (row.trained_on, row.tested_on)
    )
    same_step = row.trained_on == UNSTATED or (
        learned == data.defocus and (row.trained_on == row.tested_on) == (data == test.data)
    )
    return (
        facts is not None
        and facts.network == row.model
        and same_step
        and scored == test.data.defocus
        and row.depth_kind in (None, one.first.release.depth_kind)
    )
