"""``idfd capture``: sessions with the rig, its cameras, photos and their settings."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from idfd.capture.session.plan import PlannedScene

_RIG = click.option(
    "--rig", metavar="PROFILE", help="Rig profile (JSON), or 'simulated' for the rendered rig. "
    "Default: the session's own, or a Nikon and an Azure Kinect on USB.",
)  # fmt: skip
_PATH = click.Path(path_type=Path)


@click.group("capture")
def capture() -> None:
    """Sessions with the rig, its cameras, photos and their settings."""


@capture.command("session")
@click.argument("folder", metavar="DIR", type=_PATH)
@_RIG
@click.option("--plan", type=_PATH, help="Shot plan: CSV with scene, group, environment, note.")
@click.option("--board", "board_name", metavar="FILE|PRESET", help="All takes look at this board, "
              "to calibrate by.")  # fmt: skip
@click.option("--calibration", type=_PATH, help="calibration.json of the rig; the session keeps a "
              "copy, and each take is checked for a rig that moved.")  # fmt: skip
@click.option("--operator", default="", help="Who shoots.")
@click.option("--note", default="", help="About a new session.")
@click.option("--sound", type=click.Choice(["on", "off"]), default="on", show_default=True)
def session(
    folder: Path, rig: str | None, plan: Path | None, board_name: str | None,
    calibration: Path | None, operator: str, note: str, sound: str,
) -> None:  # fmt: skip
    """Shoot a session in DIR, guided: Enter shoots the triple, q ends.

    A session that is there already goes on. Everything is kept that was saved, however it ends.
    With --board the guide says after each take which cameras saw the board, and how to hold it
    next.
    """
    from rich.console import Console

    from idfd.calibration.boards.files import find_board
    from idfd.capture.operator.boards import watch_of
    from idfd.capture.operator.contact import write_contact_sheet
    from idfd.capture.operator.guide import Guide
    from idfd.capture.operator.guided import Terminal, confirm_ring, run_guided
    from idfd.capture.operator.opening import opened
    from idfd.capture.session.plan import read_plan

    rows: tuple[PlannedScene, ...] = read_plan(plan) if plan else ()
    terminal = Terminal(Console(), input, sound == "on")
    board = find_board(board_name) if board_name else None
    with opened(
        folder, rig, board=board, calibration=calibration, operator=operator, note=note,
        confirm_aperture=confirm_ring(terminal),
    ) as shooter:  # fmt: skip
        guide = Guide(shooter, plan=rows, watch=watch_of(shooter.session))
        run_guided(guide, terminal, lambda: write_contact_sheet(shooter.session))


@capture.command("scene")
@click.argument("folder", metavar="DIR", type=_PATH)
@click.argument("name")
@click.option("--environment", default="unknown", show_default=True)
@click.option("--group", help="Room; scenes of a room never cross a split. Default: the scene.")
@_RIG
@click.option("--exposure", help="Shutter of the all-in-focus photo, such as 1/8, or 'auto'.")
@click.option("--retake", is_flag=True, help="Move the scene's last take to rejected/.")
@click.option("--json", "as_json", is_flag=True, help="Print the take's record as JSON.")
def scene(
    folder: Path, name: str, environment: str, group: str | None, rig: str | None,
    exposure: str | None, retake: bool, as_json: bool,
) -> int:  # fmt: skip
    """Shoot one take of scene NAME into the session in DIR.

    Starts the session where there is none. Exit code 1 if the take failed its checks; it is kept
    all the same.
    """
    from idfd.capture.operator.guide import Target
    from idfd.capture.operator.single import shoot_scene
    from idfd.capture.operator.words import check_row, take_line
    from idfd.cli.output import print_json, print_table

    target = Target(name, group or name, environment)
    record = shoot_scene(folder, rig, target, exposure=exposure, retake=retake)
    if as_json:
        print_json(record)
    else:
        columns = ("check", "measured", "limit", "verdict", "what to do")
        print_table(columns, [check_row(check) for check in record.checks])
        click.echo(f"{record.id}: {record.verdict}; {take_line(record)}")
    return 1 if record.verdict == "fail" else 0


@capture.command("status")
@click.argument("folder", metavar="DIR", type=_PATH)
@click.option("--plan", type=_PATH, help="Shot plan to hold the session against.")
@click.option("--verify", is_flag=True, help="Hash every file again and compare.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def status(folder: Path, plan: Path | None, verify: bool, as_json: bool) -> int:
    """Show what the session in DIR holds. Exit code 1 if files are damaged."""
    from idfd.capture.operator.status import session_status
    from idfd.cli.output import print_json, print_table

    found = session_status(folder, plan, verify=verify)
    if as_json:
        print_json(found)
        return 1 if found.damage else 0
    print_table(
        ("scene", "environment", "room", "takes", "rejected", "verdict"),
        [
            (s.name, s.environment, s.group, s.takes, s.rejected,
             s.verdict or (f"skipped: {s.skipped}" if s.skipped else "–"))
            for s in found.scenes
        ],
        title=found.name,
    )  # fmt: skip
    counts = ", ".join(f"{count} {verdict}" for verdict, count in found.verdicts.items())
    click.echo(f"{found.takes} takes ({counts}), {found.bytes / 1e6:.1f} MB")
    for label, names in (
        ("not shot yet", found.remaining),
        ("not in the second copy yet", found.copy_pending),
        ("damaged", found.damage),
    ):
        if names is not None:
            click.echo(f"{label}: {', '.join(names) if names else 'none'}")
    return 1 if found.damage else 0


@capture.command("preview")
@_RIG
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="TCP port; 0: any free.")
@click.option("--open", "open_page", is_flag=True, help="Open the page in the browser.")
def preview(rig: str | None, port: int, open_page: bool) -> None:
    """Serve a live page with focus peaking, clipping, histogram and depth.

    Only this machine can see it. Ctrl-C ends it.
    """
    from idfd.capture.operator.opening import opened_rig
    from idfd.capture.operator.preview.serve import serve_preview

    def announce(address: str) -> None:
        click.echo(f"Live view: {address} (Ctrl-C ends it)")
        if open_page:
            click.launch(address)

    with opened_rig(rig) as device:
        serve_preview(device, port, announce)


@capture.command("import")
@click.argument("photos", type=_PATH)
@click.option("--recordings", type=_PATH, help="Folder of MKV recordings or HDF5 bursts; default: "
              "beside the photos.")  # fmt: skip
@click.option("-o", "--output", required=True, type=_PATH, help="Folder of the new session.")
@_RIG
@click.option("--environment", default="unknown", show_default=True)
@click.option("--group", help="Room of all scenes; default: the folder that a pair lies in.")
@click.option("--pair-limit-s", type=float, default=60.0, show_default=True,
              help="Longest time between the photos of a pair.")  # fmt: skip
@click.option("--depth-limit-s", type=float, default=300.0, show_default=True,
              help="Longest time between a pair and its depth.")  # fmt: skip
@click.option("--clock-offset-s", type=float, default=0.0, show_default=True,
              help="The camera's clock minus the computer's.")  # fmt: skip
@click.option("--link", is_flag=True, help="Make hard links in place of copies.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def import_(
    photos: Path, recordings: Path | None, output: Path, rig: str | None, environment: str,
    group: str | None, pair_limit_s: float, depth_limit_s: float, clock_offset_s: float, link: bool,
    as_json: bool,
) -> None:  # fmt: skip
    """Make a session of PHOTOS and depth recordings that were shot by hand.

    Photos are paired by aperture and time. Nothing is changed in the folders; audit.md in the
    session accounts for every file.
    """
    from idfd.capture.operator.contact import write_contact_sheet
    from idfd.capture.rig import RigProfile, load_profile
    from idfd.capture.session.importer import ImportOptions, import_session
    from idfd.capture.session.reader import SessionReader
    from idfd.cli.output import print_json

    options = ImportOptions(
        group, environment, pair_limit_s, depth_limit_s, clock_offset_s, link=link
    )
    profile = load_profile(rig) if rig else RigProfile()
    result = import_session(photos, recordings, output, profile=profile, options=options)
    write_contact_sheet(SessionReader(output))
    left = {str(path): reason for path, reason in result.left_out.items()}
    if as_json:
        print_json({"takes": result.takes, "left_out": left})
        return
    for name, reason in left.items():
        click.echo(f"left out: {name}: {reason}")
    click.echo(f"{len(result.takes)} takes -> {output}")


@capture.command("recording")
@click.argument("burst", type=_PATH)
@click.option("-o", "--output", required=True, type=_PATH, help="The recording, such as x.mkv.")
def recording(burst: Path, output: Path) -> None:
    """Write a take's BURST (depth.h5) as an MKV recording, as k4arecorder makes them.

    Microsoft's viewer and any program for Azure Kinect recordings open it. Needs the libraries of
    the extra 'kinect'.
    """
    from idfd.capture.kinect.writer import write_recording
    from idfd.storage.bursts import read_burst

    found = read_burst(burst)
    write_recording(output, found)
    click.echo(f"{output}: {len(found)} frames, {output.stat().st_size / 1e6:.1f} MB")


@capture.command("plan")
@click.argument("dump", required=False, type=_PATH)
@_RIG
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def plan(dump: Path | None, rig: str | None, as_json: bool) -> int:
    """Show what would be set on a body, what cannot be set, and why.

    DUMP is the output of 'gphoto2 --list-all-config'; without it the connected body is asked.
    Nothing is changed on the body. Exit code 1 if it cannot take the pair.
    """
    from idfd.capture.nikon.plan import describe
    from idfd.capture.operator.body import plan_of
    from idfd.cli.output import print_json, print_table

    found = plan_of(dump, rig)
    rows = describe(found)
    if as_json:
        names = ("setting", "value", "why")
        steps = [dict(zip(names, row, strict=True)) for row in rows]
        print_json({"model": found.model, "pair": found.pair is not None, "steps": steps})
    else:
        print_table(("setting", "would set", "why"), rows, title=found.model)
    return 0 if found.pair is not None else 1


@capture.command("profile")
@click.option("--rig", metavar="PROFILE", help="Start from this profile; default: a Nikon and an "
              "Azure Kinect on USB.")  # fmt: skip
@click.option("-o", "--output", type=_PATH, help="File to write; default: standard output.")
def profile(rig: str | None, output: Path | None) -> None:
    """Write a rig profile with every setting and limit, to be edited."""
    from idfd.capture.rig import RigProfile, load_profile
    from idfd.cli.output import print_json
    from idfd.model import schema
    from idfd.storage.durable import write_bytes

    found = load_profile(rig) if rig else RigProfile()
    if output is None:
        print_json(found)
    else:
        write_bytes(output, schema.encode(found))
        click.echo(f"{output}: give it as --rig {output}")


@capture.command("settings")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.argument(
    "photos", metavar="PHOTO...", nargs=-1, required=True, type=click.Path(path_type=Path)
)
def settings(as_json: bool, photos: tuple[Path, ...]) -> None:
    """Show what photos were taken with, from their EXIF blocks."""
    import json

    import msgspec

    from idfd.storage.exif import read_settings

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

    from idfd.capture.pairing import pair_by_aperture, photos_under

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
