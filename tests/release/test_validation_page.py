from __future__ import annotations

from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idfd.release.validation import Chart, Finding, Verdict, worst
from idfd.release.validation_page import draw, number, spread


def chart(name: str = "train", mark: float = 2.5) -> Chart:
    return Chart(
        title="<depth>",
        axis="m & more",
        edges=(1.0, 2.0, 3.0, 4.0),
        series={name: (0.2, 0.0, 0.8)},
        marks={"here": mark},
    )


@given(st.floats(-1e6, 1e6), st.text(min_size=1, max_size=5))
def test_every_chart_is_whole(mark: float, name: str) -> None:
    # XML has no control characters; names of splits are identifiers without any.
    safe = "".join(letter for letter in name if letter.isprintable())
    picture = ElementTree.fromstring(draw(chart(safe, mark)))
    assert picture.attrib["aria-label"] == "<depth>"
    assert picture.find("path/title").text == (safe or None)  # type: ignore[union-attr]


def test_bars_stand_on_the_axis_and_the_mark_between_them() -> None:
    bars, mark = ElementTree.fromstring(draw(chart())).iter("path")
    assert bars.attrib["d"] == "M44.0,160.0V123.0H185.3V160.0H326.7V12.0H468.0V160.0"
    assert mark.attrib["d"].startswith("M256.0,160.0V")


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        (["pass", "skipped"], "pass"),
        (["warn", "pass", "skipped"], "warn"),
        (["fail", "warn"], "fail"),
        (["skipped", "skipped"], "skipped"),
        ([], "skipped"),
    ],
)
def test_the_worst_verdict_wins(verdicts: list[Verdict], expected: Verdict) -> None:
    assert worst(verdicts) == expected


def test_numbers_are_short() -> None:
    finding = Finding(name="n", where="w", value=1.0, low=-0.12345, high=2.0, verdict="pass")
    assert spread(finding) == "-0.123 to 2"
    assert number(None) == "–"
