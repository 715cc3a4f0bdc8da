"""What would be set on a body, what cannot be set, and why: for a live body or a text dump."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import msgspec

from idfd.capture.cameras import Offers
from idfd.capture.exposure import (
    PairPlan,
    PairRequest,
    aperture_stops,
    nearest_in_stops,
    plan_pair,
    shutter_text,
)
from idfd.capture.nikon import widgets as w
from idfd.capture.nikon.config import NikonConfig
from idfd.capture.nikon.settings import (
    delay_s,
    delays_of,
    lens_opens_to,
    offers_of,
    settings_of,
)
from idfd.capture.nikon.values import FORMATS, parse_f_number, parse_leading, parsed
from idfd.capture.nikon.widgets import Widget, Widgets, pick, value_of
from idfd.errors import CameraError

State = Literal["set", "kept", "nearest", "by hand", "cannot", "absent"]

GENERIC_F = 1.2
"""No lens for these bodies opens further: a list that starts below is not the lens's own."""


@dataclass(frozen=True)
class Step:
    """One thing that the driver wants of the body.

    Attributes:
        setting: What it is, for people.
        state: What becomes of it: ``set``, ``kept`` (is so already), ``nearest`` (only something
            close is offered), ``by hand`` (the operator must act), ``cannot``, or ``absent`` (the
            body does not have it, and can do without).
        would_set: The value, in the body's words; empty where there is none.
        why: The reason, or what to know about it.
        widget: The widget that is set when the camera is opened; empty for what belongs to the
            photos, and for none.
    """

    setting: str
    state: State
    would_set: str = ""
    why: str = ""
    widget: str = ""


@dataclass(frozen=True)
class BodyPlan:
    """The plan for a body.

    Attributes:
        model: The body.
        steps: Everything wanted, in the order of setting.
        offers: What the body offers once it is in mode M.
        pair: Settings of both photos, or None where they cannot be planned.
    """

    model: str
    steps: tuple[Step, ...]
    offers: Offers
    pair: PairPlan | None

    @property
    def basics(self) -> dict[str, str]:
        """Widgets that are set once when the camera is opened, before any photo."""
        return {s.widget: s.would_set for s in self.steps if s.widget and s.state == "set"}

    @property
    def ready(self) -> bool:
        """Whether everything needed can be had without an operator's hand."""
        return self.pair is not None and all(
            step.state not in ("cannot", "by hand", "nearest") for step in self.steps
        )


def plan_body(
    widgets: Widgets, request: PairRequest | None = None, config: NikonConfig | None = None
) -> BodyPlan:
    """Plan a session with a body.

    Args:
        widgets: Its widgets by name, from the live camera or from a dump.
        request: The photos wanted.
        config: How the body is used.
    """
    request, config = request or PairRequest(), config or NikonConfig()
    basics = [
        *_mode(widgets),
        _choice(widgets, "files go to", w.TARGET, _target(config)),
        _choice(widgets, "autofocus before a shot", w.AUTOFOCUS, ("Off",)),
        *_auto_iso(widgets),
        _choice(widgets, "bracketing", w.BRACKETING, ("Off",)),
        _delay(widgets, config),
        _choice(widgets, "release mode", w.RELEASE_MODE, ("Single Shot",)),
        _focus(widgets, config),
    ]
    prepared = _prepared(widgets, basics)
    offers = offers_of(prepared, config.declared_aperture)
    pair, shutter = _pair(prepared, offers, request)
    steps = (
        *basics,
        _aperture(request.all_in_focus_f, prepared, offers),
        _aperture(request.defocused_f, prepared, offers),
        shutter,
        _iso(offers, request),
        _balance(widgets, request),
        _format(widgets, request),
    )
    model = value_of(widgets, w.MODEL) or "unknown body"
    return BodyPlan(model, steps, offers, pair)


