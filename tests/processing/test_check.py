from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import msgspec
import numpy as np
import pytest
from blurred_pairs import blurred, photo, texture
from hypothesis import given, settings
from hypothesis import strategies as st

from idfd.model.camera import CameraSettings
from idfd.model.curation import PairFit
from idfd.model.defocus import DefocusModel
from idfd.model.limits import Limit
from idfd.model.triple import Check, Crop, DepthSource, PairTransform, PhotometricGain
from idfd.processing.check import (
    ADVICE,
    SceneFacts,
    SceneLimits,
    advice,
    check_scene,
    kept_share,
    measure_scene,
)
from idfd.processing.crop import largest_crop, pair_field
from idfd.processing.depth.maps import DepthMap

WIDTH, HEIGHT = 1200, 800
MEASURES = {
    "displacement_px": 3.0,
    "residual_px": 0.1,
    "correlation": 0.97,
    "exposure_stops": 0.05,
    "sharpness": 1.4,
}


def transform(
    dx: float = 0,
    dy: float = 0,
    scale: float = 1.0,
    turn: float = 0.0,
    size: tuple[int, int] = (WIDTH, HEIGHT),
) -> PairTransform:
    """A similarity about the middle of the frame; shifts in pixels, turn in radians."""
    half = float(np.hypot(*size)) / 2
    c, s = scale * float(np.cos(turn)), scale * float(np.sin(turn))
    return PairTransform(
        homography=(c, -s, dx / half, s, c, dy / half, 0.0, 0.0, 1.0),
        radial=0.0,
        centre=((size[0] - 1) / 2, (size[1] - 1) / 2),
        scale=half,
    )


def fit(moved: PairTransform | None = None, **measures: float) -> PairFit:
    return PairFit(
        width=WIDTH,
        height=HEIGHT,
        transform=moved or transform(),
        gain=PhotometricGain(channels=(0.0, 0.0, 0.0), field=(), tone=()),
        measures=MEASURES | measures,
    )


def found(facts: SceneFacts, limits: SceneLimits = SceneLimits()) -> dict[str, Check]:
    return {check.name: check for check in check_scene(facts, limits)}


def test_nothing_known_is_nothing_checked() -> None:
    assert check_scene(SceneFacts()) == ()


def test_every_limit_has_an_advice_and_the_other_way_round() -> None:
    limits = {
        item.name
        for item in fields(SceneLimits)
        if isinstance(getattr(SceneLimits(), item.name), Limit)
    }
    assert limits == ADVICE.keys()


def test_advice_is_given_where_it_is_needed() -> None:
    checks = found(SceneFacts(fit=fit(exposure_stops=1.0)))
    assert checks["exposure"].verdict == "warn"
    assert advice(checks["exposure"]) == ADVICE["exposure"]
    assert advice(checks["correlation"]) == ""
    other = msgspec.structs.replace(checks["exposure"], name="of another version")
    assert advice(other) == ""


@pytest.mark.parametrize(
    ("sharp", "soft", "stops", "verdict"),
    [(10, 2.8, 3.67, "pass"), (8, 2.8, 3.03, "pass"), (5.6, 3.3, 1.53, "warn"), (4, 4, 0, "fail"),
     (2.8, 10, -3.67, "fail")],
)  # fmt: skip
def test_aperture(sharp: float, soft: float, stops: float, verdict: str) -> None:
    facts = SceneFacts(
        all_in_focus_settings=CameraSettings(f_number=sharp),
        defocused_settings=CameraSettings(f_number=soft),
    )
    checks = found(facts)
    assert checks.keys() == {"aperture"}
    assert checks["aperture"].value == pytest.approx(stops, abs=0.01)
    assert checks["aperture"].verdict == verdict


def test_aperture_against_what_was_asked_for() -> None:
    facts = SceneFacts(
        all_in_focus_settings=CameraSettings(f_number=10),
        defocused_settings=CameraSettings(f_number=3.2),
    )
    asked = SceneLimits(expected_all_in_focus=10)
    assert found(facts, asked)["aperture_error"].verdict == "pass"
    both = replace(asked, expected_defocused=2.8)
    check = found(facts, both)["aperture_error"]
    assert check.value == pytest.approx(2 * np.log2(3.2 / 2.8), abs=1e-4)
    assert check.verdict == "fail"
    # One photo without EXIF is no reason to be silent about the other.
    assert "aperture_error" in found(replace(facts, all_in_focus_settings=None), both)
    assert "aperture_error" not in found(replace(facts, defocused_settings=None), SceneLimits())


