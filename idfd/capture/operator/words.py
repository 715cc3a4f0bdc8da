"""What the operator reads: verdicts, limits and errors as rows of text; nothing is printed."""

from __future__ import annotations

from idfd.calibration.views import CameraName
from idfd.capture.checks import advice
from idfd.capture.exposure import PairPlan, shutter_text
from idfd.capture.operator.boards import CAMERAS, BoardWatch, Look
from idfd.errors import IdfdError, InputError
from idfd.model.session import TakeRecord
from idfd.model.triple import Check

TITLES = {
    "aperture": "aperture",
    "level": "brightness",
    "clipped": "clipped highlights",
    "exposure_difference": "exposure difference",
    "texture": "texture",
    "sharpness": "f/10 sharper than f/2.8",
    "shift": "camera moved",
    "rig_drift": "rig moved",
    "depth_valid": "depth valid",
    "depth_range": "depth in range",
    "depth_noise": "depth noise",
    "stale_frames": "repeated depth frames",
    "dropped_frames": "lost depth frames",
    "time_span": "time span",
    "photo_times": "clocks disagree by",
}
CAMERA_TITLES: dict[CameraName, str] = {
    "photo": "photo at the small aperture",
    "defocused": "photo at the large aperture",
    "depth": "infrared image",
}


def check_row(check: Check) -> tuple[str, str, str, str, str]:
    """Title, measured value, limit, verdict and what to do."""
    sign = "≥" if check.higher_is_better else "≤"
    return (
        TITLES.get(check.name, check.name),
        _value(check.value, check.unit),
        f"{sign} {_value(check.warn, check.unit)}",
        check.verdict,
        advice(check),
    )


def look_rows(look: Look) -> list[tuple[str, str]]:
    """A camera and what it saw of the board, one row for each camera."""
    rows = []
    for camera in CAMERAS:
        if camera in look.corners:
            said = f"{look.corners[camera]} corners"
        elif camera in look.missed:
            said = f"no board: {look.problems.get(camera, 'nothing was found')}"
        else:
            said = "no board, and none was to be expected"
        rows.append((CAMERA_TITLES[camera], said))
    return rows


def missed_line(look: Look) -> str:
    """What to do where cameras should have seen the board and did not; empty where all did."""
    if not look.missed:
        return ""
    where = " and the ".join(CAMERA_TITLES[camera] for camera in look.missed)
    key = "Enter" if "photo" in look.missed else "r"
    return f"The board is missing in the {where}: {key} shoots it again"


def coverage_line(watch: BoardWatch) -> str:
    """One line about how far a board session is."""
    photo = watch.photo
    parts = [f"{watch.views} views", f"{100 * photo.share:.0f} % of the photo reached"]
    if len(photo.distances_mm):
        near, far = photo.distances_mm.min() / 1000, photo.distances_mm.max() / 1000
        parts.append(f"{near:.2f} to {far:.2f} m")
    parts.append(f"{watch.shared.views} seen by both cameras")
    return " · ".join(parts)


def error_text(error: IdfdError) -> tuple[str, str]:
    """What happened, and what to do now."""
    what = f"{error.where}: {error.what}" if error.where else error.what
    if error.limit:
        what += f" (expected {error.limit})"
    return what, error.remedy or "Try it again"


def take_line(record: TakeRecord) -> str:
    """One line about a take: settings, depth, size."""
    megabytes = sum(item.file.bytes for item in record.files) / 1e6
    depth = record.depth
    parts = [
        _photo(record.all_in_focus.f_number, record.all_in_focus.exposure_s),
        _photo(record.defocused.f_number, record.defocused.exposure_s),
        f"{depth.frames} depth frames, {100 * depth.valid_share:.0f} % valid",
    ]
    if depth.temperature_c is not None:
        parts.append(f"{depth.temperature_c:.0f} °C")
    parts.append(f"{megabytes:.1f} MB")
    return " · ".join(parts)


def plan_line(plan: PairPlan) -> str:
    """One line about an exposure pair."""
    first, second = plan.all_in_focus, plan.defocused
    iso = f", ISO {first.iso}" if first.iso else ""
    both = " and ".join(_photo(one.f_number, one.exposure_s) for one in (first, second))
    return f"{both}{iso}, {plan.residual_stops:+.2f} stops apart"


def read_shutter(text: str) -> float:
    """Seconds of an exposure time as photographers write it: ``1/25``, ``0.5``, ``2 s``.

    Raises:
        InputError: Not such a time.
    """
    head, bar, tail = text.lower().strip().removesuffix("s").strip().partition("/")
    try:
        seconds = float(head) / float(tail) if bar else float(head)
        if 0 < seconds < 3600:
            return seconds
    except (ValueError, ZeroDivisionError):
        pass
    raise InputError(
        f"'{text}' is not an exposure time", limit="a time in seconds such as 1/25, 0.5 or 2"
    )


def _photo(f_number: float | None, exposure_s: float | None) -> str:
    parts = [
        f"f/{f_number:g}" if f_number else "aperture as set",
        shutter_text(exposure_s) if exposure_s else "",
    ]
    return " ".join(filter(None, parts))


def _value(value: float, unit: str) -> str:
    if unit.startswith("of "):
        return f"{100 * value:.1f} %"
    return f"{value:.3g} {unit}".strip()
