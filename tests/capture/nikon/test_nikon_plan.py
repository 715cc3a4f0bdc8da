"""What would be set on a body, what cannot be set, and why."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from idfd.capture.exposure import PairRequest
from idfd.capture.nikon.config import NikonConfig
from idfd.capture.nikon.dumps import read_dump
from idfd.capture.nikon.plan import BodyPlan, describe, plan_body
from idfd.capture.nikon.widgets import Widget


def radio(name: str, value: str, *choices: str, read_only: bool = False) -> Widget:
    return Widget(
        name=name, kind="radio", value=value, choices=choices or (value,), read_only=read_only
    )


def text(name: str, value: str) -> Widget:
    return Widget(name=name, kind="text", value=value, read_only=True)


def body(*changes: Widget) -> dict[str, Widget]:
    """A body that has everything, with some widgets replaced."""
    apertures = ("f/2.8", "f/4", "f/5.6", "f/8", "f/9", "f/10", "f/11")
    widgets = [
        text("cameramodel", "D750"),
        radio("expprogram", "M", "M", "P", "A", "S", read_only=True),
        radio("f-number", "f/8", *apertures),
        radio("shutterspeed2", "1/25", "1/400", "1/320", "1/250", "1/30", "1/25", "1/20", "Bulb"),
        radio("iso", "100", "100", "200"),
        radio("autoiso", "Off", "On", "Off"),
        radio("imagequality", "JPEG Fine", "JPEG Fine", "NEF (Raw)", "NEF+Fine"),
        radio("whitebalance", "Daylight", "Automatic", "Daylight"),
        radio("capturetarget", "Internal RAM", "Internal RAM", "Memory card"),
        radio("autofocus", "On", "On", "Off"),
        radio("d06a", "3", "0", "1", "2", "3"),
        radio("capturemode", "Single Shot", "Single Shot", "Timer"),
        radio("focusmode", "Manual", "Manual", "AF-S", read_only=True),
    ]
    return {widget.name: widget for widget in (*widgets, *changes)}


def states(plan: BodyPlan) -> dict[str, str]:
    return {step.setting: step.state for step in plan.steps}


def why(plan: BodyPlan, setting: str) -> str:
    return next(step.why for step in plan.steps if step.setting == setting)


def test_a_body_that_can_do_all() -> None:
    plan = plan_body(body())
    assert plan.ready
    assert plan.basics == {
        "capturetarget": "Memory card",
        "autofocus": "Off",
        "d06a": "2",
    }
    assert plan.pair is not None
    assert (plan.pair.all_in_focus.exposure_s, plan.pair.defocused.exposure_s) == (1 / 25, 1 / 320)
    rows = describe(plan)
    assert ("exposure mode", "M", "as it is") in rows
    assert ("aperture f/2.8", "f/2.8", "") in rows
    assert all(all(isinstance(cell, str) for cell in row) for row in rows)


def test_a_mode_that_is_read_only_is_unlocked_by_control_or_by_hand() -> None:
    locked = radio("expprogram", "A", "M", "A", read_only=True)
    assert states(plan_body(body(locked)))["exposure mode"] == "by hand"
    control = Widget(name="controlmode", kind="text", value="0")
    plan = plan_body(body(locked, control))
    # The order matters: control first.
    assert list(plan.basics)[:2] == ["controlmode", "expprogram"]
    assert plan.basics["controlmode"] == "1"
    assert plan.pair is not None


@pytest.mark.parametrize(
    ("mode", "fixed"),
    [("P", {"f_number", "exposure_s"}), ("A", {"exposure_s"}), ("S", {"f_number"})],
)
def test_the_mode_dial_fixes_aperture_and_shutter(mode: str, fixed: set[str]) -> None:
    plan = plan_body(body(radio("expprogram", mode, "M", mode, read_only=True)))
    assert set(plan.offers.fixed) == fixed
    assert plan.pair is None
    assert not plan.ready
    assert mode in why(plan, "shutter pair") or mode in why(plan, "aperture f/10")


def test_half_stop_bodies_need_consent() -> None:
    halves = radio("f-number", "f/8", "f/2.8", "f/3.3", "f/8", "f/9.5", "f/11")
    plan = plan_body(body(halves))
    assert states(plan)["aperture f/10"] == "nearest"
    assert why(plan, "aperture f/10").startswith("offered are f/9.5 and f/11, 0.15 stops off")
    assert plan.pair is None
    agreed = plan_body(body(halves), PairRequest(accept_nearest=True))
    assert agreed.pair is not None
    assert agreed.pair.all_in_focus.f_number == 9.5


@pytest.mark.parametrize("aperture", [radio("f-number", "f/0"), radio("f-number", "f/2.8")])
def test_no_lens_or_a_manual_one(aperture: Widget) -> None:
    plan = plan_body(body(aperture))
    assert states(plan)["aperture f/10"] == "cannot"
    assert "no lens, or one without contacts" in why(plan, "aperture f/10")
    declared = plan_body(body(aperture), config=NikonConfig(declared_aperture=True))
    assert states(declared)["aperture f/10"] == "by hand"
    assert declared.pair is not None
    assert declared.pair.all_in_focus.f_number == 10


def test_apertures_that_the_lens_cannot_open_to_are_not_believed() -> None:
    generic = radio("f-number", "f/4", "f/1", "f/1.4", "f/2.8", "f/3.5", "f/4", "f/10")
    plan = plan_body(body(generic, text("apertureatminfocallength", "4")))
    assert list(plan.offers.f_numbers) == [3.5, 4, 10]
    assert why(plan, "aperture f/2.8") == "the lens opens to f/3.5, 0.64 stops off"
    silent = plan_body(body(generic))
    assert "not the lens's own" in why(silent, "aperture f/2.8")


def test_autofocus_and_other_traps_are_told() -> None:
    plan = plan_body(
        body(
            radio("focusmode", "AF-S", "Manual", "AF-S", read_only=True),
            radio("autoiso", "On", "On", "Off", read_only=True),
            radio("capturemode", "Timer", "Single Shot", "Timer"),
            radio("whitebalance", "Automatic", "Automatic", "Daylight"),
            radio("bracketing", "On", "On", "Off"),
        )
    )
    assert states(plan)["focus"] == "by hand"
    assert states(plan)["automatic ISO"] == "by hand"
    assert plan.basics["capturemode"] == "Single Shot"
    assert plan.basics["bracketing"] == "Off"
    assert plan.pair is not None
    assert plan.pair.all_in_focus.white_balance == plan.pair.defocused.white_balance == "Daylight"
    assert plan.offers.fixed["iso"] == "automatic ISO is on"
    left = plan_body(body(), config=NikonConfig(focus="as_set", keep_on_card=False))
    assert left.basics.get("capturetarget") is None


@pytest.mark.parametrize(
    ("choices", "value", "state", "would_set"),
    [
        ("0 1", "0", "set", "1"),
        # libgphoto2 calls 3 "On", but it is off on these bodies, and 0 is three seconds.
        ("0 1 2 3", "3", "set", "2"),
        ("0 1 2 3", "0", "kept", "0"),
        ("0 2 5 10 20 30", "0", "set", "10"),
        ("0 2 5 10 20 30", "30", "kept", "30"),
        # Not documented: the driver waits instead.
        ("0 1 2 3 4 5", "0", "absent", ""),
    ],
)
def test_exposure_delays(choices: str, value: str, state: str, would_set: str) -> None:
    plan = plan_body(body(radio("d06a", value, *choices.split())))
    step = next(step for step in plan.steps if step.setting == "exposure delay")
    assert (step.state, step.would_set) == (state, would_set)


def test_photo_settings_are_no_basics() -> None:
    plan = plan_body(body(), PairRequest(white_balance="Automatic", format="raw"))
    assert {"imagequality", "whitebalance", "iso", "f-number"}.isdisjoint(plan.basics)
    assert ("image quality", "NEF (Raw)", "it is JPEG Fine") in describe(plan)


def test_a_body_with_next_to_nothing() -> None:
    plan = plan_body({"cameramodel": text("cameramodel", "VC")})
    assert not plan.ready
    assert states(plan)["exposure mode"] == "absent"
    assert states(plan)["aperture f/10"] == "cannot"


@dataclass(frozen=True)
class Expected:
    """What a real body's plan says.

    ``opens_to`` is the smallest f-number offered, ``shutters`` those of the pair (denominators)
    where one can be planned, ``hands`` what the operator must do or decide, ``sets`` what is set
    at the body when it is opened.
    """

    model: str
    mode: str
    opens_to: float
    f10: str
    f28: str
    shutters: tuple[int, int] | None
    hands: tuple[str, ...]
    sets: tuple[str, ...]


RAM, AF, DELAY = "capturetarget", "autofocus", "d06a"
REAL = {
    "d3500": Expected(
        "D3500",
        "set",
        1.0,
        "set",
        "set",
        (250, 3200),
        ("focus",),
        ("controlmode", "expprogram", AF, "autoiso"),
    ),
    "d4": Expected("D4", "set", 2.8, "set", "set", (15, 200), ("focus",), ("expprogram", DELAY)),
    "d500": Expected(
        "D500",
        "set",
        3.5,
        "set",
        "cannot",
        None,
        ("focus",),
        ("expprogram", RAM, AF, "autoiso", DELAY),
    ),
    "d5600": Expected(
        "D5600",
        "set",
        3.5,
        "set",
        "cannot",
        None,
        ("focus",),
        ("expprogram", RAM, AF, "autoiso", "isoauto", DELAY),
    ),
    "d6": Expected(
        "D6", "kept", 3.5, "set", "cannot", None, ("release mode", "focus"), (RAM, AF, DELAY)
    ),
    "d600": Expected(
        "unknown body",
        "set",
        4.0,
        "set",
        "cannot",
        None,
        ("focus",),
        ("expprogram", "autoiso", "capturemode"),
    ),
    "d7200": Expected(
        "D7200",
        "set",
        1.8,
        "nearest",
        "set",
        None,
        ("focus", "aperture f/10"),
        ("expprogram", RAM, "isoauto", DELAY),
    ),
    "d750": Expected(
        "D750",
        "set",
        3.5,
        "set",
        "cannot",
        None,
        ("focus",),
        ("expprogram", RAM, "autoiso", "isoauto", DELAY),
    ),
    "d7500": Expected(
        "D7500",
        "set",
        3.5,
        "set",
        "cannot",
        None,
        ("focus",),
        ("expprogram", RAM, AF, "autoiso", "isoauto", DELAY),
    ),
    "d780": Expected(
        "D780",
        "set",
        4.0,
        "set",
        "cannot",
        None,
        ("focus",),
        ("controlmode", "expprogram", RAM, AF, "autoiso", "isoauto", DELAY),
    ),
    "z30": Expected(
        "Z 30",
        "set",
        3.5,
        "set",
        "cannot",
        None,
        ("focus",),
        ("controlmode", "expprogram", RAM, AF, DELAY),
    ),
    "z6-2": Expected(
        "Z 6_2", "kept", 1.8, "set", "set", (400, 5000), ("focus",), (RAM, AF, "isoauto", DELAY)
    ),
    "z6": Expected(
        "Z 6",
        "set",
        4.0,
        "set",
        "cannot",
        None,
        ("focus",),
        ("controlmode", "expprogram", "autoiso"),
    ),
    "z7": Expected("Z 7", "kept", 4.0, "set", "cannot", None, (), (RAM, "isoauto")),
}


@pytest.mark.real
@pytest.mark.parametrize("name", REAL)
def test_real_bodies(real_data: Path, name: str) -> None:
    expected = REAL[name]
    plan = plan_body(read_dump(real_data / "nikon" / f"nikon-{name}.txt"))
    state = states(plan)
    assert plan.model == expected.model
    assert state["exposure mode"] == expected.mode
    assert plan.offers.f_numbers[0] == expected.opens_to
    assert (state["aperture f/10"], state["aperture f/2.8"]) == (expected.f10, expected.f28)
    by_hand = tuple(s.setting for s in plan.steps if s.state in ("by hand", "nearest"))
    assert by_hand == expected.hands
    assert tuple(plan.basics) == expected.sets
    assert (plan.pair is not None) == (expected.shutters is not None)
    if plan.pair and expected.shutters:
        planned = (plan.pair.all_in_focus.exposure_s, plan.pair.defocused.exposure_s)
        assert planned == tuple(1 / n for n in expected.shutters)
        assert abs(plan.pair.residual_stops) < 0.01
    # Whatever is not simply done has its reason.
    assert all(s.why for s in plan.steps if s.state in ("cannot", "by hand", "nearest"))


@pytest.mark.real
def test_every_dump_is_planned_for(real_data: Path) -> None:
    dumps = {path.stem.removeprefix("nikon-") for path in (real_data / "nikon").glob("nikon-*.txt")}
    assert dumps == set(REAL)


@pytest.mark.real
def test_the_half_stop_body_can_shoot_with_consent(real_data: Path) -> None:
    widgets = read_dump(real_data / "nikon" / "nikon-d7200.txt")
    plan = plan_body(widgets, PairRequest(accept_nearest=True))
    assert plan.pair is not None
    assert plan.pair.all_in_focus.f_number == 9.5
    assert abs(plan.pair.residual_stops) < 0.1
