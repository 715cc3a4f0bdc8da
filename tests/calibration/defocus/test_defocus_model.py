"""The circle of confusion and the defocus map against the thin lens, and against sampling."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from idfd.calibration.defocus.model import PARAMETERS, circle_gradient, circle_px, defocus_map
from idfd.calibration.thin_lens import circle_of_confusion_px
from idfd.errors import InputError
from idfd.model.camera import Intrinsics
from idfd.model.covariance import Covariance
from idfd.model.defocus import DefocusModel

FX = 2388.0
COVARIANCE = Covariance.of(
    PARAMETERS,
    np.diag([0.1, 0.01, 0.02, 0.01]) @ (np.eye(4) + 0.3) @ np.diag([0.1, 0.01, 0.02, 0.01]),
)
MODEL = DefocusModel(
    width=600,
    height=400,
    centre=(304.2, 197.7),
    f_number=2.8,
    scale_px_m=11.9,
    focus_distance_m=0.8,
    field_gain=-0.05,
    field_curvature_per_m=0.03,
    covariance=COVARIANCE,
)
CAMERA = Intrinsics(width=600, height=400, fx=FX, fy=FX, cx=304.2, cy=197.7)


@given(
    focal=st.floats(10, 100),
    number=st.floats(1.4, 22),
    focus=st.floats(0.3, 20),
    depth=st.floats(0.2, 50),
    pitch=st.floats(2, 60),
)
def test_circle_is_that_of_the_thin_lens(
    focal: float, number: float, focus: float, depth: float, pitch: float
) -> None:
    fx = focal * focus / (focus - focal / 1000) / (pitch / 1000)
    model = replace(
        MODEL,
        scale_px_m=fx * focal / number / 1000,
        focus_distance_m=focus,
        field_gain=0.0,
        field_curvature_per_m=0.0,
    )
    expected = circle_of_confusion_px(
        depth,
        focal_length_mm=focal,
        f_number=number,
        focus_distance_m=focus,
        pixel_pitch_um=pitch,
    )
    found = float(circle_px(model, depth))
    assert abs(found) == pytest.approx(expected, rel=1e-9, abs=1e-9)
    assert found == 0 or np.sign(found) == np.sign(depth - focus)


def test_no_depth_has_no_circle_and_infinity_has_the_limit() -> None:
    circles = circle_px(MODEL, np.array([0.0, np.inf]))
    assert np.isnan(circles[0])
    assert circles[1] == pytest.approx(11.9 / 0.8)


@pytest.mark.parametrize("depth", [-1.0, np.nan])
def test_impossible_depths_are_refused(depth: float) -> None:
    with pytest.raises(InputError, match="negative or NaN"):
        circle_px(MODEL, depth)


def test_gradient_is_the_change_of_the_circle() -> None:
    depth, pixel = 1.7, np.array([20.0, 350.0])
    rho2 = float(((pixel - MODEL.centre) ** 2).sum()) * 4 / (600**2 + 400**2)
    found = circle_gradient(MODEL, np.array(1 / depth), np.array(rho2))
    step = 1e-6
    for index, name in enumerate(PARAMETERS):
        values = []
        for sign in (-1, 1):
            if name == "focus_per_m":
                changed = replace(MODEL, focus_distance_m=1 / (1 / 0.8 + sign * step))
            else:
                changed = replace(MODEL, **{name: getattr(MODEL, name) + sign * step})
            values.append(float(circle_px(changed, depth, pixel)))
        assert found[index] == pytest.approx((values[1] - values[0]) / (2 * step), rel=1e-5)


def test_map_holds_the_circle_of_each_pixel() -> None:
    depth = np.random.default_rng(0).integers(300, 5000, (400, 600)).astype(np.uint16)
    depth[100:120] = 0
    circle, deviation = defocus_map(MODEL, CAMERA, depth)
    rows, columns = np.mgrid[:400, :600]
    expected = circle_px(MODEL, depth / 1000, np.stack([columns, rows], -1))
    np.testing.assert_allclose(circle, expected, rtol=1e-5, atol=1e-5)
    assert np.isnan(circle[100:120]).all()
    assert np.isnan(deviation[100:120]).all()
    assert np.isfinite(deviation[:100]).all()
    assert circle.dtype == deviation.dtype == np.float32


def test_map_of_a_crop_is_a_crop_of_the_map() -> None:
    depth = np.random.default_rng(0).integers(300, 5000, (400, 600)).astype(np.uint16)
    noise = np.full(depth.shape, 4.0, np.float16)
    whole = defocus_map(MODEL, CAMERA, depth, noise)
    window = np.s_[31:231, 77:477]
    part = defocus_map(MODEL, CAMERA.cropped(77, 31, 400, 200), depth[window], noise[window])
    for a, b in zip(whole, part, strict=True):
        np.testing.assert_allclose(a[window], b, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("depth_mm", [500, 790, 800, 1500, 4000])
def test_deviation_is_the_scatter_over_lenses_and_depths(depth_mm: int) -> None:
    model = replace(MODEL, residual_px=0.03)
    depth = np.full((400, 600), depth_mm, np.uint16)
    _, deviation = defocus_map(model, CAMERA, depth, np.full(depth.shape, 8, np.float16))
    pixel = np.array([560.0, 30.0])
    rng = np.random.default_rng(depth_mm)
    count = 20_000
    draws = rng.multivariate_normal(np.zeros(4), COVARIANCE.block(PARAMETERS), count)
    depths = depth_mm / 1000 + 0.008 * rng.standard_normal(count)
    rho2 = float(((pixel - model.centre) ** 2).sum()) * 4 / (600**2 + 400**2)
    scale, focus = 11.9 + draws[:, 0], 1 / 0.8 + draws[:, 1]
    gain, curvature = -0.05 + draws[:, 2], 0.03 + draws[:, 3]
    circles = scale * (1 + gain * rho2) * (focus + curvature * rho2 - 1 / depths)
    scatter = np.hypot(circles.std(), 2 * 0.03)
    assert deviation[30, 560] == pytest.approx(scatter, rel=0.03)


def test_unknown_depth_noise_leaves_the_deviation_unknown() -> None:
    depth = np.full((400, 600), 1000, np.uint16)
    noise = np.full(depth.shape, np.nan, np.float16)
    circle, deviation = defocus_map(MODEL, CAMERA, depth, noise)
    assert np.isfinite(circle).all()
    assert np.isnan(deviation).all()


def test_maps_that_do_not_fit_the_photo_are_refused() -> None:
    with pytest.raises(InputError, match="depth_mm has shape"):
        defocus_map(MODEL, CAMERA, np.zeros((10, 10), np.uint16))
    with pytest.raises(InputError, match="uncertainty_mm has shape"):
        defocus_map(MODEL, CAMERA, np.zeros((400, 600), np.uint16), np.zeros((4, 4), np.float16))
    half = Intrinsics(width=300, height=200, fx=FX / 2, fy=FX / 2, cx=-50, cy=98.6)
    with pytest.raises(InputError, match="leaves the photo"):
        defocus_map(MODEL, half, np.zeros((200, 300), np.uint16))
