"""``idfd benchmark study``: experiments of many trainings."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from idfd.cli.benchmark.heads import BUILT

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from idfd.benchmark.study.runs import StudyRun, Turn
    from idfd.benchmark.training.config import TrainConfig


def _numbers(_: click.Context, __: click.Parameter, text: str) -> list[int]:
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isdecimal() for part in parts) or len(set(parts)) < len(parts):
        raise click.BadParameter(f"'{text}' is no list of different numbers, such as 0,1,2.")
    return [int(part) for part in parts]


_output = click.option(
    "-o", "--output", required=True, type=click.Path(path_type=Path), help="Folder of the study."
)
_seeds = click.option(
    "--seeds",
    default="0,1,2",
    show_default=True,
    callback=_numbers,
    help="Seeds of the trainings, with commas.",
)
_device = click.option("--device", default="auto", show_default=True, help="auto, cpu or cuda.")
_cache = click.option(
    "--cache",
    type=click.Path(path_type=Path),
    help="Folder for uncompressed copies of the releases; default: in the study's folder.",
)
_drop = click.option("--drop-weights", is_flag=True, help="Remove weights once they are scored.")


@click.group()
def study() -> None:
    """Train and score many networks that differ in one thing.

    Ctrl-C stops; the same command goes on. It may run in several terminals at once, which then
    share the trainings.
    """


@study.command()
@click.argument("release", type=click.Path(path_type=Path))
@_output
@_seeds
@click.option(
    "--config", help="A preset or a YAML or JSON file; default: about five minutes for a training."
)
@_device
@_cache
@_drop
def regularisers(
    release: Path,
    output: Path,
    seeds: list[int],
    config: str | None,
    device: str,
    cache: Path | None,
    drop_weights: bool,
) -> None:
    """Compare the six smoothing regularisers of the thesis' chapter 2 on RELEASE.

    Trains a depth network with each of them on the split 'train', all else the same, and scores it
    on 'test'. Writes regularisers.md, .html and .csv (table 2.1 with measured numbers beside the
    printed ones, and whether their order holds) and regularisers.jpg (figure 2.2).
    """
    _require()
    from idfd.benchmark.study import regularisers as chapter
    from idfd.benchmark.study.runs import Data
    from idfd.benchmark.training.config import load_config

    settings = chapter.short_schedule() if config is None else load_config(config)
    runs = chapter.plan(Data.open(release), settings, seeds)
    _work(output, runs, chapter.write, device, cache, drop_weights)


@study.command()
@click.option(
    "--train", "train", multiple=True, required=True, type=click.Path(path_type=Path),
    help="Release to train on; may be given several times, the first is what others are held to.",
)  # fmt: skip
@click.option(
    "--test", "test", multiple=True, required=True, type=click.Path(path_type=Path),
    help="Release to score on; may be given several times.",
)  # fmt: skip
@_output
@_seeds
@click.option("--config", default="cpu", show_default=True, help="A preset, or a settings file.")
@click.option("--heads", type=click.Choice(list(BUILT)), help="Heads to build.")
@_device
@_cache
@_drop
def cross(
    train: tuple[Path, ...],
    test: tuple[Path, ...],
    output: Path,
    seeds: list[int],
    config: str,
    heads: str | None,
    device: str,
    cache: Path | None,
    drop_weights: bool,
) -> None:
    """Train on each release and score on each, such as natural and synthetic defocus.

    Writes cross.md, .html and .csv: for each metric a table of training against test releases, the
    paired change from the first training release to each other, and the rows of the thesis' tables
    that the numbers stand beside.
    """
    _require()
    from idfd.benchmark.study import cross as tables
    from idfd.benchmark.study.runs import Data
    from idfd.benchmark.training.config import change_config, load_config

    settings: TrainConfig = load_config(config)
    if heads is not None:
        settings = change_config(settings, {"network.heads": BUILT[heads]})
    learned, scored = ([Data.open(path) for path in paths] for paths in (train, test))
    runs = tables.plan(learned, scored, settings, seeds)
    _work(output, runs, tables.write, device, cache, drop_weights)


def _require() -> None:
    from idfd.benchmark.optional import require

    require("torch", "safetensors", "lightning_fabric")


def _work(
    output: Path,
    runs: Sequence[StudyRun],
    write: Callable[[Path, Sequence[StudyRun]], list[Path]],
    device: str,
    cache: Path | None,
    drop_weights: bool,
) -> None:
    from idfd.benchmark.study.runs import work

    busy = work(
        output,
        runs,
        device=device,
        cache=cache,
        drop_weights=drop_weights,
        tell=_tell,
    )
    for path in write(output, runs):
        click.echo(f"Wrote {path}")
    if busy:
        click.echo(
            f"Other processes are working on {', '.join(busy)}; the last of them writes the whole "
            "tables.",
            err=True,
        )


def _tell(turn: Turn) -> None:
    left = "" if turn.left_s is None else f", about {turn.left_s / 60:.0f} min left"
    click.echo(f"Run {turn.number} of {turn.total}: {turn.key}{left}", err=True)
