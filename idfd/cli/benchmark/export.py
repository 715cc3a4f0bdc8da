"""``idfd benchmark export``."""

from __future__ import annotations

from pathlib import Path

import click

from idfd.cli.benchmark.heads import KEPT


@click.command()
@click.argument("checkpoint", type=click.Path(path_type=Path))
@click.option(
    "-o", "--output", required=True, type=click.Path(path_type=Path), help="ONNX file to write."
)
@click.option(
    "--heads", type=click.Choice(list(KEPT)), help="Heads to keep; default: all there are."
)
@click.option("--size", metavar="WxH", help="Fix the photo's size; default: any size.")
@click.option("--json", "as_json", is_flag=True, help="Print what was checked as JSON.")
def export(
    checkpoint: Path,
    output: Path,
    heads: str | None,
    size: str | None,
    as_json: bool,
) -> None:
    """Write the network of CHECKPOINT as an ONNX file, and check it against torch."""
    from idfd.benchmark.optional import require

    require("torch", "safetensors", "onnx", "onnxruntime")
    from idfd.benchmark.onnx.export import export as write
    from idfd.model.schema import encode

    done = write(
        checkpoint,
        output,
        heads=KEPT[heads] if heads else None,
        size=_sides(size) if size else None,
    )
    if as_json:
        click.echo(encode(done), nl=False)
        return
    sizes = f"photos of {size}" if size else "photos of any size"
    click.echo(f"Wrote {output}: {done.network}, {sizes}, {done.bytes / 1e6:.0f} MB")
    if "depth" in done.largest:
        click.echo(f"  depth differs from torch by at most {1000 * done.largest['depth']:.1g} mm")
    if "all_in_focus" in done.largest:
        levels = 127.5 * done.largest["all_in_focus"]
        click.echo(f"  the photo differs from torch by at most {levels:.1g} grey levels")
    if "defocus" in done.largest:
        click.echo(f"  defocus differs from torch by at most {done.largest['defocus']:.1g} pixels")


def _sides(text: str) -> tuple[int, int]:
    width, _, height = text.partition("x")
    if not (width.isdecimal() and height.isdecimal() and int(width) and int(height)):
        raise click.BadParameter(f"'{text}' is not WxH, such as 640x480", param_hint="--size")
    return int(width), int(height)
