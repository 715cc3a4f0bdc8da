"""Choice texts to numbers and back."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idfd.capture.nikon.values import (
    choice_of,
    parse_exposure,
    parse_f_number,
    parse_format,
    parse_iso,
    parse_leading,
    parsed,
)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("f/2.8", 2.8),
        ("f/3,5", 3.5),
        ("f/10", 10.0),
        ("2.8", 2.8),
        ("f/0", None),
        ("f/--", None),
        ("", None),
        ("Unknown value 0118", None),
    ],
)
def test_f_numbers(text: str, value: float | None) -> None:
    assert parse_f_number(text) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1/25", 0.04),
        ("10/25", 0.4),
        ("13/10", 1.3),
        ("0.0400s", 0.04),
        ("0,0400s", 0.04),
        ("30.0000s", 30.0),
        ("1,3", 1.3),
        ("30", 30.0),
        ("Bulb", None),
        ("bulb", None),
        ("Time", None),
        ("x 200", None),
        ("1/0", None),
        ("0.0000s", None),
        ("Unbekannter Wert 0002", None),
    ],
)
def test_exposures(text: str, value: float | None) -> None:
    assert parse_exposure(text) == pytest.approx(value)


@pytest.mark.parametrize(
    ("text", "value"), [("100", 100), ("Hi 1", None), ("Lo 0.3", None), ("Auto", None), ("٣", None)]
)
def test_isos(text: str, value: int | None) -> None:
    assert parse_iso(text) == value


@pytest.mark.parametrize(
    ("text", "value"), [("90%", 90.0), ("18 mm", 18.0), ("-28", -28.0), ("low", None), (None, None)]
)
def test_numbers_that_a_text_begins_with(text: str | None, value: float | None) -> None:
    assert parse_leading(text) == value


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("JPEG Fine", "jpeg"),
        ("NEF (Raw)", "raw"),
        ("NEF+Fine", "raw+jpeg"),
        ("TIFF (RGB)", None),
        ("Unknown value 000d", None),
    ],
)
def test_formats(text: str, form: str | None) -> None:
    assert parse_format(text) == form


@given(st.integers(1, 9), st.integers(0, 9), st.sampled_from(".,"))
def test_f_numbers_in_any_locale(whole: int, tenth: int, point: str) -> None:
    assert parse_f_number(f"f/{whole}{point}{tenth}") == pytest.approx(whole + tenth / 10)


@given(st.integers(1, 8000), st.integers(1, 100))
def test_fractions_of_a_second(bottom: int, top: int) -> None:
    assert parse_exposure(f"{top}/{bottom}") == pytest.approx(top / bottom)


@given(st.floats(1e-4, 900), st.sampled_from(".,"))
def test_decimal_seconds(seconds: float, point: str) -> None:
    text = f"{seconds:.4f}s".replace(".", point)
    assert parse_exposure(text) == pytest.approx(float(f"{seconds:.4f}"))


@given(st.text())
def test_no_text_breaks_a_parser(text: str) -> None:
    for value in (parse_f_number(text), parse_exposure(text), parse_iso(text)):
        assert value is None or (math.isfinite(value) and value > 0)


@given(st.lists(st.integers(1, 4000), min_size=1, unique=True))
def test_a_value_finds_its_own_choice_again(denominators: list[int]) -> None:
    choices = [f"1/{n}" for n in denominators]
    near = {n for n in denominators if any(0 < abs(n / m - 1) < 2e-3 for m in denominators)}
    for text, n in zip(choices, denominators, strict=True):
        if n not in near:
            assert choice_of(choices, 1 / n, parse_exposure) == text


def test_a_value_between_choices_finds_none() -> None:
    # libgphoto2 itself would take the nearest without a word.
    assert choice_of(["1/50", "1/100"], 1 / 60, parse_exposure) is None


def test_two_texts_of_one_number_are_one_value() -> None:
    assert parsed(["0.0001s", "0.0001s", "1/10000", "Bulb"], parse_exposure) == {"0.0001s": 0.0001}
