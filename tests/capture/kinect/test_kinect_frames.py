"""Checks on the time stamps and images of frames."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from idfd.capture.kinect.frames import (
    Captured,
    Source,
    assemble,
    check_age,
    check_distinct,
    check_timestamps,
)
from idfd.errors import CameraError

RATES = st.sampled_from([5.0, 15.0, 30.0])


def captured(value: int, timestamp_us: int = 0) -> Captured:
    image = np.full((2, 3), value, np.uint16)
    return Captured(image, image, None, timestamp_us, 0)


@given(rate=RATES, start=st.integers(0, 2**45), steps=st.lists(st.floats(0.6, 9.5), max_size=30))
def test_frames_in_step_pass(rate: float, start: int, steps: list[float]) -> None:
    times = start + np.cumsum([0, *(step * 1e6 / rate for step in steps)]).astype(np.int64)
    check_timestamps(times, rate, previous_us=start - 1)


@given(
    rate=RATES,
    place=st.integers(1, 9),
    step=st.floats(-3, 0.45) | st.floats(10.1, 1e4),
)
def test_one_wrong_step_is_found_and_named(rate: float, place: int, step: float) -> None:
    steps = np.ones(9)
    steps[place - 1] = step
    times = 10**10 + np.cumsum([0, *(steps * 1e6 / rate)]).astype(np.int64)
    with pytest.raises(CameraError, match=f"frame {place} .*frame {place - 1} ") as caught:
        check_timestamps(times, rate)
    assert caught.value.cause == "stale"
    assert caught.value.remedy


def test_a_burst_that_is_not_newer_is_stale() -> None:
    times = np.array([100, 33_433], np.int64)
    check_timestamps(times, 30.0, previous_us=99)
    for previous_us in (100, 5_000_000):
        with pytest.raises(CameraError, match="runs forward") as caught:
            check_timestamps(times, 30.0, previous_us=previous_us)
        assert caught.value.cause == "stale"


def test_images_that_repeat_are_refused() -> None:
    check_distinct([captured(1), captured(2), captured(1)])
    with pytest.raises(CameraError, match="frame 2 holds the same images as frame 1"):
        check_distinct([captured(1), captured(2), captured(2)])


def test_equal_depth_with_new_infrared_passes() -> None:
    covered = np.zeros((2, 3), np.uint16)
    frames = [
        Captured(covered, captured(value).infrared, None, 33_333 * value, 0) for value in (1, 2)
    ]
    check_distinct(frames)


def test_old_frames_are_refused() -> None:
    check_age(0.5, 0.5)
    with pytest.raises(CameraError, match="0.51 s old") as caught:
        check_age(0.51, 0.5)
    assert caught.value.cause == "stale"


def test_assembles_a_burst() -> None:
    source = Source("NFOV_UNBINNED", 30.0, b"{}", {"serial": "1"})
    frames = [captured(value, 33_333 * value) for value in (1, 2, 3)]
    burst = assemble(frames, source, previous_us=33_332, temperature_c=30.0, warm_up_s=9.0)
    assert burst.depth.shape == (3, 2, 3)
    assert burst.depth[:, 0, 0].tolist() == [1, 2, 3]
    assert burst.timestamps_us.tolist() == [33_333, 66_666, 99_999]
    assert burst.colour == ()
    assert (burst.mode, burst.warm_up_s, burst.device) == ("NFOV_UNBINNED", 9.0, {"serial": "1"})
    assert burst.temperature_c.tolist() == [30.0, 30.0, 30.0]
    with pytest.raises(CameraError, match="runs forward"):
        assemble(frames, source, previous_us=33_333)
