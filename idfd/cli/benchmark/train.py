"""``idfd benchmark train``."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("release", type=click.Path(path_type=Path))
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Folder of the run.")
@click.option("--preset", help="smoke, cpu, thesis or best.")
@click.option("--config", type=click.Path(path_type=Path), help="Settings, as YAML.")
@click.option("--device", default="auto", show_default=True, help="auto, cpu or cuda.")
def train(
    release: Path, output: Path | None, preset: str | None, config: Path | None, device: str
) -> None:
    """Train 2HDED:NET on the split 'train' of RELEASE."""
    from idfd.benchmark.training.config import load_config
    from idfd.benchmark.training.loop import train as run

    if output is None:
        raise click.UsageError("Missing option '-o'.")
    outcome = run(release, load_config(str(config or preset)), output, device=device)
    click.echo(f"{outcome.checkpoint}")
