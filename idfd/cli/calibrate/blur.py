"""``idfd calibrate blur``: the thin lens in numbers."""

from __future__ import annotations

import click


@click.command()
@click.option("--focal-length-mm", type=float, required=True, help="Focal length in mm.")
@click.option("--f-number", type=float, required=True, help="f-number, such as 2.8.")
@click.option("--focus-m", type=float, required=True, help="Focus distance in metres.")
@click.option("--pitch-um", type=float, required=True, help="Pixel pitch in micrometres.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.argument("depths_m", metavar="[DEPTH...]", type=float, nargs=-1)
def blur(
    focal_length_mm: float,
    f_number: float,
    focus_m: float,
    pitch_um: float,
    as_json: bool,
    depths_m: tuple[float, ...],
) -> None:
    """Blur of a thin lens at depths in metres (default: 0.5 to 10 m), in pixels.

    Prints the diameter of the blur disk, the width of the Gaussian that stands for it,
    and the depth of field for a disk of one pixel.
    """
    import json
    import math

    from idfd.calibration.thin_lens import (
        circle_of_confusion_px,
        depth_of_field_m,
        gaussian_sigma_px,
    )

    depths = depths_m or (0.5, 0.7, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0)
    lens = {
        "focal_length_mm": focal_length_mm,
        "f_number": f_number,
        "focus_distance_m": focus_m,
        "pixel_pitch_um": pitch_um,
    }
    rows = [
        {
            "depth_m": depth,
            "circle_px": circle_of_confusion_px(depth, **lens),
            "sigma_px": gaussian_sigma_px(depth, **lens),
        }
        for depth in depths
    ]
    near, far = depth_of_field_m(**lens)
    if as_json:
        # JSON has no infinity: null says that there is no far limit, and no blur where no depth.
        sharp = {"near_m": near, "far_m": far if math.isfinite(far) else None}
        plain = [{k: v if math.isfinite(v) else None for k, v in row.items()} for row in rows]
        click.echo(json.dumps({**lens, "depth_of_field": sharp, "blur": plain}, indent=2))
        return
    click.echo(f"{'depth m':>9} {'circle px':>10} {'sigma px':>9}")
    for row in rows:
        click.echo(f"{row['depth_m']:9.2f} {row['circle_px']:10.2f} {row['sigma_px']:9.2f}")
    click.echo(f"sharp to one pixel from {near:.2f} to {far:.2f} m")