def test_the_fit_is_judged_by_its_measures() -> None:
    checks = found(SceneFacts(fit=fit()))
    assert {name: check.value for name, check in checks.items()} == {
        "displacement": 3.0, "residual_shift": 0.1, "correlation": 0.97, "kept": 1.0,
        "exposure": 0.05, "sharpness": 1.4,
    }  # fmt: skip
    assert all(check.verdict == "pass" for check in checks.values())


@pytest.mark.parametrize(
    ("measure", "value", "name", "verdict"),
    [
        ("displacement_px", 20, "displacement", "warn"),
        ("displacement_px", 100, "displacement", "fail"),
        ("residual_px", 1, "residual_shift", "warn"),
        ("residual_px", 3, "residual_shift", "fail"),
        ("correlation", 0.7, "correlation", "warn"),
        ("correlation", 0.2, "correlation", "fail"),
        ("correlation", float("nan"), "correlation", "fail"),
        ("exposure_stops", 1, "exposure", "warn"),
        ("exposure_stops", 3, "exposure", "fail"),
        ("sharpness", 1.0, "sharpness", "warn"),
        ("sharpness", 0.4, "sharpness", "warn"),
    ],
)
def test_bad_fits_are_told(measure: str, value: float, name: str, verdict: str) -> None:
    known = msgspec.structs.replace(fit(), measures=MEASURES | {measure: value})
    checks = found(SceneFacts(fit=known))
    assert checks[name].verdict == verdict
    assert [check.name for check in checks.values() if check.verdict != "pass"] == [name]


def test_what_the_fit_does_not_know_is_left_out() -> None:
    known = fit()
    measures = {name: value for name, value in MEASURES.items() if name != "residual_px"}
    checks = found(SceneFacts(fit=msgspec.structs.replace(known, measures=measures)))
    assert "residual_shift" not in checks
    assert "correlation" in checks


@settings(max_examples=30, deadline=None)
@given(
    dx=st.floats(-20, 20), dy=st.floats(-20, 20), scale=st.floats(0.97, 1.03),
    turn=st.floats(-0.003, 0.003),
)  # fmt: skip
def test_kept_share_is_that_of_the_largest_window(
    dx: float, dy: float, scale: float, turn: float
) -> None:
    size = (240, 160)
    moved = msgspec.structs.replace(
        fit(transform(dx, dy, scale, turn, size)), width=size[0], height=size[1]
    )
    window = largest_crop(pair_field(moved), size[0] / size[1])
    # Scale and turn are neglected, and a window has whole pixels.
    assert kept_share(moved) == pytest.approx(window.width / size[0], abs=0.02)


def test_kept_share_of_shifts_is_exact() -> None:
    assert kept_share(fit(transform(dx=60))) == pytest.approx(0.95)
    assert kept_share(fit(transform(dy=-80))) == pytest.approx(0.9)
    assert kept_share(fit(transform(scale=0.9))) == 1.0
    assert kept_share(fit(transform(dx=5000))) == 0.0


def test_crop_is_a_share_of_the_photo() -> None:
    small = Crop(x=10.0, y=10.0, width=200, height=100, scale=2.0)
    check = found(SceneFacts(fit=fit(), crop=small))["crop"]
    assert check.value == pytest.approx(400 * 200 / (WIDTH * HEIGHT), abs=1e-4)
    assert check.verdict == "warn"


def test_depth() -> None:
    depth = np.zeros((10, 10), np.uint16)
    depth[:6] = 1000
    measured = DepthMap.of_image(depth, DepthSource.FUSED)
    source = measured.source.copy()
    source[6:] = DepthSource.IN_PAINTED
    filled = DepthMap(np.full((10, 10), 1000, np.float32), source)
    checks = found(SceneFacts(depth=measured, inpainted=filled))
    assert checks.keys() == {"depth_coverage", "depth_range", "in_painted"}
    assert checks["depth_coverage"].value == 0.6
    assert checks["in_painted"].value == 0.4
    nothing = DepthMap.of_image(np.zeros((10, 10), np.uint16), DepthSource.FUSED)
    assert found(SceneFacts(depth=nothing))["depth_coverage"].verdict == "fail"


