from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import check_pictures as made
import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from idfd.capture.cameras import PhotoSettings
from idfd.capture.checking import depth as depth_checks
from idfd.capture.checking import photos, pictures
from idfd.capture.checking.pictures import Reduced, read_reduced
from idfd.capture.checking.shift import measure_shift
from idfd.capture.checks import (
    ADVICE,
    CheckLimits,
    TakeInputs,
    advice,
    check_take,
    reference_frame,
)
from idfd.errors import InputError, MissingDependencyError
from idfd.model.burst import Burst
from idfd.model.camera import CameraSettings
from idfd.model.rig import ReferenceFrame
from idfd.model.triple import Check

LIMITS = CheckLimits()
MEASURED_WITHOUT_COLOUR = set(LIMITS.__struct_fields__) - {"rig_drift"}


def judged(inputs: TakeInputs, limits: CheckLimits = LIMITS) -> dict[str, Check]:
    return {check.name: check for check in check_take(inputs, limits)}


def verdicts(inputs: TakeInputs) -> dict[str, str]:
    """Verdicts other than pass, by name."""
    return {n: check.verdict for n, check in judged(inputs).items() if check.verdict != "pass"}


def test_a_good_take_passes_every_check(tmp_path: Path) -> None:
    found = judged(made.take(tmp_path))
    assert found.keys() == MEASURED_WITHOUT_COLOUR
    assert {check.verdict for check in found.values()} == {"pass"}


def test_every_check_has_an_advice_and_only_bad_ones_give_it(tmp_path: Path) -> None:
    assert ADVICE.keys() == set(LIMITS.__struct_fields__)
    good = judged(made.take(tmp_path))["level"]
    assert advice(good) == ""
    dark = judged(made.take(tmp_path, made.rgb(made.wall(), 0.01)))["level"]
    assert "longer shutter" in advice(dark)


# Each row spoils one thing; the check that watches it must say so, with that verdict.
@pytest.mark.parametrize(
    ("name", "verdict", "changes"),
    [
        ("aperture", "warn", {"defocused_settings": CameraSettings(f_number=2.9 * 2**-0.01)}),
        ("aperture", "fail", {"defocused_settings": CameraSettings(f_number=4.0)}),
        ("aperture", "fail", {"all_in_focus_settings": CameraSettings(f_number=2.8)}),
        ("time_span", "warn", {"clock": {"all_in_focus": 0.0, "defocused": 3.0, "depth": 100.0}}),
        ("time_span", "fail", {"clock": {"all_in_focus": 0.0, "defocused": 3.0, "depth": 900.0}}),
        ("photo_times", "warn", {"clock": {"all_in_focus": 0.0, "defocused": 14.0}}),
        ("photo_times", "fail", {"clock": {"all_in_focus": 0.0, "defocused": 80.0}}),
        ("depth_noise", "warn", {"burst": made.burst(sigma=11)}),
        ("depth_noise", "fail", {"burst": made.burst(sigma=25)}),
    ],
)
def test_what_is_wrong_is_named(
    name: str, verdict: str, changes: dict[str, Any], tmp_path: Path
) -> None:
    assert verdicts(made.take(tmp_path, **changes)) == {name: verdict}


@pytest.mark.parametrize(
    ("gain", "name", "verdict"),
    [(0.08, "level", "warn"), (0.004, "level", "fail"), (2.2, "clipped", "warn"),
     (5.0, "clipped", "fail")],
)  # fmt: skip
def test_wrong_exposure_of_both_photos(
    gain: float, name: str, verdict: str, tmp_path: Path
) -> None:
    light = made.wall()
    inputs = made.take(tmp_path, made.rgb(light, gain), made.rgb(made.blurred(light), gain, 2))
    assert judged(inputs)[name].verdict == verdict


@pytest.mark.parametrize(
    ("stops", "verdict"), [(0.1, "pass"), (-0.4, "warn"), (0.5, "warn"), (-1.0, "fail")]
)
def test_exposure_difference_is_measured_in_stops(
    stops: float, verdict: str, tmp_path: Path
) -> None:
    light = made.wall() * 0.5
    defocused = made.rgb(made.blurred(light), 2**stops, 2)
    check = judged(made.take(tmp_path, made.rgb(light), defocused))["exposure_difference"]
    assert check.verdict == verdict
    # The pictures have a gamma of 2.2, which is not quite sRGB.
    assert check.value == pytest.approx(abs(stops), abs=0.06)


