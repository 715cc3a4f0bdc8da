"""The page about a calibration."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import msgspec
import numpy as np
import pytest
import report_data as made
from hypothesis import given
from hypothesis import strategies as st

from idfd.calibration.report import curves, field
from idfd.calibration.report.page import render, write_report
from idfd.calibration.report.plot import Plot, round_marks
from idfd.model import schema
from idfd.model.calibration import CalibrationReport, ViewReport
from idfd.storage.hashing import sha256_bytes

SVG = "{http://www.w3.org/2000/svg}"


def drawing(markup: str) -> ElementTree.Element:
    return ElementTree.fromstring(markup.replace("<svg ", f'<svg xmlns="{SVG[1:-1]}" ', 1))


def text_of(page: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<(style|svg).*?</\1>|<[^>]+>", " ", page, flags=re.S))


def test_the_page_shows_everything_and_is_the_same_each_time(tmp_path: Path) -> None:
    write_report(made.report(), made.rig(), tmp_path / "a.html")
    write_report(made.report(), made.rig(), tmp_path / "b.html")
    page = (tmp_path / "a.html").read_text()
    assert page == (tmp_path / "b.html").read_text()
    assert not re.search(r"(src|href)=\"(?!#|data:)", page), "the page asks for something"
    text = text_of(page)
    for expected in (
        "warn: Usable with care",
        "held out px 0.291 above 0.5 above 1.5 px pass",
        "covered 0.78 below 0.8 below 0.4 of the image warn",
        "11 of 12 views used",
        "board_5",
        "left out : its error of 2.8 px is 9 times that of the others",
        "fx 2348.70 ± 0.40 2347.92 … 2349.48 px",
        "held fixed",
        "Brown-Conrady 0.2910 smaller error",
        "rational, 8 parameters 0.3180",
        "tx 91.50 ± 0.11 91.28 … 91.72 mm",
        "fx +2.31 ± 0.4 px 5.8",
        "In focus at 1.200 m; 11.60 px per dioptre at f/2.8",
        "board_20/photo : no board was found",
        sha256_bytes(schema.encode(made.rig())),
        made.FILE.sha256,
    ):
        assert expected in text, expected


@pytest.mark.parametrize(
    ("verdict", "words"),
    [("pass", "can be trusted"), ("warn", "Usable with care"), ("fail", "Do not use")],
)
def test_the_verdict_stands_first(verdict: str, words: str) -> None:
    report = msgspec.convert(
        msgspec.to_builtins(made.report()) | {"verdict": verdict}, CalibrationReport
    )
    body = text_of(render(report, made.rig())).split("Calibration of the rig", 1)[1]
    assert words in body[:80]


def test_names_from_files_are_text() -> None:
    report = msgspec.structs.replace(
        made.report(), dropped=(("<script>alert(1)</script>", "a & b"),)
    )
    page = render(report, made.rig())
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)" in page


def test_what_is_not_known_is_left_out() -> None:
    bare = msgspec.structs.replace(
        made.report(), cameras=made.report().cameras[:1], extrinsics=(), pixel_error=(),
        apertures=(), blur=(), dropped=(),
    )  # fmt: skip
    page = text_of(render(bare, None))
    assert "Calibration of the camera" in page
    for absent in ("Between the cameras", "Large against small", "Blur", "calibration.json"):
        assert absent not in page
    blind = msgspec.structs.replace(bare.cameras[0], views=(), held_out_px={})
    assert "0 of 0 views used" in text_of(
        render(msgspec.structs.replace(bare, cameras=(blind,)), None)
    )


def test_the_heat_map_counts_corners_of_the_views_used() -> None:
    camera = msgspec.structs.replace(
        made.factory_camera(),
        views=(
            ViewReport(name="a", used=True, pixels=((0, 0), (1, 1), (639, 575))),
            ViewReport(name="b", used=False, pixels=((320, 288),)),
        ),
    )
    found = field.coverage(camera)
    cells = drawing(str(found.picture)).findall(f"{SVG}rect")[1:]
    full = [cell for cell in cells if cell.get("class") == "heat"]
    assert [cell.findtext(f"{SVG}title") for cell in full] == ["2 corners", "1 corners"]
    assert full[0].get("x") == full[0].get("y") == "0.0"
    assert found.covered == pytest.approx(2 / len(cells))


def test_arrows_are_as_long_as_the_page_says() -> None:
    camera = made.camera("photo", 4)
    found = field.arrows(camera)
    assert found is not None
    corners, residuals = field.seen(camera)
    assert found.total == len(corners) == 11 * 60
    path = drawing(str(found.picture)).findall(f"{SVG}path")[-1].get("d") or ""
    numbers = np.array(re.findall(r"-?[\d.]+", path), float).reshape(-1, 4)
    assert len(numbers) == found.shown
    shrink = 480 / camera.intrinsics.width
    np.testing.assert_allclose(numbers[:, :2], (corners + 0.5) * shrink, atol=0.06)
    np.testing.assert_allclose(numbers[:, 2:], residuals * shrink * found.scale, atol=0.06)
    assert field.arrows(msgspec.structs.replace(camera, views=())) is None


@given(st.floats(1e-6, 1e3), st.integers(10, 60))
def test_arrows_keep_a_size_that_can_be_seen(error: float, count: int) -> None:
    view = ViewReport(
        name="a", used=True, pixels=((10.0, 10.0),) * count, residuals_px=((error, 0.0),) * count
    )
    found = field.arrows(msgspec.structs.replace(made.factory_camera(), views=(view,)))
    assert found is not None
    drawn = error * found.scale * 480 / made.DEPTH.width
    assert 8 < drawn <= 22.001


def test_the_blur_plot_holds_patches_and_curves_of_both_apertures() -> None:
    model = made.blur_model()
    rows = made.blur_rows(model)
    picture = drawing(str(curves.blur(rows, model)))
    assert len(picture.findall(f"{SVG}circle")) == len(rows)
    unused = [dot for dot in picture.findall(f"{SVG}circle") if "unused" in dot.get("class", "")]
    assert len(unused) == sum(not row.used for row in rows)
    lines = [p for p in picture.findall(f"{SVG}path") if "series" in p.get("class", "")]
    assert [line.findtext(f"{SVG}title") for line in lines] == ["f/2.8", "f/10"]
    # In focus at 1.2 m the curve touches the axis, and nowhere else.
    places = np.array(re.findall(r"-?[\d.]+", lines[0].get("d") or ""), float).reshape(-1, 2)
    left, right = places[0, 0], places[-1, 0]
    focus = left + (1.2 - 0.5) / (4.0 - 0.5) * (right - left)
    assert places[places[:, 1].argmax(), 0] == pytest.approx(focus, abs=3)


def test_a_fit_without_patches_or_covariance_can_be_drawn() -> None:
    model = msgspec.structs.replace(made.blur_model(), covariance=None, sharp_scale_px_m=None)
    picture = drawing(str(curves.blur((), model)))
    assert len([p for p in picture if "series" in p.get("class", "")]) == 1


def test_the_band_is_the_interval_of_the_parameters() -> None:
    model = made.blur_model()
    assert model.covariance is not None
    draws = np.random.default_rng(0).multivariate_normal(
        (model.scale_px_m, 1 / model.focus_distance_m),
        model.covariance.block(["scale_px_m", "focus_per_m"]),
        4000,
    )
    depth = np.array([0.6, 2.0, 3.5])
    seen = np.abs(draws[:, :1] * (draws[:, 1:] - 1 / depth))
    _, half = curves._on_axis(model, depth)
    np.testing.assert_allclose(half, 1.96 * seen.std(axis=0), rtol=0.08)


@given(st.floats(-1e3, 1e3), st.floats(1e-5, 1e4))
def test_axes_have_few_round_marks_that_cover_the_values(low: float, span: float) -> None:
    marks = round_marks(low, low + span)
    assert marks[0] <= low + 1e-6 + 1e-9 * abs(low)
    assert marks[-1] >= low + span - 1e-6 - 1e-9 * abs(low)
    assert 2 <= len(marks) <= 8
    np.testing.assert_allclose(np.diff(marks), marks[1] - marks[0], rtol=1e-3)


def test_a_plot_puts_values_between_its_marks() -> None:
    plot = Plot((0.0, 10.0, "x"), (0.0, 4.0, "y & z"), "name")
    plot.dots([0.0, 5.0, 10.0], [0.0, 2.0, 4.0], "s0")
    dots = [
        (float(dot.get("cx", "")), float(dot.get("cy", "")))
        for dot in drawing(str(plot.markup())).findall(f"{SVG}circle")
    ]
    assert dots[1] == pytest.approx(np.mean([dots[0], dots[2]], axis=0))
    assert dots[0][1] > dots[2][1], "values grow upwards"
    assert "y &amp; z" in str(plot.markup())
