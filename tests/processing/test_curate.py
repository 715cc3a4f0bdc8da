from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from pairs import make_pair, random_parameters, textured_photo

from idfd.errors import InputError
from idfd.model.limits import Limit
from idfd.model.triple import DepthSource
from idfd.processing.crop import field_of_view
from idfd.processing.curate import (
    CurateConfig,
    fit_pair,
    move_depth,
    render_defocused,
    source_map,
)
from idfd.processing.photos.residual import patch_shifts
from idfd.processing.photos.transform import as_record
from idfd.storage.color import linear_from_uint8

KEY = "0" * 64


def curated_pair(gain: float = 0.8) -> tuple[np.ndarray, np.ndarray]:
    photo = textured_photo()
    parameters = random_parameters(np.random.default_rng(5), 700, 500)
    sharp, blurred, _ = make_pair(photo, parameters, radius=4, disk=True, gain=gain)
    return sharp, blurred


def test_a_pair_is_brought_together() -> None:
    sharp, blurred = curated_pair()
    fit = fit_pair(sharp, blurred, np.ones(sharp.shape[:2], np.uint16), CurateConfig(), KEY)
    assert fit.verdict == "pass", fit.reasons
    rendered = render_defocused(blurred, fit, fit.crop)
    assert rendered.shape == (fit.crop.height, fit.crop.width, 3)
    assert np.median(patch_shifts(sharp[fit.crop.window], rendered)) < 0.25
    assert fit.measures["psnr_after"] > fit.measures["psnr_before"] + 3
    # Blur keeps the mean of linear light, not that of encoded values.
    means = [float(linear_from_uint8(i).mean()) for i in (rendered, sharp[fit.crop.window])]
    assert means[0] == pytest.approx(means[1], rel=0.01)


def test_photos_of_different_views_fail() -> None:
    first, second = textured_photo(seed=1), textured_photo(seed=2)
    fit = fit_pair(first, second, np.ones(first.shape[:2], np.uint16), CurateConfig(), KEY)
    assert fit.verdict == "fail"
    assert any("correlation" in reason for reason in fit.reasons)


def test_underexposure_and_missing_depth_are_noticed() -> None:
    sharp, blurred = curated_pair(gain=0.6)
    fit = fit_pair(sharp, blurred, np.zeros(sharp.shape[:2], np.uint16), CurateConfig(), KEY)
    verdicts = {check.name: check.verdict for check in fit.checks}
    assert verdicts["exposure"] == "warn"
    assert verdicts["depth_coverage"] == "fail"


def test_depth_of_another_size_is_refused() -> None:
    sharp, blurred = curated_pair()
    with pytest.raises(InputError, match="depth map 100x90"):
        fit_pair(sharp, blurred, np.ones((90, 100), np.uint16), CurateConfig(), KEY)


@pytest.mark.parametrize(
    ("value", "verdict"),
    [(0.4, "pass"), (0.5, "pass"), (0.6, "warn"), (3, "fail"), (np.nan, "fail")],
)
def test_limits(value: float, verdict: str) -> None:
    assert Limit(warn=0.5, fail=2, unit="px").judge("x", value).verdict == verdict
    upside = Limit(warn=-0.5, fail=-2, unit="px", higher_is_better=True)
    assert upside.judge("x", -value).verdict == verdict


@given(
    arrays.arrays(np.uint16, (24, 32)),
    st.lists(st.floats(-0.05, 0.05), min_size=9, max_size=9),
)
def test_depth_moves_without_new_values(depth: np.ndarray, values: list[float]) -> None:
    moved = move_depth(depth, as_record(np.array(values), 32, 24))
    assert set(np.unique(moved)) <= set(np.unique(depth)) | {0}


def test_depth_moves_with_the_photo() -> None:
    depth = np.zeros((40, 60), np.uint16)
    depth[20, 30] = 1234
    shift = as_record(np.array([0, 0, 5, 0, 0, -3, 0, 0, 0]) / (np.hypot(60, 40) / 2), 60, 40)
    assert move_depth(depth, shift)[23, 25] == 1234


def test_source_maps_tell_measured_from_filled() -> None:
    raw = np.array([[1000, 0, 0]], np.uint16)
    whole = np.array([[1000, 900, 0]], np.uint16)
    measured, painted, none = DepthSource.MEASURED, DepthSource.IN_PAINTED, DepthSource.NONE
    unknown = DepthSource.UNKNOWN
    assert source_map(raw, whole, filled=False).tolist() == [[measured, painted, none]]
    assert source_map(raw, None, filled=False).tolist() == [[measured, none, none]]
    assert source_map(None, whole, filled=True).tolist() == [[unknown, unknown, none]]
    assert source_map(None, whole, filled=False).tolist() == [[painted, painted, none]]


def test_patch_shifts_measure_a_known_shift() -> None:
    photo = textured_photo()
    shifts = patch_shifts(photo[10:-10, 10:-10], photo[10:-10, 11:-9])
    assert np.median(shifts) == pytest.approx(1, abs=0.05)
    assert (
        len(patch_shifts(np.zeros((200, 200, 3), np.uint8), np.zeros((200, 200, 3), np.uint8))) == 0
    )


@pytest.mark.parametrize("radius", [2, 4, 8])
def test_patch_shifts_are_not_fooled_by_blur(radius: float) -> None:
    sharp, blurred, _ = make_pair(textured_photo(), np.zeros(9), radius=radius, disk=True)
    assert np.median(patch_shifts(sharp, blurred)) < 0.25


def test_the_crop_stays_where_the_depth_camera_looks() -> None:
    sharp, blurred = curated_pair()
    height, width = sharp.shape[:2]
    rows, columns = np.mgrid[:height, :width]
    hexagon = (abs(columns - width / 2) < width / 4) & (abs(rows - height / 2) < height / 3)
    depth = np.where(hexagon, 1500, 0).astype(np.uint16)
    depth[height // 2 : height // 2 + 30, width // 2 : width // 2 + 40] = 0  # a hole stays inside
    depth[3, 3] = 900  # a lone pixel stretches nothing
    fit = fit_pair(sharp, blurred, depth, CurateConfig(), KEY)
    inside = depth[fit.crop.window]
    hole = 30 * 40
    assert np.count_nonzero(inside == 0) == hole
    assert fit.crop.width >= width / 2 - 3
    values = {check.name: check.value for check in fit.checks}
    assert values["kept"] > 0.9  # of the photos, whatever the depth camera sees
    assert values["depth_coverage"] == pytest.approx(1 - hole / inside.size, abs=1e-3)
    whole = fit_pair(sharp, blurred, depth, CurateConfig(crop_to_depth=False), KEY)
    assert whole.crop.width > fit.crop.width * 1.7


def test_no_depth_at_all_does_not_move_the_crop() -> None:
    empty = np.zeros((40, 60), np.uint16)
    assert field_of_view(empty).all()


@given(
    arrays.arrays(np.uint16, (12, 16), elements=st.sampled_from([0, 800, 2000])),
)
def test_the_field_of_view_is_convex_and_holds_what_was_seen(depth: np.ndarray) -> None:
    field = field_of_view(depth)
    seen = cv2.morphologyEx((depth > 0).astype(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    assert field[seen > 0].all()
    for line in (*field, *field.T):  # without gaps along rows and columns
        places = np.flatnonzero(line)
        assert len(places) == 0 or len(places) == places[-1] - places[0] + 1