def test_swapped_photos_fail_and_equal_photos_warn(tmp_path: Path) -> None:
    light = made.wall()
    sharp, wide = made.rgb(light), made.rgb(made.blurred(light), seed=2)
    assert judged(made.take(tmp_path, sharp, wide))["sharpness"].value > 1.5
    assert judged(made.take(tmp_path, wide, sharp))["sharpness"].verdict == "fail"
    assert judged(made.take(tmp_path, sharp, sharp))["sharpness"].verdict == "warn"


def test_sharpness_does_not_see_exposure() -> None:
    light = made.wall() * 0.5
    ratios = []
    for gain in (0.5, 1.0, 1.9):
        grey = [
            cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float32)
            for picture in (made.rgb(light), made.rgb(made.blurred(light), gain, 2))
        ]
        ratios.append(photos.sharpness(grey[0], grey[1])[1])
    assert ratios[0] == pytest.approx(ratios[1], rel=0.15)
    assert ratios[2] == pytest.approx(ratios[1], rel=0.15)


def test_a_plain_wall_tells_nothing_and_does_not_pass(tmp_path: Path) -> None:
    plain = np.full((480, 720, 3), 120, np.uint8)
    found = judged(made.take(tmp_path, plain, plain))
    assert found["texture"].verdict == "warn"
    assert not {"sharpness", "shift"} & found.keys()


@pytest.mark.parametrize(
    ("x", "y", "roll", "verdict"),
    [(0.0, 0.0, 0.0, "pass"), (1.2, -0.5, 0.0, "pass"), (3.0, 2.0, 0.0, "warn"),
     (0.0, 0.0, 0.01, "warn"), (-20.0, 9.0, 0.0, "fail"), (0.0, 0.0, 0.05, "fail")],
)  # fmt: skip
def test_a_touched_tripod_shows(
    x: float, y: float, roll: float, verdict: str, tmp_path: Path
) -> None:
    light = made.wall()
    defocused = made.rgb(made.blurred(made.moved(light, x, y, roll)), 0.8, 2)
    check = judged(made.take(tmp_path, made.rgb(light), defocused))["shift"]
    corner = np.hypot(abs(x) + abs(roll) * 240, abs(y) + abs(roll) * 360)
    assert check.verdict == verdict
    assert check.value == pytest.approx(corner, abs=0.4 + 0.05 * corner)


@settings(max_examples=25, deadline=None)
@given(
    x=st.floats(-25, 25), y=st.floats(-25, 25), roll=st.floats(-0.02, 0.02),
    gain=st.floats(0.5, 1.2), sigma=st.floats(0.5, 3),
)  # fmt: skip
def test_shift_is_right_whatever_the_blur_and_the_exposure(
    x: float, y: float, roll: float, gain: float, sigma: float
) -> None:
    light = made.wall(3)
    pair = [
        cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float32)
        for picture in (
            made.rgb(light),
            made.rgb(made.blurred(made.moved(light, x, y, roll), sigma), gain, 2),
        )
    ]
    found = measure_shift(pair[0], pair[1])
    assert found is not None
    assert np.hypot(found.x - x, found.y - y) < 0.3
    assert abs(found.roll - roll) * 360 < 0.3


def test_shift_ignores_a_person_walking_by() -> None:
    first, second = made.wall(3), made.wall(3)
    second[100:400, 200:330] = made.wall(9)[100:400, 200:330]
    found = measure_shift(
        *(np.float32(255) * light ** np.float32(1 / 2.2) for light in (first, second))
    )
    assert found is not None
    assert found.displacement < 0.2


def test_shift_is_in_pixels_of_the_full_photo() -> None:
    light = made.wall()
    pair = [Reduced(made.rgb(made.moved(light, x, 0)), 4) for x in (0.0, 2.0)]
    assert photos.measure((pair[0], pair[1]))["shift"] == pytest.approx(8, abs=0.4)


