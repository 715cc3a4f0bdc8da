from __future__ import annotations

import math
from datetime import datetime, timedelta

import pytest

from idfd.capture.simulated.nikon.codes import PropertyCode, Response
from idfd.capture.simulated.nikon.pattern import PatternPictures
from idfd.capture.simulated.nikon.properties import SHUTTERS, pack_shutter, shutter_fraction
from idfd.capture.simulated.nikon.ptp import Refusal
from idfd.capture.simulated.nikon.settings import (
    APERTURE_PRIORITY,
    MANUAL,
    PROGRAM,
    SHUTTER_PRIORITY,
    Settings,
)

F, T, TENTHS = PropertyCode.F_NUMBER, PropertyCode.SHUTTER, PropertyCode.EXPOSURE_TIME


@pytest.fixture
def settings() -> Settings:
    return Settings(PatternPictures((60, 40)))


def turn_dial(settings: Settings, program: int) -> None:
    settings.properties[PropertyCode.EXPOSURE_PROGRAM].value = program


@pytest.mark.parametrize(
    ("program", "aperture", "shutter"),
    [
        (MANUAL, True, True),
        (PROGRAM, False, False),
        (APERTURE_PRIORITY, True, False),
        (SHUTTER_PRIORITY, False, True),
    ],
)
def test_the_mode_locks_the_dials(
    settings: Settings, program: int, aperture: bool, shutter: bool
) -> None:
    turn_dial(settings, program)

    assert settings.is_writable(settings.get(F)) is aperture
    assert settings.is_writable(settings.get(T)) is shutter
    assert settings.is_writable(settings.get(TENTHS)) is shutter


def test_a_locked_dial_is_refused(settings: Settings) -> None:
    turn_dial(settings, PROGRAM)

    with pytest.raises(Refusal) as refusal:
        settings.set(F, 280)

    assert refusal.value.response == Response.ACCESS_DENIED
    assert settings.number(F) == 1000


def test_a_value_that_is_not_offered_is_refused(settings: Settings) -> None:
    with pytest.raises(Refusal) as refusal:
        settings.set(F, 300)

    assert refusal.value.response == Response.INVALID_PROPERTY_VALUE


def test_an_unknown_property_is_refused(settings: Settings) -> None:
    with pytest.raises(Refusal) as refusal:
        settings.get(0x5555)

    assert refusal.value.response == Response.PROPERTY_NOT_SUPPORTED


def test_the_program_is_locked_until_the_host_has_control(settings: Settings) -> None:
    with pytest.raises(Refusal):
        settings.set(PropertyCode.EXPOSURE_PROGRAM, APERTURE_PRIORITY)
    settings.host_controls = True

    settings.set(PropertyCode.EXPOSURE_PROGRAM, APERTURE_PRIORITY)

    assert settings.number(PropertyCode.EXPOSURE_PROGRAM) == APERTURE_PRIORITY


def test_both_shutter_properties_are_one_dial(settings: Settings) -> None:
    settings.set(T, pack_shutter("1/50"))
    assert settings.number(TENTHS) == 200

    settings.set(TENTHS, 13000)
    assert settings.nominal_exposure() == shutter_fraction(pack_shutter("13/10"))


def test_the_names_of_the_shutter_are_near_the_true_times(settings: Settings) -> None:
    steps = []
    for name in SHUTTERS:
        settings.set(T, pack_shutter(name))
        true = settings.exposure().exposure_s
        assert abs(math.log2(true / settings.nominal_exposure())) < 0.1
        steps.append(round(3 * math.log2(true)))

    assert steps == list(range(steps[0], steps[0] + len(SHUTTERS)))


def test_eleven_clicks_make_up_for_the_aperture(settings: Settings) -> None:
    settings.set(T, pack_shutter("1/4"))
    small = settings.exposure().amount
    settings.set(F, 280)
    settings.set(T, pack_shutter("1/50"))

    assert abs(math.log2(settings.exposure().amount / small)) < 0.01


@pytest.mark.parametrize("program", [PROGRAM, APERTURE_PRIORITY, SHUTTER_PRIORITY])
def test_automatic_modes_reach_middle_grey(settings: Settings, program: int) -> None:
    target = PatternPictures((60, 40)).metered()
    settings.set(F, 560)
    settings.set(T, pack_shutter("1/8"))
    turn_dial(settings, program)

    settings.get(T)

    assert abs(math.log2(settings.exposure().amount / target)) < 0.2
    kept = T if program == SHUTTER_PRIORITY else F
    assert settings.number(kept) == (pack_shutter("1/8") if kept == T else 560)


def test_the_clock_runs_on_from_what_was_set(settings: Settings) -> None:
    settings.set(PropertyCode.DATE_TIME, "20200102T030405")

    assert timedelta(0) <= settings.now() - datetime(2020, 1, 2, 3, 4, 5) < timedelta(seconds=5)
    assert str(settings.get(PropertyCode.DATE_TIME).value).startswith("20200102T0304")
