"""The fit on synthetic photos: right, honest, robust, and refusing what cannot be told."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import numpy as np
import pytest
from blurred_views import CAMERA, TrueLens, board_view, pose_at, texture_view

from idfd.calibration.defocus.fit import DefocusFit, fit_defocus
from idfd.calibration.defocus.model import circle_px
from idfd.calibration.defocus.patches import Patch
from idfd.errors import InputError

DEPTHS = (0.4, 0.55, 0.8, 1.1, 1.8, 3.0)
FOCAL_MM = 14.0


@lru_cache
def board_patches(lens: TrueLens, depths: tuple[float, ...] = DEPTHS) -> tuple[Patch, ...]:
    """Views about the axis; the poses are wrong by a few tenths of a percent, as real ones are."""
    rng = np.random.default_rng(7)
    patches: list[Patch] = []
    for seed, depth in enumerate(depths):
        right, down = rng.uniform(-0.2, 0.2, 2)
        view = board_view(lens, pose_at(depth, right, down), seed, most=4)
        error = 1 + 0.002 * rng.standard_normal()
        patches += [replace(patch, depth_m=patch.depth_m * error) for patch in view]
    return tuple(patches)


@lru_cache
def fitted(shape: str) -> DefocusFit:
    return fit_defocus(board_patches(TrueLens(shape=shape)), CAMERA, focal_length_mm=FOCAL_MM)


@pytest.mark.parametrize("shape", ["disk", "gaussian"])
def test_the_lens_is_found_and_its_intervals_hold_it(shape: str) -> None:
    fit, lens = fitted(shape), TrueLens(shape=shape)
    model = fit.model
    assert model.psf == shape
    assert model.disk_share == (shape == "disk")
    known = fit.log_likelihoods
    assert (known["disk"] > known["gaussian"]) == (shape == "disk")
    assert model.scale_px_m == pytest.approx(lens.scale, rel=0.02)
    assert model.focus_distance_m == pytest.approx(lens.focus_m, rel=0.01)
    assert model.covariance is not None
    assert abs(model.scale_px_m - lens.scale) < 1.96 * model.covariance.deviation("scale_px_m")
    near, far = fit.focus_interval_m
    assert near < lens.focus_m < far
    assert far - near < 0.05
    assert model.floor_px == pytest.approx(lens.floor, abs=0.05)
    assert model.sharp_scale_px_m == pytest.approx(lens.ratio * lens.scale, rel=0.06)
    assert (model.field_gain, model.field_curvature_per_m) == (0, 0)
    assert (model.f_number, model.sharp_f_number) == (2.8, 10.0)
    assert fit.warnings == ()
    for depth in (0.5, 1.0, 2.0, 5.0):
        radius = abs(lens.scale * (1 / lens.focus_m - 1 / depth)) / 2
        found = abs(float(circle_px(model, depth))) / 2
        assert found == pytest.approx(radius, rel=0.05, abs=0.05)


def test_aperture_and_pitch_follow_from_the_focal_length() -> None:
    fit = fitted("disk")
    model = fit.model
    assert model.effective_f_number is not None
    assert fit.f_number_interval is not None
    true = FOCAL_MM / (1000 * TrueLens().scale / CAMERA.fx)
    low, high = fit.f_number_interval
    assert low < true < high
    assert model.effective_f_number == pytest.approx(true, rel=0.02)
    # fx · pitch is the distance of the sensor behind the lens.
    assert model.pixel_pitch_um is not None
    sensor_mm = CAMERA.fx * model.pixel_pitch_um / 1000
    assert 1 / sensor_mm == pytest.approx(1 / FOCAL_MM - 1 / (1000 * model.focus_distance_m))


def test_rows_lie_on_the_curve_within_their_deviation() -> None:
    fit = fitted("disk")
    lens = TrueLens()
    large = [row for row in fit.rows if row.f_number == 2.8 and row.used]
    small = [row for row in fit.rows if row.f_number == 10.0 and row.used]
    assert large
    assert small
    for rows, part in ((large, 1.0), (small, lens.ratio)):
        for row in rows:
            expected = part * lens.scale * (1 / lens.focus_m - 1 / row.depth_m)
            assert row.circle_px == pytest.approx(expected, abs=max(4 * row.deviation_px, 0.15))
    assert fit.model.residual_px < 0.08


def test_a_textured_plane_does_without_a_print() -> None:
    lens = TrueLens(small_floor=0.55)
    patches = [
        patch for seed, depth in enumerate(DEPTHS) for patch in texture_view(lens, depth, seed)
    ]
    fit = fit_defocus(patches, CAMERA)
    assert fit.model.psf == "disk"
    assert fit.model.scale_px_m == pytest.approx(lens.scale, rel=0.03)
    assert fit.model.focus_distance_m == pytest.approx(lens.focus_m, rel=0.02)
    assert fit.model.floor_px == 0  # not seen without a print
    assert fit.model.effective_f_number is None
    assert fit.f_number_interval is None


def test_bad_patches_are_named_and_do_no_harm() -> None:
    lens = TrueLens()
    patches = list(board_patches(lens))
    bad = [index for index, patch in enumerate(patches) if patch.large][::7]
    for index in bad:
        # As if something else stood there, much farther away.
        patches[index] = replace(patches[index], depth_m=3 * patches[index].depth_m)
    fit = fit_defocus(patches, CAMERA)
    assert fit.model.scale_px_m == pytest.approx(lens.scale, rel=0.03)
    dropped = [index for index, row in enumerate(fit.rows) if not row.used]
    assert len(set(bad) & set(dropped)) >= len(bad) - 1
    assert len(set(dropped) - set(bad)) <= 4


def test_a_curved_field_is_found_where_there_is_one() -> None:
    lens = TrueLens(curvature=0.4)
    patches = []
    for seed, depth in enumerate((0.4, 0.42, 0.6, 0.65, 1.8, 2.0)):
        away = 0.0 if seed % 2 else 0.7
        patches += board_view(lens, pose_at(depth, away, 0.3 * away), seed, most=4)
    fit = fit_defocus(patches, CAMERA)
    assert fit.model.field_curvature_per_m == pytest.approx(0.4, abs=0.08)
    assert fit.model.focus_distance_m == pytest.approx(lens.focus_m, rel=0.02)
    assert fit.model.covariance is not None
    assert "field_curvature_per_m" in fit.model.covariance.names


def test_exif_narrows_a_loose_focus_and_never_overrules_the_photos() -> None:
    patches = board_patches(TrueLens(), (1.3, 1.9, 3.0))
    loose = fit_defocus(patches, CAMERA)
    assert any("extrapolated" in warning for warning in loose.warnings)
    assert any("nearer than" in warning for warning in loose.warnings)
    told = fit_defocus(patches, CAMERA, focus_prior_m=0.8)
    width = np.diff(loose.focus_interval_m)
    assert np.diff(told.focus_interval_m) < width
    wrong = fit_defocus(patches, CAMERA, focus_prior_m=8.0)
    assert wrong.model.focus_distance_m == loose.model.focus_distance_m
    assert any("EXIF was not used" in warning for warning in wrong.warnings)


def test_views_that_moved_between_the_photos_are_left_out() -> None:
    lens = TrueLens()
    patches = [
        replace(patch, reference=np.roll(patch.reference, 11, 1))
        if patch.view == "view2" and patch.large
        else patch
        for patch in board_patches(lens)
    ]
    fit = fit_defocus(patches, CAMERA)
    assert any("view2" in warning and "moved" in warning for warning in fit.warnings)
    assert fit.model.scale_px_m == pytest.approx(lens.scale, rel=0.03)


def test_too_few_views_are_refused() -> None:
    patches = [patch for patch in board_patches(TrueLens()) if patch.view in ("view0", "view3")]
    with pytest.raises(InputError, match=r"in 2 views \(view0, view3\).*at least 3.*distances"):
        fit_defocus(patches, CAMERA)


def test_one_depth_is_refused() -> None:
    patches = [replace(patch, depth_m=1.5) for patch in board_patches(TrueLens())]
    with pytest.raises(InputError, match=r"between 1.50 and 1.50 m.*Add views from 0.9 m to 3.0 m"):
        fit_defocus(patches, CAMERA)


def test_too_little_blur_is_refused() -> None:
    patches = board_patches(TrueLens(scale=0.6))
    with pytest.raises(InputError, match="too little to measure"):
        fit_defocus(patches, CAMERA)


def test_nothing_to_see_and_mixed_apertures_are_refused() -> None:
    patches = board_patches(TrueLens())
    with pytest.raises(InputError, match="no photo at the large aperture"):
        fit_defocus([patch for patch in patches if not patch.large], CAMERA)
    mixed = [
        replace(patch, f_number=4.0) if patch.large and patch.view == "view1" else patch
        for patch in patches
    ]
    with pytest.raises(InputError, match="f/2.8, f/4 are mixed"):
        fit_defocus(mixed, CAMERA)
