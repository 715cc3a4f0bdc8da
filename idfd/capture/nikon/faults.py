"""What a failure of libgphoto2 means, and what the operator can do about it."""

from __future__ import annotations

from pathlib import Path

from idfd.capture.nikon.messages import Failure
from idfd.errors import CameraError, StorageError
from idfd.storage.durable import storage_error

RECONNECT = frozenset({"disconnected", "timeout", "crashed", "failed"})
"""Causes after which the camera is opened anew, in a new process, before it is used again."""

_OUT_OF_MEMORY = -3

_PLUG_IN = "Connect the camera by USB, turn it on, and check the cable"
POWER_CYCLE = "Check the cable, turn the camera off and on, and try again"

# The reason in the context says more than the code, which is -1 for most of them.
_REASONS = (
    ("could not detect", "absent", _PLUG_IN),
    ("out of focus", "out_of_focus", "Switch the lens and the body to manual focus (MF)"),
    ("store full", "store_full", "Change the card, or free space on it"),
    ("memorycard ran full", "store_full", "Change the card, or free space on it"),
    ("store read-only", "store_full", "Unlock the card's write protection"),
    ("store not available", "store_full", "Put a card into the body"),
    ("ptp timeout", "timeout", POWER_CYCLE),
    ("busy", "busy", "Wait until the card lamp is off, then try again"),
    ("access denied", "read_only", "Set it on the body, or put the body in mode M"),
    # After the cable was pulled every answer is a "general error", then "bad parameters".
    ("general error", "disconnected", POWER_CYCLE),
    ("hardware error", "failed", "Check battery, card and lens; turn the camera off and on"),
)
_CODES = {
    -2: ("refused", "Plan with what the body offers now"),
    -4: ("driver", "Install the gphoto2 package anew; its port drivers are missing"),
    -5: ("absent", "Check the port in the rig profile; 'idfd doctor' lists the cameras"),
    -6: ("refused", "The body does not do this by remote control"),
    -7: ("disconnected", POWER_CYCLE),
    -10: ("timeout", POWER_CYCLE),
    -31: ("disconnected", POWER_CYCLE),
    -34: ("disconnected", POWER_CYCLE),
    -35: ("disconnected", POWER_CYCLE),
    -52: ("absent", _PLUG_IN),
    -60: ("permission", "Allow this user the USB device: add a udev rule for vendor 04b0 (Nikon)"),
    -105: ("absent", _PLUG_IN),
    -108: ("failed", "Shoot again: the photo is not in the body any more"),
    -110: ("busy", "Wait until the card lamp is off, then try again"),
}
_KINDS = {
    "lost": ("disconnected", POWER_CYCLE),
    "missing": ("failed", "Check how many files a release makes (image quality, card slots)"),
    "refused": ("refused", "Plan with what the body offers now"),
    "read_only": ("read_only", "Set it on the body, or put the body in mode M"),
    "mismatch": ("mismatch", "Try again; if it stays, set it on the body and keep it"),
    "driver": ("driver", "Install it: pip install gphoto2"),
}


class ExhaustedError(CameraError):
    """The process that talks to the camera is out of memory before a release; a new one is not."""


def error_of(failure: Failure, where: str) -> CameraError | StorageError:
    """The error that a failure stands for.

    Args:
        failure: What the process that talks to the camera reports.
        where: The camera, for the message.
    """
    if failure.kind == "storage":
        path = Path(failure.doing.removeprefix("writing "))
        return storage_error(OSError(failure.code, ""), path)
    what = f"{failure.doing} failed"
    if failure.kind != "gphoto":
        cause, remedy = _KINDS[failure.kind]
        found = {"refused": "it offers ", "missing": "got ", "read_only": "it stays at "}
        detail = found.get(failure.kind, "found ") + failure.text if failure.text else ""
        what += f": {failure.kind.replace('_', '-')}" + (f", {detail}" if detail else "")
        return CameraError(what, cause=cause, where=where, remedy=remedy)
    what += f": {failure.context or failure.text} (libgphoto2: {failure.code})"
    if failure.code == _OUT_OF_MEMORY:
        return ExhaustedError(what, where=where, remedy="Try again: the camera is opened anew")
    if failure.code == -53:
        return _claimed(what, where)
    reason = failure.context.lower()
    for words, cause, remedy in _REASONS:
        if words in reason:
            return CameraError(what, cause=cause, where=where, remedy=remedy)
    cause, remedy = _CODES.get(failure.code, ("disconnected", POWER_CYCLE))
    return CameraError(what, cause=cause, where=where, remedy=remedy)


def _claimed(what: str, where: str) -> CameraError:
    from idfd.capture.nikon.find import UNMOUNT, claimed_by

    holders = claimed_by()
    by = f"held by {', '.join(holders)}" if holders else "held by another program or not permitted"
    return CameraError(
        f"{what}; {by}",
        cause="claimed",
        where=where,
        remedy=UNMOUNT if holders else f"{UNMOUNT}; else add a udev rule for vendor 04b0 (Nikon)",
    )
