"""``idfd benchmark train``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from idfd.cli.benchmark.heads import BUILT

if TYPE_CHECKING:
    from idfd.benchmark.training.config import TrainConfig
    from idfd.benchmark.training.facts import Outcome, Start


@click.command()
@click.argument("release", required=False, type=click.Path(path_type=Path))
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Folder of the run.")
@click.option("--preset", help="Settings of that name, such as cpu; see docs/training.md.")
@click.option("--config", type=click.Path(path_type=Path), help="Settings in a YAML or JSON file.")
@click.option("--heads", type=click.Choice(list(BUILT)), help="Heads to build.")
@click.option("--encoder", type=click.Path(path_type=Path), help="File of DenseNet-121 weights.")
@click.option("--seed", type=int, help="Decides first weights, order, windows and dropout.")
@click.option("--epochs", type=int, help="Passes over the training triples.")
@click.option("--batch", type=int, help="Triples in a step, over all processes.")
@click.option("--device", default="auto", show_default=True, help="auto, cpu or cuda.")
@click.option(
    "--cache",
    type=click.Path(path_type=Path),
    help="Folder for an uncompressed copy of the release; default: in the run's folder.",
)
@click.option("--show-config", is_flag=True, help="Print all settings as YAML and stop.")
@click.option("--json", "as_json", is_flag=True, help="Print the outcome as JSON.")
def train(
    release: Path | None,
    output: Path | None,
    preset: str | None,
    config: Path | None,
    heads: str | None,
    encoder: Path | None,
    seed: int | None,
    epochs: int | None,
    batch: int | None,
    device: str,
    cache: Path | None,
    show_config: bool,
    as_json: bool,
) -> None:
    """Train 2HDED:NET on the split 'train' of RELEASE.

    Settings come from --preset or --config, and the options replace some of them. A folder that
    holds a run needs neither: the run goes on where it stopped, with its own settings.
    """
    changes = {
        "network.heads": BUILT.get(heads or ""),
        "encoder": None if encoder is None else str(encoder),
        "seed": seed,
        "epochs": epochs,
        "batch": batch,
    }
    settings = _settings(
        preset,
        config,
        output,
        {name: value for name, value in changes.items() if value is not None},
    )
    if show_config:
        from idfd.benchmark.training.config import show_config as as_yaml

        click.echo(as_yaml(settings), nl=False)
        return
    if release is None:
        raise click.UsageError("Missing argument 'RELEASE'.")
    if output is None:
        raise click.UsageError("Missing option '-o' / '--output'.")
    from idfd.benchmark.optional import require

    require("torch", "safetensors", "lightning_fabric")
    from idfd.benchmark.training.device import is_first_process
    from idfd.benchmark.training.loop import train as run

    outcome = run(
        release,
        settings,
        output,
        device=device,
        cache=cache,
        progress=not as_json,
        tell=(lambda start: None) if as_json else _tell,  # noqa: ARG005
    )
    if not is_first_process():
        return
    if as_json:
        import msgspec

        click.echo(msgspec.json.format(msgspec.json.encode(outcome, enc_hook=str), indent=2))
    else:
        _print_outcome(outcome)


def _settings(
    preset: str | None, config: Path | None, output: Path | None, changes: dict[str, Any]
) -> TrainConfig:
    from idfd.benchmark.training.config import SETTINGS, change_config, load_config

    if preset is not None and config is not None:
        raise click.UsageError("Give either --preset or --config.")
    name = preset or (None if config is None else str(config))
    if name is None and output is not None and (output / SETTINGS).exists():
        name = str(output / SETTINGS)
    if name is None:
        raise click.UsageError(
            "Give --preset or --config"
            + (f"; {output} holds no run to go on with." if output else ".")
        )
    return change_config(load_config(name), changes)


def _tell(start: Start) -> None:
    encoder = "random" if start.encoder.start == "random" else f"SHA-256 {start.encoder.sha256}"
    held_out = f" ({start.held_out})" if start.validation else ""
    click.echo(
        f"{start.network}, {start.parameters / 1e6:.1f} M parameters, encoder start: {encoder}\n"
        f"{start.train} triples to train on, {start.validation} to validate on{held_out}\n"
        f"{start.steps} steps"
        + (", all done before" if start.step >= start.steps else "")
        + (f", going on after step {start.step}" if 0 < start.step < start.steps else "")
        + f", {start.precision} on {start.hardware}",
        err=True,
    )


def _print_outcome(outcome: Outcome) -> None:
    from rich.console import Console
    from rich.table import Table

    from idfd.benchmark.metrics.registry import METRICS

    progress = outcome.record.progress
    if progress.scores:
        table = Table(title=f"Best: epoch {progress.epoch:.0f}", title_justify="left")
        table.add_column("metric")
        table.add_column("mean", justify="right")
        for name, value in progress.scores.items():
            table.add_row(METRICS[name].heading, METRICS[name].format(value))
        Console(markup=False, highlight=False).print(table)
    click.echo(f"Trained for {progress.wall_s / 60:.1f} min up to these weights")
    click.echo(f"Wrote {outcome.checkpoint}")
