"""What a rig needs of this machine: drivers, devices, settings of the body; for the doctor.

Nothing here raises: whatever is missing or broken becomes a row with its remedy. The drivers are
imported in the functions, so that a report can still be made where one of them cannot be.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from idfd.errors import CameraError

if TYPE_CHECKING:
    from idfd.capture.nikon.driver import NikonCamera

State = Literal["ok", "absent", "low", "problem", "missing"]
_CLOCK_S = 60.0
_DATE = ("datetime", "datetimeutc")
_DRIVERS = {
    "gphoto2": "drives Nikon bodies; 'pip install idfd[capture]'",
    "av": "reads depth recordings; 'pip install idfd[capture]'",
    "starlette": "serves the live page; 'pip install idfd[capture]'",
    "uvicorn": "serves the live page; 'pip install idfd[capture]'",
    "rawpy": "checks takes of raw files only; 'pip install rawpy'",
    "open3d": "renders the simulated rig; 'pip install idfd[simulate]'",
}


@dataclass(frozen=True)
class Result:
    """One line of the doctor's report.

    ``state`` is ``ok``, ``absent`` (optional), ``low``, ``problem`` (a device is there and cannot
    be used as it is) or ``missing`` (needed).
    """

    name: str
    state: State
    found: str
    remedy: str = ""


def rig_checks() -> list[Result]:
    """Look at drivers, cameras, and what the connected body offers."""
    return [*_drivers(), *_photo(), *_depth(), _display()]


def _drivers() -> Iterator[Result]:
    from idfd.capture.kinect.sdk import sdk_problem

    for package, remedy in _DRIVERS.items():
        yield optional(package, remedy)
    problem = sdk_problem()
    if problem is None:
        found = version_of("pyk4a-bundle", "pyk4a") or "version unknown"
        yield Result("pyk4a", "ok", found)
    else:
        yield Result("pyk4a", "absent", problem[0], problem[1])


def _photo() -> Iterator[Result]:
    from idfd.capture.nikon.config import NikonConfig
    from idfd.capture.nikon.driver import NikonCamera
    from idfd.capture.nikon.find import UNMOUNT, claimed_by, find_cameras

    try:
        cameras = find_cameras()
    except CameraError as error:
        state: State = "absent" if error.cause == "driver" else "problem"
        yield Result("photo camera", state, error.what, error.remedy or "")
        return
    holders = claimed_by()
    if not cameras:
        yield Result(
            "photo camera", "absent", "none on USB",
            "Connect it with its USB cable, switch it on, and wake it up",
        )  # fmt: skip
        return
    for model, port in cameras:
        yield Result("photo camera", "ok", f"{model} at {port}")
    if holders:
        yield Result("claimed devices", "problem", "; ".join(holders), UNMOUNT)
    if len(cameras) > 1:
        yield Result(
            "settings of the body", "absent", "not looked at: several cameras",
            "Name one in the rig profile, photo.port, or disconnect the others",
        )  # fmt: skip
        return
    yield from body_checks(NikonCamera(NikonConfig(port=cameras[0][1])))


def body_checks(camera: NikonCamera) -> Iterator[Result]:
    """What the connected body has and offers: lens, mode, apertures, battery, card, clock."""
    from idfd.capture.nikon.plan import plan_body

    try:
        with camera:
            status = camera.status()
            plan = plan_body(camera.widgets())
            clock = camera.widgets(_DATE)
            host = time.time()
    except CameraError as error:
        yield Result("settings of the body", "problem", str(error), error.remedy or "")
        return
    lens = status.lens or (f"{status.focal_length_mm:g} mm" if status.focal_length_mm else "")
    yield Result(
        "lens", "ok" if lens else "problem", lens or "the body does not tell",
        "" if lens else "Clean the contacts; for a manual lens set photo.declared_aperture",
    )  # fmt: skip
    for step in plan.steps:
        if step.state in ("cannot", "by hand", "nearest"):
            yield Result(step.setting, "problem", step.would_set or step.state, step.why)
    if plan.pair is not None:
        both = (plan.pair.all_in_focus, plan.pair.defocused)
        yield Result("apertures", "ok", " and ".join(f"f/{one.f_number:g}" for one in both))
    if status.battery_percent is not None:
        low = status.battery_percent <= 25
        yield Result(
            "battery", "low" if low else "ok", f"{status.battery_percent:g} %",
            "Charge it or connect the mains adapter" if low else "",
        )  # fmt: skip
    if status.shots_left is not None:
        low = status.shots_left < 20
        yield Result(
            "card", "low" if low else "ok", f"space for {status.shots_left} photos",
            "Put in another card" if low else "",
        )  # fmt: skip
    texts = [widget.value for widget in clock.values()]
    yield from _clock(texts[0] if texts else "", host)


def _clock(text: str, host: float) -> Iterator[Result]:
    try:
        off = float(text) - host
    except ValueError:
        return  # The body does not tell, or in a form that is not known.
    good = abs(off) < _CLOCK_S
    yield Result(
        "clock", "ok" if good else "problem", f"{off:+.0f} s against this computer",
        "" if good else "Set date, time and time zone in the camera's menu",
    )  # fmt: skip


def _depth() -> Iterator[Result]:
    from idfd.capture.kinect.usb import usb_devices, usb_error

    devices = usb_devices()
    if not devices:
        yield Result(
            "depth camera", "absent", "none on USB",
            "Connect its USB 3 cable and its power supply",
        )  # fmt: skip
        return
    error = usb_error(devices)
    for device in devices:
        found = f"{device.model} {device.serial or ''} at {device.mbit_per_s:g} Mbit/s"
        yield Result(
            "depth camera", "problem" if error else "ok", f"{found}: {error.what}" if error
            else found, (error.remedy or "") if error else "",
        )  # fmt: skip


def _display() -> Result:
    name = os.environ.get("DISPLAY", "")
    if not name:
        return Result(
            "display", "absent", "DISPLAY is not set",
            "The Kinect's depth engine needs OpenGL: work in a desktop session, or run "
            "'xvfb-run idfd ...'",
        )  # fmt: skip
    number = name.rpartition(":")[2].partition(".")[0]
    local = name.startswith(":")
    if local and not Path(f"/tmp/.X11-unix/X{number}").exists():
        return Result(
            "display", "problem", f"DISPLAY is {name}, and no server is there",
            "Start it ('Xvfb :1 &' with DISPLAY=:1) or work in a desktop session",
        )  # fmt: skip
    return Result("display", "ok", name)


def optional(package: str, remedy: str) -> Result:
    """Whether an optional package is installed; to import some of them would take seconds."""
    version = version_of(package, f"{package}-cpu")
    if version is None:
        return Result(package, "absent", "not installed", remedy)
    return Result(package, "ok", version)


def version_of(*packages: str) -> str | None:
    """Version of the first of some packages that is installed, or None."""
    for package in packages:
        try:
            return metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return None