def test_depth_out_of_range_or_missing(tmp_path: Path) -> None:
    good = made.burst()
    far = replace(good, depth=np.where(good.depth > 0, good.depth + 3500, 0).astype(np.uint16))
    assert verdicts(made.take(tmp_path, burst=far)) == {"depth_range": "fail"}
    empty = good.depth.copy()
    empty[:, 8:45] = 0
    assert verdicts(made.take(tmp_path, burst=replace(good, depth=empty))) == {
        "depth_valid": "warn"
    }
    nothing = judged(made.take(tmp_path, burst=replace(good, depth=np.zeros_like(good.depth))))
    assert nothing["depth_valid"].verdict == "fail"
    assert not {"depth_range", "depth_noise"} & nothing.keys()


def test_the_binned_mode_reaches_farther() -> None:
    depth = np.full((3, 10, 10), 5000, np.uint16)
    assert depth_checks.measure_depth(depth, "NFOV_UNBINNED")["depth_range"] == 0
    assert depth_checks.measure_depth(depth, "NFOV_2X2BINNED")["depth_range"] == 1


def test_noise_is_not_told_from_two_frames() -> None:
    assert "depth_noise" not in depth_checks.measure(made.burst(count=2), None)


def repeated(good: Burst, index: int) -> Burst:
    depth, infrared = good.depth.copy(), good.infrared.copy()
    depth[index], infrared[index] = depth[index - 1], infrared[index - 1]
    return replace(good, depth=depth, infrared=infrared)


def late(good: Burst, index: int, periods: float) -> Burst:
    stamps = good.timestamps_us.copy()
    stamps[index:] += round(periods * 1e6 / 30)
    return replace(good, timestamps_us=stamps)


@pytest.mark.parametrize(
    ("burst", "previous", "stale"),
    [
        (made.burst(), None, 0),
        (repeated(made.burst(), 4), None, 1),
        (late(made.burst(), 4, -1), None, 1),
        (made.burst(), 999_000, 1),  # the first frame came a millisecond after the last burst
        (made.burst(), 3_000_000, 1),  # and here before it: it lay in a queue
        (made.burst(), 600_000_000, 0),  # the device was started anew
        (made.burst(), 500_000, 0),
    ],
)
def test_stale_frames_are_counted(
    burst: Burst, previous: int | None, stale: int, tmp_path: Path
) -> None:
    check = judged(made.take(tmp_path, burst=burst, previous_timestamp_us=previous))["stale_frames"]
    assert check.value == stale
    assert check.verdict == ("fail" if stale else "pass")


@pytest.mark.parametrize(("lost", "verdict"), [(1, "pass"), (5, "warn"), (40, "fail")])
def test_lost_frames_are_counted(lost: int, verdict: str, tmp_path: Path) -> None:
    check = judged(made.take(tmp_path, burst=late(made.burst(), 3, lost)))["dropped_frames"]
    assert (check.value, check.verdict) == (lost, verdict)


def test_an_old_photo_from_the_buffer_shows_by_its_time(tmp_path: Path) -> None:
    inputs = made.take(tmp_path)
    light = made.wall()
    made.write_photo(
        inputs.defocused, made.rgb(made.blurred(light)), 2.8, made.TAKEN - timedelta(minutes=5)
    )
    assert verdicts(inputs) == {"photo_times": "fail"}


def test_photos_without_exif_times_are_not_judged_by_them(tmp_path: Path) -> None:
    inputs = made.take(tmp_path)
    made.write_photo(inputs.defocused, made.rgb(made.blurred(made.wall())), 2.8, None)
    assert "photo_times" not in judged(inputs)


def test_no_aperture_in_the_plan_is_not_judged(tmp_path: Path) -> None:
    open_plan = replace(
        made.PLAN, all_in_focus=PhotoSettings(), defocused=PhotoSettings(exposure_s=0.1)
    )
    assert "aperture" not in judged(made.take(tmp_path, plan=open_plan))


