"""Filled tables as Markdown, HTML and CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import replace
from importlib import resources
from pathlib import Path

from idfd.benchmark.compare import notes
from idfd.benchmark.metrics.registry import Metric
from idfd.benchmark.names import csv_text, markdown_text
from idfd.benchmark.origin import TrainingFacts
from idfd.benchmark.seeds import Combined
from idfd.benchmark.tables.fill import Cell, Line, Table
from idfd.benchmark.tables.published import PublishedTables
from idfd.storage.durable import write_bytes

NOT_MEASURED = "not measured"
_TRAINING = (
    "Model", "Trained on", "Seeds", "Heads", "Parameters", "Encoder start", "Triples", "Validation",
    "Epochs", "Steps", "Precision", "Hardware", "Hours", "CPU hours",
)  # fmt: skip


def caution(published: PublishedTables) -> str:
    """What to know before measured and published numbers are compared."""
    return (
        f"Published: {published.source}. The protocol behind the published numbers is not stated. "
        "Public code of this network normalises truth and prediction of each image to [0, 1] "
        "before RMSE, and prints PSNR and SSIM of the last image as averages, so published numbers "
        "may not be metric and may not be means. Lines under 'legacy-minmax-1' repeat that: they "
        "are for comparison with the published lines only."
    )


def reading(tables: Sequence[Table]) -> str:
    """How to read a measured cell."""
    shares = {one.first.protocol.confidence for one in measured(tables)}
    share = " or ".join(f"{100 * value:g} %" for value in sorted(shares)) or "95 %"
    return (
        f"Measured cells: mean over images ({share} bootstrap interval over images); with several "
        "seeds the mean over them, ± standard deviation over seeds. RMSE is in metres under metric "
        "protocols and has no unit under legacy ones. –: not given."
    )


def measured(tables: Sequence[Table]) -> list[Combined]:
    """The measured models of the tables, each once."""
    lines = (line for table in tables for row in table.rows for line in row.lines)
    return list({id(line.measured): line.measured for line in lines if line.measured}.values())


def warnings(tables: Sequence[Table]) -> list[str]:
    """What keeps the measured numbers from meaning what they seem to, each sentence once."""
    scored = [results for one in measured(tables) for results in one.results]
    found = notes(scored)
    digests: dict[str, list[str]] = {}
    for one in scored:
        digests.setdefault(f"{one.release.name} {one.release.version}", []).append(
            one.release.digest[:8]
        )
    for name, some in digests.items():
        if len(set(some)) > 1:
            found.append(
                f"Releases of different content have the name {name} "
                f"({', '.join(dict.fromkeys(some))}): their scores do not compare."
            )
    return found


def heading(table: Table) -> str:
    """Title of a table."""
    return f"Table {table.number}: {table.title}" if table.number else table.title


def cell_parts(line: Line, cell: Cell | None) -> tuple[str, ...]:
    """A number with its unit, interval and spread over seeds; a published one as it was printed."""
    if cell is None:
        return ("–",)
    if line.measured is None:
        return (f"{cell.value:g}",)
    write = cell.metric.format
    # The unit of depth cannot stand in the heading: published numbers have none.
    parts = [write(cell.value) + (" m" if cell.metric.unit == "m" else "")]
    if cell.interval is not None:
        parts.append(f"({write(cell.interval.low)}–{write(cell.interval.high)})")
    if cell.seed_sd is not None:
        parts.append(f"± {write(cell.seed_sd)}")
    return tuple(parts)


def line_facts(line: Line) -> tuple[str, str, str, str]:
    """Number of images, number of seeds, protocol and encoder start of a line."""
    if line.measured is None:
        return "–", "–", "not stated", "–"
    one, first = line.measured, line.measured.first
    images = {cell.interval.images for cell in line.cells if cell and cell.interval} or {1}
    protocol = f"{first.protocol.name}, mask {first.protocol.mask}"
    if first.protocol.custom:
        protocol += " (custom)"
    facts = first.model.training
    return (
        " or ".join(str(number) for number in sorted(images)),
        str(len(one.seeds)) if one.seeds else "–",
        protocol,
        encoder_text(facts.encoder) if facts else "–",
    )


def encoder_text(encoder: str) -> str:
    """Encoder start for people: a hash is shortened."""
    return encoder if " " in encoder else f"file {encoder[:8]}…"


def training_rows(tables: Sequence[Table]) -> list[tuple[str, ...]]:
    """How the measured models were trained, one row each under the headings ``_TRAINING``."""
    rows = []
    for one in measured(tables):
        facts = [r.model.training for r in one.results if r.model.training]
        if not facts:
            continue
        first = facts[0]
        rows.append(
            (
                one.name,
                f"{first.release} {first.release_version} ({first.release_digest[:8]})",
                ", ".join(str(seed) for seed in one.seeds),
                _heads(first),
                f"{first.parameters:,}",
                encoder_text(first.encoder),
                str(first.train_images),
                str(first.validation_images),
                _span([f.epochs for f in facts], 0),
                _span([f.steps for f in facts], 0),
                first.precision,
                first.hardware,
                _span([f.wall_hours for f in facts], 2),
                _span([f.cpu_hours for f in facts], 2),
            )
        )
    return list(dict.fromkeys(rows))


def _heads(facts: TrainingFacts) -> str:
    scored, trained = " + ".join(facts.heads), " + ".join(facts.trained_heads)
    return scored if scored == trained else f"{scored} of {trained}"


def _span(values: Sequence[float], digits: int) -> str:
    low, high = (f"{value:.{digits}f}" for value in (min(values), max(values)))
    return low if low == high else f"{low}–{high}"


def markdown(published: PublishedTables, tables: Sequence[Table]) -> str:
    """The tables as Markdown."""
    parts = [f"{caution(published)}\n", f"{reading(tables)}\n"]
    parts += [f"**{markdown_text(warning)}**\n" for warning in warnings(tables)]
    for table in tables:
        headings = ["Model", "Trained on → scored on", "Source"]
        headings += [metric.heading for metric in plain_columns(table)]
        headings += ["Images", "Seeds", "Protocol", "Encoder start"]
        lines = [_markdown_row(headings), _markdown_row(["---"] * len(headings))]
        for row in table.rows:
            for index, line in enumerate(row.lines):
                names = [row.model, row.route] if index == 0 else ["", ""]
                cells = [" ".join(cell_parts(line, cell)) for cell in line.cells]
                lines.append(_markdown_row([*names, line.source, *cells, *line_facts(line)]))
            if not row.measured:
                blank = ["–"] * (len(headings) - 3)
                lines.append(_markdown_row(["", "", NOT_MEASURED, *blank]))
        if not table.rows:
            lines = ["Nothing was measured."]
        parts.append("\n".join([f"## {heading(table)}\n", *lines, ""]))
    rows = training_rows(tables)
    if rows:
        lines = [_markdown_row(_TRAINING), _markdown_row(["---"] * len(_TRAINING))]
        parts.append("\n".join(["## Training\n", *lines, *map(_markdown_row, rows), ""]))
    return "\n".join(parts)


def plain_columns(table: Table) -> tuple[Metric, ...]:
    """Columns without the unit of depth, which stands in each measured cell."""
    return tuple(
        replace(metric, unit="") if metric.unit == "m" else metric for metric in table.columns
    )


def _markdown_row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(markdown_text(cell) for cell in cells) + " |"


def comma_separated(tables: Sequence[Table]) -> str:
    """One line for each number, for programs."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(
        [
            "table", "model", "trained_on_scored_on", "source", "metric", "unit", "value", "low",
            "high", "images", "seed_sd", "seeds", "protocol", "protocol_sha256", "encoder",
        ]
    )  # fmt: skip
    for table in tables:
        for row in table.rows:
            for line in row.lines:
                for cell in line.cells:
                    if cell is not None:
                        names = map(csv_text, (row.model, row.route, line.source))
                        place = [table.number or "measured", *names]
                        writer.writerow([*place, *_csv_cell(line, cell)])
    return text.getvalue()


