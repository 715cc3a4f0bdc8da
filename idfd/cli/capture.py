"""``idfd capture``: photos and their settings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click


@click.group("capture")
def capture() -> None:
    """Photos and their settings."""


@capture.command("settings")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.argument(
    "photos", metavar="PHOTO...", nargs=-1, required=True, type=click.Path(path_type=Path)
)
def settings(as_json: bool, photos: tuple[Path, ...]) -> None:
    """Show what photos were taken with, from their EXIF blocks."""
    import json

    import msgspec

    from idfd.capture.exif import read_settings

    rows: list[dict[str, Any]] = []
    for photo in photos:
        found, taken = read_settings(photo)
        row: dict[str, Any] = {"file": str(photo), "time": taken.isoformat() if taken else None}
        fields = ("f_number", "exposure_s", "iso", "focal_length_mm", "focus_distance_m")
        values = msgspec.to_builtins(found) if found else {}
        rows.append(
            row | {key: values.get(key) for key in (*fields, "white_balance", "camera", "lens")}
        )
    if as_json:
        click.echo(json.dumps(rows, indent=2))
        return
    for row in rows:
        exposure = row["exposure_s"]
        shutter = f"1/{1 / exposure:.0f} s" if exposure and exposure < 0.3 else _unit(exposure, "s")
        click.echo(f"{row['file']}")
        for label, text in (
            ("time", row["time"]),
            ("aperture", f"f/{row['f_number']:g}" if row["f_number"] else None),
            ("exposure", shutter),
            ("ISO", _unit(row["iso"], "")),
            ("focal length", _unit(row["focal_length_mm"], "mm")),
            ("focus distance", _unit(row["focus_distance_m"], "m")),
            ("camera", row["camera"]),
            ("lens", row["lens"]),
        ):
            click.echo(f"  {label:<15} {text or 'not recorded'}")


@capture.command("pair")
@click.option("--limit-s", type=float, default=60.0, show_default=True, help="Longest time apart.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.argument("folder", type=click.Path(path_type=Path))
def pair(limit_s: float, as_json: bool, folder: Path) -> None:
    """Pair the photos under FOLDER by aperture and EXIF time."""
    import json

    from idfd.capture.exif import pair_by_aperture, photos_under

    photos = photos_under(folder)
    pairs = pair_by_aperture(photos, limit_s)
    paired = {photo for both in pairs for photo in both}
    alone = [photo for photo in photos if photo not in paired]
    names = [tuple(photo.relative_to(folder).as_posix() for photo in both) for both in pairs]
    if as_json:
        rows = [{"all_in_focus": sharp, "defocused": wide} for sharp, wide in names]
        left = [photo.relative_to(folder).as_posix() for photo in alone]
        click.echo(json.dumps({"pairs": rows, "unpaired": left}, indent=2))
        return
    for sharp, wide in names:
        click.echo(f"{sharp}  <->  {wide}")
    for photo in alone:
        click.echo(f"{photo.relative_to(folder).as_posix()}  has no partner within {limit_s:g} s")


def _unit(value: float | None, unit: str) -> str | None:
    return None if value is None else f"{value:g} {unit}".strip()
