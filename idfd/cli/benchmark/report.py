"""``idfd benchmark report``."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("results", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("-o", "--output", type=click.Path(path_type=Path), help="HTML page to write.")
@click.option(
    "-t",
    "--table",
    "tables",
    multiple=True,
    type=click.Path(path_type=Path),
    help="Table to write, as its name ends: .json, .csv or .md. May be given several times.",
)
@click.option("--title", default="Benchmark report", show_default=True, help="Heading.")
def report(
    results: tuple[Path, ...], output: Path | None, tables: tuple[Path, ...], title: str
) -> None:
    """Write a leaderboard over RESULTS: one portable HTML page, or tables for papers.

    RESULTS are files that `idfd benchmark evaluate` wrote, or folders of them. The first one is
    the reference that the others are compared with.
    """
    if output is None and not tables:
        raise click.UsageError("Give --output or --table.")
    from idfd.benchmark.report import write_report

    write_report(results, output, title, tables)
    for path in (output, *tables):
        if path is not None:
            click.echo(f"Wrote {path}")
