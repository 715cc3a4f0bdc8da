"""Between a body's widgets and the settings that the rest of the toolkit speaks of."""

from __future__ import annotations

from typing import Any, cast

from idfd.capture.cameras import Offers, PhotoSettings, PhotoStatus
from idfd.capture.exposure import shutter_text
from idfd.capture.nikon import widgets as w
from idfd.capture.nikon.values import (
    FORMATS,
    Format,
    choice_of,
    parse_exposure,
    parse_f_number,
    parse_format,
    parse_iso,
    parse_leading,
    parsed,
)
from idfd.capture.nikon.widgets import Widget, Widgets, pick, value_of
from idfd.errors import CameraError

_WIDGETS = {
    "f_number": w.APERTURE,
    "exposure_s": w.SHUTTER,
    "iso": w.ISO,
    "white_balance": w.WHITE_BALANCE,
    "format": w.QUALITY,
}
_PARSERS: dict[str, w.Parse] = {
    "f_number": parse_f_number,
    "exposure_s": parse_exposure,
    "iso": parse_iso,
}
# Values of the exposure delay by the values that a body offers, in seconds. libgphoto2's own
# "exposuredelaymode" cannot be used: it calls every value but 0 "On", and 3 is off on a D750
# (libgphoto2 issue 965). Bodies with other values, such as the Z 6, are not documented.
_DELAYS_S: dict[tuple[str, ...], dict[str, float]] = {
    ("0", "1"): {"1": 1.0},
    ("0", "1", "2", "3"): {"0": 3.0, "1": 2.0, "2": 1.0},
    ("0", "2", "5", "10", "20", "30"): {"2": 0.2, "5": 0.5, "10": 1.0, "20": 2.0, "30": 3.0},
}
_SHUTTER_MODES = ("M", "S")
_APERTURE_MODES = ("M", "A")


def status_of(widgets: Widgets) -> PhotoStatus:
    """State of the body; what it does not tell is None."""
    shortest, longest = value_of(widgets, w.LENS_SHORT), value_of(widgets, w.LENS_LONG)
    shots = parse_leading(value_of(widgets, w.SHOTS_LEFT))
    lens = shortest if shortest == longest else f"{shortest} to {longest}"
    return PhotoStatus(
        model=value_of(widgets, w.MODEL) or "unknown body",
        serial=value_of(widgets, w.SERIAL),
        firmware=value_of(widgets, w.FIRMWARE),
        lens=lens if shortest and longest else None,
        focal_length_mm=parse_leading(value_of(widgets, w.FOCAL_LENGTH)) or None,
        battery_percent=parse_leading(value_of(widgets, w.BATTERY)),
        shots_left=None if shots is None else int(shots),
        mode=value_of(widgets, w.MODE),
        focus_mode=value_of(widgets, w.FOCUS),
    )


def settings_of(widgets: Widgets) -> PhotoSettings:
    """What the body is set to; what it does not tell is None."""
    return PhotoSettings(
        f_number=parse_f_number(value_of(widgets, w.APERTURE) or ""),
        exposure_s=parse_exposure(value_of(widgets, w.SHUTTER) or ""),
        iso=parse_iso(value_of(widgets, w.ISO) or ""),
        white_balance=value_of(widgets, w.WHITE_BALANCE),
        format=parse_format(value_of(widgets, w.QUALITY) or ""),
    )


def offers_of(widgets: Widgets, declared_aperture: bool = False) -> Offers:
    """What the body offers now, and what it does not let be changed and why.

    Some bodies list f-numbers from f/1 whatever the lens; those that the lens cannot open to by
    its own report are left out.
    """
    aperture, shutter = pick(widgets, w.APERTURE), pick(widgets, w.SHUTTER)
    iso, quality = pick(widgets, w.ISO), pick(widgets, w.QUALITY)
    balance = pick(widgets, w.WHITE_BALANCE)
    fixed = {
        "f_number": "" if declared_aperture else _aperture_fault(widgets, aperture),
        "exposure_s": _fault(widgets, shutter, _SHUTTER_MODES),
        "iso": _iso_fault(widgets, iso),
        "white_balance": _fault(widgets, balance),
        "format": _fault(widgets, quality),
    }
    opens_to = lens_opens_to(widgets)
    return Offers(
        f_numbers=()
        if declared_aperture
        else tuple(f for f in _sorted(aperture, parse_f_number) if f >= opens_to),
        exposures_s=tuple(_sorted(shutter, parse_exposure)),
        isos=tuple(int(v) for v in _sorted(iso, parse_iso)),
        white_balances=balance.choices if balance else (),
        formats=tuple(
            form
            for form, texts in FORMATS.items()
            if quality and any(text in quality.choices for text in texts)
        ),
        fixed={name: fault for name, fault in fixed.items() if fault},
        declared_aperture=declared_aperture,
    )


