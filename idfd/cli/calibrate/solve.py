"""``idfd calibrate solve``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

if TYPE_CHECKING:
    from idfd.calibration.rigs import Calibrated
    from idfd.calibration.views import CameraName
    from idfd.model.board import Board
    from idfd.model.camera import Intrinsics

_PATH = click.Path(path_type=Path)


@click.command()
@click.argument("source", type=_PATH)
@click.option(
    "-o", "--output", required=True, type=_PATH,
    help="Folder for calibration.json, report.json and report.html.",
)  # fmt: skip
@click.option(
    "--board", "board_name", metavar="FILE|PRESET",
    help="board.json, Microsoft's plane.json, or a preset. Default: the board of the session.",
)  # fmt: skip
@click.option("--photos", metavar="GLOB", help="Photos at the small aperture, such as 'left*.jpg'.")
@click.option("--defocused", metavar="GLOB", help="Photos at the large aperture.")
@click.option("--infrared", metavar="GLOB", help="Images of the depth camera, or bursts.")
@click.option(
    "--photo-camera", type=_PATH,
    help="Known intrinsics of the photo camera, held fixed; any format of 'calibrate convert'.",
)  # fmt: skip
@click.option("--depth-camera", type=_PATH, help="The same of the depth camera.")
@click.option(
    "--lens", type=click.Choice(["auto", "brown_conrady", "rational"]), default="auto",
    show_default=True, help="Lens model; 'auto' takes the better one on views held out.",
)  # fmt: skip
@click.option("--keep-all", is_flag=True, help="Leave out no corner and no view.")
@click.option("--workers", type=click.IntRange(min=1), help="Default: all cores.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
def solve(
    source: Path,
    output: Path,
    board_name: str | None,
    photos: str | None,
    defocused: str | None,
    infrared: str | None,
    photo_camera: Path | None,
    depth_camera: Path | None,
    lens: Literal["auto", "brown_conrady", "rational"],
    keep_all: bool,
    workers: int | None,
    as_json: bool,
) -> int:
    """Calibrate the rig from views of a board.

    SOURCE is a session whose takes look at a board, or a folder of images. The exit status is 1
    where the calibration should not be used.
    """
    import os

    from idfd.calibration.rigs import calibrate_rig
    from idfd.calibration.solve.config import SolveConfig
    from idfd.cli.output import print_json

    patterns: dict[CameraName, str] = {}
    if photos is not None:
        patterns["photo"] = photos
    if defocused is not None:
        patterns["defocused"] = defocused
    if infrared is not None:
        patterns["depth"] = infrared
    given: dict[CameraName, Intrinsics] = {}
    if photo_camera is not None:
        given["photo"] = _intrinsics(photo_camera)
    if depth_camera is not None:
        given["depth"] = _intrinsics(depth_camera)
    done = calibrate_rig(
        source,
        _board(source, board_name),
        output,
        patterns=patterns or None,
        given=given,
        config=SolveConfig(lens=lens, robust=not keep_all),
        workers=workers or len(os.sched_getaffinity(0)),
    )
    if as_json:
        print_json(done.report)
    else:
        _tell(done, output)
    return 1 if done.report.verdict == "fail" else 0


def _board(source: Path, name: str | None) -> Board:
    from idfd.calibration.boards.files import find_board, load_board
    from idfd.errors import InputError
    from idfd.model.session import BOARD

    if name is not None:
        return find_board(name)
    if not (source / BOARD).exists():
        raise InputError(
            "nothing says which board is seen",
            where=source,
            limit=f"{BOARD} in the folder, or --board",
            remedy="Give the JSON file beside the board's PDF, or the name of a preset",
        )
    return load_board(source / BOARD)


def _intrinsics(path: Path) -> Intrinsics:
    from idfd.calibration.formats.files import read_cameras

    return read_cameras(path).single(str(path))[1]


def _tell(done: Calibrated, output: Path) -> None:
    from idfd.cli.output import print_table

    report = done.report
    for camera in report.cameras:
        used = sum(view.used for view in camera.views)
        print_table(
            ["parameter", "value", "± (95 %)", "unit"],
            [
                (row.name, f"{row.value:.6g}", _half(row.value, row.high), row.unit)
                for row in camera.parameters
            ],
            title=f"{camera.camera}: {camera.intrinsics.model}, {used} of {len(camera.views)} "
            f"views, {camera.rms_px:.3f} px",
        )
    if report.extrinsics:
        print_table(
            ["parameter", "value", "± (95 %)", "unit"],
            [
                (row.name, f"{row.value:.6g}", _half(row.value, row.high), row.unit)
                for row in report.extrinsics
            ],
            title="depth camera to photo camera",
        )
    for name, reason in report.dropped:
        click.echo(f"left out: {name}: {reason}")
    for warning in done.solution.warnings:
        click.echo(f"weak: {warning}")
    print_table(
        ["check", "value", "warn", "fail", "unit", "verdict"],
        [(c.name, c.value, c.warn, c.fail, c.unit, c.verdict) for c in report.checks],
    )
    click.echo(f"{report.verdict} -> {output}")


def _half(value: float, high: float | None) -> str:
    return "fixed" if high is None else f"{high - value:.2g}"
