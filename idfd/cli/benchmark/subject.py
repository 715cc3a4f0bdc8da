"""Options of the commands that score a model, and the model that they name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from idfd.benchmark.models import Model
    from idfd.benchmark.network.config import Head

Command = Callable[..., Any]


def _by_name(
    _context: click.Context, _option: click.Parameter, values: tuple[str, ...]
) -> dict[str, str]:
    pairs = [value.partition("=") for value in values]
    for name, equals, _ in pairs:
        if not name or not equals:
            raise click.BadParameter(f"'{name}' is not NAME=VALUE.")
    return {name: value for name, _, value in pairs}


_OPTIONS = (
    click.option("--model", help="Registered model, or package.module:ClassName."),
    click.option(
        "--option",
        "options",
        multiple=True,
        metavar="NAME=VALUE",
        callback=_by_name,
        help="Setting of the --model, such as weights=FILE; may be given more than once.",
    ),
    click.option("--checkpoint", type=click.Path(path_type=Path), help="Network that train wrote."),
    click.option("--onnx", type=click.Path(path_type=Path), help="Network as an ONNX file."),
    click.option(
        "--heads", type=click.Choice(["depth", "aif", "defocus"]), help="Score one head alone."
    ),
    click.option(
        "--device",
        type=click.Choice(["auto", "cpu", "cuda"]),
        default="auto",
        show_default=True,
        help="Where a checkpoint computes.",
    ),
    click.option("--name", help="Name in the results; default: the network's, or the file's."),
    click.option("--split", help="Split to score; default: test."),
    click.option(
        "--depth", type=click.Choice(["raw", "inpainted"]), help="Depth maps to score on."
    ),
    click.option(
        "--protocol", default="idfd-metric-2", show_default=True, help="Name or .json file."
    ),
    click.option(
        "--mask",
        type=click.Choice(["any", "measured"]),
        help="Score on any known depth, or on measured depth only; default: the protocol's.",
    ),
)


def scoring_options(command: Command) -> Command:
    """Add the options that say what is scored, and how."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def open_subject(
    checkpoint: Path | None,
    onnx: Path | None,
    model: str | None,
    heads: Head | None,
    device: str,
    name: str | None,
    predictions: Path | None = None,
    options: dict[str, str] | None = None,
) -> Model:
    """The model that the options name.

    Raises:
        click.UsageError: None or several are named, or options do not go together.
        IdfdError: It cannot be opened.
    """
    subjects = (checkpoint, onnx, model, predictions)
    if sum(subject is not None for subject in subjects) != 1:
        known = click.get_current_context().params
        also = ", --model and --predictions" if "predictions" in known else " and --model"
        raise click.UsageError(f"Give one of --checkpoint, --onnx{also}.")
    if name is not None and model is not None:
        raise click.UsageError("--name goes with files; a registered model has its own name.")
    if options and model is None:
        raise click.UsageError("--option goes with --model.")
    if heads is not None and checkpoint is None:
        raise click.UsageError("--heads goes with --checkpoint.")
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

    return load_model(str(model), options)
