"""``idfd benchmark evaluate``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from idfd.cli.benchmark.subject import open_subject, scoring_options

if TYPE_CHECKING:
    from idfd.benchmark.network.config import Head
    from idfd.benchmark.results import Results


@click.command()
@click.argument("release", type=click.Path(path_type=Path))
@scoring_options
@click.option(
    "--predictions",
    type=click.Path(path_type=Path),
    help="Folder (depth/<id>.png, all_in_focus/<id>.png) or HDF5 file with predictions.",
)
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Results file to write.")
@click.option(
    "--pictures/--no-pictures",
    default=True,
    help="Store small pictures beside the results, for reports.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the results as JSON.")
def evaluate(
    release: Path,
    model: str | None,
    options: dict[str, str],
    predictions: Path | None,
    checkpoint: Path | None,
    onnx: Path | None,
    heads: Head | None,
    device: str,
    name: str | None,
    split: str | None,
    depth: Literal["raw", "inpainted"] | None,
    protocol: str,
    mask: Literal["any", "measured"] | None,
    output: Path | None,
    pictures: bool,
    as_json: bool,
) -> None:
    """Score a model, or predictions from files, on a split of RELEASE.

    Exactly one of --checkpoint, --onnx, --model and --predictions says what to score.
    """
    from idfd.benchmark.run import run
    from idfd.model.schema import encode

    results = run(
        release,
        open_subject(checkpoint, onnx, model, heads, device, name, predictions, options),
        split=split,
        depth=depth,
        protocol=protocol,
        mask=mask,
        output=output,
        pictures=pictures,
        progress=not as_json,
    )
    if as_json:
        click.echo(encode(results), nl=False)
        return
    _print_table(results)
    if output is not None:
        click.echo(f"Wrote {output}")


def _print_table(results: Results) -> None:
    from rich.console import Console
    from rich.table import Table

    from idfd.benchmark.compare import warnings
    from idfd.benchmark.metrics.registry import METRICS

    facts = results.release
    title = f"{results.model.name} on {facts.name} {facts.version}"
    if facts.split:
        title += f", split {facts.split}"
    table = Table(title=title, title_justify="left")
    for heading in (
        "metric",
        "mean",
        f"{100 * results.protocol.confidence:g} % interval",
        "images",
    ):
        table.add_column(heading, justify="left" if heading == "metric" else "right")
    for key, value in results.metrics.items():
        metric = METRICS[key]
        table.add_row(
            metric.heading,
            metric.format(value.mean),
            f"{metric.format(value.low)} to {metric.format(value.high)}",
            str(value.images),
        )
    for key, pooled in results.pooled.items():
        table.add_row(f"{METRICS[key].heading}, pooled", METRICS[key].format(pooled), "", "")
    for key, alone in results.last_image.items():
        heading = f"{METRICS[key].heading}, last image alone"
        table.add_row(heading, METRICS[key].format(alone), "", "1")
    # Names come from files and may hold square brackets, which rich would read as markup.
    console = Console(markup=False, highlight=False)
    console.print(table)
    for warning in warnings([results]):
        console.print(warning)
