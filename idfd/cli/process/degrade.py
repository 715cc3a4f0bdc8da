"""``idfd process degrade SOURCE -o DIR``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from idfd.model.degradation import Degradation

_PATH = click.Path(path_type=Path)


@click.command()
@click.argument("source", type=_PATH)
@click.option("-o", "--output", type=_PATH, required=True, help="Folder for the triples.")
@click.option("--shake-deg-s", type=float, help="Camera shake: angular velocity about each axis.")
@click.option("--speed-mm-s", type=float, help="Motion blur: speed across the optical axis.")
@click.option("--iso", type=float, help="Sensor noise: sensitivity.")
@click.option("--exposure-s", type=float, help="Of shake and motion.  [default: 0.04]")
@click.option(
    "--photosites", type=float, metavar="N",
    help="Of noise: photosites averaged in a pixel, 36 for photos reduced six times.  [default: 1]",
)  # fmt: skip
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print the index as JSON.")
def degrade(
    source: Path, output: Path, shake_deg_s: float | None, speed_mm_s: float | None,
    iso: float | None, exposure_s: float | None, photosites: float | None, seed: int,
    as_json: bool,
) -> int:  # fmt: skip
    """Degrade the defocused photos of SOURCE, a release or a folder of triples.

    At least one of --shake-deg-s, --speed-mm-s and --iso; several are done in this order. Sharp
    photos, depth and defocus maps stay as they are. 'idfd release build DIR' makes a release of
    the result. Exit code 1 if a triple could not be degraded; the rest is done all the same.
    """
    blur = exposure_s is not None and shake_deg_s is None and speed_mm_s is None
    if blur or (photosites is not None and iso is None):
        raise click.UsageError(
            "--exposure-s goes with --shake-deg-s and --speed-mm-s, --photosites with --iso."
        )
    steps = _steps(shake_deg_s, speed_mm_s, iso, exposure_s, photosites, seed)
    if not steps:
        raise click.UsageError("Give at least one of --shake-deg-s, --speed-mm-s and --iso.")
    from idfd.cli.process.reworked import tell
    from idfd.processing.degrade.apply import Degradations, degrade_all
    from idfd.release.triple_folder import rework

    index = rework(
        source, output, lambda triple: degrade_all(triple, steps), Degradations(steps=steps),
        "degrade",
    )  # fmt: skip
    return tell(index, output, as_json)


def _steps(
    shake_deg_s: float | None, speed_mm_s: float | None, iso: float | None,
    exposure_s: float | None, photosites: float | None, seed: int,
) -> tuple[Degradation, ...]:  # fmt: skip
    from idfd.processing.degrade.settings import make_degradation

    asked = (
        ("camera-shake", {"shake_deg_s": shake_deg_s, "exposure_s": exposure_s}),
        ("motion-blur", {"speed_mm_s": speed_mm_s, "exposure_s": exposure_s}),
        ("high-iso-noise", {"iso": iso, "photosites": photosites}),
    )
    return tuple(
        make_degradation(kind, {k: v for k, v in values.items() if v is not None}, seed)
        for kind, values in asked
        if next(iter(values.values())) is not None
    )
