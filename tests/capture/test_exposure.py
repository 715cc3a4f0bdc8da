"""The exposure pair: equal exposure, residuals, refusals, metering."""

from __future__ import annotations

import math
import pickle
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from idfd.capture.cameras import Offers
from idfd.capture.exposure import (
    PairRequest,
    aperture_stops,
    metered_exposure,
    plan_pair,
    shutter_text,
    true_exposures,
)
from idfd.errors import CameraError, InputError

F_NUMBERS = (2.8, 3.2, 3.5, 4, 4.5, 5, 5.6, 6.3, 7.1, 8, 9, 10, 11, 13, 14, 16, 18, 20, 22)
THIRDS = (
    *(1 / n for n in (4000, 3200, 2500, 2000, 1600, 1250, 1000, 800, 640, 500, 400, 320, 250)),
    *(1 / n for n in (200, 160, 125, 100, 80, 60, 50, 40, 30, 25, 20, 15, 13, 10, 8, 6, 5, 4, 3)),
    *(0.4, 0.5, 1 / 1.6, 1 / 1.3, 1, 1.3, 1.6, 2, 2.5, 3, 4, 5, 6, 8, 10, 13, 15, 20, 25, 30),
)
HALVES = (
    *(1 / n for n in (4000, 3000, 2000, 1500, 1000, 750, 500, 350, 250, 180, 125, 90, 60, 45, 30)),
    *(1 / n for n in (20, 15, 10, 8, 6, 4, 3, 2, 1.5)),
    *(1, 1.5, 2, 3, 4, 6, 8, 10, 15, 20, 30),
)
ISOS = (50, 64, 80, 100, 125, 160, 200, 400)
OFFERS = Offers(
    f_numbers=F_NUMBERS,
    exposures_s=tuple(sorted(THIRDS)),
    isos=ISOS,
    white_balances=("Automatic", "Daylight"),
    formats=("jpeg", "raw", "raw+jpeg"),
)
# Shutters whose partner at f/2.8 is still offered.
LONG_ENOUGH = [t for t in THIRDS if t > 1 / 320]


def refusal(
    request: PairRequest, offers: Offers = OFFERS, current: float | None = 0.1
) -> CameraError:
    with pytest.raises(CameraError) as caught:
        plan_pair(request, offers, current)
    return caught.value


def test_f10_and_f28_are_three_and_two_thirds_stops_apart() -> None:
    assert aperture_stops(2.8, 10) == pytest.approx(3.673, abs=1e-3)


@pytest.mark.parametrize(("series", "step"), [(THIRDS, 3), (HALVES, 2)])
def test_shutter_names_stand_for_powers_of_two(series: tuple[float, ...], step: int) -> None:
    true = true_exposures(series)
    exponents = sorted(math.log2(t) * step for t in true.values())
    assert exponents == pytest.approx([round(e) for e in exponents], abs=1e-9)
    # Each name has a time of its own, one step after the one before it.
    assert np.diff(exponents) == pytest.approx(1.0)


def test_known_shutter_times() -> None:
    true = true_exposures(THIRDS)
    assert true[1 / 30] == 1 / 32
    assert true[1 / 60] == 1 / 64
    assert true[15] == 16
    assert true[1 / 125] == pytest.approx(1 / 128)


def test_a_list_that_is_no_series_is_taken_at_its_word() -> None:
    coarse = (1.0, 0.1, 0.05, 0.02, 0.01, 0.005)
    assert true_exposures(coarse) == {t: t for t in coarse}


@given(st.sampled_from(LONG_ENOUGH))
def test_third_stop_shutters_always_give_equal_exposure(exposure: float) -> None:
    plan = plan_pair(PairRequest(exposure_s=exposure), OFFERS)
    assert abs(plan.residual_stops) < 0.01
    assert plan.notes == ()
    first, second = plan.all_in_focus, plan.defocused
    true = true_exposures(THIRDS)
    assert first.exposure_s == exposure
    assert second.exposure_s is not None
    by_hand = math.log2(true[second.exposure_s] / 2.8**2) - math.log2(true[exposure] / 10**2)
    assert plan.residual_stops == pytest.approx(by_hand)