def texts_of(
    settings: PhotoSettings, widgets: Widgets, declared_aperture: bool = False
) -> dict[str, str]:
    """The widgets to set for some settings, and the texts to set them to.

    What cannot be changed but is as asked for already (a shutter that the mode fixes) is left out,
    as is the aperture where it is declared.

    Raises:
        CameraError: ``refused`` (not offered) or ``read_only`` (cannot be changed from here).
    """
    fixed = offers_of(widgets, declared_aperture).fixed
    current = settings_of(widgets)
    texts = {}
    for field, names in _WIDGETS.items():
        value = getattr(settings, field)
        if value is None or (declared_aperture and field == "f_number"):
            continue
        widget = pick(widgets, names)
        text = _text(field, value, widget) if widget else None
        if field in fixed:
            if getattr(current, field) != value:
                raise CameraError(
                    f"{_shown(field, value)} cannot be set: {fixed[field]}",
                    cause="read_only",
                    remedy="Try again; if it stays, set it on the body or leave it out",
                )
        elif widget is None or text is None:
            raise CameraError(
                f"the body does not offer {_shown(field, value)}",
                cause="refused",
                limit=", ".join(widget.choices) if widget else None,
                remedy="Plan with what the body offers now",
            )
        else:
            texts[widget.name] = text
    return texts


def delays_of(widgets: Widgets) -> dict[str, float]:
    """Texts of the exposure delay (mirror up, then a pause) and their seconds; empty for none."""
    widget = pick(widgets, w.DELAY)
    return _DELAYS_S.get(widget.choices, {}) if widget else {}


def delay_s(widgets: Widgets) -> float:
    """Seconds that the body waits between mirror and shutter; 0 where that is not known."""
    return delays_of(widgets).get(value_of(widgets, w.DELAY) or "", 0.0)


def lens_opens_to(widgets: Widgets) -> float:
    """The smallest f-number that the lens can have by its own report; 0 where it is silent.

    libgphoto2 prints the maximum aperture as a whole number (f/3.5 is ``4``), so half a unit is
    taken off.
    """
    reported = parse_leading(value_of(widgets, w.LENS_APERTURE))
    return max(reported - 0.55, 0.0) if reported else 0.0


def _sorted(widget: Widget | None, parse: w.Parse) -> list[float]:
    return sorted(parsed(widget.choices, parse).values()) if widget else []


def _shown(field: str, value: Any) -> str:
    """A setting as photographers say it."""
    if field == "f_number":
        return f"f/{value:g}"
    if field == "exposure_s":
        return shutter_text(value)
    return f"{field.replace('_', ' ')} {value}"


def _text(field: str, value: Any, widget: Widget) -> str | None:
    """The choice that stands for a value, or None."""
    if field == "white_balance":
        return value if value in widget.choices else None
    if field == "format":
        texts = FORMATS[cast(Format, value)]
        return next((text for text in texts if text in widget.choices), None)
    return choice_of(widget.choices, value, _PARSERS[field])


def _fault(widgets: Widgets, widget: Widget | None, modes: tuple[str, ...] = ()) -> str:
    """Why a widget cannot be set, or nothing."""
    mode = value_of(widgets, w.MODE)
    if widget is None:
        return "the body has no such setting"
    if modes and mode and mode not in modes:
        return f"the exposure mode is {mode}"
    return "the body says that it is read-only" if widget.read_only else ""


def _aperture_fault(widgets: Widgets, aperture: Widget | None) -> str:
    if aperture is None:
        return "the body does not tell an aperture"
    if len(parsed(aperture.choices, parse_f_number)) < 2:
        return "there is no lens, or one without contacts"
    return _fault(widgets, aperture, _APERTURE_MODES)


def _iso_fault(widgets: Widgets, iso: Widget | None) -> str:
    if any(name in widgets and widgets[name].value == "On" for name in w.AUTO_ISO):
        return "automatic ISO is on"
    return _fault(widgets, iso)
