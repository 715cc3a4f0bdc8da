"""``idfd benchmark tables``."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("results", nargs=-1, type=click.Path(path_type=Path))
@click.option(
    "--row",
    "rows",
    multiple=True,
    metavar="TABLE:ROW=FILE",
    help="Results for a row whatever they say of their data, such as 4.2:idfd_raw=mine.json.",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    help="Folder for tables.md, tables.html and tables.csv; without it Markdown is printed.",
)
def tables(results: tuple[Path, ...], rows: tuple[str, ...], output: Path | None) -> None:
    """Fill the thesis' tables 2.1, 3.1, 4.2, 4.3 and 5.1 with RESULTS beside the published numbers.

    Results of one model that differ in their seed alone share a line.
    """
    from idfd.benchmark.results import Results
    from idfd.benchmark.tables.fill import fill
    from idfd.benchmark.tables.published import published_tables
    from idfd.benchmark.tables.write import markdown, write_tables
    from idfd.model.schema import load

    assigned: dict[tuple[str, str], list[Results]] = {}
    for text in rows:
        place, _, file = text.partition("=")
        number, _, key = place.partition(":")
        if not (number and key and file):
            raise click.UsageError(f"--row {text} is not TABLE:ROW=FILE.")
        assigned.setdefault((number, key), []).append(load(Results, Path(file)))
    by_hand = {Path(text.partition("=")[2]).resolve() for text in rows}
    free = [load(Results, path) for path in results if path.resolve() not in by_hand]
    published = published_tables()
    filled = fill(published, free, assigned)
    if output is None:
        click.echo(markdown(published, filled), nl=False)
        return
    for path in write_tables(published, filled, output):
        click.echo(f"Wrote {path}")
