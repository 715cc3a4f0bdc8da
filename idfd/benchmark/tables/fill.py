"""Put measured results into the rows of the published tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from idfd.benchmark.bootstrap import Interval
from idfd.benchmark.metrics.registry import METRICS, Metric
from idfd.benchmark.results import Results
from idfd.benchmark.seeds import Combined, group
from idfd.benchmark.tables.published import COLUMNS, PublishedRow, PublishedTables
from idfd.errors import InputError

OVERVIEW = ("rmse", "abs_rel", "delta1", "kld", "psnr", "psnr_gain", "ssim", "defocus_mae")
"""Columns of the table of all that was measured under metric protocols."""


@dataclass(frozen=True)
class Cell:
    """One number with all that is known about it.

    Attributes:
        metric: What it is; a measured cell may hold the min-max form of its column's metric.
        value: The number.
        interval: Bootstrap interval over images; None for a published number or a single image.
        seed_sd: Standard deviation over seeds; None with one seed.
    """

    metric: Metric
    value: float
    interval: Interval | None = None
    seed_sd: float | None = None


@dataclass(frozen=True)
class Line:
    """One line of a table: a published row, or what was measured for it.

    Attributes:
        source: 'published', 'measured' or 'measured, last image alone'; with what was measured
            where that is not what the row says.
        cells: One for each column; None where there is no number.
        measured: The results behind a measured line.
    """

    source: str
    cells: tuple[Cell | None, ...]
    measured: Combined | None = None


@dataclass(frozen=True)
class Row:
    """A model and its data, with the published line first, where there is one."""

    model: str
    route: str
    lines: tuple[Line, ...]

    @property
    def measured(self) -> bool:
        """Whether anything was measured for it."""
        return any(line.measured for line in self.lines)


@dataclass(frozen=True)
class Table:
    """A filled table; ``number`` is that of the published one, empty for our own."""

    number: str
    title: str
    columns: tuple[Metric, ...]
    rows: tuple[Row, ...]


def fill(
    published: PublishedTables,
    results: Sequence[Results],
    assigned: Mapping[tuple[str, str], Sequence[Results]] | None = None,
) -> list[Table]:
    """Fill the tables; seeds of one model share a line.

    Args:
        published: The tables.
        results: Results that find their rows by what they say of training and test data. Those
            that no row fits follow below it in tables that take other data.
        assigned: Results for a row, by (number, key), whatever they say; they must not be among
            ``results``.

    Returns:
        A table of all that was measured under metric protocols, and the published ones.

    Raises:
        InputError: There is no such row, or as for :func:`idfd.benchmark.seeds.group`.
    """
    by_hand = {place: group(some) for place, some in (assigned or {}).items()}
    known = {(table.number, row.key) for table in published.tables for row in table.rows}
    for number, key in by_hand:
        if (number, key) not in known:
            raise InputError(
                f"there is no row '{number}:{key}'",
                limit=", ".join(sorted(f"{table}:{name}" for table, name in known)),
            )
    free = group(results)
    everything = [*free, *(one for some in by_hand.values() for one in some)]
    metric = [one for one in everything if one.first.protocol.kind == "metric"]
    tables = [Table("", "Measured", _metrics(OVERVIEW), _open_rows(metric, OVERVIEW))]
    for table in published.tables:
        rows: list[Row] = []
        taken: set[int] = set()
        for row in table.rows:
            fits = [one for one in free if published.matches(row, one.first)]
            taken |= {id(one) for one in fits}
            printed = Line("published", _printed(row, table.columns))
            lines = [line for one in fits for line in _lines(one, table.columns)]
            for one in by_hand.get((table.number, row.key), []):
                told = "" if published.matches(row, one.first) else f" ({_told(one)})"
                lines += [
                    replace(line, source=line.source + told) for line in _lines(one, table.columns)
                ]
            rows.append(Row(row.model, published.route(row), (printed, *lines)))
        if table.takes_other_data:
            others = [one for one in free if id(one) not in taken]
            rows += _open_rows(others, table.columns)
        tables.append(Table(table.number, table.title, _metrics(table.columns), tuple(rows)))
    return tables


def _metrics(names: Sequence[str]) -> tuple[Metric, ...]:
    return tuple(COLUMNS[name] for name in names)


def _printed(row: PublishedRow, columns: Sequence[str]) -> tuple[Cell | None, ...]:
    return tuple(
        None if value is None else Cell(COLUMNS[name], value)
        for name, value in zip(columns, row.values, strict=True)
    )


def _open_rows(everything: Sequence[Combined], columns: Sequence[str]) -> tuple[Row, ...]:
    rows = []
    for one in everything:
        lines = _lines(one, columns)
        if lines:
            rows.append(Row(one.name, route(one.first), tuple(lines)))
    return tuple(rows)


def _told(one: Combined) -> str:
    return f"{one.name}, {route(one.first)}"


def route(results: Results) -> str:
    """Where the model learned and where it was scored, for people."""
    facts, data = results.model.training, results.release
    scored = f"{data.name} {data.version}"
    if data.split:
        scored += f" {data.split}"
    if "depth" in results.model.predicts:
        scored += f", {data.depth_kind} depth"
    return f"{facts.release} {facts.release_version} → {scored}" if facts else f"→ {scored}"


def _lines(one: Combined, columns: Sequence[str]) -> list[Line]:
    names = [name if name in one.metrics else f"{name}_minmax" for name in columns]
    cells = tuple(
        Cell(METRICS[name], one.metrics[name].mean, one.metrics[name], one.seed_sd.get(name))
        if name in one.metrics
        else None
        for name in names
    )
    # The floor says something of the data, not of the model.
    if not any(cell and METRICS[cell.metric.name].higher_is_better is not None for cell in cells):
        return []
    lines = [Line("measured", cells, one)]
    if one.last_image:
        last = tuple(
            Cell(METRICS[name], one.last_image[name]) if name in one.last_image else None
            for name in names
        )
        lines.append(Line("measured, last image alone", last, one))
    return lines
