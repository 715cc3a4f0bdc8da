"""``idfd benchmark evaluate``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

if TYPE_CHECKING:
    from idfd.benchmark.models import Model
    from idfd.benchmark.results import Results


@click.command()
@click.argument("release", type=click.Path(path_type=Path))
@click.option("--model", help="Registered model, or package.module:ClassName.")
@click.option(
    "--predictions",
    type=click.Path(path_type=Path),
    help="Folder (depth/<id>.png, all_in_focus/<id>.png) or HDF5 file with predictions.",
)
@click.option("--checkpoint", type=click.Path(path_type=Path), help="Network that train wrote.")
@click.option("--onnx", type=click.Path(path_type=Path), help="Network as an ONNX file.")
@click.option("--heads", type=click.Choice(["depth", "aif"]), help="Score one head alone.")
@click.option(
    "--device",
    type=click.Choice(["auto", "cpu", "cuda"]),
    default="auto",
    show_default=True,
    help="Where a checkpoint computes.",
)
@click.option("--name", help="Name in the results; default: the network's, or the file's.")
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
    help="Store small pictures beside the results, for reports.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the results as JSON.")
def evaluate(
    release: Path,
    model: str | None,
    predictions: Path | None,
    checkpoint: Path | None,
    onnx: Path | None,
    heads: Literal["depth", "aif"] | None,
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
    subjects = (checkpoint, onnx, model, predictions)
    if sum(subject is not None for subject in subjects) != 1:
        raise click.UsageError("Give one of --checkpoint, --onnx, --model and --predictions.")
    if name is not None and model is not None:
        raise click.UsageError("--name goes with files; a registered model has its own name.")
    if heads is not None and checkpoint is None:
        raise click.UsageError("--heads goes with --checkpoint.")
    from idfd.benchmark.run import run
    from idfd.model.schema import encode

    results = run(
        release,
        _open(checkpoint, onnx, model, predictions, heads, device, name),
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


def _open(
    checkpoint: Path | None,
    onnx: Path | None,
    model: str | None,
    predictions: Path | None,
    heads: Literal["depth", "aif"] | None,
    device: str,
    name: str | None,
) -> Model:
    if checkpoint:
        from idfd.benchmark.optional import require

        require("torch", "safetensors")
        from idfd.benchmark.trained import open_checkpoint

        return open_checkpoint(checkpoint, (heads,) if heads else None, device, name)
    if onnx:
        from idfd.benchmark.onnx.model import OnnxModel

        return OnnxModel(onnx, name)
    if predictions:
        from idfd.benchmark.predictions import open_predictions

        return open_predictions(predictions, name)
    from idfd.benchmark.models import load_model

    return load_model(str(model))


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