@given(st.sampled_from(LONG_ENOUGH), st.sampled_from(F_NUMBERS), st.sampled_from(F_NUMBERS))
def test_no_offered_shutter_is_nearer(exposure: float, one: float, other: float) -> None:
    small, large = max(one, other), min(one, other)
    request = PairRequest(all_in_focus_f=small, defocused_f=large, exposure_s=exposure)
    times = true_exposures(THIRDS)
    equal = times[exposure] * (large / small) ** 2
    best = min(abs(math.log2(t / equal)) for t in times.values())
    if large == small or best > 1 / 6:
        assert refusal(request).cause == "refused"
    else:
        assert abs(plan_pair(request, OFFERS).residual_stops) == pytest.approx(best)


def test_the_body_s_shutter_is_taken_where_none_is_asked_for() -> None:
    plan = plan_pair(PairRequest(), OFFERS, 1 / 25)
    assert plan.all_in_focus.exposure_s == 1 / 25
    assert plan.defocused.exposure_s == 1 / 320
    assert refusal(PairRequest(), OFFERS, None).cause == "refused"


def test_everything_but_aperture_and_shutter_is_the_same() -> None:
    plan = plan_pair(PairRequest(exposure_s=0.1, iso=200, white_balance="Daylight"), OFFERS)
    same = replace(plan.defocused, f_number=10, exposure_s=0.1)
    assert plan.all_in_focus == same
    assert (same.iso, same.white_balance, same.format) == (200, "Daylight", "raw+jpeg")


def test_a_shutter_that_is_not_offered_is_replaced_with_a_note() -> None:
    plan = plan_pair(PairRequest(exposure_s=0.11), OFFERS)
    assert plan.all_in_focus.exposure_s == 0.1
    assert plan.notes == ("1/9.1 s is not offered: 1/10 s instead",)
    assert plan_pair(PairRequest(exposure_s=0.0333), OFFERS).notes == ()


def test_an_aperture_that_is_not_offered_needs_consent() -> None:
    half = replace(OFFERS, f_numbers=(2.8, 4, 5.6, 8, 9.5, 11), exposures_s=tuple(sorted(HALVES)))
    error = refusal(PairRequest(exposure_s=0.1), half)
    assert "f/10" in error.what
    assert "f/9.5" in str(error.remedy)
    assert "0.15 stops" in str(error.remedy)
    plan = plan_pair(PairRequest(exposure_s=0.1, accept_nearest=True), half)
    assert plan.all_in_focus.f_number == 9.5
    assert plan.notes == ("f/10 is not offered: f/9.5 instead, -0.15 stops",)
    assert abs(plan.residual_stops) < 0.06


def test_a_slow_lens_cannot_make_a_pair_of_one_aperture() -> None:
    slow = replace(OFFERS, f_numbers=(10, 11, 13))
    assert refusal(PairRequest(exposure_s=0.1, accept_nearest=True), slow).limit is not None


def test_a_shutter_out_of_range_names_one_that_works_and_the_iso_for_it() -> None:
    error = refusal(PairRequest(exposure_s=1 / 1000))
    assert error.cause == "refused"
    assert "1/1000 s at f/10 needs 1/13061 s at f/2.8" in error.what
    assert "1/320 s" in str(error.remedy)
    assert "ISO 50" in str(error.remedy)


def test_a_coarse_body_is_used_and_told_of() -> None:
    coarse = replace(
        OFFERS, exposures_s=(0.0001, 0.0012, 0.0025, 0.005, 0.01, 0.02, 0.05, 0.1, 1.0)
    )
    plan = plan_pair(PairRequest(exposure_s=0.1), coarse)
    assert plan.defocused.exposure_s == 0.01
    assert plan.residual_stops == pytest.approx(3.673 - math.log2(10), abs=1e-3)
    assert "+0.35 stops" in plan.notes[0]


