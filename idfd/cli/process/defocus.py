"""``idfd process defocus``: a defocused set out of all-in-focus photos and depth."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click


@click.command()
@click.argument("source", type=click.Path(path_type=Path, exists=True))
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), metavar="DIR", required=True,
    help="Folder for the triples.",
)  # fmt: skip
@click.option(
    "--preset", type=click.Choice(["nyu-carvalho", "dfd-indoor", "idfd"]), required=True,
    help="Lens and way of computing; the options below replace parts of it.",
)  # fmt: skip
@click.option(
    "--engine", type=click.Choice(["layered", "gaussian-stack"]),
    help="layered knows occlusion; gaussian-stack is faster.",
)  # fmt: skip
@click.option("--psf", type=click.Choice(["gaussian", "disk"]), help="Shape of the spot.")
@click.option(
    "--light", type=click.Choice(["linear", "encoded"]),
    help="Blur linear light, as a lens does, or the encoded values.",
)  # fmt: skip
@click.option("--focus", type=float, metavar="M", help="Depth in focus, metres.")
@click.option("--f-number", type=float, metavar="N", help="Aperture.")
@click.option("--focal-length", type=float, metavar="MM", help="Of the lens, millimetres.")
@click.option(
    "--pixel-pitch", type=float, metavar="UM",
    help="Micrometres between pixels of the photos that the triples are windows of.",
)  # fmt: skip
@click.option(
    "--layers", type=click.IntRange(min=2),
    help="So many layers, evenly spaced in blur; or levels of the stack.",
)  # fmt: skip
@click.option(
    "--noise", type=float, metavar="SHARE",
    help="Standard deviation of the sensor's noise at mid-grey, of full scale.",
)  # fmt: skip
@click.option("--seed", type=click.IntRange(min=0), help="Of the noise.")
@click.option("--json", "as_json", is_flag=True, help="Print the index as JSON.")
def defocus(
    source: Path,
    output: Path,
    preset: str,
    engine: str | None,
    psf: str | None,
    light: str | None,
    focus: float | None,
    f_number: float | None,
    focal_length: float | None,
    pixel_pitch: float | None,
    layers: int | None,
    noise: float | None,
    seed: int | None,
    as_json: bool,
) -> int:
    """Give every triple of SOURCE a computed defocused photo.

    SOURCE is a release file or a folder of triples; what it holds for a defocused photo is
    replaced. DIR is a folder that 'idfd release build' makes a release of. A run that was stopped
    goes on. Exit code 1 if a triple could not be made; the rest is made all the same.
    """
    from functools import partial

    from idfd.cli.process.reworked import tell
    from idfd.processing.defocus.config import customised
    from idfd.processing.defocus.simulate import simulate
    from idfd.release.triple_folder import rework

    changes: dict[str, Any] = {
        "engine": engine, "psf": psf, "light": light, "focus_distance_m": focus,
        "f_number": f_number, "focal_length_mm": focal_length, "pixel_pitch_um": pixel_pitch,
        "layers": layers, "noise": noise, "seed": seed,
    }  # fmt: skip
    config = customised(preset, {name: v for name, v in changes.items() if v is not None})
    curation = rework(source, output, partial(simulate, config=config), config, "defocus")
    return tell(curation, output, as_json)
