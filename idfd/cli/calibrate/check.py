"""``idfd calibrate check``."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("calibration", type=click.Path(path_type=Path))
@click.argument(
    "scenes", metavar="SESSION|TAKE...", type=click.Path(path_type=Path), nargs=-1, required=True
)
@click.option(
    "--overlay", type=click.Path(path_type=Path), metavar="DIR",
    help="Draw the depth camera's outlines into each photo, as DIR/<take>.png.",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def check(calibration: Path, scenes: tuple[Path, ...], overlay: Path | None, as_json: bool) -> int:
    """Hold CALIBRATION (calibration.json) against new scenes; no board is needed.

    Measures whether the cameras moved against each other since the calibration, how far points of
    the depth camera miss their places in the photo, and how far outlines of depth lie beside the
    edges of the photo. Scenes should have texture, and things standing free 1 to 3 m away.

    Ends with 1 where a check fails.
    """
    from idfd.calibration.check.check import ADVICE, check_rig
    from idfd.calibration.check.takes import find_takes
    from idfd.cli.output import print_json, print_table
    from idfd.model import schema
    from idfd.model.rig import RigCalibration

    rig = schema.load(RigCalibration, calibration, "Solve one with 'idfd calibrate solve'")
    result = check_rig(rig, find_takes(scenes), overlay=overlay)
    if as_json:
        print_json(result)
        return int(result.verdict == "fail")
    # All takes are held against the same limits, which stand at the end.
    known = {one.name: one for take in result.takes for one in take.checks}
    rows = []
    for take in result.takes:
        values = {one.name: f"{one.value:.3g} {one.verdict}" for one in take.checks}
        cells = [values.get(name, "not measured") for name in known]
        rows.append([take.take, *cells, take.verdict or "not told"])
    rows.append(["warns above", *(f"{one.warn:g}" for one in known.values()), ""])
    rows.append(["fails above", *(f"{one.fail:g}" for one in known.values()), ""])
    heads = [f"{one.name.replace('_', ' ')}, {one.unit}" for one in known.values()]
    print_table(["take", *heads, "verdict"], rows)
    for take in result.takes:
        for name, reason in take.missing.items():
            click.echo(f"{take.take}: {name} was not measured: {reason}.")
    bad = {one.name for take in result.takes for one in take.checks if one.verdict != "pass"}
    for name in sorted(bad):
        click.echo(f"{ADVICE[name]}.")
    click.echo(f"Verdict: {result.verdict} (rig_drift against the calibration's {result.against})")
    return int(result.verdict == "fail")