def test_limits_of_the_profile_count(tmp_path: Path) -> None:
    from idfd.model.limits import Limit

    strict = CheckLimits(depth_noise=Limit(0.1, 0.5, "mm"))
    check = judged(made.take(tmp_path), strict)["depth_noise"]
    assert (check.verdict, check.warn, check.fail) == ("fail", 0.1, 0.5)


def test_a_truncated_photo_is_an_error_that_names_it(tmp_path: Path) -> None:
    inputs = made.take(tmp_path)
    data = inputs.defocused.read_bytes()
    inputs.defocused.write_bytes(data[: len(data) // 2])
    with pytest.raises(InputError, match=r"defocused\.jpg.*truncated"):
        check_take(inputs, LIMITS)


def test_photos_of_two_sizes_are_an_error(tmp_path: Path) -> None:
    light = made.wall()
    with pytest.raises(InputError, match="720x480 and 700x480"):
        check_take(made.take(tmp_path, made.rgb(light), made.rgb(light[:, :700])), LIMITS)


@pytest.mark.parametrize(
    ("size", "factor"), [((720, 480), 1), ((2400, 1600), 2), ((6016, 4016), 4)]
)
def test_large_photos_are_decoded_small(size: tuple[int, int], factor: int, tmp_path: Path) -> None:
    path = made.write_photo(tmp_path / "a.jpg", np.full((size[1], size[0], 3), 99, np.uint8), 10)
    found = read_reduced(path)
    assert found.factor == factor
    assert found.rgb.shape == (size[1] // factor, size[0] // factor, 3)


def test_a_renamed_photo_is_not_decoded_twice(tmp_path: Path) -> None:
    path = made.write_photo(tmp_path / "a.jpg", made.rgb(made.wall()), 10)
    first = read_reduced(path)
    other = path.rename(tmp_path / "b.jpg")
    assert read_reduced(other) is first
    made.write_photo(other, made.rgb(made.wall(4)), 10)
    assert read_reduced(other) is not first


def test_raw_files_need_rawpy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "rawpy", None)
    path = tmp_path / "a.nef"
    path.write_bytes(b"raw")
    with pytest.raises(MissingDependencyError, match=r"rawpy.*raw\+jpeg"):
        read_reduced(path)


def test_a_file_that_is_not_raw_is_named(tmp_path: Path) -> None:
    pytest.importorskip("rawpy")
    path = tmp_path / "a.nef"
    path.write_bytes(b"not a raw file")
    with pytest.raises(InputError, match=r"a\.nef.*raw file"):
        read_reduced(path)


def test_without_colour_there_is_no_drift_and_no_reference(tmp_path: Path) -> None:
    inputs = made.take(tmp_path)
    assert reference_frame(inputs.all_in_focus, inputs.burst, 14.0) is None
    known = ReferenceFrame(
        rotation=(0, 0, 0), translation_mm=(0, 0, 0), matches=99, deviation_deg=0.05
    )
    assert "rig_drift" not in judged(replace(inputs, reference=known))


def test_a_foreign_calibration_makes_drift_impossible_and_nothing_else(tmp_path: Path) -> None:
    colour = cv2.imencode(".jpg", cv2.resize(made.rgb(made.wall()), (1280, 720)))[1].tobytes()
    good = made.burst()
    inputs = made.take(tmp_path, burst=replace(good, colour=(colour,) * len(good)))
    assert reference_frame(inputs.all_in_focus, inputs.burst, 14.0) is None


@pytest.mark.real
@pytest.mark.parametrize(("sharp", "wide"), [("0002", "0001"), ("0006", "0005"), ("0007", "0008")])
def test_real_photos_at_two_apertures(sharp: str, wide: str, real_data: Path) -> None:
    folder = real_data / "pairs/dfd_outdoor_nikon_d200"
    pair = [read_reduced(folder / name) for name in (f"f8/DSC_{sharp}.JPG", f"f2.8/DSC_{wide}.JPG")]
    values = photos.measure((pair[0], pair[1]))
    assert values["sharpness"] > 1.5
    assert photos.measure((pair[1], pair[0]))["sharpness"] < 1
    assert values["exposure_difference"] < 0.25
    assert pictures.read_reduced(folder / f"f8/DSC_{sharp}.JPG").factor == 2