def _csv_cell(line: Line, cell: Cell) -> list[object]:
    interval, one = cell.interval, line.measured
    unit = "" if one is None and cell.metric.unit == "m" else cell.metric.unit
    numbers: list[object] = [cell.metric.name, unit, cell.value]
    numbers += [interval.low, interval.high, interval.images] if interval else ["", "", ""]
    numbers.append("" if cell.seed_sd is None else cell.seed_sd)
    if one is None:
        return [*numbers, "", "", "", ""]
    facts = one.first.model.training
    return [
        *numbers,
        " ".join(str(seed) for seed in one.seeds),
        one.first.protocol.name,
        one.first.protocol.sha256,
        facts.encoder if facts else "",
    ]


def page(published: PublishedTables, tables: Sequence[Table]) -> str:
    """The tables as one HTML page without external requests."""
    from jinja2 import Environment, StrictUndefined

    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    source = resources.files("idfd.benchmark.tables") / "tables.html.j2"
    return environment.from_string(source.read_text(encoding="utf-8")).render(
        caution=caution(published),
        reading=reading(tables),
        warnings=warnings(tables),
        tables=tables,
        heading=heading,
        columns=plain_columns,
        cell_parts=cell_parts,
        line_facts=line_facts,
        not_measured=NOT_MEASURED,
        training_headings=_TRAINING,
        training_rows=training_rows(tables),
    )


def write_tables(published: PublishedTables, tables: Sequence[Table], folder: Path) -> list[Path]:
    """Write ``tables.md``, ``tables.html`` and ``tables.csv``.

    Returns:
        The paths that were written.

    Raises:
        StorageError: They cannot be written.
    """
    written = []
    for suffix, text in (
        ("md", markdown(published, tables)),
        ("html", page(published, tables)),
        ("csv", comma_separated(tables)),
    ):
        path = folder / f"tables.{suffix}"
        write_bytes(path, text.encode())
        written.append(path)
    return written