def test_what_the_body_lacks_is_left_alone_with_a_note() -> None:
    bare = Offers(F_NUMBERS, tuple(sorted(THIRDS)))
    plan = plan_pair(PairRequest(exposure_s=0.1, white_balance="Daylight"), bare)
    assert plan.all_in_focus.iso is None
    assert plan.all_in_focus.format is None
    assert [note.split(":")[0] for note in plan.notes] == [
        "the body offers no iso",
        "the body offers no white balance",
        "the body offers no format",
    ]


@pytest.mark.parametrize(
    ("request_", "limit"),
    [
        (PairRequest(exposure_s=0.1, iso=150), "50, 64"),
        (PairRequest(exposure_s=0.1, white_balance="Moonlight"), "Automatic, Daylight"),
    ],
)
def test_values_that_are_not_offered_are_refused(request_: PairRequest, limit: str) -> None:
    error = refusal(request_)
    assert error.cause == "refused"
    assert str(error.limit).startswith(limit)


@pytest.mark.parametrize("field", ["f_number", "exposure_s"])
def test_what_is_fixed_at_the_body_is_refused_with_its_reason(field: str) -> None:
    error = refusal(PairRequest(exposure_s=0.1), replace(OFFERS, fixed={field: "the mode is P"}))
    assert error.cause == "read_only"
    assert "the mode is P" in error.what
    assert pickle.loads(pickle.dumps(error)).cause == "read_only"


def test_declared_apertures_are_set_by_hand() -> None:
    manual = Offers((), tuple(sorted(THIRDS)), declared_aperture=True)
    plan = plan_pair(PairRequest(exposure_s=0.1, iso=None), manual)
    assert (plan.all_in_focus.f_number, plan.defocused.f_number) == (10, 2.8)
    assert plan.notes[:2] == ("set the ring to f/10 by hand", "set the ring to f/2.8 by hand")


def test_no_aperture_at_all_is_refused() -> None:
    assert "no aperture" in refusal(PairRequest(exposure_s=0.1), replace(OFFERS, f_numbers=())).what


def scene(level: int, lamps: float = 0.0) -> np.ndarray:
    """A dark picture whose brightest 2 % are at a level, and some clipped lamps."""
    photo = np.full((200, 200, 3), 40, np.uint8)
    photo[:, :4] = level
    photo.reshape(-1, 3)[: int(lamps * 40_000)] = 255
    return photo


def test_metering_brings_highlights_just_below_clipping() -> None:
    from idfd.storage.color import linear_from_uint8

    for level in (60, 120, 200, 230):
        exposure = metered_exposure(scene(level), 1 / 25, OFFERS)
        true = true_exposures(THIRDS)
        linear, target = linear_from_uint8(np.array([level, 230], np.uint8))
        predicted = linear * true[exposure] / true[1 / 25]
        # At most the target, and within one step of it.
        assert predicted <= target * 1.01
        assert predicted * 2 ** (1 / 3) > target * 0.99


def test_metering_a_clipped_shot_steps_down() -> None:
    assert metered_exposure(scene(255), 0.1, OFFERS) == 1 / 40


def test_metering_ignores_a_few_lamps() -> None:
    assert metered_exposure(scene(230, lamps=0.001), 0.1, OFFERS) == 0.1


def test_metering_stays_in_range() -> None:
    assert metered_exposure(scene(41), 30.0, OFFERS) == 30.0
    assert metered_exposure(scene(255), 1 / 4000, OFFERS) == 1 / 4000
    with pytest.raises(InputError):
        metered_exposure(scene(50), 0.1, replace(OFFERS, exposures_s=()))


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (1 / 8000, "1/8000 s"),
        (1 / 25, "1/25 s"),
        (1 / 13, "1/13 s"),
        (1 / 3, "0.333 s"),
        (30, "30 s"),
    ],
)
def test_shutters_read_as_photographers_say_them(seconds: float, text: str) -> None:
    assert shutter_text(seconds) == text
