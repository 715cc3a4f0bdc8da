"""``idfd benchmark report``."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("results", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "-o", "--output", required=True, type=click.Path(path_type=Path), help="HTML page to write."
)
@click.option("--title", default="Benchmark report", show_default=True, help="Heading of the page.")
def report(results: tuple[Path, ...], output: Path, title: str) -> None:
    """Write one portable HTML page over RESULTS files; the first one is the reference."""
    from idfd.benchmark.report import write_report

    write_report(list(results), output, title)
    click.echo(f"Wrote {output}")
