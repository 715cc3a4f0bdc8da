"""Widgets: what libgphoto2 calls a setting of the body, as plain data.

The same record is made from a live camera and from a text dump, so that planning needs no camera.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal

from idfd.model.schema import Record

Kind = Literal["text", "range", "toggle", "radio", "menu", "date", "button"]

MODEL = ("cameramodel",)
SERIAL = ("serialnumber",)
FIRMWARE = ("deviceversion",)
BATTERY = ("batterylevel",)
SHOTS_LEFT = ("availableshots",)
FOCAL_LENGTH = ("focallength",)
LENS_SHORT = ("minfocallength",)
LENS_LONG = ("maxfocallength",)
LENS_APERTURE = ("apertureatminfocallength",)
APERTURE = ("f-number", "aperture")
SHUTTER = ("shutterspeed2", "shutterspeed")
ISO = ("iso",)
WHITE_BALANCE = ("whitebalance",)
QUALITY = ("imagequality",)
MODE = ("expprogram",)
FOCUS = ("focusmode",)
CONTROL = ("controlmode",)
TARGET = ("capturetarget",)
AUTOFOCUS = ("autofocus",)
AUTO_ISO = ("autoiso", "isoauto")
DELAY = ("d06a",)
RELEASE_MODE = ("capturemode",)
BRACKETING = ("bracketing",)
VIEWFINDER = ("viewfinder",)

NAMES: tuple[str, ...] = (
    *MODEL, *SERIAL, *FIRMWARE, *BATTERY, *SHOTS_LEFT, *FOCAL_LENGTH, *LENS_SHORT, *LENS_LONG,
    *LENS_APERTURE, *APERTURE, *SHUTTER, *ISO, *WHITE_BALANCE, *QUALITY, *MODE, *FOCUS, *CONTROL,
    *TARGET, *AUTOFOCUS, *AUTO_ISO, *DELAY, *RELEASE_MODE, *BRACKETING,
)  # fmt: skip
"""Every widget that the driver reads, in libgphoto2's names."""


SETTINGS: tuple[str, ...] = (
    *APERTURE, *LENS_APERTURE, *SHUTTER, *ISO, *AUTO_ISO, *WHITE_BALANCE, *QUALITY, *MODE,
)  # fmt: skip
"""What reading and applying photo settings looks at."""


class Widget(Record, frozen=True, kw_only=True):
    """One setting of the body.

    Attributes:
        name: libgphoto2's name, such as ``f-number``.
        kind: Type of the widget.
        value: Its value as text (a toggle is ``0`` or ``1``); empty where the body has none.
        choices: Texts that can be set, for ``radio`` and ``menu``.
        read_only: Whether the body refuses changes now; None where a dump does not say.
    """

    name: str
    kind: Kind
    value: str
    choices: tuple[str, ...] = ()
    read_only: bool | None = False


Widgets = Mapping[str, Widget]
Parse = Callable[[str], "float | None"]


def pick(widgets: Widgets, names: tuple[str, ...]) -> Widget | None:
    """The first of ``names`` that the body has with at least one usable choice."""
    found = [widgets[name] for name in names if name in widgets]
    return next((w for w in found if w.kind not in ("radio", "menu") or w.choices), None)


def value_of(widgets: Widgets, names: tuple[str, ...]) -> str | None:
    """Value of the first of ``names`` that the body has, or None."""
    widget = pick(widgets, names)
    return widget.value if widget and widget.value else None