def describe(plan: BodyPlan) -> list[tuple[str, str, str]]:
    """Rows of a plan: setting, what would be set, why or why not."""
    return [
        (
            step.setting,
            step.would_set if step.state in ("set", "kept", "nearest") else step.state,
            "; ".join(filter(None, ("as it is" if step.state == "kept" else "", step.why))),
        )
        for step in plan.steps
    ]


def _mode(widgets: Widgets) -> list[Step]:
    mode, control = pick(widgets, w.MODE), pick(widgets, w.CONTROL)
    if mode is None:
        return [Step("exposure mode", "absent", "", "the body does not tell it: put it in M")]
    if mode.value == "M":
        return [Step("exposure mode", "kept", "M")]
    if mode.read_only and control:
        return [
            Step("control mode", "set", "1", "asks the body to unlock the mode", control.name),
            Step(
                "exposure mode",
                "set",
                "M",
                f"it is {mode.value} and read-only; if control does not unlock it, "
                "turn the dial to M",
                mode.name,
            ),
        ]
    if mode.read_only or "M" not in mode.choices:
        return [Step("exposure mode", "by hand", "", f"it is {mode.value}: turn the dial to M")]
    why = f"it is {mode.value}"
    if mode.read_only is None:
        why += "; if the body refuses, turn the dial to M"
    return [Step("exposure mode", "set", "M", why, mode.name)]


def _auto_iso(widgets: Widgets) -> list[Step]:
    names = [name for name in w.AUTO_ISO if name in widgets] or [w.AUTO_ISO[0]]
    return [_choice(widgets, "automatic ISO", (name,), ("Off",)) for name in names]


def _prepared(widgets: Widgets, steps: list[Step]) -> dict[str, Widget]:
    """The widgets as they would be once the steps are taken; mode M unlocks the exposure."""
    changed = dict(widgets)
    for step in steps:
        if step.state == "set" and step.widget:
            before = changed[step.widget]
            changed[step.widget] = msgspec.structs.replace(before, value=step.would_set)
    if value_of(changed, w.MODE) == "M":
        for widget in (pick(widgets, w.APERTURE), pick(widgets, w.SHUTTER)):
            if widget:
                changed[widget.name] = msgspec.structs.replace(widget, read_only=False)
    return changed


def _choice(
    widgets: Widgets,
    setting: str,
    names: tuple[str, ...],
    wanted: tuple[str, ...],
    otherwise: str = "",
) -> Step:
    """Plan to set a widget to the first of ``wanted`` that it offers."""
    widget = pick(widgets, names)
    if widget is None:
        return Step(setting, "absent", "", otherwise)
    text = next((text for text in wanted if text in widget.choices), None)
    if text is None:
        return Step(setting, "cannot", "", f"the body offers {', '.join(widget.choices)}")
    if widget.value == text:
        return Step(setting, "kept", text, widget=widget.name)
    if widget.read_only:
        return Step(setting, "by hand", "", f"it is {widget.value} and read-only: set {text}")
    return Step(setting, "set", text, f"it is {widget.value}", widget.name)


def _delay(widgets: Widgets, config: NikonConfig) -> Step:
    setting, delays = "exposure delay", delays_of(widgets)
    if not delays:
        return Step(setting, "absent", "", f"a pause of {config.settle_s:g} s instead")
    if now := delay_s(widgets):
        return Step(setting, "kept", value_of(widgets, w.DELAY) or "", f"{now:g} s")
    second = next(text for text, seconds in delays.items() if seconds == 1.0)
    return replace(_choice(widgets, setting, w.DELAY, (second,)), why="1 s, against shake")


def _target(config: NikonConfig) -> tuple[str, ...]:
    return ("Memory card",) if config.keep_on_card else ("Internal RAM",)


