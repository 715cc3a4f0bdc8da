"""``idfd benchmark predict PHOTO...``."""

from __future__ import annotations

from pathlib import Path

import click

from idfd.cli.benchmark.heads import KEPT


@click.command()
@click.argument(
    "photos", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="PHOTO..."
)
@click.option(
    "--checkpoint", required=True, type=click.Path(path_type=Path),
    help="Checkpoint of 'idfd benchmark train'.",
)  # fmt: skip
@click.option(
    "-o", "--output", default="predictions", show_default=True, type=click.Path(path_type=Path),
    help="Folder to write to.",
)  # fmt: skip
@click.option(
    "--heads", type=click.Choice(list(KEPT)),
    help="What to predict: depth, the deblurred photo (aif), both, or a map of defocus; "
    "default: all it can.",
)  # fmt: skip
@click.option(
    "--tile", type=click.IntRange(min=1), metavar="PIXELS",
    help="Side of the tiles of large photos, a multiple of 32; smaller needs less memory.",
)  # fmt: skip
@click.option(
    "--device", type=click.Choice(["auto", "cpu", "cuda"]), default="auto", show_default=True,
    help="Where to compute; auto is a GPU where there is one.",
)  # fmt: skip
@click.option(
    "--precision", type=click.Choice(["fp32", "bf16", "fp16", "auto"]), default="fp32",
    show_default=True, help="bf16 is faster where the processor has it, and a little less exact.",
)  # fmt: skip
@click.option("--force", is_flag=True, help="Predict anew what is there already.")
@click.option("--json", "as_json", is_flag=True, help="Print what became of each photo as JSON.")
def predict(
    photos: tuple[Path, ...], checkpoint: Path, output: Path,
    heads: str | None, tile: int | None, device: str, precision: str,
    force: bool, as_json: bool,
) -> int:  # fmt: skip
    """Predict depth or defocus and the deblurred photo of each PHOTO: a file, or a folder of them.

    Writes NAME.depth.png (16 bits, millimetres), NAME.depth-color.png, NAME.all_in_focus.jpg or
    .png with the photo's EXIF, NAME.defocus.png (16 bits, hundredths of a pixel), and
    NAME.prediction.json: of these, what the checkpoint can. Large photos are cut into tiles that
    overlap. A second run predicts only what is missing or changed. Exit code 1 if a photo could
    not be used; the rest is done all the same.
    """
    from idfd.benchmark.predict import Tiling, predict_files

    outcomes = predict_files(
        photos,
        checkpoint,
        output,
        heads=KEPT[heads] if heads else None,
        device=device,
        precision=precision,
        tiling=Tiling() if tile is None else Tiling(side=tile),
        force=force,
    )
    failed = [one for one in outcomes if one.state == "failed"]
    if as_json:
        from idfd.cli.output import print_json

        # Paths are no JSON.
        print_json(
            [
                {
                    "photo": str(one.photo),
                    "state": one.state,
                    "outputs": [str(path) for path in one.outputs],
                    "error": one.error,
                    "warning": one.warning,
                }
                for one in outcomes
            ]
        )
    else:
        for one in outcomes:
            if one.warning:
                click.echo(f"warning: {one.photo}: {one.warning}.", err=True)
        for one in failed:
            click.echo(f"failed: {one.error}", err=True)
        kept = sum(one.state == "kept" for one in outcomes)
        done = len(outcomes) - len(failed) - kept
        noun = "photo" if done == 1 else "photos"
        click.echo(f"{done} {noun} predicted, {kept} kept, {len(failed)} failed; in {output}")
    return 1 if failed else 0
