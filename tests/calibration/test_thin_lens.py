from __future__ import annotations

import json
import math

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from idfd.calibration.thin_lens import (
    circle_of_confusion_px,
    depth_of_field_m,
    gaussian_sigma_px,
    hyperfocal_distance_m,
)
from idfd.cli.calibrate import calibrate
from idfd.errors import InputError

NYU = {
    "focal_length_mm": 15.0,
    "f_number": 2.8,
    "focus_distance_m": 2.0,
    "pixel_pitch_um": 5.6,
}
DEPTHS = st.floats(0.3, 100)


@pytest.mark.parametrize(("depth", "sigma"), [(0.7, 4.03), (1, 2.17), (3, 0.72), (10, 1.73)])
def test_sigma_matches_the_published_check_values(depth: float, sigma: float) -> None:
    assert gaussian_sigma_px(depth, **NYU) == pytest.approx(sigma, abs=0.005)


@given(DEPTHS)
def test_sigma_by_its_own_formula(depth: float) -> None:
    focal, pitch = 15e-3, 5.6e-6
    v = 1 / (1 / focal - 1 / 2.0)
    expected = 0.3 * focal / 2.8 * v * abs(1 / focal - 1 / v - 1 / depth) / pitch
    assert gaussian_sigma_px(depth, **NYU) == pytest.approx(expected, rel=1e-6, abs=1e-9)


def test_arrays_keep_shape_and_no_depth_is_nan() -> None:
    depth = np.array([[0.0, 1.0, 2.0], [4.0, np.inf, 0.5]])
    circle = circle_of_confusion_px(depth, **NYU)
    assert circle.shape == depth.shape
    assert np.isnan(circle[0, 0])
    assert circle[0, 2] == 0
    limit = (15e-3 / 2.8) * 15e-3 / (2.0 - 15e-3) / 5.6e-6
    assert circle[1, 1] == pytest.approx(limit)
    assert circle[0, 1] == circle_of_confusion_px(1.0, **NYU)


@given(DEPTHS, DEPTHS)
def test_blur_grows_away_from_focus(first: float, second: float) -> None:
    near, far = sorted((first, second))
    circle = circle_of_confusion_px(np.array([near, far]), **NYU)
    if far <= 2.0:
        assert circle[0] >= circle[1]
    if near >= 2.0:
        assert circle[0] <= circle[1]


@given(DEPTHS, st.floats(1.0, 22.0))
def test_blur_is_inverse_to_the_f_number(depth: float, f_number: float) -> None:
    one = circle_of_confusion_px(depth, **{**NYU, "f_number": 1.0})
    other = circle_of_confusion_px(depth, **{**NYU, "f_number": f_number})
    assert other * f_number == pytest.approx(one, rel=1e-9)


@given(st.floats(0.3, 5.0), st.floats(0.5, 4.0))
def test_depth_of_field_ends_where_the_blur_is_the_circle(focus: float, circle: float) -> None:
    lens = {**NYU, "focus_distance_m": focus}
    near, far = depth_of_field_m(**lens, circle_px=circle)
    assert near < focus < far
    assert circle_of_confusion_px(near, **lens) == pytest.approx(circle, rel=1e-6)
    if math.isfinite(far):
        assert circle_of_confusion_px(far, **lens) == pytest.approx(circle, rel=1e-6)
    else:
        assert circle_of_confusion_px(math.inf, **lens) <= circle * (1 + 1e-9)


def test_infinity_is_sharp_from_the_hyperfocal_distance_on() -> None:
    lens = {key: NYU[key] for key in ("focal_length_mm", "f_number", "pixel_pitch_um")}
    distance = hyperfocal_distance_m(**lens)
    assert circle_of_confusion_px(math.inf, **lens, focus_distance_m=distance) == pytest.approx(1)
    assert depth_of_field_m(**lens, focus_distance_m=distance * 1.01)[1] == math.inf


@pytest.mark.parametrize(
    "change",
    [
        {"focal_length_mm": 0.0},
        {"f_number": -2.8},
        {"pixel_pitch_um": math.nan},
        {"focus_distance_m": 0.015},
        {"focus_distance_m": math.nan},
        {"f_number": math.inf},
    ],
)
def test_impossible_lenses_are_refused(change: dict[str, float]) -> None:
    with pytest.raises(InputError, match="Expected"):
        circle_of_confusion_px(1.0, **{**NYU, **change})


@pytest.mark.parametrize("depth", [-0.1, math.nan])
def test_impossible_depths_are_refused(depth: float) -> None:
    with pytest.raises(InputError, match="negative or NaN"):
        gaussian_sigma_px(np.array([1.0, depth]), **NYU)


LENS = {"--focal-length-mm": "15", "--f-number": "2.8", "--focus-m": "2", "--pitch-um": "5.6"}
ARGUMENTS = ["blur", *(word for option in LENS.items() for word in option)]


def test_command_prints_a_table() -> None:
    result = CliRunner().invoke(calibrate, [*ARGUMENTS, "0.7", "10"])
    assert result.exit_code == 0
    lines = result.output.splitlines()
    assert lines[1].split() == ["0.70", "13.43", "4.03"]
    assert lines[2].split() == ["10.00", "5.78", "1.73"]
    assert lines[3] == "sharp to one pixel from 1.76 to 2.32 m"


def test_command_prints_json_without_infinity() -> None:
    result = CliRunner().invoke(calibrate, [*ARGUMENTS, "--focus-m", "50", "--json"])
    document = json.loads(result.output)
    assert document["depth_of_field"]["far_m"] is None
    assert document["focus_distance_m"] == 50
    assert len(document["blur"]) == 8