def _focus(widgets: Widgets, config: NikonConfig) -> Step:
    mode = value_of(widgets, w.FOCUS)
    if mode is None:
        return Step("focus", "absent", "", "the body does not tell it: switch the lens to MF")
    if mode.startswith(("Manual", "MF")):
        return Step("focus", "kept", mode)
    if config.focus == "as_set":
        return Step("focus", "kept", mode, "left as the profile says; focus may move")
    return Step("focus", "by hand", "", f"it is {mode}: switch the lens, or the body, to MF")


def _aperture(f_number: float, widgets: Widgets, offers: Offers) -> Step:
    setting = f"aperture f/{f_number:g}"
    if offers.declared_aperture:
        return Step(setting, "by hand", "", "declared: set the ring and confirm")
    if "f_number" in offers.fixed:
        return Step(setting, "cannot", "", offers.fixed["f_number"])
    if not offers.f_numbers:
        return Step(setting, "cannot", "", "the body offers no aperture")
    aperture = pick(widgets, w.APERTURE)
    listed = parsed(aperture.choices, parse_f_number) if aperture else {}
    nearest = nearest_in_stops(f_number, offers.f_numbers)
    off = abs(aperture_stops(f_number, nearest))
    text = next(text for text, value in listed.items() if value == nearest)
    if off < 0.01:
        generic = min(listed.values()) < GENERIC_F and not lens_opens_to(widgets)
        why = "the list is not the lens's own; the photo's EXIF block decides" if generic else ""
        return Step(setting, "set", text, why)
    if f_number < offers.f_numbers[0]:
        focal = parse_leading(value_of(widgets, w.FOCAL_LENGTH))
        at = f" at {focal:g} mm" if focal else ""
        return Step(
            setting, "cannot", "", f"the lens opens to f/{nearest:g}{at}, {off:.2f} stops off"
        )
    if f_number > offers.f_numbers[-1]:
        return Step(setting, "cannot", "", f"the lens closes to f/{nearest:g}, {off:.2f} stops off")
    between = sorted(offers.f_numbers, key=lambda f: abs(aperture_stops(f_number, f)))[:2]
    steps = " and ".join(f"f/{f:g}" for f in sorted(between))
    return Step(
        setting, "nearest", text, f"offered are {steps}, {off:.2f} stops off; needs your consent"
    )


def _pair(widgets: Widgets, offers: Offers, request: PairRequest) -> tuple[PairPlan | None, Step]:
    setting = "shutter pair"
    try:
        pair = plan_pair(request, offers, settings_of(widgets).exposure_s)
    except CameraError as error:
        return None, Step(setting, "cannot", "", error.what)
    first, second = pair.all_in_focus.exposure_s, pair.defocused.exposure_s
    assert first is not None
    assert second is not None
    text = f"{shutter_text(first)}, {shutter_text(second)}"
    return pair, Step(setting, "set", text, f"equal to {pair.residual_stops:+.2f} stops")


def _iso(offers: Offers, request: PairRequest) -> Step:
    if request.iso is None or not offers.isos:
        return Step("ISO", "absent", "", "left as it is")
    if request.iso in offers.isos:
        return Step("ISO", "set", str(request.iso))
    nearest = nearest_in_stops(request.iso, offers.isos)
    return Step("ISO", "cannot", "", f"{request.iso} is not offered; the nearest is {nearest}")


def _balance(widgets: Widgets, request: PairRequest) -> Step:
    widget = pick(widgets, w.WHITE_BALANCE)
    if widget is None:
        return Step("white balance", "absent", "", "left as it is")
    if request.white_balance is not None:
        step = _choice(widgets, "white balance", w.WHITE_BALANCE, (request.white_balance,))
        return replace(step, widget="")
    automatic = widget.value.startswith(("Automatic", "Auto", "Natural light auto"))
    why = "may change between the photos: choose one in the rig profile" if automatic else ""
    return Step("white balance", "kept", widget.value, why)


def _format(widgets: Widgets, request: PairRequest) -> Step:
    step = _choice(widgets, "image quality", w.QUALITY, FORMATS[request.format])
    return replace(step, widget="")