@pytest.mark.parametrize(
    ("clock", "span", "order"),
    [
        ({"all_in_focus": 0, "defocused": 4, "depth": 9, "finished": 500}, ("pass", 9), "pass"),
        ({"depth": 0, "all_in_focus": 5, "defocused": 9}, ("pass", 9), "pass"),
        ({"all_in_focus": 4, "defocused": 0, "depth": 9}, ("pass", 9), "warn"),
        ({"all_in_focus": 0, "depth": 4, "defocused": 9}, ("pass", 9), "warn"),
        ({"defocused": 0, "depth": 4, "all_in_focus": 9}, ("pass", 9), "fail"),
        ({"all_in_focus": 0, "defocused": 0, "depth": 0}, ("pass", 0), "pass"),
        ({"all_in_focus": 0, "defocused": 4, "depth": 100}, ("warn", 100), "pass"),
        ({"all_in_focus": 0, "defocused": 400}, ("fail", 400), "pass"),
        ({"all_in_focus": 0, "depth": 8}, ("pass", 8), None),
        ({"depth": 8}, None, None),
        ({"started": 0, "finished": 8}, None, None),
    ],
)
def test_clock(clock: dict[str, float], span: tuple[str, float] | None, order: str | None) -> None:
    checks = found(SceneFacts(clock=clock))
    time_span, clock_order = checks.get("time_span"), checks.get("clock_order")
    assert (time_span and (time_span.verdict, time_span.value)) == span
    assert (clock_order and clock_order.verdict) == order


# Blur: a wall of texture in four steps of depth, before a lens that blurs it by exact disks.

DEPTHS_MM = (600, 1000, 2000, 4000)
LENS = DefocusModel(
    width=WIDTH,
    height=HEIGHT,
    centre=(640.0, 380.0),
    f_number=2.8,
    scale_px_m=12.0,
    focus_distance_m=1.0,
    sharp_f_number=11.2,
    sharp_scale_px_m=3.0,
)
CROP = Crop(x=100.0, y=200.0, width=640, height=320)


def stepped_depth() -> np.ndarray[Any, np.dtype[np.uint16]]:
    return np.repeat(np.array(DEPTHS_MM, np.uint16), 160)[None].repeat(320, 0)


def stepped_scene(model: DefocusModel | None = LENS) -> SceneFacts:
    light = texture(320, 640)
    sharp, soft = np.empty_like(light), np.empty_like(light)
    for band, depth in enumerate(DEPTHS_MM):
        columns = (slice(None), slice(160 * band, 160 * (band + 1)))
        dioptres = abs(1 - 1000 / depth)
        sharp[columns] = blurred(light, 3.0 * dioptres / 4)[columns]
        soft[columns] = blurred(light, 12.0 * dioptres / 4)[columns]
    return SceneFacts(
        crop=CROP,
        all_in_focus=photo(sharp, 0.01),
        defocused=photo(soft, 0.01, seed=2),
        depth=DepthMap.of_image(stepped_depth(), DepthSource.FUSED),
        blur=model,
    )


SCENE = stepped_scene()


def test_blur_that_is_as_it_should_be_passes() -> None:
    checks = found(SCENE)
    assert checks["blur_ratio"].value < 1.12
    assert checks["blur_correlation"].value > 0.85
    assert {check.verdict for check in checks.values()} == {"pass"}


def test_swapped_photos_are_told_by_their_blur() -> None:
    swapped = replace(SCENE, all_in_focus=SCENE.defocused, defocused=SCENE.all_in_focus)
    assert found(swapped)["blur_ratio"].verdict == "fail"
    assert found(swapped)["softer"].verdict == "fail"
    # No lens need be known for that.
    assert found(SCENE)["softer"].value == pytest.approx(-found(swapped)["softer"].value, rel=0.05)
    assert found(replace(swapped, blur=None))["softer"].verdict == "fail"


def test_photos_that_are_alike_are_no_pair() -> None:
    twice = replace(SCENE, defocused=SCENE.all_in_focus, blur=None)
    assert found(twice)["softer"].verdict == "warn"


