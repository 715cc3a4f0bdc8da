"""``idfd benchmark evaluate``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

if TYPE_CHECKING:
    from idfd.benchmark.results import Results


@click.command()
@click.argument("release", type=click.Path(path_type=Path))
@click.option("--model", help="Registered model, or package.module:ClassName.")
@click.option(
    "--predictions",
    type=click.Path(path_type=Path),
    help="Folder (depth/<id>.png, all_in_focus/<id>.png) or HDF5 file with predictions.",
)
@click.option("--name", help="Name of the predictions in the results; default: the file's name.")
@click.option("--split", help="Split to score; default: test.")
@click.option("--depth", type=click.Choice(["raw", "inpainted"]), help="Depth maps to score on.")
@click.option("--protocol", default="idfd-metric-1", show_default=True, help="Name or .json file.")
@click.option(
    "--mask",
    type=click.Choice(["any", "measured"]),
    help="Score on any known depth, or on measured depth only; default: the protocol's.",
)
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Results file to write.")
@click.option(
    "--pictures/--no-pictures",
    default=True,
    help="Store pictures of the worst, median and best image beside the results.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the results as JSON.")
def evaluate(
    release: Path,
    model: str | None,
    predictions: Path | None,
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

    Exactly one of --model and --predictions says what to score.
    """
    if (model is None) == (predictions is None):
        raise click.UsageError("Give either --model or --predictions.")
    if name is not None and predictions is None:
        raise click.UsageError("--name goes with --predictions.")
    from idfd.benchmark.models import load_model
    from idfd.benchmark.predictions import open_predictions
    from idfd.benchmark.run import run
    from idfd.model.schema import encode

    results = run(
        release,
        open_predictions(predictions, name) if predictions else load_model(str(model)),
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
    # Names come from files and may hold square brackets, which rich would read as markup.
    console = Console(markup=False, highlight=False)
    console.print(table)
    for warning in warnings([results]):
        console.print(warning)
