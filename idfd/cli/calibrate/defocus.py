"""``idfd calibrate defocus``: how strongly the lens blurs at which depth."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Mapping

    from idfd.calibration.defocus.fit import DefocusFit
    from idfd.calibration.views import CameraName

_PATH = click.Path(path_type=Path)


@click.command()
@click.argument("source", type=_PATH)
@click.option(
    "--calibration", type=_PATH,
    help="calibration.json of 'calibrate solve'; the blur is added to it. Scenes need none.",
)  # fmt: skip
@click.option(
    "-o", "--output", type=_PATH, help="Where to write it. Default: the calibration itself."
)
@click.option("--split", help="Of scenes: the split to fit to.  [default: train, else all]")
@click.option(
    "--views", type=click.IntRange(min=3),
    help="Of scenes: most photos to fit to, spread over the split.  [default: 40]",
)  # fmt: skip
@click.option(
    "--board",
    "board_name",
    metavar="FILE|PRESET",
    help="What is seen. Default: as in the report.json beside the calibration.",
)
@click.option(
    "--distances", type=_PATH,
    help="CSV with columns view,distance_m: photos of any flat texture, square to the axis.",
)  # fmt: skip
@click.option("--photos", metavar="GLOB", help="Photos at the small aperture, in a folder.")
@click.option("--defocused", metavar="GLOB", help="Photos at the large aperture.")
@click.option(
    "--f-numbers", type=(float, float), metavar="SMALL LARGE",
    help="Apertures of photos without EXIF, such as 10 2.8.",
)  # fmt: skip
@click.option("--workers", type=click.IntRange(min=1), help="Default: all cores.")
@click.option("--json", "as_json", is_flag=True, help="Print the fit as JSON.")
def defocus(
    source: Path,
    calibration: Path | None,
    output: Path | None,
    split: str | None,
    views: int | None,
    board_name: str | None,
    distances: Path | None,
    photos: str | None,
    defocused: str | None,
    f_numbers: tuple[float, float] | None,
    workers: int | None,
    as_json: bool,
) -> None:
    """Fit the blur of the lens to photos at both apertures.

    SOURCE is a session whose takes look at a board, or a folder of photos. Prints focus distance,
    effective aperture and the shape of the spot, and adds them to calibration.json and report.json.

    Without --calibration SOURCE is a release or a folder of triples: photos of scenes with depth,
    for sets whose camera is out of reach. Then -o takes the fit, for 'idfd process --blur'.
    """
    of_scenes = {"--split": split, "--views": views}
    of_boards = {
        "--board": board_name, "--distances": distances, "--photos": photos,
        "--defocused": defocused, "--f-numbers": f_numbers, "--workers": workers,
    }  # fmt: skip
    if calibration is None:
        _refuse(of_boards, "with --calibration")
        if output is None:
            raise click.UsageError("Give --calibration; or, for scenes with depth, -o.")
        _fit_scenes(source, output, split, views or 40, as_json)
        return
    _refuse(of_scenes, "with scenes, that is without --calibration")
    import os

    from idfd.calibration.boards.files import find_board
    from idfd.calibration.defocus import calibrate
    from idfd.calibration.defocus.pairs import find_pairs
    from idfd.calibration.sources import find_images
    from idfd.cli.output import print_json
    from idfd.errors import InputError
    from idfd.model import schema
    from idfd.model.calibration import CALIBRATION_REPORT, CalibrationReport
    from idfd.model.rig import RigCalibration

    rig = schema.load(RigCalibration, calibration, "Run 'idfd calibrate solve' first")
    patterns: dict[CameraName, str] | None = None
    if photos is not None and defocused is not None:
        patterns = {"photo": photos, "defocused": defocused}
    elif photos is not None or defocused is not None:
        raise InputError("only one of the apertures is given", limit="--photos and --defocused")
    pairs = find_pairs(find_images(source, patterns), f_numbers or (None, None))
    if distances is not None:
        fit = calibrate.calibrate_planes(pairs, calibrate.read_distances(distances), rig)
    else:
        if board_name is not None:
            board = find_board(board_name)
        else:
            report = calibration.parent / CALIBRATION_REPORT
            board = schema.load(CalibrationReport, report, "Give the board with --board").board
        cores = workers or len(os.sched_getaffinity(0))
        fit = calibrate.calibrate_board(pairs, board, rig, cores)
    target = output or calibration
    calibrate.write_blur(fit, rig, calibration, target)
    if as_json:
        print_json({"blur": fit.model, "warnings": fit.warnings})
    else:
        _tell(fit, target)


def _refuse(options: Mapping[str, object], where: str) -> None:
    given = [name for name, value in options.items() if value is not None]
    if given:
        raise click.UsageError(f"{', '.join(given)}: only {where}.")


def _fit_scenes(source: Path, output: Path, split: str | None, views: int, as_json: bool) -> None:
    from idfd.cli.output import print_json
    from idfd.release.lens_blur import fit_scenes

    fit, document = fit_scenes(source, output, split=split, views=views)
    if as_json:
        print_json(document)
    else:
        _tell(fit, output)


def _tell(fit: DefocusFit, target: Path) -> None:
    from idfd.cli.output import print_table

    model = fit.model
    near, far = fit.focus_interval_m
    rows = [("focus distance", f"{model.focus_distance_m:.3f} m", f"{near:.3f} to {far:.3f} m")]
    if model.effective_f_number is not None and fit.f_number_interval is not None:
        low, high = fit.f_number_interval
        number = f"f/{model.effective_f_number:.2f}"
        rows.append(("effective aperture", number, f"f/{low:.2f} to f/{high:.2f}"))
    rows += [
        ("spot per dioptre", f"{model.scale_px_m:.2f} px", ""),
        ("shape of the spot", model.psf, f"{model.disk_share:.0%} disk"),
        ("misfit of radii", f"{model.residual_px:.3f} px", "root mean square"),
    ]
    if model.floor_px:
        rows.append(("blur in focus", f"{model.floor_px:.2f} px", "standard deviation"))
    used = sum(row.used for row in fit.rows)
    print_table(
        ("", "value", "95 % interval"),
        rows,
        title=f"Blur at f/{model.f_number:g}, from {used} of {len(fit.rows)} patches",
    )
    for warning in fit.warnings:
        click.echo(f"warning: {warning}", err=True)
    click.echo(str(target))