def test_depth_of_another_scene_is_told_by_the_blur() -> None:
    other = DepthMap.of_image(np.roll(stepped_depth(), 160, axis=1), DepthSource.FUSED)
    checks = found(replace(SCENE, depth=other))
    assert checks["blur_correlation"].verdict != "pass"


def test_a_turned_focus_ring_is_told() -> None:
    turned = msgspec.structs.replace(LENS, focus_distance_m=0.6)
    assert found(replace(SCENE, blur=turned))["blur_ratio"].verdict != "pass"


def test_a_scaled_crop_is_judged_in_its_own_pixels() -> None:
    """The same photos as a half-size crop of a lens with twice the blur."""
    double = msgspec.structs.replace(
        LENS, width=2 * WIDTH, height=2 * HEIGHT, scale_px_m=24.0, sharp_scale_px_m=6.0
    )
    scaled = Crop(x=200.0, y=400.0, width=640, height=320, scale=2.0)
    assert found(replace(SCENE, blur=double, crop=scaled))["blur_ratio"].value < 1.12


def test_the_sharp_photo_s_blur_follows_its_aperture_where_not_fitted() -> None:
    unfitted = msgspec.structs.replace(LENS, sharp_f_number=None, sharp_scale_px_m=None)
    facts = replace(SCENE, blur=unfitted, all_in_focus_settings=CameraSettings(f_number=11.2))
    assert found(facts)["blur_ratio"] == found(SCENE)["blur_ratio"]
    # At nearly one aperture the pair would show next to nothing.
    alike = replace(facts, all_in_focus_settings=CameraSettings(f_number=2.9))
    assert "blur_ratio" not in found(alike)


def test_blur_is_not_judged_without_facts() -> None:
    for missing in ("crop", "depth", "blur", "all_in_focus", "defocused"):
        without: dict[str, Any] = vars(SCENE) | {missing: None}
        values = measure_scene(SceneFacts(**without))
        assert not {"blur_ratio", "blur_correlation"} & values.keys()
    empty = DepthMap.of_image(np.zeros((320, 640), np.uint16), DepthSource.FUSED)
    assert found(replace(SCENE, depth=empty)).keys() == {"depth_coverage"}
    plain = np.full((320, 640, 3), 128, np.uint8)
    blank = found(replace(SCENE, all_in_focus=plain, defocused=plain))
    assert blank.keys() == {"depth_coverage", "depth_range"}


def test_blur_that_cannot_be_seen_is_not_judged() -> None:
    weak = msgspec.structs.replace(LENS, scale_px_m=0.5, sharp_scale_px_m=0.1)
    assert "blur_ratio" not in found(replace(SCENE, blur=weak))


def test_one_pixel_of_everything_is_no_trouble() -> None:
    pixel = np.zeros((1, 1, 3), np.uint8)
    facts = replace(
        SCENE,
        all_in_focus=pixel,
        defocused=pixel,
        crop=Crop(x=0.0, y=0.0, width=1, height=1),
        depth=DepthMap.of_image(np.ones((1, 1), np.uint16), DepthSource.FUSED),
    )
    assert found(facts).keys() == {"depth_coverage", "depth_range"}


def test_checks_come_in_the_order_of_the_limits_and_the_same_each_time() -> None:
    facts = replace(SCENE, fit=fit(), clock={"all_in_focus": 0, "defocused": 4, "depth": 9})
    checks = check_scene(facts)
    names = [item.name for item in fields(SceneLimits)]
    assert [check.name for check in checks] == sorted((c.name for c in checks), key=names.index)
    assert checks == check_scene(facts)


def test_limits_can_be_set() -> None:
    strict = SceneLimits(correlation=Limit(0.99, 0.98, "", higher_is_better=True))
    assert found(SceneFacts(fit=fit()), strict)["correlation"].verdict == "fail"
    assert msgspec.convert(msgspec.to_builtins(strict), SceneLimits) == strict


@pytest.mark.parametrize(("depth_mm", "verdict"), [(1500, "pass"), (65535, "fail"), (90, "fail")])
def test_depth_beyond_any_depth_camera_is_noticed(depth_mm: int, verdict: str) -> None:
    depth = DepthMap.of_image(np.full((40, 60), depth_mm, np.uint16), DepthSource.FUSED)
    (check,) = [c for c in check_scene(SceneFacts(depth=depth)) if c.name == "depth_range"]
    assert check.verdict == verdict
