"""The settings plan of a body, from the live camera or from a text dump."""

from __future__ import annotations

from pathlib import Path

from idfd.capture.nikon.driver import NikonCamera
from idfd.capture.nikon.dumps import read_dump
from idfd.capture.nikon.plan import BodyPlan, plan_body
from idfd.capture.rig import RigProfile, load_profile


def plan_of(dump: Path | None, rig: str | None) -> BodyPlan:
    """What would be set on a body for the photos of a rig profile.

    Args:
        dump: Output of ``gphoto2 --list-all-config``; None asks the connected body.
        rig: A profile that says which photos are wanted; None for the default one.

    Raises:
        InputError: The dump or the profile cannot be read.
        CameraError: The body does not answer.
    """
    profile = load_profile(rig) if rig else RigProfile()
    if dump is not None:
        return plan_body(read_dump(dump), profile.pair, profile.photo)
    with NikonCamera(profile.photo) as camera:
        return plan_body(camera.widgets(), profile.pair, profile.photo)
