"""``idfd calibrate board``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from idfd.model.board import BoardKind


@click.command()
@click.argument("source", required=False, type=click.Path(path_type=Path))
@click.option("--preset", help="A board by name: kinect (the default), a3, a2, a1 or kalibr.")
@click.option(
    "--kind", type=click.Choice(["charuco", "chessboard", "aprilgrid"]),
    help="Start from the default board of a kind.",
)  # fmt: skip
@click.option("--columns", type=int, help="Squares across; tags across on an AprilGrid.")
@click.option("--rows", type=int, help="Squares down; tags down.")
@click.option("--square-mm", type=float, help="Side of a square; of a tag on an AprilGrid.")
@click.option(
    "--marker-mm", type=float,
    help="ChArUco: side of a marker. Default: the same share of a square as before.",
)  # fmt: skip
@click.option("--gap-ratio", type=float, help="AprilGrid: gap between tags over the side of a tag.")
@click.option("--dictionary", help="OpenCV's name of the markers, such as DICT_5X5_250.")
@click.option("--first-id", type=int, help="Number of the first marker.")
@click.option("--legacy/--no-legacy", default=None, help="ChArUco as OpenCV drew it before 4.6.")
@click.option("--margin-mm", type=float, help="White paper around the pattern.")
@click.option(
    "--page", help="A4 to A0, letter, tabloid, or 'fit' for a page made to measure. Default: the "
    "smallest of A4 to A0 that holds the board.",
)  # fmt: skip
@click.option(
    "-o", "--output", default="board.pdf", show_default=True, type=click.Path(path_type=Path),
    help="The PDF; the same name with .json holds the parameters.",
)  # fmt: skip
@click.option("--kalibr", is_flag=True, help="Write Kalibr's target file too, with .yaml.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def board(
    source: Path | None,
    preset: str | None,
    kind: BoardKind | None,
    page: str | None,
    output: Path,
    kalibr: bool,
    as_json: bool,
    **values: object,
) -> None:
    """Print a calibration board at true scale.

    Writes a PDF and the board's parameters as JSON, which the other commands take. SOURCE is such a
    JSON file, or the plane.json of the Azure Kinect's SDK. Options change the board that SOURCE,
    --preset or --kind names.
    """
    if sum(given is not None for given in (source, preset, kind)) > 1:
        raise click.UsageError("Give one of SOURCE, --preset and --kind.")
    from idfd.calibration.boards import files, geometry, printing
    from idfd.cli.output import print_json

    if source is not None:
        start = files.load_board(source)
    elif preset is not None:
        start = files.preset(preset)
    else:
        start = files.default_board(kind or "charuco")
    given = {name: value for name, value in values.items() if value is not None}
    made = files.change(start, "the options", **given)
    paper = printing.choose_page(made, page)
    written = printing.print_board(made, paper, output, kalibr=kalibr)
    width, height = geometry.size_mm(made)
    notes = printing.advice(made)
    if as_json:
        print_json(
            {
                "files": [str(path) for path in written],
                "page": {"name": paper.name, "size_mm": [paper.width_mm, paper.height_mm]},
                "pattern_mm": [round(width, 6), round(height, 6)],
                "board": made,
                "notes": notes,
            }
        )
        return
    click.echo(printing.describe(made))
    click.echo(f"page {paper.name}, {paper.width_mm:g} x {paper.height_mm:g} mm")
    for path in written:
        click.echo(f"-> {path}")
    for note in notes:
        click.echo(note, err=True)
